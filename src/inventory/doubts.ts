/**
 * A value that was refused is told once. What could only be said because it is missing is held back until it is
 * mended: "no VRID" where the VRID is 256 would send people after a mistake that they have not made.
 */
import type { ProblemCode } from '../base/codes.ts';
import type { Problem } from '../base/problem.ts';
import type { Layer } from './layers.ts';
import type { Path, YamlDocument } from './yaml.ts';

/** A part of a document that was refused. */
export interface Refused {
  readonly document: YamlDocument;
  readonly path: Path;
}

/** Keys whose values are not known, though someone has said them; EVERYTHING: a whole layer is not known. */
export type Doubts = ReadonlySet<string>;
export const EVERYTHING = '*';

/** Whether one of these keys is in doubt. */
export const inDoubt = (doubts: Doubts, keys: readonly string[]): boolean =>
  doubts.size > 0 && (doubts.has(EVERYTHING) || keys.some((key) => doubts.has(key)));

/** What each of these problems is concluded from. A problem that is not here stands on its own place alone. */
const RESTS_ON: Readonly<Partial<Record<ProblemCode, readonly string[]>>> = {
  'advert-int-version': ['version', 'family', 'advert_int'],
  'auth-version': ['version', 'family'],
  'direct-link-tracked': ['link', 'interface'],
  'family-mixed': ['family'],
  'label-without-device': ['interface'],
  'link-local-first': ['family', 'advertise', 'vips'],
  'no-own-address': ['interface', 'interfaces', 'link', 'source', 'family', 'unicast'],
  'pair-disagrees': [
    ...['virtual_router_id', 'version', 'family', 'link', 'advert_int', 'auth_pass', 'unicast', 'vips', 'advertise'],
  ],
  'single-heartbeat': ['link'],
  'state-clears-nopreempt': ['preempt'],
  'too-many-vips': ['family', 'advertise'],
  'unknown-interface': ['interface', 'interfaces', 'use_vmac'],
  'unknown-name': ['vips', 'vrrp', 'scripts', 'track_files', 'track_processes'],
  'version-and-family': ['version', 'family'],
  'vip-duplicate': ['priority', 'primary', 'interface', 'interfaces', 'link'],
  'vip-outside-subnet': ['interface', 'interfaces'],
  'vrid-duplicate': ['virtual_router_id', 'interface', 'interfaces', 'link', 'family', 'unicast'],
  'weight-never-acts': ['preempt', 'scripts', 'track_files', 'track_processes'],
  'weight-never-turns': ['priority', 'primary', 'preempt', 'track', 'scripts', 'track_files', 'track_processes'],
};

/** The keys of these layers about which something was refused. */
export function doubtsIn(layers: readonly Layer<object>[], refused: readonly Refused[]): Doubts {
  const doubts = new Set<string>();
  for (const { document, path } of refused) {
    for (const { document: own, base, keys } of layers) {
      if (own !== document || base.some((step, index) => index < path.length && path[index] !== step)) continue;
      const key = path.length > base.length ? String(path[base.length]) : EVERYTHING;
      if (key === EVERYTHING || !keys || keys.has(key)) doubts.add(key);
    }
  }
  return doubts;
}

/** Without the problems that rest on what is in doubt. */
export const certain = (problems: readonly Problem[], doubts: Doubts): readonly Problem[] =>
  problems.filter(({ code }) => {
    const keys = RESTS_ON[code];
    return keys === undefined || !inDoubt(doubts, keys);
  });
