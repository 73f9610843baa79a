import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { needsOf } from '../scripts/needs.ts';
import { CODES } from '../src/base/codes.ts';

const ROOT = resolve(import.meta.dirname, '..');

/**
 * Which folder of src/ may import from which; every one may import from base and from itself. An entry with a
 * file's name opens that one file only. Arrows run down: a folder never names one that stands above it.
 */
const ARROWS: readonly { readonly from: string; readonly to: readonly string[]; readonly reason?: string }[] = [
  { from: 'cli.ts', to: ['commands'] },
  {
    from: 'commands',
    to: ['gitops', 'audit', 'rollout', 'render', 'plan', 'router', 'inventory', 'keepalived', 'change', 'lab'],
  },
  { from: 'gitops', to: ['inventory', 'render', 'plan', 'rollout', 'audit'] },
  {
    from: 'rollout',
    to: ['plan', 'router', 'control', 'change', 'keepalived', 'render/render.ts', 'inventory/model.ts'],
    reason: 'it installs rendered files, proves them against the model in them, and asks Member how to reach a router',
  },
  { from: 'audit', to: ['plan', 'inventory', 'keepalived', 'change'] },
  { from: 'plan', to: ['change', 'keepalived', 'inventory'] },
  { from: 'render', to: ['inventory', 'keepalived'] },
  {
    from: 'lab',
    to: ['router', 'linux/icmp.ts', 'linux/timer.ts'],
    reason: "its prober sends every 10 ms and wants the kernel's time of each reply",
  },
  {
    from: 'router',
    to: ['control', 'keepalived', 'change/observed.ts', 'inventory/model.ts'],
    reason: 'facts are read into Observed, with keepalived.conf parsed; SshSettings says how a router is reached',
  },
  { from: 'tandemd.ts', to: ['daemon'], reason: 'the daemon has a door of its own: argv to loop' },
  { from: 'daemon', to: ['vrrp', 'change', 'linux', 'keepalived', 'control'] },
  { from: 'inventory', to: ['keepalived'], reason: "VIPs, routes and rules are written in keepalived's words" },
  { from: 'vrrp', to: ['keepalived'] },
  { from: 'change', to: ['keepalived'] },
  {
    from: 'linux',
    to: ['keepalived'],
    reason: 'lines of addresses, routes and rules become what the kernel is asked for',
  },
  { from: 'control', to: [] },
  { from: 'keepalived', to: [] },
  { from: 'base', to: [] },
];

const LINES_MAX = 400;

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const find = (...patterns: string[]): string[] => patterns.flatMap((p) => globSync(p, { cwd: ROOT })).sort();
const SOURCES = find('src/**/*.ts');

/** What a file imports: `node:fs`, `zod`, or a path from the root such as `src/base/units.ts`. */
function importsOf(path: string): string[] {
  const names = [
    ...read(path).matchAll(/^(?:import|export)\b[^;'"]*?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm),
  ];
  return names.map((match) => {
    const name = match[1] ?? match[2]!;
    return name.startsWith('.') ? relative(ROOT, resolve(ROOT, dirname(path), name)) : name;
  });
}

/** The first part below src/: a folder, or one of the two programs. */
const roomOf = (path: string): string => path.split('/')[1]!;

describe('arrows', () => {
  test('run down only, as the table says', () => {
    const wrong = SOURCES.flatMap((path) => {
      const room = roomOf(path);
      const arrow = ARROWS.find(({ from }) => from === room);
      assert.ok(arrow, `${path}: src/${room} is not in the table of test/architecture.test.ts`);
      const open = (target: string) =>
        ['base', room, ...arrow.to].some((to) => target === `src/${to}` || target.startsWith(`src/${to}/`));
      return importsOf(path)
        .filter(
          (target) => target.startsWith('src/') || target.startsWith('..') || /^(test|bench|scripts)\//.test(target),
        )
        .filter((target) => !open(target))
        .map((target) => `${path} imports ${target}`);
    });
    assert.deepEqual(wrong, []);
  });

  test('the table itself has no way back up', () => {
    const order = ARROWS.map(({ from }) => from);
    const up = ARROWS.flatMap(({ from, to }, index) =>
      to.filter((target) => order.indexOf(target.split('/')[0]!) <= index).map((target) => `${from} -> ${target}`),
    );
    assert.deepEqual(up, []);
  });

  test('the reader of imports sees every form of them', () => {
    const all = importsOf('test/architecture.test.ts');
    for (const name of ['node:fs', 'src/base/codes.ts']) assert.ok(all.includes(name), name);
    assert.ok(importsOf('src/cli.ts').includes('src/commands/exit.ts'));
  });

  test('pure folders know nothing of Node', () => {
    const pure = (JSON.parse(read('tsconfig.pure.json')) as { include: string[] }).include;
    const files = SOURCES.filter((path) => pure.some((entry) => path === entry || path.startsWith(`${entry}/`)));
    const impure = files.flatMap((path) =>
      importsOf(path)
        .filter((name) => name.startsWith('node:') || name === 'ssh2')
        .map((name) => `${path} imports ${name}`),
    );
    assert.ok(files.length > 0);
    assert.deepEqual(impure, []);
  });
});

describe('files', () => {
  const OURS = [...SOURCES, ...find('test/**/*.ts', 'scripts/*.ts', 'bench/**/*.ts')];

  test(`have ${LINES_MAX} lines at most`, () => {
    const long = OURS.filter((path) => read(path).split('\n').length - 1 > LINES_MAX);
    assert.deepEqual(long, []);
  });

  test('export what they define themselves: no barrels, no default exports', () => {
    const wrong = OURS.filter((path) => /^export (\*|\{[^}]*\} from|type \{[^}]*\} from|default)/m.test(read(path)));
    assert.deepEqual(wrong, []);
    assert.deepEqual(find('src/**/index.ts', 'src/**/{utils,util,helpers}.ts'), []);
  });
});

describe('problem codes', () => {
  const sources = SOURCES.filter((path) => path !== 'src/base/codes.ts')
    .map(read)
    .join('\n');
  const sections = new Map(
    read('docs/errors.md')
      .split(/^### /m)
      .slice(1)
      .map((section): [string, string] => {
        const [code = '', ...text] = section.split('\n');
        return [code, text.join('\n').trim()];
      }),
  );

  test('are all used', () => {
    assert.deepEqual(
      Object.keys(CODES).filter((code) => !sources.includes(`'${code}'`)),
      [],
    );
  });

  test('all have their section in docs/errors.md, and it has no other', () => {
    assert.deepEqual(
      Object.keys(CODES).filter((code) => !sections.get(code)),
      [],
    );
    assert.deepEqual(
      [...sections.keys()].filter((code) => !Object.hasOwn(CODES, code)),
      [],
    );
  });
});

describe('tests', () => {
  const files = find('test/**/*.test.ts', 'test/long/**/*.long.ts').filter(
    (path) => path !== 'test/architecture.test.ts',
  );
  const needsKernel = (path: string) => needsOf(read(path), path).includes('kernel');
  const own = (path: string) =>
    importsOf(path).filter((name) => name.startsWith('test/') && !name.includes('/support/'));
  const entersNamespace = (path: string) =>
    [path, ...own(path)].some((file) => /\binOwnNetwork\(\)|\bLab\.up\(|'lab', '(?:up|demo)'/.test(read(file)));

  test('that touch the kernel enter a network namespace of their own', () => {
    assert.deepEqual(
      files.filter((path) => needsKernel(path) && !entersNamespace(path)),
      [],
    );
  });

  test('that enter one say so, and so run few at a time and not among the others', () => {
    assert.deepEqual(
      files.filter((path) => entersNamespace(path) && !needsKernel(path)),
      [],
    );
  });
});

describe('the tree', () => {
  const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' }).split('\0').filter(Boolean);

  test('names no path of the machine that it was written on', () => {
    // A parent that every system has says nothing about this one; root's home is in every router too.
    const everywhere = ['/', '/home', '/opt', '/root', '/srv', '/tmp', '/usr/src', '/var/tmp'];
    const paths = [ROOT, dirname(ROOT), homedir()]
      .filter((path) => !everywhere.includes(path))
      .map((path) => `${path}/`);
    const found = tracked
      .filter((path) => existsSync(join(ROOT, path)))
      .filter((path) => paths.some((needle) => read(path).includes(needle)));
    assert.deepEqual(found, []);
  });

  test('has no download address in its lock file', () => {
    assert.doesNotMatch(read('package-lock.json'), /"resolved":\s*"https?:/);
  });

  test('has a lock file that npm ci takes: an entry for every package of another platform (npm run lock)', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>;
    };
    const named = Object.values(packages).flatMap((owner) => Object.keys(owner.optionalDependencies ?? {}));
    assert.deepEqual(
      named.filter((name) => packages[`node_modules/${name}`] === undefined),
      [],
    );
  });

  test('has a reason for every dependency in docs/dependencies.md', () => {
    const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;
    const names = ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap((kind) =>
      Object.keys(manifest[kind] ?? {}),
    );
    const rows = read('docs/dependencies.md')
      .split('\n')
      .map((line) => line.split('|')[1] ?? '');
    assert.deepEqual(
      names.filter((name) => !rows.some((row) => row.split(/[ ,]+/).includes(name))),
      [],
    );
  });

  test('has no dependency that runs a script when it is installed', () => {
    assert.match(read('.npmrc'), /^ignore-scripts=true$/m);
  });
});

test('every link between our documents leads to a file', () => {
  const broken = find('*.md', 'docs/**/*.md').flatMap((path) =>
    [...read(path).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map((match) => match[1]!)
      .filter((link) => !/^[a-z]+:/.test(link) && !existsSync(resolve(ROOT, dirname(path), link)))
      .map((link) => `${path} -> ${link}`),
  );
  assert.deepEqual(broken, []);
});

describe('ARCHITECTURE.md', () => {
  const text = read('ARCHITECTURE.md');

  test('has 200 lines at most', () => {
    assert.ok(text.split('\n').length - 1 <= 200);
  });

  test('names for every invariant a test that exists', () => {
    const invariants = text.split('\n\n').filter((paragraph) => paragraph.startsWith('**Invariant:**'));
    assert.ok(invariants.length > 0);
    for (const paragraph of invariants) {
      const named = [...paragraph.matchAll(/`((?:test|scripts)\/[\w./-]+)`/g)].map((match) => match[1]!);
      assert.ok(named.length > 0, paragraph);
      for (const path of named) assert.ok(existsSync(join(ROOT, path)), `${path} does not exist:\n${paragraph}`);
    }
  });

  test('names only files and folders that exist', () => {
    const named = [...text.matchAll(/`((?:src|test|docs|scripts|templates|bench|inventory|pairs|schema)\/[\w./-]*)`/g)];
    for (const [, path] of named) assert.ok(existsSync(join(ROOT, path!)), `${path} does not exist`);
  });
});
