/** Who wants a thing in the kernel: an instance, by its name; undefined: the file's statics. */
export type Owner = string | undefined;
