/** Reads everything that plan and rollout stand on from one live router, in one command. */
import { ms } from '../base/units.ts';
import type { ConfigFile, FileFact, Observed, System } from '../change/observed.ts';
import { parseTimestamp, readDaemon } from './daemon-facts.ts';
import { readInstall } from './engine-facts.ts';
import { factsScript } from './facts.sh.ts';
import { configuredAddresses, type ManagerFacts, managerOf } from './managers.ts';
import { parseLinks, parseRoutes, parseRules, parseSysctls } from './network-facts.ts';
import type { ExecResult, Remote } from './remote.ts';
import { newMark, parseSections, type Section } from './sections.ts';
import { sha256Of } from './sha256.ts';

export interface FactsOptions {
  /** Further files to look at (scripts, managed files), by absolute path; those that do not exist are left out. */
  readonly paths?: readonly string[];
}

/** A router with 10,000 addresses and routes answers in 2 s; a loaded one may take its time. */
const factsTimeout = ms(30_000);

/** When the command was started and when it ended here, and its output: enough to tell what was observed. */
export interface Reading {
  readonly router: string;
  /** Milliseconds since 1970 on our clock. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly sections: readonly Section[];
}

/**
 * Throws a RemoteError where the router does not answer, and an Error where it lacks what reading takes (`ip -j`)
 * or answers with what is no answer.
 */
export async function readFacts(remote: Remote, options: FactsOptions = {}): Promise<Observed> {
  const mark = newMark();
  const script = factsScript({ mark, paths: options.paths ?? [], live: true });
  const startedAt = Date.now();
  const result = await remote.exec(['sh', '-s'], { stdin: script, timeout: factsTimeout, what: 'reading facts' });
  const endedAt = Date.now();
  const sections = parseSections(result.stdout, mark);
  if (sections === undefined) throw new Error(`${remote.router}: ${whyHalf(result, mark)}`);
  return observe({ router: remote.router, startedAt, endedAt, sections });
}

/** A greeting is what shells say most often that nobody asked for. */
function whyHalf({ stdout, stderr, code, signal }: ExecResult, mark: string): string {
  const short = (text: string) => JSON.stringify(text.trim().slice(0, SHOWN_MAX));
  const first = stdout.trimStart().split('\n')[0]!;
  if (first !== '' && !first.startsWith(mark)) {
    return `something else answers before our script does: ${short(first)}; a login shell must print nothing here`;
  }
  const error = stderr.trim().slice(-SHOWN_MAX);
  return `reading facts ended half way (${signal === undefined ? `status ${code}` : signal})${error && `: ${error}`}`;
}

/** Of an answer that is none: enough to see what it is. */
const SHOWN_MAX = 200;

/** The sections in the house's words. Pure. Throws an Error that names the section that cannot be read. */
export function observe(reading: Reading): Observed {
  const { router, sections } = reading;
  const read = reader(router, sections);
  const { daemon, configPath, instances, trackers } = readDaemon(sections);
  const found = read.one('config');
  if (configPath !== undefined && configPath !== found) {
    throw new Error(`${router}: the daemon's arguments name ${configPath}, the router read ${found}`);
  }
  const files = readFiles(router, sections);
  const config = files.find((file): file is ConfigFile => file.path === found && file.text !== undefined);
  const { interfaces, addresses } = read.as('addresses', parseLinks);
  const managers = readManagers(sections);
  const configured = configuredAddresses(interfaces, managers);
  const install = readInstall(sections);
  return {
    router,
    bootId: read.one('boot'),
    clock: readClock(reading, read),
    system: readSystem(read),
    daemon,
    configPath: found,
    ...(config === undefined ? {} : { config }),
    files: files.filter((file) => file.path !== found),
    interfaces: interfaces.map((each) => ({
      ...each,
      managedBy: managerOf(each, managers),
      configured: configured.get(each.name) ?? [],
    })),
    addresses,
    routes: [
      ...read.as('routes4', (text) => parseRoutes(text, 4)),
      ...read.as('routes6', (text) => parseRoutes(text, 6)),
    ],
    rules: [...read.as('rules4', (text) => parseRules(text, 4)), ...read.as('rules6', (text) => parseRules(text, 6))],
    ...(instances === undefined ? {} : { instances }),
    ...(trackers && { trackers }),
    sysctls: parseSysctls(sections.find((section) => section.name === 'sysctls')?.text ?? ''),
    ...(install && { install }),
  };
}

type Reader = ReturnType<typeof reader>;

function reader(router: string, sections: readonly Section[]) {
  const section = (name: string): Section => {
    const found = sections.find((each) => each.name === name);
    if (found === undefined || found.status !== 0) throw new Error(`${router}: reading ${name} failed`);
    return found;
  };
  return {
    one: (name: string): string => section(name).text.trim(),
    as: <T>(name: string, parse: (text: string) => T): T => {
      try {
        return parse(section(name).text);
      } catch (cause) {
        const hint = name === 'addresses' ? '; Tandem needs iproute2 4.18 or newer there, for `ip -j`' : '';
        throw new Error(`${router}: reading ${name} failed${hint}`, { cause });
      }
    },
  };
}

/** Without nanoseconds (busybox's date) a reading may be up to a second early. */
function readClock({ startedAt, endedAt }: Reading, read: Reader): Observed['clock'] {
  const stamps = [read.one('clock'), read.one('done')].map((text) => /^(\d+)(?:\.(\d{3})\d{6})?/.exec(text));
  const [begin, end] = stamps.map((match) => Number(match?.[1]) * 1000 + Number(match?.[2] ?? 0));
  const coarse = stamps.some((match) => match?.[2] === undefined) ? 1000 : 0;
  // What was not spent between the two readings was spent on the way; how much of it before, nobody knows.
  const onTheWay = Math.max(endedAt - startedAt - (end! - begin!), 0);
  return {
    offset: ms(begin! + coarse / 2 - (startedAt + onTheWay / 2)),
    uncertainty: ms(onTheWay / 2 + coarse / 2 + 1),
  };
}

function readSystem(read: Reader): System {
  const os = new Map(
    read
      .one('os')
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1).replace(/^["']|["']$/g, '')]),
  );
  const selinux = read.one('selinux');
  return {
    hostname: read.one('hostname'),
    arch: read.one('arch'),
    kernel: read.one('kernel'),
    os: { id: os.get('ID') ?? 'linux', version: os.get('VERSION_ID') ?? '' },
    init: read.one('init') === 'systemd' ? 'systemd' : 'other',
    selinux: selinux === '1' ? 'enforcing' : selinux === '0' ? 'permissive' : 'disabled',
  };
}

/** `path` opens a file; `file-stat`, `sha256` and perhaps `text` follow. One that changed meanwhile is an error. */
function readFiles(router: string, sections: readonly Section[]): FileFact[] {
  const files = new Map<string, FileFact>();
  for (const [index, { name, text: path }] of sections.entries()) {
    if (name !== 'path') continue;
    const [stat, sum, body] = sections.slice(index + 1, index + 4);
    const match = /^(\d+) ([0-7]+) (\S+) (.+)$/.exec(stat?.text.trim() ?? '');
    const sha256 = /^\\?([0-9a-f]{64})\b/.exec(sum?.text ?? '')?.[1];
    const mtime = parseTimestamp(match?.[4] ?? '');
    if (stat?.name !== 'file-stat' || match === null || sha256 === undefined || mtime === undefined) {
      throw new Error(`${router}: reading ${path} failed`);
    }
    if (body?.name === 'text' && sha256Of(body.text) !== sha256) {
      throw new Error(`${router}: ${path} changed while it was read, or is no UTF-8 text`);
    }
    if (files.get(path)?.text !== undefined) continue;
    files.set(path, {
      path,
      sha256,
      size: Number(match[1]),
      mode: Number.parseInt(match[2]!, 8),
      owner: match[3]!,
      mtime,
      ...(body?.name === 'text' ? { text: body.text } : {}),
    });
  }
  return [...files.values()];
}

function readManagers(sections: readonly Section[]): ManagerFacts {
  const text = (name: string) => sections.find((section) => section.name === name)?.text ?? '';
  const files = sections.flatMap((section, index) => {
    const body = sections[index + 1];
    return section.name === 'network-path' && body?.name === 'network-text'
      ? [{ path: section.text, text: body.text }]
      : [];
  });
  return {
    running: new Set(text('managers').split('\n')),
    networkManager: text('networkmanager'),
    networkd: text('networkd'),
    ifstate: text('ifstate'),
    files,
  };
}
