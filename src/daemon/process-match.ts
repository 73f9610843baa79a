/**
 * Which processes a vrrp_track_process means, seen with keepalived 2.2.7:
 *
 *   process NAME                     the process's own name (/proc/PID/comm) is NAME
 *   process NAME WORD...             the command line is exactly these words
 *   ... param_match partial          the command line begins with these words
 *   ... param_match initial          as partial, and the last word may be longer
 *   full_command                     a NAME alone is the command line's first word, whatever follows
 *
 * One deviation: the kernel cuts a process's own name after 15 bytes; keepalived then never finds a longer NAME, here
 * it is cut as well.
 */
export interface ProcessPattern {
  readonly words: readonly string[];
  readonly paramMatch?: 'initial' | 'partial';
  readonly fullCommand: boolean;
}

/** Whether /proc/PID/comm is looked at, and not /proc/PID/cmdline. */
export const byName = ({ words, paramMatch, fullCommand }: ProcessPattern): boolean =>
  words.length === 1 && paramMatch === undefined && !fullCommand;

/** TASK_COMM_LEN without its NUL. */
const NAME_BYTES_MAX = 15;

/** @param comm /proc/PID/comm, which ends with a line feed */
export const matchesName = ({ words: [name = ''] }: ProcessPattern, comm: Buffer): boolean =>
  comm.equals(Buffer.concat([Buffer.from(name).subarray(0, NAME_BYTES_MAX), Buffer.from('\n')]));

/** @param cmdline /proc/PID/cmdline: every word ends with a NUL; empty for a thread of the kernel's */
export function matchesCommandLine({ words, paramMatch }: ProcessPattern, cmdline: Buffer): boolean {
  const exact = paramMatch === undefined && words.length > 1;
  const open = paramMatch === 'initial' && words.length > 1;
  const wanted = Buffer.from(words.join('\0') + (open ? '' : '\0'));
  return exact ? cmdline.equals(wanted) : cmdline.subarray(0, wanted.length).equals(wanted);
}
