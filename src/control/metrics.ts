/** Status and counters as OpenMetrics text (openmetrics.io, 1.0), for whoever scrapes routers. */
import type { CountersReply, StatusReply } from './messages.ts';

interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number | boolean;
}

const STATES = ['INIT', 'BACKUP', 'MASTER', 'FAULT'] as const;

/** A family of each figure, an instance a sample; times in seconds since 1970. */
export function openMetrics({ daemon, instances }: StatusReply, counters: CountersReply): string {
  const each = <One>(list: readonly One[], sample: (one: One) => readonly Sample[]): Sample[] => list.flatMap(sample);
  const counted = (count: (one: CountersReply['instances'][number]) => number): Sample[] =>
    each(counters.instances, (one) => [{ labels: { instance: one.name }, value: count(one) }]);
  const named = (label: string, of: (one: CountersReply['instances'][number]) => Readonly<Record<string, number>>) =>
    each(counters.instances, (one) =>
      Object.entries(of(one)).map(([name, value]) => ({ labels: { instance: one.name, [label]: name }, value })),
    );
  const gauge = (of: (one: StatusReply['instances'][number]) => number | boolean): Sample[] =>
    each(instances, (one) => [{ labels: { instance: one.name }, value: of(one) }]);
  return [
    family('tandemd', 'info', 'The daemon.', [{ labels: { version: daemon.version }, value: 1 }]),
    family('tandemd_start_time_seconds', 'gauge', 'When it started.', [{ value: daemon.startedAt }]),
    family('tandemd_config_loaded_time_seconds', 'gauge', 'When its configuration was loaded.', [
      { value: daemon.loadedAt },
    ]),
    family('tandemd_reload_refused', 'gauge', 'Whether the last reload was refused.', [
      { value: daemon.refused !== undefined },
    ]),
    family(
      'tandemd_state',
      'stateset',
      'The state of an instance.',
      each(instances, ({ name, state }) =>
        STATES.map((one) => ({ labels: { instance: name, tandemd_state: one }, value: one === state })),
      ),
    ),
    family(
      'tandemd_priority',
      'gauge',
      'The effective priority.',
      gauge((one) => one.effectivePriority),
    ),
    family(
      'tandemd_last_transition_time_seconds',
      'gauge',
      'When it came into its state, and why.',
      each(instances, ({ name, transitions }) => {
        const last = transitions.at(-1);
        return last ? [{ labels: { instance: name, reason: last.reason }, value: last.at }] : [];
      }),
    ),
    family(
      'tandemd_failed',
      'gauge',
      'Lines that could not be put into the kernel.',
      gauge((one) => one.failed.length),
    ),
    family(
      'tandemd_tracker',
      'gauge',
      'What a tracker says: 1 up, 0 down, or the number of a file.',
      each(instances, ({ name, trackers }) =>
        trackers.flatMap(({ tracker, status }) =>
          status === undefined ? [] : [{ labels: { instance: name, tracker }, value: status }],
        ),
      ),
    ),
    family(
      'tandemd_adverts_received',
      'counter',
      'Advertisements that counted.',
      counted((one) => one.received),
    ),
    family(
      'tandemd_adverts_sent',
      'counter',
      'Advertisements.',
      counted((one) => one.sent),
    ),
    family(
      'tandemd_became_master',
      'counter',
      'Takeovers.',
      counted((one) => one.becameMaster),
    ),
    family(
      'tandemd_released_master',
      'counter',
      'Hand-overs.',
      counted((one) => one.releasedMaster),
    ),
    family(
      'tandemd_adverts_dropped',
      'counter',
      'Advertisements that did not count.',
      named('reason', (one) => one.dropped),
    ),
    family(
      'tandemd_adverts_differed',
      'counter',
      'Advertisements that said otherwise than our file: another list of VIPs, another interval.',
      named('what', (one) => one.differed),
    ),
    '# EOF\n',
  ].join('');
}

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
