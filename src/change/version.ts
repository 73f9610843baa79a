/** Which column of the table of rules a router stands in. */

import { unreachable } from '../base/assert.ts';
import type { Engine } from '../base/engine.ts';
import { isAtLeast } from '../base/version.ts';
import type { Daemon } from './observed.ts';

/** From the one that forgives least. keepalived drops adverts whose addresses differ up to 2.3.2, and logs from 2.3.3. */
export const COLUMNS = ['keepalived', 'keepalived233', 'tandemd'] as const;
export type Column = (typeof COLUMNS)[number];

/** keepalived's version decides where it is known; where it is not, the old one is assumed. */
export function columnOf(engine: Engine, daemon: Daemon): Column {
  if (engine === 'tandemd') return 'tandemd';
  switch (daemon.kind) {
    case 'absent':
    case 'unknown':
      return 'keepalived';
    case 'stopped':
    case 'running':
      return daemon.engine === 'keepalived' && isAtLeast(daemon.version, '2.3.3') ? 'keepalived233' : 'keepalived';
    default:
      return unreachable(daemon);
  }
}

export const strictestOf = (a: Column, b: Column): Column => (COLUMNS.indexOf(a) < COLUMNS.indexOf(b) ? a : b);
