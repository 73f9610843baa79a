/**
 * What tandemd says about itself (`tandemd ctl status counters config --json`), a reply a line. It comes from a router
 * and is read as data of somebody else: what is not whole is not there, and is never half believed.
 */
import type { InstanceFact, LoadedConfig, RefusedReload } from '../change/observed.ts';
import {
  type ConfigReply,
  type CountersReply,
  type Reply,
  replySchema,
  type StatusReply,
} from '../control/messages.ts';

export interface Said {
  /** Of the process that answered: it may be another one than was looked at. */
  readonly pid: number;
  readonly version: string;
  readonly instances: readonly InstanceFact[];
  readonly trackers: Readonly<Record<string, 'up' | 'down'>>;
  readonly loaded?: LoadedConfig;
  readonly refused?: RefusedReload;
}

/** More lines than questions were asked are nobody's answer. */
const REPLIES_MAX = 3;
/** A report of ten thousand bad lines says no more than its beginning does. */
const REPORT_CHARACTERS_MAX = 16_384;

/** Undefined where there is no whole status with the counters of every instance in it. */
export function parseSaid(text: string): Said | undefined {
  const lines = text.split('\n', REPLIES_MAX + 1).filter((line) => line !== '');
  if (lines.length > REPLIES_MAX) return undefined;
  const replies = lines.map(readReply);
  const status = replies.find((reply): reply is StatusReply => reply?.kind === 'status');
  const counters = replies.find((reply): reply is CountersReply => reply?.kind === 'counters');
  const config = replies.find((reply): reply is ConfigReply => reply?.kind === 'config');
  if (status === undefined || counters === undefined) return undefined;
  const { daemon } = status;
  const counted = new Map(counters.instances.map((each) => [each.name, each]));
  const instances = status.instances.map((instance) => instanceFact(instance, counted.get(instance.name)));
  const version = /^\d{1,3}\.\d{1,3}\.\d{1,3}\b/.exec(daemon.version)?.[0];
  if (version === undefined || !instances.every((instance) => instance !== undefined)) return undefined;
  const { refused, refusedAt } = daemon;
  return {
    pid: daemon.pid,
    version,
    instances,
    trackers: trackersOf(status),
    ...(config?.pid === daemon.pid && { loaded: { text: config.text, at: config.loadedAt, whole: true } }),
    ...(refused !== undefined &&
      refusedAt !== undefined && { refused: { at: refusedAt, report: refused.slice(0, REPORT_CHARACTERS_MAX) } }),
  };
}

function readReply(line: string): Reply | undefined {
  try {
    return replySchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

/** Adverts that were dropped are errors; those that differ and are taken all the same are none. */
function instanceFact(
  { name, state, transitions, former }: StatusReply['instances'][number],
  counted: CountersReply['instances'][number] | undefined,
): InstanceFact | undefined {
  if (counted === undefined) return undefined;
  const changedAt = transitions.at(-1)?.at;
  return {
    name,
    state,
    ...(changedAt !== undefined && { changedAt }),
    ...(former && { speaksTwice: true }),
    advertsReceived: counted.received,
    advertsSent: counted.sent,
    becameMaster: counted.becameMaster,
    releasedMaster: counted.releasedMaster,
    errors: counted.dropped,
  };
}

/** `script chk`: those that say yes or no. A file's number means nothing without its weights. */
function trackersOf({ instances }: StatusReply): Record<string, 'up' | 'down'> {
  const entries = instances.flatMap(({ trackers }) =>
    trackers.flatMap(({ tracker, status }): [string, 'up' | 'down'][] => {
      const [, name] = /^(?:script|process) (.+)$/.exec(tracker) ?? [];
      return name === undefined || typeof status !== 'boolean' ? [] : [[name, status ? 'up' : 'down']];
    }),
  );
  return Object.fromEntries(entries);
}
