import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatIpPrefix } from '../../src/base/address.ts';
import { parseOptions, parseTimestamp, readDaemon } from '../../src/router/daemon-facts.ts';
import { parseLive } from '../../src/router/live.ts';
import { parseLinks, parseRoutes, parseRules, parseSysctls } from '../../src/router/network-facts.ts';
import { parseSections, type Section } from '../../src/router/sections.ts';

const section = (name: string, text: string, status = 0) => `M < ${name}\n${text}\nM > ${status}\n`;
const done = section('done', '1.5\n');

test('sections keep their text exactly, line ends and all, and their status', () => {
  const output = section('a', 'text\n\n') + section('b', '', 2) + done;
  assert.deepEqual(parseSections(output, 'M')?.slice(0, 2), [
    { name: 'a', text: 'text\n\n', status: 0 },
    { name: 'b', text: '', status: 2 },
  ]);
});

test('output that was cut anywhere, or that has anything between its sections, is no output', () => {
  const whole = section('a', 'text') + section('b', 'more') + done;
  for (let length = 0; length < whole.length; length++)
    assert.equal(parseSections(whole.slice(0, length), 'M'), undefined);
  assert.ok(parseSections(whole, 'M'));
  assert.equal(parseSections(`noise\n${whole}`, 'M'), undefined);
  assert.equal(parseSections(whole.replace('M < b', 'noise\nM < b'), 'M'), undefined);
});

test('whatever stands in a section, it cannot become another one: it does not know the mark', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }).filter((text) => !text.includes('MARK')),
      (text) => {
        const sections = parseSections(`MARK < a\n${text}\nMARK > 0\nMARK < done\n\nMARK > 0\n`, 'MARK');
        assert.deepEqual(
          sections?.map((each) => each.text),
          [text, ''],
        );
      },
    ),
  );
});

const SPACE = 'net:[1] pid:[2] 8:1';

interface Fake {
  readonly pid: number;
  readonly parent?: number;
  readonly argv?: readonly string[];
  readonly exe?: string;
  readonly space?: string;
  readonly more?: readonly Section[];
}

function processes(...all: readonly Fake[]): Section[] {
  const of = (name: string, text: string): Section => ({ name, text, status: 0 });
  return [
    of('self', SPACE),
    ...all.flatMap((each) => [
      of('process', `${each.pid}\n`),
      of('exe', `${each.exe ?? '/usr/sbin/keepalived'}\n`),
      of(
        'stat',
        `${each.pid} (keep) ali) S ${each.parent ?? 1} ${Array.from({ length: 17 }, () => 0).join(' ')} 4711 0`,
      ),
      of('args', (each.argv ?? ['keepalived']).map((word) => `${word}\u0001`).join('')),
      of('space', each.space ?? SPACE),
      of('version', 'Keepalived v2.2.7 (01/16,2022)\n'),
      ...(each.more ?? []),
    ]),
  ];
}

test('the parent is the daemon, with its arguments, its pid file and the start time that names it', () => {
  const argv = ['keepalived', '-nlD', '-f', '/etc/k.conf', '--config-id=r1', '-p/run/k.pid'];
  const { daemon, configPath } = readDaemon(processes({ pid: 10, argv }, { pid: 11, parent: 10, argv }));
  assert.equal(configPath, '/etc/k.conf');
  assert.deepEqual(daemon, {
    kind: 'running',
    engine: 'keepalived',
    version: '2.2.7',
    binary: '/usr/sbin/keepalived',
    pid: 10,
    startTime: '4711',
    argv,
    configPath: '/etc/k.conf',
    configId: 'r1',
    pidFile: '/run/k.pid',
  });
});

const unit = (text: string): Section => ({ name: 'unit', text, status: 0 });

const daemons: readonly [string, Section[], { kind: string; reason?: RegExp; unit?: string | undefined }][] = [
  ['nothing runs and nothing is installed', processes(), { kind: 'absent' }],
  [
    'one in another network namespace is another router',
    processes({ pid: 10, space: 'net:[9] pid:[2] 8:1' }),
    { kind: 'absent' },
  ],
  [
    'one in a container on this network blocks',
    processes({ pid: 10, space: 'net:[1] pid:[9] 0:77' }),
    { kind: 'unknown', reason: /container/ },
  ],
  [
    'two daemons block',
    processes({ pid: 10 }, { pid: 20 }),
    { kind: 'unknown', reason: /keepalived 10, keepalived 20/ },
  ],
  [
    'a configuration test of somebody else does not count',
    processes({ pid: 10 }, { pid: 20, argv: ['keepalived', '-t', '-f', '/tmp/x'] }),
    { kind: 'running' },
  ],
  [
    'an unknown option blocks',
    processes({ pid: 10, argv: ['k', '--new-thing'] }),
    { kind: 'unknown', reason: /--new-thing/ },
  ],
  ['-C runs no VRRP', processes({ pid: 10, argv: ['k', '-C'] }), { kind: 'unknown', reason: /no VRRP/ }],
  [
    '-s leaves our network',
    processes({ pid: 10, argv: ['k', '-s', 'blue'] }),
    { kind: 'unknown', reason: /namespace/ },
  ],
  [
    'a relative path blocks',
    processes({ pid: 10, argv: ['k', '-f', 'k.conf'] }),
    { kind: 'unknown', reason: /relative/ },
  ],
  [
    'a unit counts where systemd names this process and can reload',
    processes({ pid: 10, more: [unit('Id=keepalived.service\nMainPID=10\nCanReload=yes\n')] }),
    { kind: 'running', unit: 'keepalived.service' },
  ],
  [
    'a unit whose main process is another does not reload this one',
    processes({ pid: 10, more: [unit('Id=keepalived.service\nMainPID=99\nCanReload=yes\n')] }),
    { kind: 'running', unit: undefined },
  ],
  [
    'the binary of a running daemon may have been replaced by an upgrade',
    processes({ pid: 10, exe: '/usr/sbin/keepalived (deleted)' }),
    { kind: 'running' },
  ],
];

for (const [name, sections, expected] of daemons) {
  test(`daemon: ${name}`, () => {
    const { daemon } = readDaemon(sections);
    assert.equal(daemon.kind, expected.kind);
    if (expected.reason) assert.match(daemon.kind === 'unknown' ? daemon.reason : '', expected.reason);
    if ('unit' in expected) assert.equal(daemon.kind === 'running' ? daemon.unit : 'none', expected.unit);
  });
}

const installed = [
  { name: 'installed', text: '/usr/sbin/keepalived\n', status: 0 },
  { name: 'installed-version', text: 'Keepalived v2.3.3 (05/01,2025)\n', status: 0 },
];

test('an installed daemon that does not run is stopped, with its version', () => {
  const { daemon } = readDaemon([...processes(), ...installed]);
  assert.deepEqual(daemon, { kind: 'stopped', engine: 'keepalived', version: '2.3.3', binary: '/usr/sbin/keepalived' });
});

test('an installed daemon whose options name a file nobody knows where blocks', () => {
  const config = { name: 'config', text: 'k.conf', status: 0 };
  const { daemon } = readDaemon([...processes(), ...installed, config]);
  assert.match(daemon.kind === 'unknown' ? daemon.reason : '', /would be started with -f k\.conf, which is relative/);
});

test('a daemon that its unit has put into another network is no daemon that does not run', () => {
  const units = { name: 'units', text: 'Id=keepalived.service\nLoadState=loaded\nMainPID=10\n', status: 0 };
  const { daemon } = readDaemon([...processes({ pid: 10, space: 'net:[9] pid:[2] 8:1' }), ...installed, units]);
  assert.match(
    daemon.kind === 'unknown' ? daemon.reason : '',
    /^keepalived\.service \(keepalived 10\) runs in a network/,
  );
});

test('what keepalived loaded last is whole when every child has read it to its end', () => {
  const of = (read: string): Section[] => [
    { name: 'memfd', text: '2026-11-22 15:50:39.639125550 +0000 5\n', status: 0 },
    { name: 'memfd-read', text: `${read}\n`, status: 0 },
    { name: 'memfd-text', text: 'text\n', status: 0 },
  ];
  for (const [read, whole] of [
    ['5', true],
    ['3', false],
  ] as const) {
    const { daemon } = readDaemon(processes({ pid: 10 }, { pid: 11, parent: 10, more: of(read) }));
    assert.deepEqual(daemon.kind === 'running' ? daemon.loaded : undefined, {
      text: 'text\n',
      at: Date.UTC(2026, 10, 22, 15, 50, 39) / 1000 + 0.63912555,
      whole,
    });
  }
});

test('no arguments and no timestamp make the readers throw', () => {
  fc.assert(fc.property(fc.array(fc.string()), (argv) => void parseOptions(argv)));
  fc.assert(fc.property(fc.string(), (text) => void parseTimestamp(text)));
});

test('ip -j address: labels that somebody gave, secondaries, carrier', () => {
  const text = JSON.stringify([
    {
      ifindex: 3,
      ifname: 'bond0.91',
      flags: ['NO-CARRIER', 'BROADCAST', 'UP'],
      mtu: 1500,
      address: '02:00:00:00:00:01',
      addr_info: [
        {
          family: 'inet',
          local: '10.0.0.1',
          prefixlen: 24,
          broadcast: '10.0.0.255',
          scope: 'global',
          label: 'bond0.91:100',
        },
        { family: 'inet', local: '10.0.0.2', prefixlen: 24, scope: 'global', secondary: true, label: 'bond0.91' },
      ],
    },
  ]);
  const { interfaces, addresses } = parseLinks(text);
  assert.deepEqual(interfaces, [
    { name: 'bond0.91', index: 3, up: true, carrier: false, mtu: 1500, mac: '02:00:00:00:00:01' },
  ]);
  assert.deepEqual(
    addresses.map((each) => [formatIpPrefix(each.address), each.label, each.broadcast, each.secondary]),
    [
      ['10.0.0.1/24', 'bond0.91:100', '10.0.0.255', false],
      ['10.0.0.2/24', undefined, undefined, true],
    ],
  );
});

test('ip -j route and rule: what iproute2 leaves out is filled in; protocol 18 is keepalived everywhere', () => {
  const text =
    '[{"dst":"10.9.0.0/16","gateway":"10.0.0.5","dev":"d0","table":100,"protocol":"18","metric":5,"flags":[]},{"type":"blackhole","dst":"default","flags":[]}]';
  assert.deepEqual(parseRoutes(text, 4), [
    { family: 4, to: '10.9.0.0/16', via: '10.0.0.5', dev: 'd0', table: '100', protocol: 'keepalived', metric: 5 },
    { family: 4, to: 'default', type: 'blackhole', table: 'main', protocol: 'boot' },
  ]);
  const rules =
    '[{"priority":0,"src":"all","table":"local"},{"priority":7,"src":"10.1.0.0","srclen":16,"fwmark":"0x3","fwmask":"0x7","iif":"d0","table":"100"}]';
  assert.deepEqual(parseRules(rules, 4), [
    { family: 4, priority: 0, from: 'all', table: 'local' },
    { family: 4, priority: 7, from: '10.1.0.0/16', table: '100', iif: 'd0', fwmark: '0x3/0x7' },
  ]);
});

test('text that is not what ip prints is refused, never half read', () => {
  for (const text of ['', 'Object "addr" is unknown', '{}', '[{"ifname":1}]', '[null]'])
    assert.throws(() => parseLinks(text));
});

test('sysctls are named with the device as it stands, dots and all', () => {
  assert.deepEqual(parseSysctls('ipv4/ip_forward:1\nipv4/conf/bond0.91/arp_ignore:2\n'), {
    'net.ipv4.ip_forward': '1',
    'net.ipv4.conf.bond0.91.arp_ignore': '2',
  });
});

test("keepalived's JSON: states by name, counters, errors by keepalived's own words; half of it is nothing", () => {
  const one = (state: number) => ({
    data: { iname: 'A', state, last_transition: 5.5 },
    stats: { advert_rcvd: 1, advert_sent: 2, become_master: 3, release_master: 4, addr_list_err: 7, pri_zero_sent: 9 },
  });
  const text = JSON.stringify([one(2)]);
  assert.deepEqual(parseLive(text), [
    {
      name: 'A',
      state: 'MASTER',
      changedAt: 5.5,
      advertsReceived: 1,
      advertsSent: 2,
      becameMaster: 3,
      releasedMaster: 4,
      errors: { addr_list_err: 7 },
    },
  ]);
  assert.deepEqual(parseLive(JSON.stringify({ vrrp: [one(1)] }))?.[0]?.state, 'BACKUP');
  assert.equal(parseLive(text.slice(0, -1)), undefined);
  assert.equal(parseLive('[{}]'), undefined);
});
