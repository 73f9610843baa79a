/** Impact where tandemd runs, on both routers or on one. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { vip } from './build.ts';
import { both, impactOf, type Pair, secret, thirdPeer } from './pair.ts';
import { ROWS } from './reload-matrix.ts';

describe('a pair on tandemd', () => {
  const onTandemd = (pair: Pair) =>
    impactOf({ ...pair, facts: (r) => ({ ...pair.facts?.(r), engine: 'tandemd', version: '1.0.0' }) });

  test('a third unicast peer is hot, and the reason speaks of nothing that keepalived does', () => {
    const found = onTandemd(thirdPeer);
    assert.equal(found.class, 'hot');
    assert.deepEqual(
      [...new Set(found.findings.map(({ rule, reason }) => `${rule}: ${reason}`))],
      ['unicast-peers-kept: the other router is sent to as before'],
    );
  });

  for (const [what, pair, expected] of [
    ['by default', secret(), 'hot'],
    ['that ends before a router has had its turn', secret(47_000), 'sync'],
    ['that lasts just as long', secret(49_000), 'hot'],
    ['that is switched off', secret(0), 'sync'],
  ] as const) {
    test(`another password with a grace ${what} is ${expected}`, () => {
      const found = onTandemd(pair);
      const rule = expected === 'hot' ? 'authentication' : 'former-speech-too-short';
      const finding = found.findings.find((f) => f.rule === rule);
      assert.equal(finding?.class, expected);
      assert.equal(found.order.kind, expected === 'hot' ? 'one-by-one' : 'together');
    });
  }

  test('no row that is hot speaks of keepalived', () => {
    const reasons = ROWS.filter(({ classes: [, , tandemd] }) => tandemd === 'hot').flatMap(({ pair }) =>
      onTandemd(pair).findings.map(({ rule, reason }) => `${rule}: ${reason}`),
    );
    assert.deepEqual(
      reasons.filter((reason) => reason.includes('keepalived')),
      [],
    );
    assert.ok(reasons.length > 20);
  });
});

describe('a mixed pair', () => {
  test('what is on the wire goes by the router that forgives less, what is on a router by itself', () => {
    const change = { virtual_ipaddress: ['1/24 label p3p1:1', '2/24', '3/24'].map((line) => vip(`192.168.1.${line}`)) };
    const found = impactOf({
      ...both({}, change),
      facts: (r) => (r === 'A' ? { engine: 'tandemd', version: '1.0.0' } : {}),
    });
    const of = (router: string, rule: string) =>
      found.findings.find((f) => f.router === router && f.rule === rule)?.class;
    assert.equal(of('A', 'advertised-vips'), 'sync');
    assert.equal(of('A', 'vip-edited'), 'hot');
    assert.equal(of('B', 'vip-edited'), 'touch');
  });
});
