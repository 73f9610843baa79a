/** A load-shared pair: two instances, each router MASTER of one. Brought up by nobody's hand, then changed. */
// needs: kernel keepalived ssh
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { A, B, LivePair, pairImpossible } from '../netns/live-pair.ts';
import { steady } from '../support/steady.ts';

const instance = (name: string, vrid: number, dev: string, first: string, more: readonly string[]): string[] => {
  const other = first === A ? B : A;
  return [
    `  ${name}:`,
    `    interface: ${dev}`,
    '    link: switched',
    '    version: 3',
    '    advert_int: 300ms',
    '    preempt: false',
    `    virtual_router_id: ${vrid}`,
    `    priority: { ${first}: 150, ${other}: 100 }`,
    ...more.map((line) => `    ${line}`),
  ];
};

const pairOf = (more: readonly string[]): string =>
  [
    `members: { primary: ${A}, secondary: ${B} }`,
    'engine: keepalived',
    'vrrp:',
    ...instance('LEFT', 51, 'p3p1', A, ['vips: [192.168.1.1/24 dev p3p1]', ...more]),
    ...instance('RIGHT', 52, 'p3p2', B, ['vips: [10.1.1.1/24 dev p3p2]', ...more]),
    '',
  ].join('\n');

const skip = await pairImpossible();
test(
  'F28 a load-shared pair: brought up in stages with the roles as planned, then changed one router after the other',
  {
    skip,
    timeout: 280_000,
  },
  steady(async () => {
    await using pair = await LivePair.up();
    pair.write('pairs/core.yaml', pairOf([]));
    const up = await pair.tandem('apply', '--yes', '--allow', 'bring-up');
    assert.equal(up.code, 0, up.output);
    assert.match(up.output, /Transitions: 2 predicted, 2 observed/);
    assert.deepEqual([await pair.vips(A), await pair.vips(B)], [['192.168.1.1/24'], ['10.1.1.1/24']]);

    pair.write('pairs/core.yaml', pairOf(['garp: { delay: 3s }']));
    const hot = await pair.tandem('apply', '--yes');
    assert.equal(hot.code, 0, hot.output);
    assert.match(hot.output, /Order {2}(rtr-core0[12]) -> (?!\1)rtr-core0[12] -> prove/);
    assert.match(hot.output, /Transitions: 0 predicted, 0 observed/);
    assert.deepEqual([await pair.vips(A), await pair.vips(B)], [['192.168.1.1/24'], ['10.1.1.1/24']]);
  }),
);
