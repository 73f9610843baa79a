/**
 * A fleet of 10,000 routers read, checked, rendered and its files parsed again, each run in a process of its own.
 * Called with a folder it is that process.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { loadFleet } from '../src/inventory/load.ts';
import { diskTree } from '../src/inventory/tree.ts';
import { renderPairs } from '../src/render/render.ts';
import { loadTemplates } from '../src/render/template-files.ts';
import type { Benchmark } from './benchmark.ts';
import { generateFleet } from './fleet.ts';

const PAIRS = 5000;

export const benchmark: Benchmark = {
  title: 'Validate and render 10,000 routers',
  about: [
    `${PAIRS} pairs of two routers with 20 VIPs each, the same private addresses at every site. One process reads`,
    "and checks the YAML, renders every keepalived.conf, and parses each one again with the daemon's parser.",
    "Memory is the process's largest resident set.",
  ].join('\n'),
  figures: [
    { name: 'validate', unit: 's' },
    { name: 'render', unit: 's' },
    { name: 'whole process', unit: 's', limit: 10 },
    { name: 'memory', unit: 'MiB', limit: 1024 },
  ],
  runs: 5,
  prepare: async () => {
    const dir = await mkdtemp(join(tmpdir(), 'tandem-bench-'));
    await generateFleet(dir, PAIRS);
    return {
      run: async () => {
        const started = performance.now();
        const child = await promisify(execFile)(process.execPath, [import.meta.filename, dir], { timeout: RUN_MS_MAX });
        const figures: Readonly<Record<string, number>> = JSON.parse(child.stdout);
        return { ...figures, 'whole process': (performance.now() - started) / 1000 };
      },
      [Symbol.asyncDispose]: () => rm(dir, { recursive: true }),
    };
  },
};

/** Six times the limit: beyond it a run has hung. */
const RUN_MS_MAX = 60_000;

if (process.argv[1] === import.meta.filename) await runOnce(process.argv[2]!);

async function runOnce(dir: string): Promise<void> {
  const started = performance.now();
  const fleet = await loadFleet(dir, { env: { CORE_VRRP: 'benchkey' } });
  const loaded = performance.now();
  const templates = loadTemplates(diskTree(join(import.meta.dirname, '..')), diskTree(dir));
  const rendering = renderPairs(fleet.value?.pairs ?? [], templates.value!);
  const problems = [...fleet.problems, ...templates.problems, ...rendering.problems];
  const routers = rendering.value?.length ?? 0;
  if (routers !== 2 * PAIRS || problems.length > 0) {
    throw new Error(`${routers} routers came out, with ${problems.length} problems: ${problems[0]?.message}`);
  }
  const figures = {
    validate: (loaded - started) / 1000,
    render: (performance.now() - loaded) / 1000,
    memory: process.resourceUsage().maxRSS / 1024,
  };
  console.log(JSON.stringify(figures));
}
