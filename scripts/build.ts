/**
 * `npm run build`: the deployer as plain JavaScript, dist/cli.js, for any Node from 20.19 on. Our own modules go
 * into the one file; packages stay outside, as ordinary dependencies: a distribution or an `npm update` can then
 * mend one of them without a new build of ours, and their licences stay with them. What is read at run time
 * (templates/, schema/, docs/errors.md) lies beside dist/ in the package, where src/ finds it too.
 */
import { chmodSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

const OUTPUT = 'dist/cli.js';

rmSync('dist', { recursive: true, force: true });
await build({
  entryPoints: ['src/cli.ts'],
  outfile: OUTPUT,
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
