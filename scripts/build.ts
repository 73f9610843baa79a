/**
 * `npm run build`: the daemon as one executable, dist/tandemd (`executable.ts`), and the deployer as plain JavaScript,
 * dist/cli.js, for any Node from 20.19 on; beside it the programs of the lab's nodes. Of these our own modules
 * go into one file each; packages stay outside, as ordinary dependencies: a distribution or an `npm update` can then
 * mend one of them without a new build of ours, and their licences stay with them. What is read at run time
 * (templates/, schema/, docs/errors.md) lies beside dist/ in the package, where src/ finds it too.
 */
import { chmodSync } from 'node:fs';
import { build } from 'esbuild';
import { buildExecutable } from './executable.ts';

const OUTPUT = 'dist/cli.js';

await build({
  entryPoints: ['src/cli.ts', 'src/lab/probe.ts', 'src/lab/talker.ts'],
  outdir: 'dist',
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  banner: { js: '#!/usr/bin/env node' },
  logLevel: 'warning',
});
chmodSync(OUTPUT, 0o755);
console.log(`built ${OUTPUT}`);

const { version, arch, size, glibc } = await buildExecutable();
const megabytes = Math.round(size / 1e6);
console.log(`built dist/tandemd: tandemd ${version}, ${arch}, ${megabytes} MB, glibc ${glibc} or later`);
