/** The deployer as its users get it: built, packed, and installed into a folder, with its dependencies beside it. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

/** Returns the path of the installed cli.js. Its dependencies are copied from the tree. */
export function installPackage(folder: string): string {
  const run = (program: string, ...argv: readonly string[]): string =>
    execFileSync(program, argv, { cwd: ROOT, encoding: 'utf8', timeout: 120_000, stdio: ['ignore', 'pipe', 'ignore'] });
  run(process.execPath, 'scripts/build.ts');
  const answer = run('npm', 'pack', '--json', '--pack-destination', folder);
  const [packed] = JSON.parse(answer) as [{ filename: string }];
  run('tar', '-xzf', join(folder, packed.filename), '-C', folder);
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  renameSync(join(folder, 'package'), join(modules, 'tandem'));
  for (const path of runtimePackages()) cpSync(join(ROOT, path), join(folder, path), { recursive: true });
  return join(modules, 'tandem/dist/cli.js');
}

/** The packages of `npm install` for a user, as the lock file has them; our Node 24 is not among them: users have one. */
function runtimePackages(): readonly string[] {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; optional?: boolean; devOptional?: boolean }>;
  };
  return Object.entries(lock.packages)
    .filter(([path, { dev, optional, devOptional }]) => path !== '' && !dev && !optional && !devOptional)
    .map(([path]) => path);
}
