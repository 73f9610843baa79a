import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatProblem } from '../../src/base/caret.ts';
import type { Engine } from '../../src/base/engine.ts';
import { loadFleet } from '../../src/inventory/load.ts';
import type { Member, Pair } from '../../src/inventory/model.ts';
import { diskTree } from '../../src/inventory/tree.ts';
import { parse } from '../../src/keepalived/parser.ts';
import { renderPairs } from '../../src/render/render.ts';
import { loadTemplates } from '../../src/render/template-files.ts';
import { ip } from './member.ts';

const ROOT = join(import.meta.dirname, '../..');
/** The configuration as it was published, two of its addresses none and its password longer than VRRP carries. */
const SEED = readFileSync(join(ROOT, 'test/fixtures/seed.conf'), 'utf8');
const AUTH_PASS = 'p#a!s';

async function renderExample(engine?: Engine) {
  const fleet = await loadFleet(ROOT, { env: { CORE_VRRP: AUTH_PASS } });
  assert.deepEqual(
    fleet.problems.filter(({ severity }) => severity === 'error').map((p) => formatProblem(p, fleet.source)),
    [],
  );
  const templates = loadTemplates(diskTree(ROOT), diskTree(ROOT));
  const on = (member: Member): Member => ({ ...member, ...(engine && { engine }) });
  const pairs = fleet.value!.pairs.map(
    (pair): Pair => ({ ...pair, members: [on(pair.members[0]), on(pair.members[1])] }),
  );
  const { value, problems, source } = renderPairs(pairs, templates.value!);
  assert.deepEqual(
    problems.map((problem) => formatProblem(problem, source)),
    [],
  );
  return value!;
}

test('the example pair renders what the seed configuration says, but for these differences', async () => {
  const differences = [
    ['the gateway is an address: 78.123.65.1', '78.123.265.1', '78.123.65.1'],
    ['the network is one: 193.66.0.0/16', '193.266.0.0/16', '193.66.0.0/16'],
    ['the password comes from the environment', 'auth_pass sanitizedpassword', `auth_pass "${AUTH_PASS}"`],
  ] as const;
  let seed = SEED;
  for (const [what, published, mended] of differences) {
    assert.equal(seed.split(published).length, 2, what);
    seed = seed.replace(published, mended);
  }
  const parsed = parse(seed, 'seed.conf');
  assert.deepEqual(parsed.problems, []);

  // What `link: direct` derives: dont_track_primary, which the seed has, and the source, which it has not.
  const [instance, ...more] = parsed.config.vrrp_instance;
  assert.deepEqual(more, []);
  assert.equal(instance!.dont_track_primary, true);
  assert.equal(instance!.mcast_src_ip, undefined);
  const expected = { ...parsed.config, vrrp_instance: [{ ...instance!, mcast_src_ip: ip('10.255.0.1') }] };

  const [router] = await renderExample();
  assert.equal(router!.router, 'rtr-core01');
  assert.deepEqual(router!.config, expected);
});

test('its partner differs in what is its own, and in nothing that both must agree on', async () => {
  const [first, second] = await renderExample();
  const own = { priority: 40, smtp_alert: false, mcast_src_ip: ip('10.255.0.2') };
  const instance = { ...first!.config.vrrp_instance[0]!, ...own };
  assert.deepEqual(second!.config.vrrp_instance, [instance]);
  assert.equal(second!.config.global_defs.router_id, 'RTR-CORE-B');
});

test('the file is the same whichever daemon reads it', async () => {
  const [keepalived, tandemd] = [await renderExample('keepalived'), await renderExample('tandemd')];
  assert.deepEqual(
    tandemd.map(({ files }) => Buffer.from(files[0]!.content).toString()),
    keepalived.map(({ files }) => Buffer.from(files[0]!.content).toString()),
  );
});

test('rendering the example twice gives the same bytes', async () => {
  const bytes = async () =>
    (await renderExample()).flatMap(({ files }) => files.map(({ content }) => Buffer.from(content)));
  assert.deepEqual(await bytes(), await bytes());
});
