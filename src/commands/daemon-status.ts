/** `tandem daemon status`: what of tandemd is installed on the routers of a pair, and what runs there. */
import { twoEnginesBlock } from '../plan/guards.ts';
import { isOurs } from '../plan/install.ts';
import type { Package } from '../rollout/executable.ts';
import { type Known, packageOf, Routers, requirePair } from './daemon-routers.ts';
import { EXIT } from './exit.ts';
import type { Io } from './io.ts';

/** A router that cannot be read hides nothing of the other one. @param router only this one; both where absent */
export async function status(io: Io, name: string, router: string | undefined): Promise<void> {
  const pair = await requirePair(io, name);
  await using routers = await Routers.read(io, pair, router);
  const { known, unread } = routers;
  const shown = await Promise.all(known.map(async (each) => statusOf(each, await packageOf(io, each))));
  io.out.problems(
    known.flatMap(({ member, observed: { daemon } }) =>
      daemon.kind === 'unknown' && daemon.engines ? [twoEnginesBlock(member.name, daemon.engines)] : [],
    ),
  );
  const unreadTexts = unread.map(({ router: unreached, reason }) => `${unreached}  cannot be read: ${reason}`);
  io.out.result([...shown.map(statusText), ...unreadTexts].join('\n\n'));
  io.out.document('tandem.daemon-status', 1, { pair: name, routers: shown, unread });
  if (unread.length > 0) io.exit(EXIT.unreachable);
}

type Status = ReturnType<typeof statusOf>;

function statusOf({ member, observed, tandemd }: Known, source: Package | { readonly missing: string }) {
  const { daemon, install: facts } = observed;
  const wanted = 'missing' in source ? undefined : source.wanted;
  const runs =
    daemon.kind === 'running' ? { engine: daemon.engine, version: daemon.version, pid: daemon.pid } : undefined;
  return {
    router: member.name,
    ...(runs && { runs }),
    ...(daemon.kind === 'unknown' && { unknown: daemon.reason }),
    executables: tandemd.executables.map(({ name: file, sha256 }) => ({
      name: file,
      sha256,
      linked: file === tandemd.link,
      running: sha256 === tandemd.running,
      ours: sha256 === wanted?.sha256,
    })),
    units: (facts?.units ?? []).map(({ name: unit, load, active, file }) => ({
      name: unit,
      load,
      active,
      atBoot: file,
    })),
    ...(wanted && { package: { version: wanted.version, sha256: wanted.sha256 } }),
    ...('missing' in source && { missing: source.missing }),
    elsewhere: !isOurs(daemon),
  };
}

function statusText(shown: Status): string {
  const { runs } = shown;
  const running = runs
    ? `runs ${runs.engine} ${runs.version} (pid ${runs.pid})`
    : (shown.unknown ?? 'runs no VRRP daemon');
  const files = shown.executables.map(({ name, sha256, linked, running: isRunning, ours }) => {
    const words = [linked && 'linked', isRunning && 'running', ours ? "this package's" : 'another build'];
    return `  ${name}  ${sha256.slice(0, 12)}  ${words.filter((word) => word !== false).join(', ')}`;
  });
  const units = shown.units.map(
    ({ name, load, active, atBoot }) => `  ${name}  ${load === 'loaded' ? `${active}, ${atBoot || 'static'}` : load}`,
  );
  return [
    `${shown.router}  ${running}${shown.elsewhere ? ', which Tandem did not install' : ''}`,
    ...(files.length > 0 ? files : ['  tandemd is not installed']),
    ...units,
    ...(shown.missing === undefined ? [] : [`  ${shown.missing}`]),
  ].join('\n');
}
