/** Where a router is not as its own configuration says: found before a change, so that it is not blamed on it. */
import { formatIpPrefix } from '../base/address.ts';
import { diff } from '../change/diff.ts';
import type { Observed } from '../change/observed.ts';
import type { Config } from '../keepalived/model.ts';
import { parseAsRead } from './live-file.ts';
import { addressesOf, unsettled } from './proof.ts';

export interface Drift {
  readonly message: string;
  /** Whether the pair could not stand on this router, or on the other one, as it is now: nothing is changed then. */
  readonly degrades: boolean;
}

/**
 * @param running what the daemon runs on
 * @param pair both routers with what they run on; one alone cannot be judged
 * @returns empty where nothing differs, or nothing runs
 */
export function driftOf(
  observed: Observed,
  running: Config,
  pair: readonly { readonly observed: Observed; readonly running: Config }[],
): Drift[] {
  if (observed.daemon.kind === 'stopped') return leftBehind(observed, pair);
  if (observed.daemon.kind !== 'running') return [];
  const edited = editedSince(observed, running);
  return [
    ...(edited === undefined ? [] : [{ message: edited, degrades: false }]),
    ...(pair.length < 2 ? [] : unfit(observed, pair).map((message) => ({ message, degrades: true }))),
  ];
}

/** Why the pair could not stand on this router, or the other one, as it is now. */
function unfit({ router, instances, daemon }: Observed, pair: Parameters<typeof driftOf>[2]): string[] {
  if (instances === undefined && daemon.kind === 'running') {
    const why = daemon.engine === 'keepalived' ? ' (is it built with JSON? `keepalived --version` says so)' : '';
    return [`${router}: ${daemon.engine} ${daemon.version} does not tell its state${why}`];
  }
  const expected = pair.map(({ observed, running: config }) => ({ router: observed.router, config, before: config }));
  const seen = pair.map(({ observed }) => observed);
  const here = unsettled(expected, seen).filter((f) => f.router === undefined || f.router === router);
  return here.map(({ message }) => message);
}

/** A daemon that was killed leaves its VIPs behind, beside the peer that took over; when it starts again it clears them. */
function leftBehind(observed: Observed, pair: readonly { readonly running: Config }[]): Drift[] {
  const held = new Set(observed.addresses.map(({ address }) => formatIpPrefix(address)));
  const vips = new Set(
    pair
      .flatMap(({ running }) => running.vrrp_instance.flatMap(addressesOf))
      .map(({ address }) => formatIpPrefix(address)),
  );
  return [...vips]
    .filter((vip) => held.has(vip))
    .map((vip) => ({
      message: `${observed.router} holds VIP ${vip}, and no daemon runs there to give it up`,
      degrades: false,
    }));
}

/** A file that says other things than what the daemon loaded: somebody wrote it and did not reload. */
function editedSince(observed: Observed, running: Config): string | undefined {
  const { router, config: file, files, daemon } = observed;
  if (daemon.kind !== 'running' || daemon.loaded === undefined) return undefined;
  if (!file) return `${router}: ${daemon.configPath} is not there, and the daemon runs on what it loaded before`;
  const changes = diff(running, parseAsRead(file.text, file.path, observed, daemon).config);
  if (changes.length === 0) return undefined;
  // Of the file and what it includes the one that was written last.
  const read = [file, ...files.filter(({ text }) => text !== undefined)];
  const { path, mtime } = read.reduce((last, each) => (each.mtime > last.mtime ? each : last));
  const when = new Date(mtime * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
  const what = changes.length === 1 ? 'a change' : `${changes.length} changes`;
  return `${router}: ${path} was written at ${when} with ${what} that the daemon has not loaded`;
}
