import assert from 'node:assert/strict';
import { test } from 'node:test';
import { selectPairs } from '../../src/inventory/select.ts';
import { loadFiles, shown } from './marked.ts';

const SITES = { 'ams-1': 'ams', 'ams-12': 'ams', 'fra-1': 'fra', core: 'fra' };

const FILES = Object.fromEntries([
  [
    'inventory/all.yaml',
    `defaults: { engine: tandemd }
groups: { ams: { labels: { site: ams } }, fra: { labels: { site: fra } } }
routers:
${Object.entries(SITES)
  .flatMap(([name, site]) => [`  ${name}-a: { groups: [${site}] }`, `  ${name}-b: {}`])
  .join('\n')}
`,
  ],
  ...Object.keys(SITES).map((name) => [
    `pairs/${name}.yaml`,
    `members: { primary: ${name}-a, secondary: ${name}-b }\n`,
  ]),
]);

const loaded = await loadFiles(FILES);
const fleet = loaded.value;
assert.ok(fleet, shown(loaded));

for (const [expression, names] of [
  [undefined, ['ams-1', 'ams-12', 'core', 'fra-1']],
  ['core', ['core']],
  ['core,fra-1', ['core', 'fra-1']],
  ['site=ams', ['ams-1', 'ams-12']],
  ['site=ams,!ams-12', ['ams-1']],
  ['!site=ams', ['core', 'fra-1']],
  ['ams-*', ['ams-1', 'ams-12']],
  ['???-1', ['ams-1', 'fra-1']],
  ['site=*', ['ams-1', 'ams-12', 'core', 'fra-1']],
  ['fra', ['core', 'fra-1']],
  ['core-b', ['core']],
  ['!core-b,site=fra', ['fra-1']],
  ['site=ams,!*-test', ['ams-1', 'ams-12']],
] as const) {
  test(`--limit ${expression} selects ${names.join(' ')}, never half a pair`, () => {
    const { value, problems } = selectPairs(fleet, expression);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      value!.map((pair) => pair.name),
      names,
    );
    assert.ok(value!.every((pair) => pair.members.length === 2));
  });
}

for (const [expression, hint] of [
  ['corr', /did you mean "core"/],
  ['site=fra,!corr', /did you mean "core"/],
  ['site=ams,!site=lon', undefined],
  ['', /leave it out/],
  [' ', /leave it out/],
  ['core,nothing', undefined],
  ['site=lon', undefined],
  ['core,!core', /excluded/],
  ['core,,fra-1', /joined by commas/],
  ['!', /joined by commas/],
  ['.*', undefined],
] as const) {
  test(`--limit ${expression} is an error`, () => {
    const { value, problems } = selectPairs(fleet, expression);
    assert.equal(value, undefined);
    assert.deepEqual(
      problems.map((problem) => problem.code),
      ['select-nothing'],
    );
    if (hint) assert.match(problems[0]!.hint ?? '', hint);
  });
}
