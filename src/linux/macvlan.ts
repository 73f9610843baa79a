/**
 * Private macvlans: devices of their own on another device, with a hardware address of their own. rtnetlink(7).
 * Private, as a frame that another router sends with the same address must reach this device and no other.
 */
import { NoDevice } from './devices.ts';
import { SystemError } from './ffi.ts';
import type { Macvlan } from './kernel.ts';
import { isMacvlan, type Link, RTM_LINK, writeDeleteLink, writeMacvlan, writeOwnAndUp } from './link.ts';
import { type MessageWriter, NLM_F } from './netlink.ts';
import { BatchWriter, type NetlinkClient } from './netlink-client.ts';

interface Tools {
  readonly client: NetlinkClient;
  /** All devices, as they are now. */
  links(): Iterable<Link>;
}

/** See `Kernel.holdMacvlan`. */
export function holdMacvlan({ client, links }: Tools, macvlan: Macvlan, prepare: () => void): Link {
  const { name } = macvlan;
  const find = (wanted: string): Link | undefined => [...links()].find((link) => link.name === wanted);
  const lower = find(macvlan.lower);
  if (lower === undefined) throw new NoDevice(macvlan.lower);
  let before = find(name);
  if (before !== undefined && !isMacvlan(before, lower, macvlan.mac)) {
    if (!before.isPrivate) throw new Error(`another device is called ${name}`);
    deleteLink(client, before.index);
    before = undefined;
  }
  if (before === undefined) {
    const head = { type: RTM_LINK.NEW, flags: NLM_F.CREATE + NLM_F.EXCL };
    const write = (message: MessageWriter): void =>
      writeMacvlan(message, { name, lower: lower.index, mac: macvlan.mac });
    request(client, head, write, `making ${name} on ${macvlan.lower}`);
  }
  const made = find(name);
  if (made === undefined) throw new NoDevice(name);
  try {
    prepare();
    request(
      client,
      { type: RTM_LINK.NEW, flags: 0 },
      (message) => writeOwnAndUp(message, made.index),
      `setting ${name} up`,
    );
  } catch (error) {
    if (before === undefined) deleteLink(client, made.index);
    throw error;
  }
  return find(name) ?? made;
}

export function deleteLink(client: NetlinkClient, index: number): void {
  const write = (message: MessageWriter): void => writeDeleteLink(message, index);
  request(client, { type: RTM_LINK.DEL, flags: 0 }, write, `deleting device ${index}`);
}

/** A device's message with all that it names takes some 200 bytes. */
const MESSAGE_MAX = 1024;

function request(
  client: NetlinkClient,
  head: { readonly type: number; readonly flags: number },
  write: (message: MessageWriter) => void,
  what: string,
): void {
  const writer = new BatchWriter(MESSAGE_MAX);
  writer.add(head, write);
  const [refused] = client.send(writer.take());
  if (refused) throw new SystemError(refused.errno, refused.message ? `${what} (${refused.message})` : what);
}
