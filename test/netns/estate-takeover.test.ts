/**
 * Taking over and letting go of many VIPs on the real kernel, slice by slice: what answers when, and what is left of it
 * when it is cut anywhere. Before each slice the estate stands still, so nothing here depends on how fast it is.
 */
// needs: kernel ip arping
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { Thing } from '../../src/daemon/things.ts';
import { waitFor } from '../../src/lab/process.ts';
import type { Change } from '../../src/linux/kernel.ts';
import { ip } from '../support/ip.ts';
import { inOwnNetwork } from '../support/namespace.ts';
import { inPeer, layCable, RealEstate } from '../support/real-estate.ts';
import { vip, way } from '../support/things.ts';

inOwnNetwork();

const LABELS = { label: 'lan:1' };
/** Two subnets of the neighbours' and single addresses, more than are added without local routes. */
const VIPS: readonly Thing[] = [
  ...Array.from({ length: 200 }, (_, i) => vip(`10.0.0.${i + 1}/24`, LABELS)),
  ...Array.from({ length: 200 }, (_, i) => vip(`10.0.1.${i + 1}/24`)),
  ...Array.from({ length: 200 }, (_, i) => vip(`10.0.2.${i + 1}/32`)),
];
const gateway = { family: 4, text: '10.0.0.250' } as const;
const ROUTES: readonly Thing[] = Array.from({ length: 200 }, (_, i) =>
  way(`172.16.${i}.0/24`, { gateway, preferredSource: { family: 4, text: `10.0.0.${i + 1}` } }),
);
const ALL = { things: [...VIPS, ...ROUTES], unresolved: [] };
const LAST = ['10.0.0.200', '10.0.1.200', '10.0.2.200'];
/** Of others, and to be left alone. */
const OTHERS = [
  ['address', 'add', '10.0.9.1/24', 'dev', 'lan'],
  ['route', 'add', 'local', '10.0.9.9/32', 'dev', 'lan', 'table', 'local'],
  ['route', 'add', '10.0.0.0/24', 'dev', 'lan', 'metric', '9'],
  ['rule', 'add', 'from', '10.0.9.0/24', 'table', '77', 'priority', '77'],
];

describe('many VIPs', { timeout: 120_000 }, () => {
  let real: RealEstate;
  let empty: string;
  before(async () => {
    await layCable('10.0.0.250/16');
    for (const name of ['all', 'lan']) writeFileSync(`/proc/sys/net/ipv4/conf/${name}/promote_secondaries`, '1');
    for (const argv of OTHERS) ip(...argv);
    empty = picture();
  });
  beforeEach(async () => {
    real = await RealEstate.begin();
  });
  afterEach(async () => {
    real.kernel.before = () => {};
    real.estate.release('VI', ALL.things);
    await real.settle();
    assert.deepEqual(real.log, []);
    await real[Symbol.asyncDispose]();
    assert.equal(picture(), empty);
  });
  after(() => writeFileSync('/proc/sys/net/ipv4/conf/all/arp_ignore', '0'));

  test('answer ARP and ping, and lead to their next hops, before a single address is there', async () => {
    let looked = false;
    real.kernel.before = (changes) => {
      if (looked || !changes.some(isAddress)) return;
      looked = true;
      assert.doesNotMatch(ip('address', 'show', 'dev', 'lan'), /10\.0\.[012]\./);
      for (const address of LAST) assert.ok(answersArp(address) && answersPing(address), address);
      assert.equal(real.answering.length, VIPS.length);
      assert.equal(lines('route', 'show', 'proto', '112').filter((line) => line.includes('via')).length, ROUTES.length);
    };
    real.estate.want('VI', ALL);
    await real.settle();
    assert.ok(looked);
    assert.equal(lines('-o', '-4', 'address', 'show', 'dev', 'lan').length, VIPS.length + 1);
    assert.deepEqual(lines('route', 'show', 'table', 'local', 'proto', '112'), []);
    assert.deepEqual(ownFirst(), ['10.0.0.1/24', '10.0.1.1/24', '10.0.2.1/32']);
  });

  test('are silent, and their routes gone, before a single address goes', async () => {
    real.estate.want('VI', ALL);
    await real.settle();
    let looked = false;
    real.kernel.before = (changes) => {
      if (looked || !changes.some(isAddress)) return;
      looked = true;
      assert.equal(lines('-o', '-4', 'address', 'show', 'dev', 'lan').length, VIPS.length + 1);
      for (const address of LAST) assert.ok(!answersArp(address), address);
      assert.deepEqual(lines('route', 'show', 'proto', '112'), []);
    };
    real.estate.release('VI', ALL.things);
    await real.settle();
    assert.ok(looked);
  });

  test('answer again when somebody takes the local route of one away that is not there yet', async () => {
    const address = LAST.at(-1)!;
    let taken = false;
    let back = false;
    real.kernel.before = async (changes) => {
      if (!changes.some(isAddress)) return;
      if (!taken) {
        ip('route', 'del', 'local', `${address}/32`, 'dev', 'lan', 'table', 'local', 'proto', '112');
        taken = true;
        await waitFor(() => real.log.length > 0, { what: 'a word of it', timeoutMs: 5_000 });
      } else if (!back) {
        back = lines('route', 'show', 'table', 'local', 'proto', '112').some((line) => line.includes(address));
      }
    };
    real.estate.want('VI', ALL);
    await real.settle();
    assert.ok(back, 'its local route is put back before its address comes');
    assert.deepEqual(real.log.splice(0), [`${address}/32 was removed by someone else: it is put back`]);
  });

  test('are added in their order, and answer as they come, where arp_ignore is not 0', async () => {
    writeFileSync('/proc/sys/net/ipv4/conf/all/arp_ignore', '1');
    const asked: Change[] = [];
    real.kernel.before = (changes) => void asked.push(...changes);
    real.estate.want('VI', ALL);
    await real.settle();
    writeFileSync('/proc/sys/net/ipv4/conf/all/arp_ignore', '0');
    const order = [...VIPS, ...ROUTES].map(({ add }) => add);
    assert.deepEqual(asked, order);
    assert.deepEqual(
      real.answering.map(({ address }) => address),
      VIPS.flatMap(({ add }) => (add.kind === 'address' ? [add.address] : [])),
    );
  });

  /** Which slice of a takeover, and which of a release, is the last. */
  for (const slices of [1, 2, 3, 8, 14]) {
    test(`let go of after ${slices} slices of a takeover leave nothing, and no further address is added`, async () => {
      const asked = releaseAfter(slices);
      real.estate.want('VI', ALL);
      await real.settle();
      assert.ok(asked.length > 0);
      assert.ok(!asked.some((change) => change.verb === 'add' && isAddress(change)));
      assert.equal(picture(), empty);
    });

    test(`wanted again after ${slices} slices of a release are all there, as if nothing had been`, async () => {
      real.estate.want('VI', ALL);
      await real.settle();
      const whole = picture();
      let count = 0;
      real.kernel.before = () => {
        count += 1;
        if (count === slices + 1) real.estate.want('VI', ALL);
      };
      real.estate.release('VI', ALL.things);
      await real.settle();
      assert.ok(count > slices);
      assert.equal(sorted(picture()), sorted(whole));
      for (const address of LAST) assert.ok(answersArp(address), address);
    });

    for (const [what, wants] of [
      ['takeover', true],
      ['release', false],
    ] as const) {
      test(`killed after ${slices} slices of a ${what}: the next start leaves nothing of ours and all of others`, async () => {
        const killed = await RealEstate.begin();
        if (!wants) {
          killed.estate.want('VI', ALL);
          await killed.settle();
        }
        await new Promise<void>((resolve) => {
          let count = 0;
          killed.kernel.before = () => {
            count += 1;
            if (count <= slices) return;
            resolve();
            return new Promise(() => {});
          };
          if (wants) killed.estate.want('VI', ALL);
          else killed.estate.release('VI', ALL.things);
        });
        await killed[Symbol.asyncDispose]();
        assert.notEqual(picture(), empty);
        await using next = await RealEstate.begin(VIPS);
        await next.settle();
        assert.equal(picture(), empty);
        assert.deepEqual(next.log, []);
      });
    }
  }

  function releaseAfter(slices: number): Change[] {
    const asked: Change[] = [];
    let count = 0;
    real.kernel.before = (changes) => {
      count += 1;
      if (count > slices + 1) asked.push(...changes);
      // This slice is on its way; the next one knows.
      if (count === slices + 1) real.estate.release('VI', ALL.things);
    };
    return asked;
  }
});

const isAddress = ({ kind }: Change): boolean => kind === 'address';
const lines = (...argv: readonly string[]): readonly string[] =>
  ip(...argv)
    .split('\n')
    .filter((line) => line !== '');
const sorted = (text: string): string => text.split('\n').sort().join('\n');

/** Everything that `ip` shows of IPv4. */
const picture = (): string =>
  [
    ip('-o', '-4', 'address', 'show', 'dev', 'lan'),
    ip('-4', 'route', 'show', 'table', 'all', 'dev', 'lan'),
    ip('-4', 'rule', 'show'),
  ].join('');

/** The primary address of each of our subnets. */
const ownFirst = (): readonly string[] =>
  [
    ...new Map(
      lines('-o', '-4', 'address', 'show', 'dev', 'lan', 'primary')
        .map((line) => /inet (10\.0\.([012])\.\d+\/\d+)/.exec(line))
        .flatMap((match) => (match ? [[match[2], match[1]!] as const] : []))
        .toReversed(),
    ).values(),
  ].toReversed();

const inPeerRuns = (...argv: readonly string[]): boolean =>
  spawnSync('ip', ['netns', 'exec', 'peer', ...argv], { timeout: 10_000 }).status === 0;
const answersArp = (address: string): boolean => inPeerRuns('arping', '-c', '1', '-w', '1', '-I', 'far', address);
function answersPing(address: string): boolean {
  inPeer('neigh', 'flush', 'all');
  return inPeerRuns('ping', '-c', '1', '-W', '2', address);
}
