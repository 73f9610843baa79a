/**
 * tandemd's executable and unit on one router. Order of use: `survey`, `upload` where the hash is not there yet,
 * `activate`; `deactivate` to go back, `remove` to take everything away. None of them starts or stops a daemon.
 */
import { type Millis, ms } from '../base/units.ts';
import type { TandemdFiles } from '../change/observed.ts';
import {
  activateScript,
  deactivateScript,
  type Place,
  removeScript,
  surveyScript,
  uploadScript,
} from './install.sh.ts';
import { type Remote, RemoteError } from './remote.ts';
import { newMark } from './sections.ts';
import { sha256Of } from './sha256.ts';
import { ask } from './transaction.ts';

export const ROUTER_PLACE: Place = { folder: '/usr/local/sbin', units: '/etc/systemd/system' };

/** Which executable is started. */
export const LINK = `${ROUTER_PLACE.folder}/tandemd`;

/** What is to be put on a router. */
export interface Executable {
  /** `0.1.0` */
  readonly version: string;
  readonly sha256: string;
  /** In bytes, as it runs. */
  readonly size: number;
  /** The bytes of it, by gzip; made once for all routers of a run. */
  readonly compressed: () => Promise<Uint8Array>;
}

export type Uploaded =
  /** `name` in the folder: `tandemd-0.1.0`. */
  | { readonly kind: 'placed'; readonly name: string }
  /** It cannot be put there as things stand; a sentence. */
  | { readonly kind: 'refused'; readonly reason: string };

/** 45 MB over a slow line (1 Mbit/s is 6 minutes); the connection's keepalives end a dead one sooner. */
const uploadTimeout: Millis = ms(600_000);
/** The hashes of a few executables of 100 MB from a slow disk, and systemd reading all its units again. */
const scriptTimeout: Millis = ms(60_000);

/** @param pid a tandemd that runs: what it was started from is told too, which need not be what lies there now */
export async function survey(remote: Remote, pid?: number, place: Place = ROUTER_PLACE): Promise<TandemdFiles> {
  const mark = newMark();
  const answers = await askScript(remote, mark, surveyScript(mark, place, pid), 'looking for an installed tandemd');
  const of = (key: string) => answers.find(([word]) => word === key)?.[1];
  if (answers.at(-1)?.[0] !== 'surveyed') {
    throw new RemoteError('cut', remote.router, 'looking for an installed tandemd ended half way');
  }
  const files = answers.flatMap(([word, sha256, identity, ...name]) =>
    word === 'file' && isHash(sha256) ? [{ name: name.join(' '), sha256, identity }] : [],
  );
  const process = of('process');
  const [link, unit] = [of('link'), of('unit')];
  const running = of('running') ?? files.find(({ identity }) => identity === process)?.sha256;
  return {
    executables: files.map(({ name, sha256 }) => ({ name, sha256 })),
    foreign: of('foreign') !== undefined,
    ...(link !== undefined && { link }),
    ...(isHash(unit) && { unit }),
    ...(isHash(running) && { running }),
  };
}

const isHash = (text: string | undefined): text is string => text !== undefined && /^[0-9a-f]{64}$/.test(text);

/** Told while an upload goes on; not at all where everything is there already. */
export interface UploadWatch {
  begins(): void;
  /** Of the compressed bytes; all of them are sent some seconds before the router has unpacked and checked them. */
  sent(bytes: number, of: number): void;
  ends(): void;
}

const UNWATCHED: UploadWatch = { begins: () => {}, sent: () => {}, ends: () => {} };

/** @param installed the survey before: what runs or is linked stays, and so does what may be gone back to */
export async function upload(
  remote: Remote,
  executable: Executable,
  installed: TandemdFiles,
  { watch = UNWATCHED, place = ROUTER_PLACE }: { readonly watch?: UploadWatch; readonly place?: Place } = {},
): Promise<Uploaded> {
  const { version, sha256, size } = executable;
  const there = installed.executables.find((each) => each.sha256 === sha256);
  if (there !== undefined) return { kind: 'placed', name: there.name };
  const mark = newMark();
  const keep = installed.executables
    .filter(({ name, sha256: hash }) => name === installed.link || hash === installed.running)
    .map(({ name }) => name);
  const script = uploadScript({ mark, place, version, sha256, size, keep });
  const what = 'uploading the executable';
  watch.begins();
  const stdin = await executable.compressed();
  const sent = (bytes: number) => watch.sent(bytes, stdin.length);
  const asked = { argv: ['sh', '-c', script], stdin, sent, timeout: uploadTimeout, what };
  const answers = await ask(remote, mark, asked).finally(() => watch.ends());
  return readUploaded(remote, answers.at(-1) ?? []);
}

function readUploaded(remote: Remote, [word, ...rest]: readonly string[]): Uploaded {
  switch (word) {
    case 'placed':
      return { kind: 'placed', name: rest.join(' ') };
    case 'no-space':
      return {
        kind: 'refused',
        reason: `there is no room for the executable in ${rest.slice(2).join(' ')}: ${rest[1]} KiB are needed and ${rest[0]} KiB free`,
      };
    case 'unwritable':
      return { kind: 'refused', reason: `${rest.join(' ')} cannot be written` };
    case 'no-gzip':
      return { kind: 'refused', reason: 'there is no gzip to unpack the executable with' };
    case 'unrunnable':
      return {
        kind: 'refused',
        reason: `the executable does not run there (status ${rest[0]}): ${rest.slice(1).join(' ').trim()}`,
      };
    default:
      throw new RemoteError('cut', remote.router, `uploading the executable: it came ${word}`);
  }
}

/** @param unit the unit's text, for a router with systemd */
export async function activate(
  remote: Remote,
  { name, unit }: { readonly name: string; readonly unit?: string },
  place: Place = ROUTER_PLACE,
): Promise<void> {
  const mark = newMark();
  const unitFile = unit === undefined ? {} : { unit: { text: unit, sha256: sha256Of(unit) } };
  const script = activateScript({ mark, place, name, ...unitFile });
  await must(remote, mark, { script, done: 'active', what: 'switching to the executable' });
}

/** As it was before, by the survey from then. @param uploaded what was put there since and shall not stay */
export async function deactivate(
  remote: Remote,
  before: TandemdFiles,
  uploaded: string | undefined,
  place: Place = ROUTER_PLACE,
): Promise<void> {
  const mark = newMark();
  const fresh = uploaded !== undefined && !before.executables.some(({ name }) => name === uploaded);
  const script = deactivateScript({
    ...{ mark, place },
    ...(before.link !== undefined && { name: before.link }),
    ...(before.unit !== undefined && { unit: before.unit }),
    ...(fresh && { uploaded }),
  });
  await must(remote, mark, { script, done: 'inactive', what: 'going back to the executable before' });
}

/** Everything of tandemd, which must not run. */
export async function remove(remote: Remote, place: Place = ROUTER_PLACE): Promise<void> {
  const mark = newMark();
  await must(remote, mark, { script: removeScript(mark, place), done: 'removed', what: 'removing tandemd' });
}

interface Step {
  readonly script: string;
  readonly done: string;
  readonly what: string;
}

async function must(remote: Remote, mark: string, { script, done, what }: Step): Promise<void> {
  const [word, ...rest] = (await askScript(remote, mark, script, what)).at(-1) ?? [];
  if (word === done) return;
  const reason = word === 'foreign' ? `${rest.join(' ')} is not a link, so it is not Tandem's` : rest.join(' ');
  throw new Error(`${remote.router}: ${what} failed: ${reason}`);
}

const askScript = (remote: Remote, mark: string, script: string, what: string): Promise<string[][]> =>
  ask(remote, mark, { argv: ['sh', '-s'], stdin: script, timeout: scriptTimeout, what });
