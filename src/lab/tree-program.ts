/** Small programs of this tree inside a node of a lab, which say `begun`, then lines, then `end ...` at SIGINT. */
import { dirname, extname, join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { deferred } from '../base/deferred.ts';
import { packageRoot } from './boot.ts';
import type { Lab } from './lab.ts';
import { signalInside } from './process.ts';
import { nodeNamed } from './topology.ts';

/** Of what a program complains of, the end: enough for its last sentence. */
const COMPLAINTS_MAX = 500;

export interface TreeProgram {
  readonly begun: Promise<void>;
  /** The words after `end`; rejects when it ends without them. */
  readonly ended: Promise<readonly string[]>;
  stop(): Promise<readonly string[]>;
}

export interface ProgramOptions {
  /** `lab/probe`: src/lab/probe.ts in the tree, dist/lab/probe.js where it is built. */
  readonly program: string;
  readonly argv: readonly string[];
  /** Gets every line between `begun` and `end`. */
  readonly onLine?: (line: string) => void;
}

export function startProgram(lab: Lab, node: string, { program, argv, onLine }: ProgramOptions): TreeProgram {
  const child = lab.spawn(node, [...commandOf(lab, node, program), ...argv]);
  const begun = deferred<void>();
  const ended = deferred<readonly string[]>();
  let last: readonly string[] | undefined;
  let complaints = '';
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === 'begun') begun.resolve();
    else if (line.startsWith('end ')) last = line.split(' ').slice(1);
    else onLine?.(line);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    complaints = (complaints + chunk.toString('utf8')).slice(-COMPLAINTS_MAX);
  });
  child.once('error', ended.reject);
  child.once('close', () => {
    if (last !== undefined) ended.resolve(last);
    else ended.reject(new Error(`${program} on ${node} ended early: ${complaints.trim()}`));
  });
  // Whoever asks hears of a failure; a program that nobody asks must not end this one.
  ended.promise.catch(() => {});
  const started = Promise.race([begun.promise, ended.promise.then(() => {})]);
  started.catch(() => {});
  return {
    begun: started,
    ended: ended.promise,
    stop: async () => {
      // Before that a signal would end it without a word.
      await Promise.race([begun.promise, ended.promise]);
      signalInside(child, 'SIGINT');
      return ended.promise;
    },
  };
}

/** A router has a root of its own, with the tree in it; a host shares the machine's. */
function commandOf(lab: Lab, node: string, program: string): readonly string[] {
  const { directory, entry } = packageRoot();
  const path = join(dirname(entry), `${program}${extname(entry)}`);
  if (nodeNamed(lab.state.topology, node).kind === 'router') return ['/opt/lab/node', path];
  return [process.execPath, join(directory, relative('/opt/lab/tree', path))];
}
