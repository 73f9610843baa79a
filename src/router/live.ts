/**
 * What keepalived says about its own instances: the answer to SIGJSON (keepalived(8)), which 2.2.7 writes to
 * /tmp/keepalived.json of its own mount namespace.
 *
 * Measured on 2.2.7: a reload keeps every counter of an instance that goes on (adverts, transitions, errors), and
 * sets `last_transition` anew; an instance that it knows no more starts from zero, as does the daemon's restart.
 */
import { z } from 'zod';
import type { InstanceFact, LiveState } from '../change/observed.ts';

const instance = z.object({
  data: z.object({ iname: z.string(), state: z.int(), last_transition: z.number().optional() }),
  stats: z
    .object({ advert_rcvd: z.int(), advert_sent: z.int(), become_master: z.int(), release_master: z.int() })
    .catchall(z.unknown()),
});

/** json_version 1 is the bare list; 2 puts it under `vrrp`. */
const dump = z.union([z.array(instance), z.object({ vrrp: z.array(instance) }).transform(({ vrrp }) => vrrp)]);

/** vrrp.h's numbers, as keepalived prints them: keepalived(8) has no names for them. */
const STATES: Readonly<Record<number, LiveState>> = { 0: 'INIT', 1: 'BACKUP', 2: 'MASTER', 3: 'FAULT' };

const COUNTED = new Set([
  'advert_rcvd',
  'advert_sent',
  'become_master',
  'release_master',
  'pri_zero_rcvd',
  'pri_zero_sent',
]);

/** Undefined where the text is no whole answer: the state is then not known, not empty. */
export function parseLive(text: string): readonly InstanceFact[] | undefined {
  const parsed = dump.safeParse(parseJson(text));
  if (!parsed.success) return undefined;
  return parsed.data.map(({ data, stats }) => ({
    name: data.iname,
    // Numbers from 90 on are moments on the way to FAULT or out of it, in which nothing is served.
    state: STATES[data.state] ?? 'FAULT',
    ...(data.last_transition === undefined ? {} : { changedAt: data.last_transition }),
    advertsReceived: stats.advert_rcvd,
    advertsSent: stats.advert_sent,
    becameMaster: stats.become_master,
    releasedMaster: stats.release_master,
    errors: Object.fromEntries(
      Object.entries(stats).flatMap(([name, count]) =>
        typeof count === 'number' && !COUNTED.has(name) ? [[name, count]] : [],
      ),
    ),
  }));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
