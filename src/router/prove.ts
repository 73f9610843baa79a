/** Proof that a daemon runs, and that it has loaded what lies on the disk: not that a signal was sent. */
import { type Millis, ms } from '../base/units.ts';
import type { Daemon, InstanceFact, RunningDaemon } from '../change/observed.ts';
import { readDaemon } from './daemon-facts.ts';
import { daemonScript } from './facts.sh.ts';
import type { Remote } from './remote.ts';
import { newMark, parseSections } from './sections.ts';
import type { Process, Signalled } from './transaction.ts';

export interface Probe {
  readonly daemon: Daemon;
  readonly instances?: readonly InstanceFact[];
}

export type Proof =
  /** `daemon.loaded` is what it runs on now, where the daemon tells. */
  | { readonly kind: 'reloaded'; readonly daemon: RunningDaemon; readonly instances?: readonly InstanceFact[] }
  /** The process that was signalled ended: a keepalived that cannot use its configuration leaves its VIPs behind. */
  | { readonly kind: 'gone'; readonly now: Daemon }
  /** tandemd: the file is bad, and what ran before runs on. `report` has every problem with its place. */
  | { readonly kind: 'refused'; readonly report: string }
  | { readonly kind: 'unproven'; readonly reason: string };

const probeTimeout = ms(15_000);
/** A reload of 10,000 addresses takes 2 s; between two looks the daemon gets a moment to work. */
const pauseMs = 100;
/**
 * The kernel stamps a memfd with its coarse clock, one tick of the timer behind at most (10 ms at 100 Hz); ours is
 * read with the fine one.
 */
const coarseClock = 0.02;

/** The daemon and its instances as they are now, in one command that takes about 0.1 s. */
export async function probe(remote: Remote): Promise<Probe> {
  const mark = newMark();
  const options = { stdin: daemonScript(mark), timeout: probeTimeout, what: 'asking the daemon' };
  const result = await remote.exec(['sh', '-s'], options);
  const sections = parseSections(result.stdout, mark);
  if (sections === undefined) throw new Error(`${remote.router}: asking the daemon ended half way`);
  const { daemon, instances } = readDaemon(sections);
  return instances === undefined ? { daemon } : { daemon, instances };
}

/**
 * Looks until the same process has read its configuration after the signal.
 *
 * tandemd says itself when it took its file, or refused it. keepalived >= 2.2 keeps what it read in a memfd: stamped by
 * the parent when it reads, read to its end by the child when it loads. On 2.2.7 a reload also sets every instance's
 * last transition anew, which shows that the child is through; where a version does not, two looks in a row must
 * agree. A keepalived without either is unproven.
 */
export async function proveReload(remote: Remote, was: Process, signalled: Signalled, limit: Millis): Promise<Proof> {
  const deadline = performance.now() + limit;
  const since = signalled.earliest - coarseClock;
  let reason = 'the daemon was not looked at';
  let agreed = 0;
  for (;;) {
    const now = await probe(remote);
    const { daemon, instances } = now;
    if (daemon.kind !== 'running' || daemon.pid !== was.pid || daemon.startTime !== was.startTime) {
      return { kind: 'gone', now: daemon };
    }
    const reloaded: Proof = { kind: 'reloaded', daemon, ...(instances === undefined ? {} : { instances }) };
    const read = daemon.loaded === undefined ? undefined : daemon.loaded.at >= since && daemon.loaded.whole;
    if (daemon.engine === 'tandemd') {
      if (daemon.refused && daemon.refused.at >= since) return { kind: 'refused', report: daemon.refused.report };
      if (read === true) return reloaded;
      reason = instances ? NOT_READ : 'tandemd does not answer';
    } else {
      const through = instances?.length ? instances.every((each) => (each.changedAt ?? 0) >= since) : undefined;
      agreed = read === true ? agreed + 1 : 0;
      if ((read !== false && through === true) || agreed > 1) return reloaded;
      if (read === undefined && through === undefined) {
        return { kind: 'unproven', reason: `keepalived ${daemon.version} tells neither what it loaded nor its state` };
      }
      reason = read === false ? NOT_READ : 'its instances have not been set up since';
    }
    if (performance.now() > deadline) return { kind: 'unproven', reason };
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

const NOT_READ = 'the daemon has not read its configuration since';

/** A keepalived whose configuration is no good lives for some 20 ms before it gives up. */
const settledMs = 1000;

/**
 * Looks until a daemon runs and answers, or, a keepalived that cannot be asked, has run for a second; undefined where
 * none does within the limit.
 */
export async function proveStarted(remote: Remote, limit: Millis): Promise<RunningDaemon | undefined> {
  const deadline = performance.now() + limit;
  let first: { readonly pid: number; readonly at: number } | undefined;
  for (;;) {
    const { daemon, instances } = await probe(remote);
    const now = performance.now();
    if (daemon.kind !== 'running') first = undefined;
    else {
      if (first?.pid !== daemon.pid) first = { pid: daemon.pid, at: now };
      if (instances !== undefined) return daemon;
      if (daemon.engine === 'keepalived' && now - first.at > settledMs) return daemon;
    }
    if (now > deadline) return undefined;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
