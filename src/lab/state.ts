/** What the next command must know of a running lab: one JSON file in its directory, and the processes it names. */
import { existsSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Machine } from './machine.ts';
import { labsDirectory } from './machine.ts';
import type { Topology } from './topology.ts';

/** A process as this machine counts, and its start: together they name one process for ever. */
export interface OneProcess {
  readonly pid: number;
  readonly startTime: string;
}

/** The process is the lab's first one. */
export interface LabState extends OneProcess {
  readonly name: string;
  readonly machine: Machine;
  readonly topology: Topology;
  /** Its parent `unshare`, outside of the lab's process numbers: it ends a moment after all the others. */
  readonly parent: OneProcess;
  /** Path prefix of the routers' cgroups; empty for the small init. */
  readonly cgroup: string;
}

export function writeState(directory: string, state: LabState): void {
  writeFileSync(join(directory, '.state.json'), JSON.stringify(state));
  renameSync(join(directory, '.state.json'), join(directory, 'state.json'));
}

export function readState(directory: string): LabState | undefined {
  try {
    return JSON.parse(readFileSync(join(directory, 'state.json'), 'utf8')) as LabState;
  } catch {
    return undefined;
  }
}

/** Field 22 of /proc/PID/stat, clock ticks since boot; undefined when there is no such process or it is a zombie. */
export function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

export const isAlive = ({ pid, startTime }: OneProcess): boolean => startTimeOf(pid) === startTime;

/** A lab that is still being made has no state yet; one that has none after this long never will. */
const MAKING_MS_MAX = 120_000;

/** The running labs, by name. What a killed lab left (its first process was shot) is taken away on the way. */
export function listLabs(): readonly { readonly directory: string; readonly state: LabState }[] {
  const parent = labsDirectory();
  if (!existsSync(parent)) return [];
  const found: { directory: string; state: LabState }[] = [];
  for (const name of readdirSync(parent).sort()) {
    const directory = join(parent, name);
    const state = readState(directory);
    if (state !== undefined && isAlive(state)) found.push({ directory, state });
    else if (state !== undefined) removeLeftOvers(directory, state.cgroup);
    else if (ageMs(directory) > MAKING_MS_MAX) rmSync(directory, { recursive: true, force: true });
  }
  return found;
}

function ageMs(path: string): number {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

/** For a lab whose processes are gone: its cgroups and its directory. */
export function removeLeftOvers(directory: string, cgroup: string): void {
  if (cgroup !== '') {
    const parent = dirname(cgroup);
    for (const name of existsSync(parent) ? readdirSync(parent) : []) {
      if (name.startsWith(`${basename(cgroup)}.`)) removeCgroup(join(parent, name));
    }
  }
  rmSync(directory, { recursive: true, force: true });
}

function removeCgroup(path: string): void {
  try {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) removeCgroup(join(path, entry.name));
    }
    rmdirSync(path);
  } catch {
    // Someone else removed it first, or a dying process is still in it; the next look finds it again.
  }
}
