// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the inventory's own way to refer to a secret
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { hasErrors } from '../../src/base/problem.ts';
import { parseYaml } from '../../src/inventory/yaml.ts';
import { loadFiles, shown } from './marked.ts';

const ROOT = join(import.meta.dirname, '../..');
const FILES = [
  'inventory/defaults.yaml',
  'inventory/groups.yaml',
  'inventory/routers.yaml',
  'pairs/core.yaml',
  'pairs/rich.yaml',
];
/** A pair that has every kind of setting, beside the example's. */
const RICH = `members: { primary: c, secondary: d }
engine: tandemd
labels: { site: fra }
scripts: { check: { run: [/usr/bin/check, -x], interval: 1s, weight: 10, rise: 2, fall: 3 } }
track_files: { load: { file: /run/load, weight: 0 } }
track_processes: { ntpd: { process: [ntpd, -g], quorum: 1 } }
raw: [linkbeat_use_polling]
vrrp:
  link: switched
  V4:
    interface: lan
    virtual_router_id: 7
    preempt: true
    preempt_delay: 5s
    vips: [192.0.2.1/24, { address: 192.0.2.9/24, dev: lan, flags: [no_track] }]
    advertise: [192.0.2.1]
    rules: [from 192.0.2.0/24 table 50 priority 7, { to: 198.51.100.0/24, table: main, priority: 8, on: c }]
    track: { script: [{ name: check, weight: 60 }], file: [load], interface: [wan], process: [ntpd] }
    unicast: { c: 192.0.2.2 }
    garp: { delay: 1s, repeat: 3 }
    use_vmac: { name: vrrp7, xmit_base: true }
  V6: { interface: lan, family: ipv6, virtual_router_id: 8, vips: ["fe80::1/64", "2001:db8::1/64"], notify: { all: { run: /bin/true, user: root } } }
  V7: { interface: lan, virtual_router_id: 9, vips: [192.0.2.19/24] }
sync_groups: { G: { members: [V6, V7], notify: { fault: /bin/false } } }
overrides: { d: { vrrp: { V4: { smtp_alert: true } } } }
`;
const ROUTERS = {
  c: { interfaces: { lan: ['192.0.2.2/24', 'fe80::2/64'], wan: {} } },
  d: { interfaces: { lan: '192.0.2.3/24', wan: {} } },
};

const values = FILES.map((file) => {
  const text = file === 'pairs/rich.yaml' ? RICH : readFileSync(join(ROOT, file), 'utf8');
  return parseYaml(text, file).value!.value as Record<string, unknown>;
});
Object.assign(values[2]!.routers as object, ROUTERS);
const scripts = { 'router-scripts/promotemaster': '', 'router-scripts/promotebackup': '' };
const asFiles = (documents: readonly unknown[]): Record<string, string> => ({
  ...scripts,
  ...Object.fromEntries(FILES.map((file, index) => [file, JSON.stringify(documents[index], null, 1)])),
});
const ENV = { CORE_VRRP: 'sesame12' };

test('the documents that are spoiled below are in order as they are', async () => {
  const loaded = await loadFiles(asFiles(values), ENV);
  assert.ok(loaded.value, shown(loaded));
  assert.equal(loaded.value.pairs.length, 2);
});

type Step = string | number;
function paths(value: unknown): Step[][] {
  if (typeof value !== 'object' || value === null) return [[]];
  const keys: Step[] = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  return [[], ...keys.flatMap((key) => paths((value as Record<Step, unknown>)[key]).map((path) => [key, ...path]))];
}
const PLACES = values.flatMap((value, index) => paths(value).map((path) => [index, ...path]));

function replaced(value: unknown, [step, ...rest]: readonly Step[], by: unknown): unknown {
  if (step === undefined) return by;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<Step, unknown>;
  copy[step] = replaced(copy[step], rest, by);
  return copy;
}

const word = fc.constantFrom(
  '',
  'null',
  'c',
  'V4',
  'lan',
  '12e4',
  '1s',
  '0',
  '192.0.2.1/24',
  'fe80::1',
  '${env:X}',
  '${file:../x}',
  '__proto__',
  'constructor',
  'toString',
  'a"b',
  'a\nb',
  '{',
  '../x',
  'a b',
  '\u0000',
  '*',
  '%',
);
const spoil = fc.oneof(
  word,
  fc.constant(null),
  fc.boolean(),
  fc.double(),
  fc.integer(),
  fc.array(word, { maxLength: 3 }),
  fc.dictionary(word, word, { maxKeys: 3, noNullPrototype: true }),
  fc.dictionary(word, fc.dictionary(word, word, { maxKeys: 2, noNullPrototype: true }), {
    maxKeys: 2,
    noNullPrototype: true,
  }),
);

test('whatever stands at whatever place: a fleet or problems with their places, never a crash', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom(...PLACES), spoil), { minLength: 1, maxLength: 3 }),
      async (changes) => {
        let documents: unknown = values;
        for (const [path, by] of changes) documents = fits(documents, path) ? replaced(documents, path, by) : documents;
        const loaded = await loadFiles(asFiles(documents as unknown[]), ENV);
        assert.equal(loaded.value === undefined, hasErrors(loaded.problems));
        for (const problem of loaded.problems) {
          const { file, line, column } = problem.at!;
          const text = loaded.source(file)!.split('\n')[line - 1];
          assert.ok(text !== undefined && column >= 1 && column <= text.length + 1, JSON.stringify(problem));
        }
      },
    ),
    { numRuns: 1500 },
  );
});

/** Whether a path still leads through maps and lists: an earlier change may have cut it. */
function fits(value: unknown, path: readonly Step[]): boolean {
  return path.slice(0, -1).every((_step, depth) => {
    const at = path
      .slice(0, depth + 1)
      .reduce<unknown>(
        (v, step) => (typeof v === 'object' && v !== null ? (v as Record<Step, unknown>)[step] : undefined),
        value,
      );
    return typeof at === 'object' && at !== null;
  });
}
