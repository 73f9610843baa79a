/** What is read of a router that runs tandemd: its process, its own words, both engines, and what an installation needs. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { ConfigReply, CountersReply, StatusReply } from '../../src/control/messages.ts';
import { parseSaid } from '../../src/router/control-facts.ts';
import { readDaemon } from '../../src/router/daemon-facts.ts';
import { readGlibc, readInstall, readUnits } from '../../src/router/engine-facts.ts';
import { errorsOf, readReport } from '../../src/router/report.ts';
import type { Section } from '../../src/router/sections.ts';
import { judgeReport } from '../../src/router/transaction.ts';

const of = (name: string, text: string, status = 0): Section => ({ name, text, status });

/** Recorded from a tandemd that had become MASTER, but for the drop and the tracked script. */
const STATUS: StatusReply = {
  kind: 'status',
  version: 1,
  daemon: { version: '0.1.0', pid: 10, startedAt: 1795372372.216, config: '/etc/vrrp.conf', loadedAt: 1795372372.216 },
  instances: [
    {
      name: 'VI_0',
      state: 'MASTER',
      interface: 'lan',
      family: 4,
      version: 3,
      vrid: 50,
      priority: 100,
      effectivePriority: 100,
      advertIntMs: 200,
      masterAdvertIntMs: 200,
      source: '192.0.2.10',
      faults: [],
      waiting: [],
      trackers: [
        { tracker: 'interface lan', weight: 0, status: true },
        { tracker: 'script chk', weight: -20, status: false },
        { tracker: 'script new', weight: 0 },
        { tracker: 'file load', weight: 1, status: 7 },
      ],
      addresses: ['192.0.2.1'],
      failed: [],
      transitions: [
        { at: 1795372372.222, from: 'INIT', to: 'BACKUP', reason: 'startup' },
        { at: 1795372372.945, from: 'BACKUP', to: 'MASTER', reason: 'no-advertisement' },
      ],
    },
  ],
  groups: [],
};
const COUNTERS: CountersReply = {
  kind: 'counters',
  version: 1,
  instances: [
    {
      name: 'VI_0',
      received: 3,
      sent: 11,
      becameMaster: 1,
      releasedMaster: 0,
      priorityZeroReceived: 0,
      priorityZeroSent: 0,
      dropped: { interval: 2 },
      differed: { addresses: 5 },
    },
  ],
};
const TEXT = 'vrrp_instance VI_0 {\n    interface lan\n}\n';
const CONFIG: ConfigReply = {
  kind: 'config',
  version: 1,
  pid: 10,
  text: TEXT,
  sha256: 'a5a2ed170aa1a68c3a4cc7f471edac78d232cdec2e40993cc44b8f0a11a079ce',
  file: '/etc/vrrp.conf',
  loadedAt: 1795372372.216,
};
const said = (...replies: readonly object[]): string => replies.map((reply) => `${JSON.stringify(reply)}\n`).join('');
const ALL = said(STATUS, COUNTERS, CONFIG);

describe("tandemd's own words", () => {
  test('states, counters, what it runs on, its trackers; adverts that merely differ are no errors', () => {
    assert.deepEqual(parseSaid(ALL), {
      pid: 10,
      version: '0.1.0',
      instances: [
        {
          name: 'VI_0',
          state: 'MASTER',
          changedAt: 1795372372.945,
          advertsReceived: 3,
          advertsSent: 11,
          becameMaster: 1,
          releasedMaster: 0,
          errors: { interval: 2 },
        },
      ],
      trackers: { chk: 'down' },
      loaded: { text: TEXT, at: 1795372372.216, whole: true },
    });
  });

  test('a refused reload comes with its report and its time, and a report without end is cut', () => {
    const daemon = { ...STATUS.daemon, refused: 'x'.repeat(1_000_000), refusedAt: 5 };
    const { refused } = parseSaid(said({ ...STATUS, daemon }, COUNTERS))!;
    assert.equal(refused?.at, 5);
    assert.equal(refused?.report.length, 16_384);
  });

  const { kind: _kind, ...withoutKind } = STATUS;
  const hostile: readonly (readonly [string, string])[] = [
    ['nothing', ''],
    ['no JSON', 'Segmentation fault\n'],
    ['a status alone', said(STATUS)],
    ['an error in the place of the counters', said(STATUS, { kind: 'error', version: 1, message: 'no' })],
    ['an instance that was not counted', said(STATUS, { ...COUNTERS, instances: [] })],
    ['another version of the protocol', said({ ...STATUS, version: 2 }, COUNTERS)],
    ['a status without its kind', said(withoutKind, COUNTERS)],
    ['numbers that are words', said(STATUS, COUNTERS).replace('"sent":11', '"sent":"11"')],
    ['a number that is no number', said(STATUS, COUNTERS).replace('"sent":11', '"sent":1e999')],
    ['a state that there is not', said(STATUS, COUNTERS).replace('"state":"MASTER"', '"state":"KING"')],
    ['a version that is none', said(STATUS, COUNTERS).replace('"0.1.0"', '"; rm -rf /"')],
    ['more lines than were asked for', ALL + ALL],
    ['megabytes of nothing', '\n'.repeat(5_000_000)],
    ['megabytes of brackets', '['.repeat(5_000_000)],
  ];
  for (const [what, text] of hostile) {
    test(`${what}: is no answer`, () => assert.equal(parseSaid(text), undefined));
  }

  test('what was cut anywhere never passes for the whole', () => {
    const [status, counters] = [said(STATUS), said(COUNTERS)];
    for (let length = 0; length < status.length + counters.length - 2; length++) {
      assert.equal(parseSaid((status + counters).slice(0, length)), undefined, String(length));
    }
    const config = said(CONFIG);
    for (let length = 0; length < config.length - 2; length++) {
      assert.equal(parseSaid(status + counters + config.slice(0, length))?.loaded, undefined, String(length));
    }
  });

  test('nothing makes the reader throw', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseSaid(text)));
    fc.assert(
      fc.property(fc.nat(ALL.length), fc.nat(ALL.length), fc.string(), (a, b, text) => {
        parseSaid(ALL.slice(0, Math.min(a, b)) + text + ALL.slice(Math.max(a, b)));
      }),
    );
  });

  test('the configuration of another process than the one that told its state does not count', () => {
    assert.equal(parseSaid(said(STATUS, COUNTERS, { ...CONFIG, pid: 11 }))?.loaded, undefined);
  });
});

const SPACE = 'net:[1] pid:[2] 8:1';

interface Fake {
  readonly pid: number;
  readonly exe: string;
  readonly argv: readonly string[];
  readonly more?: readonly Section[];
}

const processes = (...all: readonly Fake[]): Section[] => [
  of('self', SPACE),
  ...all.flatMap(({ pid, exe, argv, more = [] }) => [
    of('process', `${pid}\n`),
    of('exe', `${exe}\n`),
    of('stat', `${pid} (x) S 1 ${Array.from({ length: 17 }, () => 0).join(' ')} 4711 0`),
    of('args', argv.map((word) => `${word}\u0001`).join('')),
    of('space', SPACE),
    ...more,
  ]),
];

const EXE = '/usr/local/sbin/tandemd-0.1.0';
const UNIT = of('unit', 'Id=tandemd.service\nMainPID=10\nCanReload=yes\n');
const running: Fake = {
  pid: 10,
  exe: EXE,
  argv: ['/usr/local/sbin/tandemd', '--dont-fork', '-f', '/etc/vrrp.conf'],
  more: [of('said', ALL), UNIT],
};

describe('a router that runs tandemd', () => {
  test('the executable behind its link, its unit, its file, what it loaded and its instances', () => {
    const { daemon, configPath, instances } = readDaemon(processes(running));
    assert.equal(configPath, '/etc/vrrp.conf');
    assert.equal(instances?.[0]?.state, 'MASTER');
    assert.deepEqual(daemon, {
      kind: 'running',
      engine: 'tandemd',
      version: '0.1.0',
      binary: EXE,
      pid: 10,
      startTime: '4711',
      argv: running.argv,
      configPath: '/etc/vrrp.conf',
      pidFile: '/run/keepalived.pid',
      unit: 'tandemd.service',
      loaded: { text: TEXT, at: 1795372372.216, whole: true },
    });
  });

  test('out of a source tree: the interpreter, what it runs, and options that begin behind that', () => {
    const script = '/opt/lab/tree/src/tandemd.ts';
    const argv = ['/opt/lab/node', script, '-n', '-f', '/etc/x.conf'];
    const { daemon } = readDaemon(
      processes({ pid: 10, exe: '/opt/lab/node', argv, more: [of('script', script), of('said', ALL)] }),
    );
    assert.ok(daemon.kind === 'running');
    assert.deepEqual(
      [daemon.engine, daemon.binary, daemon.script, daemon.configPath, daemon.argv],
      ['tandemd', '/opt/lab/node', script, '/etc/x.conf', argv],
    );
  });

  test('one that does not answer is known by its version, and nothing is known of its state', () => {
    const { daemon, instances } = readDaemon(processes({ ...running, more: [of('version', 'Tandemd v0.1.0\n')] }));
    assert.ok(daemon.kind === 'running');
    assert.deepEqual([daemon.version, daemon.loaded, instances], ['0.1.0', undefined, undefined]);
  });

  test('an answer of another process than the one that was looked at is none', () => {
    const other = said({ ...STATUS, daemon: { ...STATUS.daemon, pid: 99 } }, COUNTERS);
    const { daemon } = readDaemon(processes({ ...running, more: [of('said', other)] }));
    assert.deepEqual(daemon, { kind: 'unknown', reason: 'tandemd 10 does not tell its version' });
  });

  test('a test of a file beside it does not count', () => {
    const { daemon } = readDaemon(processes(running, { pid: 11, exe: EXE, argv: ['tandemd', '-t', '-f', '/tmp/x'] }));
    assert.equal(daemon.kind, 'running');
  });

  test('both engines at once block, and both are named with their units', () => {
    const keepalived = { pid: 20, exe: '/usr/sbin/keepalived', argv: ['/usr/sbin/keepalived'] };
    const { daemon } = readDaemon(processes(keepalived, running));
    assert.ok(daemon.kind === 'unknown');
    assert.deepEqual(daemon.engines, [
      { engine: 'keepalived', pid: 20, startTime: '4711' },
      { engine: 'tandemd', pid: 10, startTime: '4711', unit: 'tandemd.service' },
    ]);
  });
});

const installed = (name: string, version: string, file: string): Section[] => [
  of('installed', `${name}\n`),
  of('installed-version', `${version}\n`),
  of('installed-file', `${file}\n`),
];
const KEEPALIVED = installed('/usr/sbin/keepalived', 'Keepalived v2.2.7 (01/16,2022)', '/usr/sbin/keepalived');
const TANDEMD = installed('/usr/local/sbin/tandemd', 'Tandemd v0.1.0', EXE);
const shown = (name: string, load: string, active: string, file: string, pid = 0) =>
  `MainPID=${pid}\nId=${name}\nLoadState=${load}\nActiveState=${active}\nUnitFileState=${file}\n`;

describe('what an installation stands on', () => {
  test('both engines, their units, glibc, and the place of the executable', () => {
    const units = `${shown('keepalived.service', 'masked', 'inactive', 'masked')}\n${shown('tandemd.service', 'loaded', 'active', 'enabled', 10)}`;
    const install = readInstall([
      ...KEEPALIVED,
      ...TANDEMD,
      of('glibc', 'glibc 2.36\n'),
      of('place', '/usr/local/sbin'),
      of(
        'place-free',
        'Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda1 100 20 80 20% /usr/local\n',
      ),
      of('mounts', '/dev/vda2 / ext4 rw 0 0\n/dev/vda1 /usr/local ext4 ro,nosuid,noexec,relatime 0 0\n'),
      of('units', units),
    ]);
    assert.deepEqual(install, {
      installed: [
        { engine: 'keepalived', version: '2.2.7', binary: '/usr/sbin/keepalived', file: '/usr/sbin/keepalived' },
        { engine: 'tandemd', version: '0.1.0', binary: '/usr/local/sbin/tandemd', file: EXE },
      ],
      units: [
        { name: 'keepalived.service', load: 'masked', active: 'inactive', file: 'masked' },
        { name: 'tandemd.service', load: 'loaded', active: 'active', file: 'enabled', mainPid: 10 },
      ],
      glibc: '2.36',
      place: { path: '/usr/local/sbin', freeBytes: 81_920, noexec: true, readOnly: true },
    });
  });

  test('what cannot be told is absent, not guessed', () => {
    const install = readInstall([
      of('glibc', 'musl libc (x86_64)\nVersion 1.2.3\n'),
      of('place', '/usr/local/sbin'),
      of('place-free', 'df: no such file\n'),
      of('mounts', ''),
    ]);
    assert.deepEqual(install, { installed: [], units: [] });
    assert.equal(readInstall([]), undefined);
  });

  for (const [text, version] of [
    ['glibc 2.28\n', '2.28'],
    ['ldd (Debian GLIBC 2.36-9+deb12u10) 2.36\nCopyright ...\n', '2.36'],
    ['ldd (GNU libc) 2.34\n', '2.34'],
    ['musl libc (x86_64)\nVersion 1.2.3\n', undefined],
    ['', undefined],
  ] as const) {
    test(`glibc of ${JSON.stringify(text.slice(0, 20))} is ${version}`, () => assert.equal(readGlibc(text), version));
  }

  test('units of other names, and lines that are none, are left out', () => {
    assert.deepEqual(readUnits(`${shown('evil.service', 'loaded', 'active', 'enabled')}\n\nnonsense\n`), []);
  });

  test('of two engines that do not run keepalived counts, unless it is masked or tandemd starts at boot', () => {
    const engineOf = (units: string) => {
      const { daemon } = readDaemon([...processes(), ...KEEPALIVED, ...TANDEMD, of('units', units)]);
      return daemon.kind === 'stopped' ? daemon.engine : daemon.kind;
    };
    assert.equal(engineOf(''), 'keepalived');
    assert.equal(engineOf(shown('keepalived.service', 'masked', 'inactive', 'masked')), 'tandemd');
    assert.equal(engineOf(shown('tandemd.service', 'loaded', 'inactive', 'enabled')), 'tandemd');
    assert.equal(engineOf(shown('tandemd.service', 'loaded', 'inactive', 'disabled')), 'keepalived');
  });
});

/** Recorded from `tandemd -t`. */
const REPORT = `error[conf-value]: auth_pass has 14 bytes; a running keepalived cuts it to 8
  --> /etc/.k.conf.tandem-1:7:19
  |
7 |         auth_pass **************
  |                   ^^^^^^^^^^^^^^
   = help: shorten it to 8 bytes: the first 8 are all that was ever compared
warning[conf-script]: /x cannot be run
  --> /etc/part.conf:3:1`;

describe("tandemd's test of a file", () => {
  const tested = { generation: 1, config: '/etc/k.conf', staged: '/etc/.k.conf.tandem-1' };

  test('each problem is one line with its place, and the staged file goes by its own name', () => {
    assert.deepEqual(judgeReport(5, REPORT, tested), {
      refused: true,
      findings: [
        {
          generation: 1,
          text: '/etc/k.conf:7:19: auth_pass has 14 bytes; a running keepalived cuts it to 8 [conf-value]',
        },
        { generation: 1, text: '/etc/part.conf:3:1: /x cannot be run [conf-script]' },
      ],
    });
  });

  test('what it only warns of forbids nothing; an end without a word does', () => {
    assert.equal(judgeReport(0, REPORT.slice(REPORT.indexOf('warning')), tested).refused, false);
    const { refused, findings } = judgeReport(137, 'Killed\n', tested);
    assert.deepEqual([refused, findings[0]?.text], [true, "tandemd's own test ended with status 137: Killed"]);
  });

  test('of a refused reload the errors are shown, some of them where there are many', () => {
    assert.deepEqual(errorsOf(REPORT), [
      '/etc/.k.conf.tandem-1:7:19: auth_pass has 14 bytes; a running keepalived cuts it to 8 [conf-value]',
    ]);
    const many = Array.from({ length: 30 }, (_, i) => `error[conf-value]: number ${i}\n  --> /f:${i}:1\n`).join('');
    assert.equal(errorsOf(many).length, 21);
    assert.equal(errorsOf(many).at(-1), 'and 10 more');
    assert.deepEqual(errorsOf('out of memory'), ['out of memory']);
  });

  test('nothing makes the reader throw', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void readReport(text)));
  });
});
