/**
 * Going into the background without fork(2), which a runtime with threads cannot do: the program is started once more,
 * in a session of its own, and this one waits until that one runs VRRP or has ended. ADR 0008.
 */
import { spawn } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';
import { isSea } from 'node:sea';
import type { Readable } from 'node:stream';

/** Set for the second process: it is the daemon, and its descriptor 3 wants a byte when it is ready. */
const MARK = 'TANDEMD_DETACHED';
const READY_FD = 3;
/** A start takes some 100 ms, on a machine that is busy booting some seconds. */
const READY_MS_MAX = 60_000;

export const isDetached = (): boolean => process.env[MARK] === '1';

export interface DetachedStart {
  /** How the second process ended; undefined: it runs. */
  readonly exitCode: number | undefined;
}

/** Starts this program again with the same arguments, and waits for it. */
export async function startDetached(): Promise<DetachedStart> {
  const child = spawn(process.execPath, [...programArguments(), ...process.argv.slice(2)], {
    argv0: isSea() ? process.argv[1]! : process.argv0,
    detached: true,
    // Through pipes of ours: a daemon that kept our terminal, or our caller's pipe, would keep them waiting for ever.
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    env: { ...process.env, [MARK]: '1' },
  });
  const pipe = child.stdio[READY_FD] as Readable;
  child.stderr!.pipe(process.stderr);
  const exitCode = await new Promise<number | undefined>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the daemon did not get ready in time')), READY_MS_MAX);
    const end = (code: number | undefined): void => {
      clearTimeout(timer);
      resolve(code);
    };
    child.once('error', reject);
    // Not `exit`: what it said before must have come through.
    child.once('close', (code) => end(code ?? 1));
    pipe.once('data', () => end(undefined));
  });
  pipe.destroy();
  child.stderr!.destroy();
  child.unref();
  return { exitCode };
}

/** What the runtime is given before our own arguments: nothing where the executable is the program. */
const programArguments = (): readonly string[] => (isSea() ? [] : [...process.execArgv, process.argv[1]!]);

/** Lets the first process go, and standard error with it. Means nothing in the foreground. */
export function tellReady(): void {
  if (!isDetached()) return;
  process.stderr.on('error', () => {});
  try {
    writeSync(READY_FD, '1');
    closeSync(READY_FD);
  } catch {
    // Whoever started us is gone: nobody waits any more.
  }
}
