import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIpPrefix } from '../../src/base/address.ts';
import type { Observed } from '../../src/change/observed.ts';
import { type PairPlan, planPair } from '../../src/plan/plan.ts';
import { printPlans } from '../../src/plan/print.ts';
import { conf, PATH, planOf } from './pair.ts';

const plain = (_style: unknown, text: string): string => text;

test('VIPs that a killed daemon left behind are drift, and do not forbid to start it again', () => {
  const address = { address: parseIpPrefix('192.0.2.1/24')!, dev: 'lan0', scope: 'global', secondary: false } as const;
  const daemon = { kind: 'stopped', engine: 'keepalived', version: '2.2.7', binary: '/usr/sbin/keepalived' } as const;
  const plan = planOf(
    { before: conf(150), after: conf(150) },
    { after: conf(100), observed: { daemon, addresses: [address] } },
  );
  assert.match(printPlans([plan], plain), /! b holds VIP 192.0.2.1\/24, and no daemon runs there to give it up/);
  assert.deepEqual(plan.blocks, []);
});

/** What a's daemon loaded is `loaded`, its file and what lies beside it say the rest. */
function driftOn(loaded: string, file: string, observed: Partial<Observed> = {}): PairPlan {
  const [a, b] = [
    { before: conf(150), after: conf(150) },
    { before: conf(100), after: conf(100) },
  ];
  const { reading } = planOf(a, b).nodes[0];
  assert.ok(reading.kind === 'read' && reading.observed.daemon.kind === 'running');
  const daemon = { ...reading.observed.daemon, loaded: { text: loaded, at: 0, whole: true } };
  const config = { ...reading.observed.config!, text: file };
  return planOf({ ...a, observed: { daemon, config, ...observed } }, b);
}

const vi0 = (mtime: number, text: string, path = '/etc/keepalived/conf.d/vi0.conf') => ({
  path,
  text,
  mtime,
  sha256: '',
  size: text.length,
  mode: 0o600,
  owner: 'root:root',
});

for (const pattern of ['conf.d/*.conf', '/etc/keepalived/conf.d/vi0.conf', '../keepalived/./conf.d/v[a-z]?.conf'])
  test(`a file that includes ${pattern} says what the included file says`, () => {
    const hidden = vi0(60, 'garbage', '/etc/keepalived/conf.d/.vi0.conf');
    // As the router tells it: the folder of the file and the pattern's own parts, put together.
    const path = pattern.startsWith('/') ? pattern : '/etc/keepalived/../keepalived/conf.d/vi0.conf';
    const included = (text: string) =>
      driftOn(conf(150), `include ${pattern}\n`, { files: [vi0(60, text, path), hidden] });
    assert.deepEqual(included(conf(150)).nodes[0].drift, []);
    assert.match(
      included(conf(151)).nodes[0].drift[0]!.message,
      /conf\.d\/vi0\.conf was written at 1970-01-01T00:01:00Z with a change that the daemon has not loaded/,
    );
  });

test('lines for one router alone are read as its keepalived reads them, by the name of the host', () => {
  const text = conf(150).replace('priority 150', '@a priority 150\n    @b priority 77\n    @^a advert_int 9');
  const plan = driftOn(text, text);
  assert.deepEqual([plan.changes, plan.nodes[0].drift, plan.warnings], [[], [], []]);
});

test('a file that was written and never loaded is drift, and what runs is what is compared', () => {
  const plan = driftOn(conf(150, 'garp_master_delay 2'), conf(150));
  assert.match(
    plan.nodes[0].drift[0]!.message,
    /was written at 1970-01-01T00:00:00Z with a change that the daemon has not loaded/,
  );
  assert.deepEqual(
    plan.schedule?.moves.map((move) => `${move.kind} ${move.routers}`),
    ['reload a'],
  );
  assert.deepEqual(plan.blocks, []);
});

test('a daemon that does not tell its state could not be proven: it is named, and nothing is changed', () => {
  const [a, b] = [
    { before: conf(150), after: conf(150, 'garp_master_delay 2') },
    { before: conf(100), after: conf(100) },
  ];
  const [first, second] = planOf(a, b).nodes;
  assert.ok(second.reading.kind === 'read');
  const { instances: _, ...observed } = second.reading.observed;
  const plan = planPair({
    pair: 'core',
    desired: [first.desired, second.desired],
    readings: [first.reading, { kind: 'read', observed }],
  });
  assert.deepEqual(
    plan.blocks.map(({ code, message }) => `${code}: ${message.split(' (')[0]}`),
    ['plan-degraded: b: keepalived 2.2.7 does not tell its state'],
  );
});

/** b's file is gone, and what its daemon says that it loaded is all there is. */
function withoutFile(loaded: string | undefined): PairPlan {
  const [a, b] = [
    { before: conf(150), after: conf(150) },
    { before: conf(100), after: conf(100) },
  ];
  const [first, second] = planOf(a, b).nodes;
  assert.ok(second.reading.kind === 'read' && second.reading.observed.daemon.kind === 'running');
  const { config: _, ...observed } = second.reading.observed;
  const daemon = { ...second.reading.observed.daemon, ...(loaded && { loaded: { text: loaded, at: 0, whole: true } }) };
  return planPair({
    pair: 'core',
    desired: [first.desired, second.desired],
    readings: [first.reading, { kind: 'read', observed: { ...observed, daemon } }],
  });
}

test('a daemon whose file was taken away runs on what it loaded: the file is put back, and nobody is signalled', () => {
  const plan = withoutFile(conf(100));
  assert.deepEqual([plan.changes, plan.blocks], [[], []]);
  assert.deepEqual(plan.schedule?.moves, [{ kind: 'write', routers: ['b'], generation: 1 }]);
  assert.match(plan.nodes[1].drift[0]!.message, /keepalived\.conf is not there, and the daemon runs on what it loaded/);
});

test('of a daemon without its file that does not tell what it loaded nothing is claimed', () => {
  assert.deepEqual(
    withoutFile(undefined).blocks.map(({ message }) => message),
    [`b: keepalived runs without its file ${PATH}, and does not tell what it loaded`],
  );
});
