/** Status and counters as OpenMetrics text (openmetrics.io, 1.0), for whoever scrapes routers. */
import type { CountersReply, StatusReply } from './messages.ts';

interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number | boolean;
}

const STATES = ['INIT', 'BACKUP', 'MASTER', 'FAULT'] as const;

/** A family of each figure, an instance a sample; times in seconds since 1970. */
export const openMetrics = ({ daemon, instances }: StatusReply, counters: CountersReply): string =>
  [
    ...daemonFamilies(daemon),
    ...INSTANCE.map(([name, type, help, samples]) => family(name, type, help, named(instances, samples))),
    ...COUNTERS.map(([name, help, samples]) => family(name, 'counter', help, named(counters.instances, samples))),
    '# EOF\n',
  ].join('');

const daemonFamilies = ({ version, startedAt, loadedAt, refused }: StatusReply['daemon']): readonly string[] => [
  family('tandemd', 'info', 'The daemon.', [{ labels: { version }, value: 1 }]),
  family('tandemd_start_time_seconds', 'gauge', 'When it started.', [{ value: startedAt }]),
  family('tandemd_config_loaded_time_seconds', 'gauge', 'When its configuration was loaded.', [{ value: loadedAt }]),
  family('tandemd_reload_refused', 'gauge', 'Whether the last reload was refused.', [{ value: refused !== undefined }]),
];

type Counters = CountersReply['instances'][number];
type Status = StatusReply['instances'][number];

/** Of one instance, but for its name; a value alone is a sample without further labels. */
type Samples<One> = (one: One) => readonly Sample[] | Sample['value'];

const INSTANCE: readonly (readonly [name: string, type: string, help: string, samples: Samples<Status>])[] = [
  [
    'tandemd_state',
    'stateset',
    'The state of an instance.',
    ({ state }) => STATES.map((one) => ({ labels: { tandemd_state: one }, value: one === state })),
  ],
  ['tandemd_priority', 'gauge', 'The effective priority.', (one) => one.effectivePriority],
  [
    'tandemd_last_transition_time_seconds',
    'gauge',
    'When it came into its state, and why.',
    ({ transitions }) => transitions.slice(-1).map(({ reason, at }) => ({ labels: { reason }, value: at })),
  ],
  ['tandemd_failed', 'gauge', 'Lines that could not be put into the kernel.', (one) => one.failed.length],
  [
    'tandemd_tracker',
    'gauge',
    'What a tracker says: 1 up, 0 down, or the number of a file.',
    ({ trackers }) =>
      trackers.flatMap(({ tracker, status }) => (status === undefined ? [] : [{ labels: { tracker }, value: status }])),
  ],
];

const COUNTERS: readonly (readonly [name: string, help: string, samples: Samples<Counters>])[] = [
  ['tandemd_adverts_received', 'Advertisements that counted.', (one) => one.received],
  ['tandemd_adverts_sent', 'Advertisements.', (one) => one.sent],
  ['tandemd_became_master', 'Takeovers.', (one) => one.becameMaster],
  ['tandemd_released_master', 'Hand-overs.', (one) => one.releasedMaster],
  ['tandemd_adverts_dropped', 'Advertisements that did not count.', (one) => each('reason', one.dropped)],
  [
    'tandemd_adverts_differed',
    'Advertisements that said otherwise than our file: another list of VIPs, another interval.',
    (one) => each('what', one.differed),
  ],
];

const each = (label: string, counts: Readonly<Record<string, number>>): readonly Sample[] =>
  Object.entries(counts).map(([name, value]) => ({ labels: { [label]: name }, value }));

const named = <One extends { readonly name: string }>(all: readonly One[], samples: Samples<One>): readonly Sample[] =>
  all.flatMap((one) => {
    const found = samples(one);
    return (typeof found === 'object' ? found : [{ value: found }]).map(({ labels, value }) => ({
      labels: { instance: one.name, ...labels },
      value,
    }));
  });

const SUFFIX: Readonly<Record<string, string>> = { info: '_info', counter: '_total' };

function family(name: string, type: string, help: string, samples: readonly Sample[]): string {
  const unit = name.endsWith('_seconds') ? `# UNIT ${name} seconds\n` : '';
  const lines = samples.map(
    ({ labels = {}, value }) => `${name}${SUFFIX[type] ?? ''}${labelText(labels)} ${Number(value)}\n`,
  );
  return `# TYPE ${name} ${type}\n${unit}# HELP ${name} ${help}\n${lines.join('')}`;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length > 0 ? `{${pairs.join(',')}}` : '';
}

const escaped = (text: string): string => text.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`));
