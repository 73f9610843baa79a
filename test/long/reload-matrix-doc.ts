/** docs/reload-matrix.md, from what was measured. */

import { spawnSync } from 'node:child_process';
import { cpus, release } from 'node:os';

export interface AppliedLine {
  readonly name: string;
  readonly class: string;
  readonly order: string;
  readonly allow: string;
  readonly predicted: string;
  readonly seen: string;
  /** How often the pinged VIP came to A and to B. */
  readonly came: string;
  readonly lost: number;
  readonly silenceMs: number;
  readonly stalledMs: number;
  /** Empty: as planned. */
  readonly differences: readonly string[];
}

export interface RefusedLine {
  readonly name: string;
  readonly by: string;
  readonly why: string;
  readonly harm: string;
  readonly differences: readonly string[];
}

export function reloadMatrixDoc(
  applied: readonly AppliedLine[],
  refused: readonly RefusedLine[],
  version: string,
): string {
  const [engine] = version.split(' ');
  const held = applied.filter((line) => line.differences.length === 0).length;
  const blocked = refused.filter((line) => line.differences.length === 0).length;
  return [
    '# The reload matrix, carried out',
    '',
    'Each row of the matrix in `test/change/reload-matrix.ts` that `apply` may carry out, on two routers of the lab with',
    `a real ${engine}: the pair is brought into the old state (A is MASTER with priority 150, B the backup with 100,`,
    'advert_int 1 s unless the row says otherwise), read over SSH, planned, and changed by the same code as',
    '`tandem apply`, with what the plan asks to be allowed. Meanwhile a client pings a VIP that stays every 10 ms.',
    '',
    '- **predicted** and **seen**: how often a router becomes MASTER, as the plan said and as the daemons counted it.',
    "- **came**: how often the pinged VIP was added on A and on B, by the kernel's own events. An address that is edited",
    '  is deleted and added again, which is no transition.',
    '- **lost**, **silence**: packets of the client without an answer, and the longest time without one.',
    '- **stall**: how long this machine itself stood still at most, which nothing seen can be finer than. A row that is',
    `  not as planned is measured again where that is above ${STALL_MS_ORDINARY} ms, any row where it is above ${STALL_MS_MAX} ms,`,
    '  three times at most; a stall that is longer all the same (10,000 addresses hold the kernel up) stands in the row,',
    '  and a shorter silence of the pair could hide behind it, but no transition.',
    '',
    `${held} of ${applied.length} rows ended as planned.`,
    '',
    '| change | class | order | allowed | predicted | seen | came A, B | lost | silence ms | stall ms | as planned |',
    '|---|---|---|---|---|---|---|---|---|---|---|',
    ...applied.map((l) =>
      row([
        l.name,
        l.class,
        l.order,
        l.allow,
        l.predicted,
        l.seen,
        l.came,
        `${l.lost}`,
        l.silenceMs.toFixed(0),
        l.stalledMs.toFixed(0),
        l.differences.length === 0 ? 'yes' : `**no**: ${l.differences.join('; ')}`,
      ]),
    ),
    '',
    '## Not carried out',
    '',
    'Refused, with nothing changed (file, pids, addresses, routes, roles, counters), or taken back. What our own checks',
    'of a file would stop earlier was led past them here, so that the next guard could show what it does.',
    '',
    `${blocked} of ${refused.length} rows left the pair with what it ran before.`,
    '',
    '| change | stopped by | why | what keepalived 2.2.7 does with it | as it was |',
    '|---|---|---|---|---|',
    ...refused.map((l) =>
      row([l.name, l.by, l.why, l.harm, l.differences.length === 0 ? 'yes' : `**no**: ${l.differences.join('; ')}`]),
    ),
    '',
    `${version}, ${new Date().toISOString().slice(0, 10)}, commit ${COMMIT}.`,
    `Machine: ${cpus().length} cores, Linux ${release().split('.').slice(0, 2).join('.')}, Node ${process.versions.node}.`,
    `Again: \`${engine === 'tandemd' ? 'ENGINE=tandemd ' : ''}npm run test:long -- reload-matrix\`, which writes this file.`,
    '',
  ].join('\n');
}

/** Ordinary scheduling; a silence beyond it may be this machine's. */
const STALL_MS_ORDINARY = 20;
/** As long as the longest silence that a row may have: beyond it a stall could hide one. */
const STALL_MS_MAX = 100;

/** Whether this machine stood still for so long that the row says nothing. */
export const saysNothing = ({ stalledMs, differences }: AppliedLine): boolean =>
  stalledMs > (differences.length > 0 ? STALL_MS_ORDINARY : STALL_MS_MAX);

const row = (cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;

/** When the run began: the tree may go on while it lasts. */
const COMMIT = commit();

function commit(): string {
  const git = (...argv: readonly string[]) => spawnSync('git', argv, { encoding: 'utf8' }).stdout.trim();
  const changed = git('status', '--porcelain', '--', 'src', 'test/long', 'test/change') !== '';
  return `${git('rev-parse', '--short', 'HEAD')}${changed ? ' with changes' : ''}`;
}
