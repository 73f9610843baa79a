/**
 * A reload on the real kernel, on a leg that has no address but the VIPs: whatever changes, no other VIP loses a packet,
 * and no route of ours is missing afterwards. With promote_secondaries, and where it cannot be set.
 */
// needs: kernel ip
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Thing } from '../../src/daemon/things.ts';
import { ip } from '../support/ip.ts';
import { inOwnNetwork } from '../support/namespace.ts';
import { layCable, Pinger, RealEstate } from '../support/real-estate.ts';
import { steady } from '../support/steady.ts';
import { vip, way } from '../support/things.ts';

inOwnNetwork();

const FIRST = vip('10.0.0.1/24');
const OTHERS = [vip('10.0.0.2/24'), vip('10.0.0.3/24')];
const gateway = { family: 4, text: '10.0.0.200' } as const;
const ROUTES = [
  way('192.0.2.0/24', { gateway }),
  way('198.51.100.0/24', { gateway, preferredSource: { family: 4, text: '10.0.0.1' } }),
  way('203.0.113.0/24', { gateway, preferredSource: { family: 4, text: '10.0.0.2' } }),
];

interface Edit {
  readonly what: string;
  readonly before: readonly Thing[];
  readonly after: readonly Thing[];
  /** Those that must not lose a packet. */
  readonly served: readonly string[];
}

const [, plain] = ROUTES;
const EDITS: readonly Edit[] = [
  {
    what: 're-labelling the first VIP',
    before: [FIRST, ...OTHERS, ...ROUTES],
    after: [vip('10.0.0.1/24', { label: 'lan:7' }), ...OTHERS, ...ROUTES],
    served: ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
  },
  {
    what: 're-prefixing the first VIP',
    before: [FIRST, ...OTHERS, ...ROUTES],
    after: [vip('10.0.0.1/32'), ...OTHERS, ...ROUTES],
    served: ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
  },
  {
    what: 'removing the first VIP',
    before: [FIRST, ...OTHERS, ROUTES[0]!, ROUTES[2]!],
    after: [...OTHERS, ROUTES[0]!, ROUTES[2]!],
    served: ['10.0.0.2', '10.0.0.3'],
  },
  {
    what: 'removing the first VIP, whose route leaves from another one now',
    before: [FIRST, ...OTHERS, plain!],
    after: [...OTHERS, way('198.51.100.0/24', { gateway, preferredSource: { family: 4, text: '10.0.0.2' } })],
    served: ['10.0.0.2', '10.0.0.3'],
  },
  {
    what: 'giving every VIP of the subnet a broadcast address',
    before: [FIRST, ...OTHERS, ...ROUTES],
    after: [
      ...[1, 2, 3].map((host) => vip(`10.0.0.${host}/24`, { broadcast: { family: 4, text: '10.0.0.255' } })),
      ...ROUTES,
    ],
    served: ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
  },
  {
    what: 're-labelling the only VIP of the leg',
    before: [FIRST, ROUTES[0]!, plain!],
    after: [vip('10.0.0.1/24', { label: 'lan:8' }), ROUTES[0]!, plain!],
    served: ['10.0.0.1'],
  },
  {
    what: 'adding and removing VIPs and routes, and other next hops for the rest',
    before: [FIRST, ...OTHERS, ...ROUTES],
    after: [
      ...[...OTHERS, vip('10.0.0.9/24')],
      way('192.0.2.0/24', { gateway: { family: 4, text: '10.0.0.201' } }),
      way('203.0.113.0/24', { gateway }),
      way('198.18.0.0/15', { gateway }),
    ],
    served: ['10.0.0.2', '10.0.0.3'],
  },
];

describe('a reload', { timeout: 120_000 }, () => {
  let real: RealEstate;
  before(async () => {
    await layCable('10.0.0.200/24');
    real = await RealEstate.begin();
  });
  after(() => real[Symbol.asyncDispose]());
  const anew = async () => {
    await real.estate.change(new Map([['VI', { things: [], unresolved: [] }]]));
    await real.settle();
    real.log.length = 0;
  };
  afterEach(async () => {
    await real.estate.change(new Map([['VI', { things: [], unresolved: [] }]]));
    assert.equal(ip('-o', 'address', 'show', 'dev', 'lan'), '');
    assert.equal(ip('-4', 'route', 'show', 'table', 'all', 'dev', 'lan'), '');
  });

  for (const promote of ['1', '0']) {
    for (const { what, before: first, after: second, served } of EDITS) {
      const loses = async () => {
        for (const name of ['all', 'lan']) setSysctl(`net/ipv4/conf/${name}/promote_secondaries`, promote);
        await real.estate.change(new Map([['VI', { things: first, unresolved: [] }]]));
        assert.deepEqual(holds(), texts(first));
        const pingers = served.map((address) => new Pinger(address));
        await Promise.all(pingers.map((pinger) => pinger.answered()));
        const announced = await real.estate.change(new Map([['VI', { things: second, unresolved: [] }]]));
        await real.settle();
        await Promise.all(pingers.map((pinger) => pinger.answered()));
        for (const pinger of pingers) {
          const { sent, lost } = await pinger.stop();
          assert.equal(lost, 0, `${lost} of ${sent} lost`);
        }
        assert.deepEqual(holds(), texts(second));
        assert.deepEqual(real.log, []);
        const kept = new Set(texts(first).map((text) => text.replace(/\/.*/, '')));
        const come = texts(second).filter(
          (text) => !kept.has(text.replace(/\/.*/, '')) || !texts(first).includes(text),
        );
        const told = (announced.get('VI') ?? []).map(({ address }) => `${address.text}/${address.prefix}`);
        assert.deepEqual(told.sort(), come.filter((text) => !text.includes('route')).sort());
      };
      test(`${what} with promote_secondaries ${promote} loses nothing`, steady(loses, { anew }));
    }
  }

  test('a route keeps the IPv6 source whose prefix changes', async () => {
    const source = { family: 6, text: '2001:db8::1' } as const;
    const route = way('2001:db8:5::/48', {
      gateway: { family: 6, text: '2001:db8::200' },
      metric: 1024,
      preferredSource: source,
    });
    for (const prefix of [64, 128, 64, 48]) {
      const things = [vip(`2001:db8::1/${prefix}`), vip('2001:db8::2/64'), route];
      await real.estate.change(new Map([['VI', { things, unresolved: [] }]]));
      await real.settle();
      assert.match(ip('-6', 'route', 'show', 'proto', '112'), /^2001:db8:5::\/48 via \S+ dev lan .*src 2001:db8::1 /);
    }
    assert.deepEqual(real.log, []);
  });
});

const setSysctl = (name: string, value: string): void => writeFileSync(`/proc/sys/${name}`, value);
/** Addresses and main routes of the leg but for the kernel's own, sorted. */
function holds(): readonly string[] {
  const addresses = ip('-o', '-4', 'address', 'show', 'dev', 'lan')
    .split('\n')
    .flatMap((line) => /inet (\S+)/.exec(line)?.[1] ?? []);
  const routes = ip('route', 'show', 'dev', 'lan', 'proto', '112').split('\n');
  return [...addresses, ...routes.filter((line) => line !== '').map((line) => `route ${line.split(' ')[0]}`)].sort();
}

const texts = (things: readonly Thing[]): readonly string[] =>
  things.map(({ text, add }) => (add.kind === 'route' ? `route ${text}` : text)).sort();
