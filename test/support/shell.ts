/** Runs a line of sh and returns what it printed; a failure ends the test with what was said. */
import { spawnSync } from 'node:child_process';

export function sh(line: string): string {
  const run = spawnSync('sh', ['-ec', line], { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`${line}: status ${run.status}: ${run.stderr}`);
  return run.stdout;
}
