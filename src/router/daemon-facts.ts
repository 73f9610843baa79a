/** Which daemon runs VRRP on a router, and how it was started: from its processes, never from what is usual. */
import type {
  Daemon,
  EngineProcess,
  InstanceFact,
  LoadedConfig,
  Observed,
  RunningDaemon,
  UnitFact,
} from '../change/observed.ts';
import { parseSaid, type Said } from './control-facts.ts';
import { readInstalled, readUnits, readVersion } from './engine-facts.ts';
import { parseLive } from './live.ts';
import type { Section } from './sections.ts';

export interface DaemonFacts {
  readonly daemon: Daemon;
  /** The configuration that the daemon's arguments name. */
  readonly configPath?: string;
  /** Live state, where the daemon tells it. */
  readonly instances?: readonly InstanceFact[];
  readonly trackers?: Observed['trackers'];
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly startTime: string;
  readonly engine: 'keepalived' | 'tandemd';
  readonly binary: string;
  readonly argv: readonly string[];
  /** What the binary runs, where it is an interpreter; the second of the arguments. */
  readonly script?: string;
  readonly space: string;
  readonly about: ReadonlyMap<string, Section>;
}

const defaultConfig = '/etc/keepalived/keepalived.conf';
const defaultPidFile = '/run/keepalived.pid';

/** keepalived's options by what follows them: keepalived(8) OPTIONS, 2.0 to 2.4. */
const SHORT_WITH_VALUE = new Set([...'fSupcrbAsMiga']);
const SHORT_WITHOUT = new Set([...'PCBlDGXVIRndaxmeL']);
const LONG_WITH_VALUE = new Set(
  'use-file log-facility umask pid vrrp_pid checkers_pid bfd_pid snmp-agent-socket namespace core-dump-pattern config-id log-file'.split(
    ' ',
  ),
);
const LONG_WITHOUT = new Set(
  'vrrp check no_bfd all log-console log-detail no-syslog release-vips dont-release-vrrp dont-release-ipvs dont-respawn dont-fork dump-conf address-monitoring snmp core-dump all-config flush-log-file'.split(
    ' ',
  ),
);
const LONG_OF: Readonly<Record<string, string>> = {
  f: 'use-file',
  p: 'pid',
  i: 'config-id',
  C: 'check',
  s: 'namespace',
  t: 'config-test',
};

/** @param sections the whole output of the facts script, in order */
export function readDaemon(sections: readonly Section[]): DaemonFacts {
  const processes = readProcesses(sections);
  const here = text(sections, 'self');
  const [net] = here.split(' ');
  const known = new Set(processes.map((process) => process.pid));
  const parents = processes.filter((process) => !known.has(process.parent) && process.space.startsWith(`${net} `));
  const serving = parents.filter((process) => !isTest(optionsOf(process)));
  const [first, ...others] = serving;
  if (first === undefined) return { daemon: elsewhere(processes, sections) ?? installed(sections) };
  if (others.length > 0) {
    return several(serving);
  }
  if (first.space !== here) {
    return unknown(
      `${first.engine} ${first.pid} runs in a container on this router's network: Tandem cannot reach into it`,
    );
  }
  const children = processes.filter((process) => process.parent === first.pid);
  return running(first, children, sections);
}

const unknown = (reason: string): DaemonFacts => ({ daemon: { kind: 'unknown', reason } });

/** The two engines side by side are a fault of their own: each takes the other's VIPs away, or takes them for its own. */
function several(serving: readonly Process[]): DaemonFacts {
  const pids = serving.map((process) => `${process.engine} ${process.pid}`).join(', ');
  const reason = `several daemons run VRRP here (${pids}): Tandem works with one`;
  if (new Set(serving.map(({ engine }) => engine)).size === 1) return unknown(reason);
  const engines = serving.map((process): EngineProcess => {
    const unit = readUnit(process);
    return { engine: process.engine, pid: process.pid, startTime: process.startTime, ...(unit && { unit }) };
  });
  return { daemon: { kind: 'unknown', reason, engines } };
}

function running(parent: Process, children: readonly Process[], sections: readonly Section[]): DaemonFacts {
  const options = parseOptions(optionsOf(parent));
  const who = `${parent.engine} ${parent.pid}`;
  if (typeof options === 'string') return unknown(`${who} was started with ${options}, which Tandem does not know`);
  if (options.has('check')) return unknown(`${who} was started with -C: it runs health checks and no VRRP`);
  if (options.has('namespace')) return unknown(`${who} runs in a network namespace of its own (-s)`);
  const configPath = options.get('use-file') ?? defaultConfig;
  if (!configPath.startsWith('/'))
    return unknown(`${who} was started with -f ${configPath}, which is relative to a folder that is not known`);
  const said = saidBy(parent);
  const version = said?.version ?? readVersion(parent.about.get('version')?.text);
  if (version === undefined) return unknown(`${who} does not tell its version`);
  const configId = options.get('config-id');
  const pidFile = options.get('pid') ?? writtenPidFile(sections, parent.pid);
  const unit = readUnit(parent);
  const loaded = said ? said.loaded : readLoaded(children);
  const instances = parent.engine === 'tandemd' ? said?.instances : readLive(sections);
  const daemon: RunningDaemon = {
    kind: 'running',
    engine: parent.engine,
    version,
    binary: parent.binary,
    ...(parent.script !== undefined && { script: parent.script }),
    pid: parent.pid,
    startTime: parent.startTime,
    argv: parent.argv,
    configPath,
    ...(configId === undefined ? {} : { configId }),
    pidFile,
    ...(unit === undefined ? {} : { unit }),
    ...(loaded === undefined ? {} : { loaded }),
    ...(said?.refused && { refused: said.refused }),
  };
  return { daemon, configPath, ...(instances && { instances }), ...(said && { trackers: said.trackers }) };
}

/** tandemd's own words, where this very process said them. */
function saidBy({ about, pid }: Process): Said | undefined {
  const said = about.get('said');
  const parsed = said && parseSaid(said.text);
  return parsed?.pid === pid ? parsed : undefined;
}

function readLive(sections: readonly Section[]): readonly InstanceFact[] | undefined {
  const live = sections.find((section) => section.name === 'live');
  return live && parseLive(live.text);
}

/** The daemon of a unit may have been given another network than the one that we were let into (NetworkNamespacePath=). */
function elsewhere(processes: readonly Process[], sections: readonly Section[]): Daemon | undefined {
  for (const { name, mainPid } of readUnits(text(sections, 'units'))) {
    const its = processes.find(({ pid }) => pid === mainPid);
    if (its === undefined) continue;
    return { kind: 'unknown', reason: `${name} (${its.engine} ${its.pid}) runs in a network namespace of its own` };
  }
  return undefined;
}

/**
 * Of two engines that are installed the one that would run: keepalived, unless its unit is masked or tandemd's starts
 * at boot.
 */
function installed(sections: readonly Section[]): Daemon {
  const found = readInstalled(sections);
  const units = readUnits(text(sections, 'units'));
  const unit = (name: UnitFact['name']) => units.find((each) => each.name === name);
  const tandemdRuns = unit('keepalived.service')?.load === 'masked' || unit('tandemd.service')?.file === 'enabled';
  const [first, ...others] = found;
  const engine = (tandemdRuns && others.find((each) => each.engine === 'tandemd')) || first;
  if (engine === undefined) {
    const mute = sections.find((section) => section.name === 'installed');
    return mute === undefined
      ? { kind: 'absent' }
      : { kind: 'unknown', reason: `${mute.text.trim()} does not tell its version` };
  }
  const path = sections.find((section) => section.name === 'config')?.text;
  if (path !== undefined && !path.startsWith('/')) {
    return {
      kind: 'unknown',
      reason: `${engine.engine} would be started with -f ${path}, which is relative to a folder that is not known`,
    };
  }
  return { kind: 'stopped', engine: engine.engine, version: engine.version, binary: engine.binary };
}

function readProcesses(sections: readonly Section[]): Process[] {
  const processes: Process[] = [];
  for (const [index, section] of sections.entries()) {
    if (section.name !== 'process') continue;
    const about = new Map<string, Section>();
    for (const each of sections.slice(index + 1)) {
      if (!ABOUT_A_PROCESS.has(each.name)) break;
      about.set(each.name, each);
    }
    const process = readProcess(section.text, about);
    if (process !== undefined) processes.push(process);
  }
  return processes;
}

const ABOUT_A_PROCESS = new Set([
  'exe',
  'stat',
  'args',
  'space',
  'script',
  'said',
  'version',
  'cgroup',
  'unit',
  'memfd',
  'memfd-read',
  'memfd-text',
]);

/** Stands for the NULs of /proc/PID/cmdline. */
const SEPARATOR = '\u0001';

/** Undefined for a process that ended while it was being looked at. */
function readProcess(pid: string, about: ReadonlyMap<string, Section>): Process | undefined {
  const stat = about.get('stat')?.text ?? '';
  // The name in brackets may hold anything; what follows the last bracket is fields 3 and on: proc(5).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, parent, startTime] = [fields[0], fields[1], fields[19]];
  const exe = about
    .get('exe')
    ?.text.trim()
    .replace(/ \(deleted\)$/, '');
  const args = about.get('args')?.text;
  // Each argument ends with its separator; the last one leaves an empty rest.
  const argv = args?.split(SEPARATOR).slice(0, -1);
  if (state === undefined || 'ZX'.includes(state) || parent === undefined || startTime === undefined) return undefined;
  if (exe === undefined || argv === undefined || argv.length === 0) return undefined;
  const script = about.get('script')?.text;
  return {
    pid: Number(pid),
    parent: Number(parent),
    startTime,
    engine: exe.endsWith('/keepalived') ? 'keepalived' : 'tandemd',
    binary: exe,
    argv,
    ...(script !== undefined && { script }),
    space: about.get('space')?.text ?? '',
    about,
  };
}

/** The arguments without an interpreter before them: the program's own name comes first. */
const optionsOf = ({ argv, script }: Process): readonly string[] => (script === undefined ? argv : argv.slice(1));

/** A configuration test of somebody's, or a question for the version: it serves nothing and ends soon. */
const isTest = (argv: readonly string[]): boolean =>
  argv.some((word) => /^(-t|--config-test|-v|--version|-h|--help|--signum|-T|--genhash)(=|$)/.test(word));

/** getopt_long's reading of the arguments: option to value. A sentence's piece where one is not known. */
export function parseOptions(argv: readonly string[]): ReadonlyMap<string, string> | string {
  const options = new Map<string, string>();
  for (let index = 1; index < argv.length; index++) {
    const word = argv[index]!;
    if (word.startsWith('--')) {
      const [name, value] = splitOnce(word.slice(2), '=');
      if (LONG_WITHOUT.has(name) && value === undefined) options.set(name, '');
      else if (LONG_WITHOUT.has(name)) options.set(name, value!);
      else if (!LONG_WITH_VALUE.has(name)) return word;
      else {
        const given = value ?? argv[++index];
        if (given === undefined) return word;
        options.set(name, given);
      }
    } else if (word.startsWith('-') && word !== '-') {
      for (let at = 1; at < word.length; at++) {
        const letter = word[at]!;
        const name = LONG_OF[letter] ?? letter;
        if (SHORT_WITHOUT.has(letter)) options.set(name, '');
        else if (!SHORT_WITH_VALUE.has(letter)) return `-${letter}`;
        else {
          const given = word.slice(at + 1) || argv[++index];
          if (given === undefined) return word;
          options.set(name, given);
          break;
        }
      }
    } else return word === '' ? 'an empty argument' : word;
  }
  return options;
}

function splitOnce(text: string, at: string): [string, string | undefined] {
  const index = text.indexOf(at);
  return index < 0 ? [text, undefined] : [text.slice(0, index), text.slice(index + 1)];
}

/** The unit, where systemd says that this very process is its main one and that it can reload. */
function readUnit(parent: Process): string | undefined {
  const shown = new Map((parent.about.get('unit')?.text ?? '').split('\n').map((line) => splitOnce(line, '=')));
  const mine = shown.get('MainPID') === String(parent.pid) && shown.get('CanReload') === 'yes';
  const id = shown.get('Id');
  return mine && id !== undefined && /^[\w@:.\\-]+\.service$/.test(id) ? id : undefined;
}

function writtenPidFile(sections: readonly Section[], pid: number): string {
  const line = text(sections, 'pidfiles')
    .split('\n')
    .find((each) => each.endsWith(`:${pid}`));
  return line === undefined ? defaultPidFile : line.slice(0, line.lastIndexOf(':'));
}

function readLoaded(children: readonly Process[]): LoadedConfig | undefined {
  const read = children.filter((child) => child.about.has('memfd'));
  const [first] = read;
  if (first === undefined) return undefined;
  const [day, time, zone, size] = (first.about.get('memfd')?.text.trim() ?? '').split(' ');
  const at = parseTimestamp(`${day} ${time} ${zone}`);
  const loaded = first.about.get('memfd-text');
  if (at === undefined || loaded === undefined || loaded.status !== 0) return undefined;
  const whole = read.every((child) => child.about.get('memfd-read')?.text.trim() === size);
  return { text: loaded.text, at, whole };
}

/** `2026-11-22 15:50:39.639125550 +0000` (stat %y) as seconds since 1970. */
export function parseTimestamp(text: string): number | undefined {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d{1,9})? \+0000$/.exec(text);
  if (match === null) return undefined;
  const whole = Date.parse(`${match[1]}T${match[2]}Z`);
  return Number.isNaN(whole) ? undefined : whole / 1000 + Number(`0${match[3] ?? ''}`);
}

const text = (sections: readonly Section[], name: string): string =>
  sections.find((section) => section.name === name)?.text ?? '';
