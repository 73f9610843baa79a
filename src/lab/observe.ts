/** Watching a router with the kernel's own times: its link and address events, and the VRRP packets on a wire. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Lab } from './lab.ts';
import { signalInside, waitFor } from './process.ts';

export interface Watch<Event> extends AsyncDisposable {
  /** Everything seen so far, in order; grows while the watch runs. */
  readonly events: readonly Event[];
}

export type LinkEvent =
  | {
      readonly kind: 'link';
      readonly at: number;
      readonly iface: string;
      readonly up: boolean;
      readonly carrier: boolean;
    }
  | {
      readonly kind: 'address';
      readonly at: number;
      readonly iface: string;
      readonly address: string;
      /** False: it was taken away. */
      readonly present: boolean;
    };

/** `at`: milliseconds since 1970, when `ip monitor` read the event. */
export function watchLinks(lab: Lab, router: string): Promise<Watch<LinkEvent>> {
  const command = ['ip', '-ts', '-o', 'monitor', 'link', 'address'];
  return observe({ lab, node: router, command, parse: parseLinkEvent, ready: undefined });
}

/** `[2026-11-22T15:43:35.123456] 6: p4p1@if18: <NO-CARRIER,...> ...` or `[...] Deleted 4: p3p1    inet 192.168.1.1/24 ...` */
export function parseLinkEvent(line: string): LinkEvent | undefined {
  const match = /^\[(\S+?)\] (Deleted )?\d+: ([^\s:@]+)(@\S+)?:?\s+(.*)$/.exec(line);
  if (match === null) return undefined;
  const [, time = '', deleted, iface = '', , rest = ''] = match;
  // iproute2 prints the local time of a process whose TZ is UTC here.
  const at = Date.parse(`${time}Z`);
  const flags = /^<([^>]*)>/.exec(rest)?.[1]?.split(',');
  if (flags !== undefined) {
    const alive = deleted === undefined;
    return { kind: 'link', at, iface, up: alive && flags.includes('UP'), carrier: alive && flags.includes('LOWER_UP') };
  }
  const address = /^inet6? (\S+)/.exec(rest)?.[1];
  return address === undefined ? undefined : { kind: 'address', at, iface, address, present: deleted === undefined };
}

export interface Advert {
  /** The kernel's receive time, milliseconds since 1970. */
  readonly at: number;
  readonly source: string;
  readonly vrid: number;
  /** 0: the sender gives up. */
  readonly priority: number;
}

/** The VRRP packets that pass an interface, in both directions. */
export function watchAdverts(lab: Lab, router: string, iface: string): Promise<Watch<Advert>> {
  // -Z root: the router's passwd may lack the user that tcpdump would turn into.
  const command = ['tcpdump', '-Z', 'root', '-i', iface, '-n', '-tt', '-l', '--immediate-mode', 'ip proto 112'];
  return observe({ lab, node: router, command, parse: parseAdvert, ready: /listening on/ });
}

/** `1795362071.055610 IP 10.255.0.1 > 224.0.0.18: VRRPv2, Advertisement, vrid 50, prio 150, authtype none, ...` */
export function parseAdvert(line: string): Advert | undefined {
  const match =
    /^(\d+\.\d+) IP (?:\([^)]*\) )?(\S+) > \S+: (?:\S+ > \S+: )?VRRPv[23], Advertisement.* vrid (\d+), prio (\d+)/.exec(
      line,
    );
  if (match === null) return undefined;
  const [, seconds, source = '', vrid, priority] = match;
  return { at: Math.round(Number(seconds) * 1e6) / 1e3, source, vrid: Number(vrid), priority: Number(priority) };
}

interface Observation<Event> {
  readonly lab: Lab;
  readonly node: string;
  readonly command: readonly string[];
  readonly parse: (line: string) => Event | undefined;
  /** What the program says on standard error when it is listening; undefined where it says nothing. */
  readonly ready: RegExp | undefined;
}

async function observe<Event>({ lab, node, command, parse, ready }: Observation<Event>): Promise<Watch<Event>> {
  const before = subscriptions(lab, node);
  const child = lab.spawn(node, command);
  const events: Event[] = [];
  let complaints = '';
  let ended = false;
  child.once('close', () => {
    ended = true;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    complaints += chunk.toString('utf8');
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = parse(line);
    if (event !== undefined) events.push(event);
  });
  await waitFor(
    () => {
      if (ended) throw new Error(`${command[0]} on ${node} ended: ${complaints.trim()}`);
      return ready === undefined ? subscriptions(lab, node) > before : ready.test(complaints);
    },
    { what: `${command[0]} on ${node} to listen`, timeoutMs: 20_000 },
  );
  return {
    events,
    [Symbol.asyncDispose]: async () => {
      signalInside(child, 'SIGINT');
      if (!ended) await new Promise((resolve) => child.once('close', resolve));
    },
  };
}

/** Sockets in the node that listen to groups of rtnetlink: one more tells that `ip monitor` hears. */
function subscriptions(lab: Lab, node: string): number {
  const rows = readFileSync(`/proc/${lab.pid(node)}/net/netlink`, 'utf8')
    .split('\n')
    .slice(1);
  return rows.filter((row) => {
    const [, protocol, , groups] = row.trim().split(/\s+/);
    return protocol === '0' && groups !== undefined && !/^0+$/.test(groups);
  }).length;
}
