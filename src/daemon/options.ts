/**
 * keepalived's command line, keepalived(8) OPTIONS: the same letters, names and defaults, read as getopt_long reads
 * them, so that unit files and scripts run unchanged. What has no meaning here is taken and said; what cannot be done
 * (health checkers alone, a network namespace to enter) is refused.
 */
import { readUmask } from './umask.ts';

export interface Options {
  readonly what: 'run' | 'test' | 'version' | 'help' | 'signum';
  /** The configuration. */
  readonly file: string;
  /** Which `@id` lines count; absent: the first part of the host's name. */
  readonly configId?: string;
  /** -n: stay in the foreground. */
  readonly foreground: boolean;
  /** -l: log to the console, with the time. */
  readonly console: boolean;
  /** -D: log what is only of interest to those who look for something. */
  readonly detail: boolean;
  /** -d: log the configuration at start. */
  readonly dump: boolean;
  readonly pidFile: string;
  /** keepalived's VRRP child; here the same process under its second name. */
  readonly vrrpPidFile: string;
  /** -V: leave VIPs, routes and rules where they are at the end. */
  readonly keepOwned: boolean;
  /** -u: the mask that scripts create their files with. */
  readonly umask?: number;
  /** -t=FILE: where the findings go; absent: standard error. */
  readonly testLog?: string;
  readonly signum?: string;
  /** Options that were given and mean nothing here, each a sentence for the log. */
  readonly remarks: readonly string[];
}

export type Command = { readonly options: Options } | { readonly refused: string };

type Meaning =
  | keyof Options
  /** Nothing to do: tandemd is so anyway, or the option is about parts that it does not have. */
  | 'nothing'
  | { readonly remark: string }
  | { readonly refused: string };

interface Row {
  readonly letter?: string;
  readonly long: string;
  readonly value?: 'required' | 'optional';
  readonly means: Meaning | Options['what'];
}

const remark = (text: string): Meaning => ({ remark: text });

const ROWS: readonly Row[] = [
  { letter: 'f', long: 'use-file', value: 'required', means: 'file' },
  { letter: 'i', long: 'config-id', value: 'required', means: 'configId' },
  { letter: 'n', long: 'dont-fork', means: 'foreground' },
  { letter: 'l', long: 'log-console', means: 'console' },
  { letter: 'D', long: 'log-detail', means: 'detail' },
  { letter: 'd', long: 'dump-conf', means: 'dump' },
  { letter: 'p', long: 'pid', value: 'required', means: 'pidFile' },
  { letter: 'r', long: 'vrrp_pid', value: 'required', means: 'vrrpPidFile' },
  { letter: 'V', long: 'dont-release-vrrp', means: 'keepOwned' },
  { letter: 't', long: 'config-test', value: 'optional', means: 'test' },
  { letter: 'v', long: 'version', means: 'version' },
  { letter: 'h', long: 'help', means: 'help' },
  { long: 'signum', value: 'required', means: 'signum' },
  { letter: 'P', long: 'vrrp', means: 'nothing' },
  { letter: 'B', long: 'no_bfd', means: 'nothing' },
  { long: 'all', means: 'nothing' },
  { letter: 'R', long: 'dont-respawn', means: 'nothing' },
  { letter: 'X', long: 'release-vips', means: 'nothing' },
  { letter: 'I', long: 'dont-release-ipvs', means: 'nothing' },
  { letter: 'G', long: 'no-syslog', means: 'nothing' },
  { letter: 'c', long: 'checkers_pid', value: 'required', means: 'nothing' },
  { letter: 'b', long: 'bfd_pid', value: 'required', means: 'nothing' },
  { letter: 'S', long: 'log-facility', value: 'required', means: remark('the log facility is always daemon') },
  { letter: 'u', long: 'umask', value: 'required', means: 'umask' },
  { letter: 'a', long: 'address-monitoring', means: remark('changes of addresses are not logged') },
  { letter: 'm', long: 'core-dump', means: remark('there is no core dump') },
  { letter: 'M', long: 'core-dump-pattern', value: 'optional', means: remark('there is no core dump') },
  { letter: 'x', long: 'snmp', means: remark('there is no SNMP') },
  { letter: 'A', long: 'snmp-agent-socket', value: 'required', means: remark('there is no SNMP') },
  { letter: 'e', long: 'all-config', means: remark('an included file that is missing is always a problem') },
  { letter: 'C', long: 'check', means: { refused: 'there are no health checkers in tandemd' } },
  { letter: 'T', long: 'genhash', means: { refused: 'there is no genhash in tandemd' } },
  {
    letter: 's',
    long: 'namespace',
    value: 'required',
    means: { refused: 'tandemd enters no namespace: start it with "ip netns exec"' },
  },
];

const DEFAULTS: Options = {
  what: 'run',
  file: '/etc/keepalived/keepalived.conf',
  foreground: false,
  console: false,
  detail: false,
  dump: false,
  pidFile: '/run/keepalived.pid',
  vrrpPidFile: '/run/vrrp.pid',
  keepOwned: false,
  remarks: [],
};

/** @param argv without the program's name */
export function readOptions(argv: readonly string[]): Command {
  let options = DEFAULTS;
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const given = word.startsWith('--') ? longOption(word, rest) : shortOptions(word, rest);
    if (typeof given === 'string') return { refused: given };
    for (const { row, value } of given) {
      const next = apply(options, row, value);
      if (typeof next === 'string') return { refused: next };
      options = next;
    }
  }
  return { options };
}

interface Given {
  readonly row: Row;
  readonly value: string | undefined;
}

/** A name may be cut short where only one begins so. */
function longOption(word: string, rest: string[]): readonly Given[] | string {
  const equals = word.indexOf('=');
  const name = word.slice(2, equals === -1 ? undefined : equals);
  const begins = ROWS.filter((row) => row.long.startsWith(name));
  const row = begins.find((candidate) => candidate.long === name) ?? (begins.length === 1 ? begins[0] : undefined);
  if (row === undefined || name === '') return `Unknown option ${word}`;
  const value = equals === -1 ? undefined : word.slice(equals + 1);
  if (value !== undefined && row.value === undefined) return `--${row.long} takes no value`;
  const needs = row.value === 'required' && value === undefined;
  if (needs && rest.length === 0) return `--${row.long} needs a value`;
  return [{ row, value: needs ? rest.shift() : value }];
}

/** Letters may stand together; the first that takes a value takes the rest of the word. */
function shortOptions(word: string, rest: string[]): readonly Given[] | string {
  if (!word.startsWith('-') || word === '-') return `Unexpected argument "${word}"`;
  const given: Given[] = [];
  for (let i = 1; i < word.length; i += 1) {
    const row = ROWS.find(({ letter }) => letter === word[i]);
    if (row === undefined) return `Unknown option -${word[i]}`;
    if (row.value === undefined) {
      given.push({ row, value: undefined });
      continue;
    }
    const attached = word.slice(i + 1);
    const needs = row.value === 'required' && attached === '';
    if (needs && rest.length === 0) return `-${row.letter} needs a value`;
    given.push({ row, value: needs ? rest.shift() : attached || undefined });
    break;
  }
  return given;
}

function apply(options: Options, { long, means }: Row, value: string | undefined): Options | string {
  if (typeof means === 'object') {
    if ('refused' in means) return `--${long}: ${means.refused}`;
    return { ...options, remarks: [...options.remarks, `--${long}: ${means.remark}`] };
  }
  switch (means) {
    case 'nothing':
      return options;
    case 'test':
      return { ...options, what: 'test', ...(value !== undefined && { testLog: value }) };
    case 'version':
    case 'help':
      return { ...options, what: means };
    case 'signum':
      return { ...options, what: 'signum', signum: value ?? '' };
    case 'umask': {
      const umask = readUmask(value ?? '');
      return umask === undefined ? `Invalid --umask option ${value}` : { ...options, umask };
    }
    default:
      return { ...options, [means]: value ?? true };
  }
}

/** What scripts that signal the daemon ask for: only those signals that it understands. */
export const SIGNALS: Readonly<Record<string, number>> = { STOP: 15, RELOAD: 1, DATA: 10, STATS: 12 };

export function helpText(): string {
  const lines = ROWS.filter(({ means }) => typeof means === 'string' && means !== 'nothing').map(
    ({ letter, long, value }) =>
      `  ${letter === undefined ? '   ' : `-${letter},`} --${long}${value === undefined ? '' : value === 'optional' ? '[=VALUE]' : '=VALUE'}`,
  );
  return [
    'Usage: tandemd [OPTION...]                 the options of keepalived(8)',
    '       tandemd ctl status|counters|config|version|forget ... [--json] [--socket FILE]',
    ...lines,
  ].join('\n');
}
