import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hasErrors } from '../../src/base/problem.ts';
import { schemaFiles } from '../../src/inventory/json-schema.ts';
import { loadFleet } from '../../src/inventory/load.ts';
import { ROUTER_KEYS, SETTING_NAMES } from '../../src/inventory/schema.ts';
import { parseYaml } from '../../src/inventory/yaml.ts';
import { jsonSchemaErrors } from './json-schema-check.ts';
import { places, shown } from './marked.ts';

const ROOT = join(import.meta.dirname, '../..');
const SEED = join(ROOT, 'examples/seed-as-published');

test('the example fleet is valid and says what it risks', async () => {
  const loaded = await loadFleet(ROOT, { env: { CORE_VRRP: 'sesame12' } });
  assert.ok(loaded.value, shown(loaded));
  assert.deepEqual(places(loaded), ['single-heartbeat pairs/core.yaml:8:11']);
  assert.deepEqual([...loaded.secrets], ['sesame12']);
});

test('the example fleet without its password says so at its place', async () => {
  const loaded = await loadFleet(ROOT, { env: {} });
  assert.ok(
    places(loaded).some((place) => /^secret-missing pairs\/core\.yaml:\d+:16$/.test(place)),
    shown(loaded),
  );
});

test('the seed as published: two addresses that are none and a password over 8 bytes, each at its place, in one run', async () => {
  const loaded = await loadFleet(SEED, { env: {} });
  const lines = readFileSync(join(SEED, 'pairs/core.yaml'), 'utf8').split('\n');
  const place = (code: string, text: string): string => {
    const line = lines.findIndex((l) => l.includes(text));
    return `${code} pairs/core.yaml:${line + 1}:${lines[line]!.indexOf(text) + 1}`;
  };
  const errors = { problems: loaded.problems.filter((problem) => problem.severity === 'error') };
  assert.deepEqual(places(errors), [
    place('auth-too-long', 'sanitizedpassword'),
    place('conf-value', '78.123.265.1'),
    place('conf-value', '193.266.0.0/16'),
  ]);
  const warnings = { problems: loaded.problems.filter((problem) => problem.severity === 'warning') };
  assert.deepEqual(places(warnings), [place('auth-literal', 'sanitizedpassword')]);
  assert.ok(hasErrors(loaded.problems) && loaded.value === undefined);
});

for (const [name, text] of schemaFiles()) {
  test(`schema/${name} is what tandem schema writes`, () => {
    assert.equal(readFileSync(join(ROOT, 'schema', name), 'utf8'), text, 'run: npm run tandem -- schema -o schema/');
  });
}

/** Every part of a schema that takes a map without saying what else may stand in it. */
function* openMaps(schema: unknown): Generator<object> {
  if (typeof schema !== 'object' || schema === null) return;
  if ('type' in schema && schema.type === 'object' && !('additionalProperties' in schema)) yield schema;
  for (const part of Object.values(schema)) yield* openMaps(part);
}

for (const [name, text] of schemaFiles()) {
  test(`schema/${name} lets an editor mark an unknown key at every depth`, () => {
    const open = [...openMaps(JSON.parse(text))].map((schema) => JSON.stringify(schema).slice(0, 200));
    assert.deepEqual(open, []);
  });
}

const examples = [ROOT, SEED].flatMap((root) =>
  ['inventory', 'pairs'].flatMap((folder) => readdirSync(join(root, folder)).map((file) => ({ root, folder, file }))),
);

for (const { root, folder, file } of examples) {
  const path = join(root, folder, file);
  test(`${path.slice(ROOT.length + 1)} validates against the schema that it names (F3)`, () => {
    const text = readFileSync(path, 'utf8');
    const named = /^# yaml-language-server: \$schema=(.*)$/m.exec(text)?.[1];
    assert.ok(named, 'it names no schema');
    const schema = JSON.parse(readFileSync(join(root, folder, named), 'utf8'));
    const { value } = parseYaml(text, file);
    assert.deepEqual(jsonSchemaErrors(schema, value!.value), []);
    const broken = { ...(value!.value as object), piority: 1 };
    assert.notDeepEqual(jsonSchemaErrors(schema, broken), [], 'an unknown key must not pass');
  });
}

test('the guide has every key', () => {
  const guide = readFileSync(join(ROOT, 'docs/inventory.md'), 'utf8');
  const keys = [
    ...ROUTER_KEYS,
    ...SETTING_NAMES,
    'members',
    'groups',
    'overrides',
    'sync_groups',
    'accept_dual_master',
  ];
  assert.deepEqual(
    keys.filter((key) => !guide.includes(`\`${key}\``)),
    [],
  );
});
