/** What the estate asks of the kernel, and in which order, on a kernel that is nothing but state. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { ms } from '../../src/base/units.ts';
import type { Owner } from '../../src/daemon/owner.ts';
import { ruleThing, type Thing } from '../../src/daemon/things.ts';
import { OWN_PROTOCOL } from '../../src/linux/kernel.ts';
import type { Rule } from '../../src/linux/rule.ts';
import { fakeEstate, NOTHING, say, these } from '../support/fake-estate.ts';
import { vip, way } from '../support/things.ts';

const gateway = (last: number) => ({ gateway: { family: 4, text: `10.0.0.${last}` } as const });
const six = (last: number) => ({ gateway: { family: 6, text: `2001:db8::${last}` } as const });
function ruled(table: number, more: Partial<Rule> = {}): Thing {
  const rule: Rule = { family: 4, action: 'table', table, priority: 100, protocol: OWN_PROTOCOL, ...more };
  return ruleThing(rule, `rule ${table}`);
}

interface Row {
  readonly what: string;
  readonly before: readonly Thing[];
  readonly after: readonly Thing[];
  readonly asked: readonly string[];
}

const FIRST = vip('10.0.0.1/24');
const SECOND = vip('10.0.0.2/24');
const ROWS: readonly Row[] = [
  {
    what: 'nothing where nothing differs',
    before: [FIRST, SECOND, way('10.5.0.0/16', gateway(9)), ruled(5)],
    after: [vip('10.0.0.1/24'), vip('10.0.0.2/24'), way('10.5.0.0/16', gateway(9)), ruled(5)],
    asked: [],
  },
  {
    what: 'what is new before what goes: addresses, routes, rules; then rules, routes, addresses',
    before: [FIRST, SECOND, way('10.5.0.0/16', gateway(9)), ruled(5)],
    after: [FIRST, vip('10.0.0.3/24'), way('10.6.0.0/16', gateway(9)), ruled(6)],
    asked: [
      'add 10.0.0.3/24',
      'prepend unicast 10.6.0.0/16 via 10.0.0.9',
      'add rule 100 table 6',
      'delete rule 100 table 5',
      'delete unicast 10.5.0.0/16 via 10.0.0.9',
      'delete 10.0.0.2/24',
    ],
  },
  {
    what: 'another next hop in front of the old one, which then goes',
    before: [FIRST, way('10.5.0.0/16', gateway(9))],
    after: [FIRST, way('10.5.0.0/16', gateway(8))],
    asked: ['prepend unicast 10.5.0.0/16 via 10.0.0.8', 'delete unicast 10.5.0.0/16 via 10.0.0.9'],
  },
  {
    what: 'a route behind the old one where a delete of the old one could take the new one',
    before: [FIRST, way('10.5.0.0/16', gateway(9))],
    after: [FIRST, way('10.5.0.0/16', { ...gateway(9), metrics: { mtu: 1400 } })],
    asked: ['append unicast 10.5.0.0/16 via 10.0.0.9', 'delete unicast 10.5.0.0/16 via 10.0.0.9'],
  },
  {
    what: 'an IPv6 route in place of itself',
    before: [way('2001:db8:5::/48', six(9))],
    after: [way('2001:db8:5::/48', six(8))],
    asked: ['replace unicast 2001:db8:5::/48 via 2001:db8::8'],
  },
  {
    what: 'a rule behind the old one, which then goes',
    before: [ruled(5)],
    after: [ruled(5, { tos: 4 })],
    asked: ['add rule 100 table 5', 'delete rule 100 table 5'],
  },
  {
    what: 'the label of a secondary: held by a local route while it goes and comes',
    before: [FIRST, SECOND],
    after: [FIRST, vip('10.0.0.2/24', { label: 'lan:2' })],
    asked: ['append local 10.0.0.2/32', 'delete 10.0.0.2/24', 'add 10.0.0.2/24', 'delete local 10.0.0.2/32'],
  },
  {
    what: 'the label of a primary: its secondaries and the way to their subnet are held as well',
    before: [FIRST, SECOND],
    after: [vip('10.0.0.1/24', { label: 'lan:2' }), SECOND],
    asked: [
      ...['append local 10.0.0.1/32', 'append local 10.0.0.2/32', 'append unicast 10.0.0.0/24'],
      ...['delete 10.0.0.1/24', 'add 10.0.0.1/24'],
      ...['delete unicast 10.0.0.0/24', 'delete local 10.0.0.1/32', 'delete local 10.0.0.2/32'],
    ],
  },
  {
    what: 'the label of the only address of a device: another one keeps its routes from being flushed',
    before: [vip('10.0.0.1/32')],
    after: [vip('10.0.0.1/32', { label: 'lan:2' })],
    asked: [
      ...['add 10.0.0.1/31', 'append local 10.0.0.1/32', 'delete 10.0.0.1/32', 'add 10.0.0.1/32'],
      ...['delete local 10.0.0.1/32', 'delete 10.0.0.1/31'],
    ],
  },
  {
    what: 'another prefix beside the old one, which then goes',
    before: [FIRST, SECOND],
    after: [FIRST, vip('10.0.0.2/32')],
    asked: ['add 10.0.0.2/32', 'delete 10.0.0.2/24'],
  },
  {
    what: 'an IPv6 address in place, but for its prefix',
    before: [vip('2001:db8::1/64'), vip('2001:db8::2/64')],
    after: [vip('2001:db8::1/64', { preferredSeconds: 0 }), vip('2001:db8::2/48')],
    asked: ['replace 2001:db8::1/64', 'delete 2001:db8::2/64', 'add 2001:db8::2/48'],
  },
];

describe('a reload asks for', () => {
  for (const { what, before, after, asked } of ROWS) {
    test(what, async () => {
      const { kernel, estate, log } = await fakeEstate();
      await estate.change(new Map([['VI', these(...before)]]));
      kernel.asked.length = 0;
      await estate.change(new Map([['VI', these(...after)]]));
      await estate.idle();
      assert.deepEqual(kernel.asked.flat().map(say), asked);
      assert.deepEqual(log, []);
    });
  }

  test('nothing when an instance has another name, or a VIP another instance', async () => {
    const { kernel, estate } = await fakeEstate();
    await estate.change(
      new Map([
        ['A', these(FIRST)],
        ['B', these(SECOND)],
      ]),
    );
    kernel.asked.length = 0;
    const added = await estate.change(
      new Map([
        ['A', NOTHING],
        ['B', NOTHING],
        ['C', these(FIRST, SECOND)],
      ]),
    );
    assert.deepEqual(kernel.asked, []);
    assert.deepEqual(added.get('C'), []);
    assert.deepEqual(estate.standing('C').length, 2);
  });

  test('an IPv6 route that shares its key with somebody else: it goes and comes, and theirs stays', async () => {
    const { kernel, estate } = await fakeEstate();
    const theirs = way('2001:db8:5::/48', { ...six(7), protocol: 4 }).add;
    kernel.changeByOthers(theirs);
    await estate.change(new Map([['VI', these(way('2001:db8:5::/48', six(9)))]]));
    kernel.asked.length = 0;
    await estate.change(new Map([['VI', these(way('2001:db8:5::/48', six(8)))]]));
    assert.deepEqual(kernel.asked.flat().map(say), [
      'delete unicast 2001:db8:5::/48 via 2001:db8::9',
      'prepend unicast 2001:db8:5::/48 via 2001:db8::8',
    ]);
    assert.match(String(kernel), /2001:db8::7/);
  });

  test('the statics of a device again whose last address has gone with them', async () => {
    const { kernel, estate } = await fakeEstate();
    const fixed = way('10.8.0.0/16');
    estate.want(undefined, these(fixed));
    estate.want('VI', these(FIRST));
    await estate.idle();
    estate.release('VI', [FIRST]);
    await estate.idle();
    assert.deepEqual(kernel.asked.flat().map(say).slice(-2), ['delete 10.0.0.1/24', 'prepend unicast 10.8.0.0/16']);
    assert.match(String(kernel), /10\.8\.0\.0/);
  });
});

const MANY = Array.from({ length: 300 }, (_, i) => vip(`10.7.${i >> 8}.${i & 255}/32`));

describe('many VIPs', () => {
  test('answer before the first address comes, and none answers when the first one goes', async () => {
    const { kernel, estate, answering } = await fakeEstate();
    const answered = () =>
      MANY.filter(({ add }) => add.kind === 'address' && kernel.answers('lan', add.address.address.text));
    const seen: number[] = [];
    const look = (): void => {
      kernel.before = (changes) => {
        if (!changes.some(({ kind }) => kind === 'address')) return;
        seen.push(answered().length);
        kernel.before = () => {};
      };
    };
    look();
    estate.want('VI', these(...MANY));
    await estate.idle();
    assert.deepEqual(
      answering,
      MANY.map(({ text }) => text.replace('/32', '')),
    );
    look();
    estate.release('VI', MANY);
    await estate.idle();
    assert.deepEqual(seen, [300, 0]);
  });

  for (const [what, prepare] of [
    ['arp_ignore of the device is not 0', { 'ipv4/conf/lan/arp_ignore': '1' }],
    ['arp_ignore of all devices is not 0', { 'ipv4/conf/all/arp_ignore': '2' }],
  ] as const) {
    test(`come as addresses at once where ${what}`, async () => {
      const { kernel, estate } = await fakeEstate(({ settings }) => {
        for (const [name, value] of Object.entries(prepare)) settings.set(name, value);
      });
      estate.want('VI', these(...MANY));
      await estate.idle();
      assert.deepEqual(
        kernel.asked.flat(),
        MANY.map(({ add }) => add),
      );
    });
  }

  for (const link of [{ type: 'macvlan' }, { master: 9 }, { up: false }]) {
    test(`come as addresses at once on a device with ${JSON.stringify(link)}`, async () => {
      const { kernel, estate } = await fakeEstate((fake) => fake.setLink('lan', link));
      estate.want('VI', these(...MANY));
      await estate.idle();
      assert.deepEqual(
        kernel.asked.flat(),
        MANY.map(({ add }) => add),
      );
    });
  }

  test('of several instances that take over in one breath count together; few come as addresses', async () => {
    const { kernel, estate } = await fakeEstate();
    estate.want('A', these(...MANY.slice(0, 150)));
    estate.want('B', these(...MANY.slice(150)));
    await estate.idle();
    assert.equal(say(kernel.asked[0]![0]!), 'append local 10.7.0.0/32');
    kernel.asked.length = 0;
    estate.release('A', MANY.slice(0, 150));
    await estate.idle();
    assert.ok(kernel.asked.flat().every(({ kind }) => kind === 'address'));
  });
});

describe('what somebody else takes away', () => {
  test('is put back five times in ten seconds, then left, and its owner told', async () => {
    const { kernel, estate, log, lost } = await fakeEstate();
    estate.want('VI', these(FIRST));
    await estate.idle();
    for (let times = 1; times <= 6; times += 1) {
      kernel.changeByOthers(FIRST.remove);
      await estate.idle();
      assert.equal(kernel.answers('lan', '10.0.0.1'), times <= 5);
    }
    assert.equal(log.length, 6);
    assert.deepEqual(lost, ['10.0.0.1/24']);
  });

  test('is put back again and again where it goes rarely', async () => {
    const { kernel, estate, lost } = await fakeEstate();
    estate.want('VI', these(FIRST));
    await estate.idle();
    for (let times = 0; times < 12; times += 1) {
      kernel.advance(ms(2_500));
      kernel.changeByOthers(FIRST.remove);
      await estate.idle();
    }
    assert.ok(kernel.answers('lan', '10.0.0.1'));
    assert.deepEqual(lost, []);
  });

  test('with the device, is there again with the device', async () => {
    const { kernel, estate } = await fakeEstate();
    estate.want('VI', these(FIRST, way('10.5.0.0/16', gateway(9))));
    await estate.idle();
    const whole = String(kernel);
    kernel.removeLink('lan');
    await settle(estate);
    kernel.setLink('lan');
    await settle(estate);
    assert.equal(String(kernel), whole);
  });
});

describe('whatever is wished in whatever order', () => {
  const few = [
    ...Array.from({ length: 20 }, (_, i) => vip(`10.0.${i % 2}.${i}/24`, i % 3 === 0 ? { label: 'lan:3' } : {})),
    ...Array.from({ length: 20 }, (_, i) => vip(`10.0.${i % 2}.${i}/24`)),
    ...Array.from({ length: 10 }, (_, i) => way(`10.5${i}.0.0/16`, gateway(i % 2))),
    ...Array.from({ length: 10 }, (_, i) => way(`10.5${i}.0.0/16`, gateway(7))),
  ];
  /** By their places, so that a counterexample can be read. */
  const chosen = fc.shuffledSubarray(few.map((_, i) => i));
  const thingsOf = ({ many, places }: { readonly many: boolean; readonly places: readonly number[] }) => [
    ...(many ? MANY : []),
    ...new Map(places.map((place) => [few[place]!.key, few[place]!])).values(),
  ];
  const wish = fc.record({
    kind: fc.constantFrom('want' as const, 'release' as const, 'change' as const),
    owner: fc.constantFrom<Owner>('A', 'B', undefined),
    many: fc.boolean(),
    places: chosen,
    /** How much of it may be carried out before the next wish: a slice takes three turns. */
    turns: fc.integer({ min: 0, max: 12 }),
  });

  test('in the end there is what is wanted, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(wish, { minLength: 1, maxLength: 6 }), async (wishes) => {
        const { kernel, estate } = await fakeEstate();
        kernel.pause = turn;
        const wanted = new Map<string, { readonly owner: Owner; readonly thing: Thing }>();
        for (const { kind, owner, turns, ...which } of wishes) {
          const asked = thingsOf(which);
          const own = [...wanted].filter(([, one]) => one.owner === owner).map(([key]) => key);
          if (kind === 'change') {
            void estate.change(new Map([[owner, these(...asked)]]));
            for (const key of own) wanted.delete(key);
          } else if (kind === 'want') estate.want(owner, these(...asked));
          else estate.release(owner, asked);
          for (const thing of asked) {
            if (kind !== 'release') wanted.set(thing.key, { owner, thing });
            else if (own.includes(thing.key)) wanted.delete(thing.key);
          }
          for (let i = 0; i < turns; i += 1) await turn();
        }
        await estate.idle();
        const fresh = await fakeEstate();
        fresh.kernel.changeByOthers(...[...wanted.values()].map(({ thing }) => thing.add));
        assert.deepEqual(String(kernel).split('\n').sort(), String(fresh.kernel).split('\n').sort());
        for (const { thing } of wanted.values()) {
          if (thing.add.kind === 'address')
            assert.ok(kernel.answers('lan', thing.add.address.address.text), thing.text);
        }
      }),
      { numRuns: 40 },
    );
  });
});

async function settle(estate: { idle(): Promise<void> }): Promise<void> {
  for (let i = 0; i < 10; i += 1) await turn();
  await estate.idle();
}
