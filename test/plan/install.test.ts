/** Plans of pairs whose daemon makes room for another one: what is installed, in which order, and what forbids it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InstallFacts, Observed, TandemdFiles } from '../../src/change/observed.ts';
import type { WantedExecutable } from '../../src/plan/install.ts';
import type { PairPlan } from '../../src/plan/plan.ts';
import { printPlans } from '../../src/plan/print.ts';
import { conf, planOf, type Side } from './pair.ts';

const hash = (character: string): string => character.repeat(64);
const wanted: WantedExecutable = { version: '0.2.0', sha256: hash('a'), size: 100e6, glibc: '2.28', unit: hash('b') };
const nothing: TandemdFiles = { executables: [], foreign: false };
const installed: TandemdFiles = {
  executables: [{ name: 'tandemd-0.2.0', sha256: hash('a') }],
  foreign: false,
  link: 'tandemd-0.2.0',
  unit: hash('b'),
};

const facts: InstallFacts = {
  installed: [{ engine: 'keepalived', version: '2.2.7', binary: '/usr/sbin/keepalived', file: '/usr/sbin/keepalived' }],
  units: [],
  glibc: '2.36',
  place: { path: '/usr/local/sbin', freeBytes: 1e9, noexec: false, readOnly: false },
};

const tandemdRuns: Observed['daemon'] = {
  kind: 'running',
  engine: 'tandemd',
  version: '0.1.0',
  binary: '/usr/local/sbin/tandemd-0.1.0',
  pid: 200,
  startTime: '2',
  argv: ['/usr/local/sbin/tandemd', '--dont-fork'],
  configPath: '/etc/keepalived/keepalived.conf',
  pidFile: '/run/keepalived.pid',
  unit: 'tandemd.service',
};

const to = (priority: number, more: Partial<Side> = {}): Side => ({
  before: conf(priority),
  after: conf(priority),
  wants: 'tandemd',
  executable: wanted,
  tandemd: nothing,
  ...more,
  observed: { install: facts, ...more.observed },
});
const upgrade = (priority: number, more: Partial<Side> = {}): Side =>
  to(priority, {
    tandemd: { ...installed, running: hash('9') },
    ...more,
    observed: { daemon: tandemdRuns, ...more.observed },
  });

const moves = (plan: PairPlan): string =>
  (plan.schedule?.moves ?? []).map((m) => `${m.kind} ${m.routers.join('+')} ${m.generation}`).join(', ');

const orders: readonly { name: string; plan: PairPlan; moves: string; allow: string; transitions: number }[] = [
  {
    name: 'keepalived -> tandemd on both',
    plan: planOf(to(150), to(100)),
    moves: 'replace b 2, take-over b 3, replace a 2, reload b 4',
    allow: 'engine',
    transitions: 2,
  },
  {
    name: 'the MASTER alone is left of it',
    plan: planOf(
      to(150),
      to(100, { tandemd: { ...installed, running: hash('a') }, observed: { daemon: tandemdRuns } }),
    ),
    moves: 'take-over b 3, replace a 2, reload b 4',
    allow: 'engine',
    transitions: 2,
  },
  {
    name: 'the BACKUP alone is left of it',
    plan: planOf(
      to(150, { tandemd: { ...installed, running: hash('a') }, observed: { daemon: tandemdRuns } }),
      to(100),
    ),
    moves: 'replace b 2',
    allow: 'engine',
    transitions: 0,
  },
  {
    name: 'no priority is above that of the MASTER',
    plan: planOf(to(254), to(100)),
    moves: 'replace b 2, replace a 2',
    allow: 'engine',
    transitions: 2,
  },
  {
    name: 'another build',
    plan: planOf(upgrade(150), upgrade(100)),
    moves: 'replace b 2, take-over b 3, replace a 2, reload b 4',
    allow: 'failover',
    transitions: 2,
  },
  {
    name: 'another build with a hot change',
    plan: planOf(upgrade(150, { after: conf(150, 'garp_master_delay 2') }), upgrade(100)),
    moves: 'replace b 2, take-over b 3, replace a 2, reload b 4',
    allow: 'failover',
    transitions: 2,
  },
  {
    name: 'the running build, with another unit',
    plan: planOf(
      upgrade(150, { tandemd: { ...installed, running: hash('a'), unit: hash('c') } }),
      upgrade(100, { tandemd: { ...installed, running: hash('a') } }),
    ),
    moves: 'write a 1',
    allow: '',
    transitions: 0,
  },
  {
    name: 'neither is installed, and nothing runs',
    plan: planOf(
      to(150, { observed: { daemon: { kind: 'absent' }, instances: [] } }),
      to(100, { observed: { daemon: { kind: 'absent' }, instances: [] } }),
    ),
    moves: 'start a 1, start b 1',
    allow: 'bring-up',
    transitions: 1,
  },
];
for (const { name, plan, moves: expected, allow, transitions } of orders) {
  test(`the order of a replaced daemon: ${name}`, () => {
    assert.equal(moves(plan), expected);
    assert.equal(plan.allow.join(','), allow);
    assert.deepEqual(plan.blocks, []);
    assert.equal(plan.impact!.transitions.get('VI_0')!.count, transitions);
  });
}

test('tandemd out of a source tree, or of a package, is nobody that Tandem upgrades', () => {
  for (const daemon of [
    { ...tandemdRuns, binary: '/opt/node', script: '/tree/tandemd.ts' },
    { ...tandemdRuns, binary: '/usr/sbin/tandemd' },
  ]) {
    const plan = planOf(upgrade(150, { observed: { daemon } }), upgrade(100, { observed: { daemon } }));
    assert.equal(moves(plan), '');
    assert.deepEqual(plan.blocks, []);
  }
});

test('without a priority above that of the MASTER the plan says for how long nobody serves', () => {
  const text = printPlans([planOf(to(254), to(100))], (_style, each) => each);
  assert.match(text, /no priority is above its own: nobody serves for about 609 ms, until its peer has taken over/);
  assert.match(text, /Installs {2}tandemd 0\.2\.0 \(aaaaaaaaaaaa, 100 MB\) on a and b/);
});

const install = (more: Partial<InstallFacts>): Partial<Side> => ({ observed: { install: { ...facts, ...more } } });
const place = (more: object): Partial<Side> => install({ place: { ...facts.place!, ...more } });

const guards: readonly { name: string; b: Side; code: string; says: RegExp }[] = [
  {
    name: 'no executable for the architecture',
    b: to(100, { executable: { missing: 'no executable for riscv64' } }),
    code: 'plan-executable-missing',
    says: /b: no executable for riscv64/,
  },
  {
    name: 'an old glibc',
    b: to(100, install({ glibc: '2.17' })),
    code: 'plan-system-old',
    says: /glibc 2\.17, and .* 2\.28/,
  },
  {
    name: 'no glibc',
    b: to(100, { observed: { install: { installed: [], units: [], place: facts.place! } } }),
    code: 'plan-system-old',
    says: /no glibc/,
  },
  {
    name: 'an old kernel',
    b: to(100, {
      observed: {
        system: {
          hostname: 'b',
          arch: 'x86_64',
          kernel: '3.10.0-1160.el7.x86_64',
          os: { id: 'rhel', version: '7' },
          init: 'systemd',
          selinux: 'disabled',
        },
      },
    }),
    code: 'plan-system-old',
    says: /kernel 3\.10\.0-1160\S+, and tandemd needs 4\.18/,
  },
  {
    name: 'no room for two versions',
    b: to(100, place({ freeBytes: 150e6 })),
    code: 'plan-executable-place',
    says: /200 MB are needed and 150 MB free/,
  },
  { name: 'noexec', b: to(100, place({ noexec: true })), code: 'plan-executable-place', says: /mounted noexec/ },
  {
    name: 'read-only',
    b: to(100, place({ readOnly: true })),
    code: 'plan-executable-place',
    says: /mounted read-only/,
  },
  {
    name: "somebody else's program",
    b: to(100, { tandemd: { executables: [], foreign: true } }),
    code: 'plan-executable-foreign',
    says: /\/usr\/local\/sbin\/tandemd on b is no link/,
  },
  {
    name: 'a change of more than the engine',
    b: to(100, { after: conf(100, 'garp_master_delay 2') }),
    code: 'plan-engine',
    says: /b changes its daemon \(keepalived -> tandemd\) and more at the same time: garp_master_delay 2 on b$/,
  },
  {
    name: 'a daemon outside of its unit',
    b: to(100, {
      observed: { daemon: { ...tandemdRuns, unit: undefined!, engine: 'keepalived', binary: '/usr/sbin/keepalived' } },
    }),
    code: 'plan-engine',
    says: /keepalived on b was started outside of its systemd unit/,
  },
  {
    name: 'the way back to a keepalived that is not there',
    b: upgrade(100, { wants: 'keepalived', observed: { install: { ...facts, installed: [] } } }),
    code: 'plan-daemon-absent',
    says: /keepalived is not installed on b/,
  },
];
for (const { name, b, code, says } of guards) {
  test(`a replacement is refused with its reason: ${name}`, () => {
    const plan = planOf(to(150), b);
    const found = plan.blocks.find((block) => block.code === code && says.test(block.message));
    assert.ok(found, JSON.stringify(plan.blocks));
    assert.notEqual(found.hint, undefined);
  });
}

test('the daemon of a router whose peer runs none is not replaced, and the way out starts the peer', () => {
  const stopped: Partial<Side> = { observed: { daemon: { kind: 'absent' }, instances: [] } };
  const back = { wants: 'keepalived' } as const;
  const peer = { kind: 'stopped', engine: 'keepalived', version: '2.2.7', binary: '/usr/sbin/keepalived' } as const;
  const cases: readonly { plan: PairPlan; message: RegExp; hint: RegExp }[] = [
    {
      plan: planOf(to(150), to(100, stopped)),
      message: /^a changes its daemon \(keepalived -> tandemd\), and b runs none/,
      hint: /^leave `engine: keepalived` until `tandem apply --allow bring-up` has started b$/,
    },
    {
      plan: planOf(to(150, stopped), to(100, { state: 'MASTER' })),
      message: /^b changes its daemon \(keepalived -> tandemd\), and a runs none/,
      hint: /^leave `engine: keepalived` until `tandem apply --allow bring-up` has started a$/,
    },
    {
      plan: planOf(upgrade(150, back), to(100, { ...back, observed: { daemon: peer, instances: [] } })),
      message: /^a changes its daemon \(tandemd -> keepalived\), and b runs none/,
      hint: /^leave `engine: tandemd` until/,
    },
  ];
  for (const { plan, message, hint } of cases) {
    const blocks = plan.blocks.filter(({ code }) => code === 'plan-engine');
    assert.equal(blocks.length, 1, JSON.stringify(plan.blocks));
    assert.match(blocks[0]!.message, message);
    assert.match(blocks[0]!.hint ?? '', hint);
  }
});

test('what changes on the peer of a replaced daemon is said to be the peer’s', () => {
  const b = to(100, {
    after: conf(100, 'garp_master_delay 2'),
    tandemd: { ...installed, running: hash('a') },
    observed: { daemon: tandemdRuns },
  });
  const [block] = planOf(to(150), b).blocks;
  assert.match(block?.message ?? '', /^a changes its daemon .* at the same time: garp_master_delay 2 on b$/);
});

test('room for one more is enough where one version lies there', () => {
  const tandemd: TandemdFiles = { executables: [{ name: 'tandemd-0.1.0', sha256: hash('9') }], foreign: false };
  assert.deepEqual(planOf(to(150), to(100, { tandemd, ...place({ freeBytes: 150e6 }) })).blocks, []);
});

test('a line of tandemd alone does not stand in the way of a change of engine', () => {
  const text = (priority: number) => `global_defs {\n  @tandemd tandem_grace 60\n}\n${conf(priority)}`;
  const side = (priority: number): Side => to(priority, { before: text(priority), after: text(priority) });
  assert.deepEqual(planOf(side(150), side(100)).blocks, []);
});

test('without systemd what starts at boot is said to be the user’s own business', () => {
  const system = {
    hostname: 'b',
    arch: 'x86_64',
    kernel: '6.1',
    os: { id: 'linux', version: '1' },
    init: 'other',
    selinux: 'disabled',
  } as const;
  const plan = planOf(to(150), to(100, { observed: { system } }));
  assert.deepEqual(
    plan.warnings.map(({ code }) => code),
    ['plan-start-at-boot'],
  );
});
