import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { helpText, type Options, readOptions, SIGNALS } from '../../src/daemon/options.ts';

const DEFAULTS: Options = {
  what: 'run',
  file: '/etc/keepalived/keepalived.conf',
  foreground: false,
  console: false,
  detail: false,
  dump: false,
  pidFile: '/run/keepalived.pid',
  vrrpPidFile: '/run/vrrp.pid',
  keepOwned: false,
  remarks: [],
};

const TAKEN: readonly (readonly [string, Partial<Options>])[] = [
  ['', {}],
  ['-n -l -D', { foreground: true, console: true, detail: true }],
  ['-nlD', { foreground: true, console: true, detail: true }],
  ['--dont-fork --log-console --log-detail', { foreground: true, console: true, detail: true }],
  ['-f /a.conf', { file: '/a.conf' }],
  ['-f/a.conf', { file: '/a.conf' }],
  ['-nf /a.conf', { foreground: true, file: '/a.conf' }],
  ['--use-file=/a.conf', { file: '/a.conf' }],
  ['--use-file /a.conf', { file: '/a.conf' }],
  ['--use /a.conf', { file: '/a.conf' }],
  ['-p /a.pid -r /b.pid', { pidFile: '/a.pid', vrrpPidFile: '/b.pid' }],
  ['--pid=/a.pid --vrrp_pid=/b.pid', { pidFile: '/a.pid', vrrpPidFile: '/b.pid' }],
  ['-t', { what: 'test' }],
  ['-t -f /a.conf', { what: 'test', file: '/a.conf' }],
  ['-t/log', { what: 'test', testLog: '/log' }],
  ['--config-test=/log', { what: 'test', testLog: '/log' }],
  ['-i blue', { configId: 'blue' }],
  ['--config-id=blue', { configId: 'blue' }],
  ['-v', { what: 'version' }],
  ['--version', { what: 'version' }],
  ['-h', { what: 'help' }],
  ['--signum=STOP', { what: 'signum', signum: 'STOP' }],
  ['-P', {}],
  ['--vrrp', {}],
  ['-V', { keepOwned: true }],
  ['-u 027', { umask: 0o27 }],
  ['--umask=0x3f', { umask: 0o77 }],
  ['--umask IWGRP|IWOTH', { umask: 0o22 }],
  ['-d', { dump: true }],
  ['-R -B --all -X -c /c.pid', {}],
];

const REFUSED: readonly (readonly [string, string])[] = [
  ['--bogus', 'Unknown option --bogus'],
  ['-Z', 'Unknown option -Z'],
  ['-nZ', 'Unknown option -Z'],
  ['extra', 'Unexpected argument "extra"'],
  ['-', 'Unexpected argument "-"'],
  // getopt_long's reading: an optional value is never the next word.
  ['--config-test /log', 'Unexpected argument "/log"'],
  ['-f', '-f needs a value'],
  ['-u 08', 'Invalid --umask option 08'],
  ['-u 01000', 'Invalid --umask option 01000'],
  ['-u IWALL', 'Invalid --umask option IWALL'],
  ['--use-file', '--use-file needs a value'],
  ['--dont-fork=1', '--dont-fork takes no value'],
  ['--log', 'Unknown option --log'],
  ['-C', '--check: there are no health checkers in tandemd'],
  ['-s blue', '--namespace: tandemd enters no namespace: start it with "ip netns exec"'],
];

describe("keepalived's command line", () => {
  for (const [argv, expected] of TAKEN) {
    test(`"${argv}" is taken`, () => {
      assert.deepEqual(readOptions(argv.split(' ').filter(Boolean)), { options: { ...DEFAULTS, ...expected } });
    });
  }

  for (const [argv, refused] of REFUSED) {
    test(`"${argv}" is refused`, () => {
      assert.deepEqual(readOptions(argv.split(' ')), { refused });
    });
  }

  test('an option that means nothing here is taken and said', () => {
    const read = readOptions(['-x', '-S', '3']);
    assert.ok('options' in read);
    assert.deepEqual(read.options.remarks, [
      '--snmp: there is no SNMP',
      '--log-facility: the log facility is always daemon',
    ]);
  });

  test('--help names every option that does something', () => {
    for (const word of ['-f,', '-n,', '-l,', '-t,', '--config-id', '--signum'])
      assert.ok(helpText().includes(word), word);
  });

  test('signals have the numbers of keepalived --signum', () => {
    assert.deepEqual(SIGNALS, { STOP: 15, RELOAD: 1, DATA: 10, STATS: 12 });
  });
});
