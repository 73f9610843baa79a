/** What has to be put on a router so that it can run tandemd, and why its daemon has to make room for another one. */
import type { Problem } from '../base/problem.ts';
import type { Daemon, Observed, RunningDaemon, TandemdFiles } from '../change/observed.ts';
import { block } from './block.ts';
import type { Desired, Reading } from './plan.ts';

/** The executable that a router shall run, as it lies here. */
export interface WantedExecutable {
  readonly version: string;
  readonly sha256: string;
  /** In bytes, as it runs. */
  readonly size: number;
  /** The lowest glibc that it starts with. */
  readonly glibc: string;
  /** The hash of the unit that starts it. */
  readonly unit: string;
}

/** A router and the engine that it shall run: as much of a NodePlan as matters here. */
export interface Host {
  readonly router: string;
  readonly reading: Reading;
  readonly desired: Pick<Desired, 'engine' | 'executable'>;
}

/** The folder and the link that Tandem puts executables under; what runs from elsewhere is somebody else's. */
const OURS = /^\/usr\/local\/sbin\/tandemd(-[\w.-]+)?$/;

/** Whether Tandem is the one who installs tandemd there: not where a package or a source tree does. */
export const isOurs = (daemon: Daemon): boolean =>
  daemon.kind !== 'running' || daemon.engine !== 'tandemd' || (daemon.script === undefined && OURS.test(daemon.binary));

/** The executable that has to be put there, or switched to; undefined where all is as it shall be. */
export function installationOf({ desired, reading }: Host): WantedExecutable | undefined {
  if (reading.kind !== 'read' || desired.engine !== 'tandemd') return undefined;
  const { executable } = desired;
  const { observed, tandemd } = reading;
  if (executable === undefined || 'missing' in executable || tandemd === undefined || !isOurs(observed.daemon)) {
    return undefined;
  }
  const linked = tandemd.executables.find(({ name }) => name === tandemd.link)?.sha256;
  const unitDiffers = observed.system.init === 'systemd' && tandemd.unit !== executable.unit;
  return linked !== executable.sha256 || unitDiffers ? executable : undefined;
}

/** The daemon that runs is stopped and another one started. */
export interface Replacement {
  /** `keepalived -> tandemd` */
  readonly why: string;
  /** Whether it is one of the other engine. */
  readonly engine: boolean;
}

/** Undefined where the daemon stays, and where none runs. */
export function replacementOf(node: Host): Replacement | undefined {
  const { desired, reading } = node;
  if (reading.kind !== 'read' || reading.observed.daemon.kind !== 'running') return undefined;
  const { daemon } = reading.observed;
  if (daemon.engine !== desired.engine) return { why: `${daemon.engine} -> ${desired.engine}`, engine: true };
  const upgrade = upgradeOf(daemon, node, reading.tandemd);
  return upgrade === undefined ? undefined : { why: upgrade, engine: false };
}

function upgradeOf(daemon: RunningDaemon, { desired }: Host, files: TandemdFiles | undefined): string | undefined {
  const { executable } = desired;
  if (daemon.engine !== 'tandemd' || executable === undefined || 'missing' in executable) return undefined;
  if (!isOurs(daemon) || files?.running === undefined || files.running === executable.sha256) return undefined;
  return daemon.version === executable.version
    ? `another build of tandemd ${daemon.version}`
    : `tandemd ${daemon.version} -> ${executable.version}`;
}

/** The oldest kernel that the runtime of the executable is made for. */
const KERNEL_LEAST = '4.18.0';
const STILL = '`engine: keepalived` is possible there';

/** What stands against the engine that the router shall run; empty where nothing does. */
export function installBlocks(node: Host): Problem[] {
  const { router, reading, desired } = node;
  if (reading.kind !== 'read') return [];
  const { observed } = reading;
  if (desired.engine === 'keepalived') return keepalivedBlocks(router, observed);
  const { executable } = desired;
  const replaces = replacementOf(node);
  if (isOurs(observed.daemon) && executable !== undefined && 'missing' in executable) {
    return [block('plan-executable-missing', `${router}: ${executable.missing}`, 'run `npm run build` in the package')];
  }
  if (installationOf(node) === undefined && replaces === undefined) return [];
  if (reading.tandemd?.foreign) {
    const message = `/usr/local/sbin/tandemd on ${router} is no link, so somebody else put it there`;
    return [block('plan-executable-foreign', message, 'take it away there')];
  }
  if (executable === undefined || 'missing' in executable) return [];
  return [...systemBlocks(router, observed, executable), ...placeBlocks(router, observed, executable, reading.tandemd)];
}

/** Back to keepalived: it has to be there, and its unit must be one that can be started. */
function keepalivedBlocks(router: string, { daemon, install }: Observed): Problem[] {
  if (!('engine' in daemon) || daemon.engine === 'keepalived') return [];
  if (install?.installed.some(({ engine }) => engine === 'keepalived')) return [];
  const hint = "install the distribution's keepalived package, or leave `engine: tandemd`";
  return [block('plan-daemon-absent', `keepalived is not installed on ${router}`, hint)];
}

function systemBlocks(router: string, { system, install }: Observed, { glibc }: WantedExecutable): Problem[] {
  const blocks: Problem[] = [];
  if (install !== undefined && install.glibc === undefined) {
    blocks.push(
      block('plan-system-old', `${router} has no glibc (or does not tell its version), which tandemd needs`, STILL),
    );
  } else if (install?.glibc !== undefined && isOlder(install.glibc, glibc)) {
    blocks.push(block('plan-system-old', `${router} has glibc ${install.glibc}, and tandemd needs ${glibc}`, STILL));
  }
  if (isOlder(system.kernel, KERNEL_LEAST)) {
    blocks.push(
      block('plan-system-old', `${router} has kernel ${system.kernel}, and tandemd needs ${KERNEL_LEAST}`, STILL),
    );
  }
  return blocks;
}

/** Number by number; what stands behind the numbers (`6.1.0-13-amd64`) does not count. */
function isOlder(version: string, least: string): boolean {
  const [have, want] = [version, least].map((text) => (/^[\d.]+/.exec(text)?.[0] ?? '').split('.').map(Number));
  const differs = want!.findIndex((part, i) => part !== (have![i] ?? 0));
  return differs >= 0 && (have![differs] ?? 0) < want![differs]!;
}

/** Room for the running version and the new one, beside each other. */
const VERSIONS = 2;
/** Whole megabytes, as people read them. */
const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;

function placeBlocks(
  router: string,
  { install }: Observed,
  { size, sha256 }: WantedExecutable,
  files: TandemdFiles | undefined,
): Problem[] {
  const place = install?.place;
  const present = files?.executables.length ?? 0;
  if (place === undefined || files?.executables.some((each) => each.sha256 === sha256)) return [];
  const hint = `make ${place.path} usable, or leave \`engine: keepalived\``;
  const what = `tandemd cannot be put in ${place.path} of ${router}`;
  if (place.readOnly) return [block('plan-executable-place', `${what}: it is mounted read-only`, hint)];
  if (place.noexec) return [block('plan-executable-place', `${what}: it is mounted noexec`, hint)];
  const needed = size * Math.max(1, VERSIONS - present);
  if (place.freeBytes >= needed) return [];
  const free = `${megabytes(needed)} are needed and ${megabytes(place.freeBytes)} free`;
  return [block('plan-executable-place', `${what}: ${free}`, hint)];
}
