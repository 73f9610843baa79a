/** Names of devices against their numbers: the kernel's messages have numbers, people's files have names. */
export interface Devices {
  /** Throws NoDevice. */
  indexOf(name: string): number;
  /** `#7` where the device is unknown, or no more. */
  nameOf(index: number): string;
}

/** A device that is not there, now; it may come. */
export class NoDevice extends Error {
  override readonly name = 'NoDevice';

  constructor(device: string) {
    super(`there is no device "${device}"`);
  }
}

export function devicesOf(links: Iterable<{ readonly name: string; readonly index: number }>): Devices {
  const byName = new Map<string, number>();
  const byIndex = new Map<number, string>();
  for (const { name, index } of links) {
    byName.set(name, index);
    byIndex.set(index, name);
  }
  return {
    indexOf(name) {
      const index = byName.get(name);
      if (index === undefined) throw new NoDevice(name);
      return index;
    },
    nameOf: (index) => byIndex.get(index) ?? `#${index}`,
  };
}
