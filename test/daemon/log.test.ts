import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { consoleSink, createLog, journalSink, logSocket, type Sink, syslogSink } from '../../src/daemon/log.ts';
import { noteLine, transitionDetail } from '../../src/daemon/words.ts';
import { ip } from '../support/vrrp.ts';

const NOON = (): Date => new Date(2026, 10, 2, 12, 0, 0);

function collect(): { readonly bytes: Buffer[]; send(bytes: Uint8Array): boolean } {
  const bytes: Buffer[] = [];
  return { bytes, send: (datagram) => bytes.push(Buffer.from(datagram)) > 0 };
}

describe('the log', () => {
  test("a console gets keepalived's time in front of every line", () => {
    let text = '';
    const log = createLog([consoleSink((line) => (text += line), NOON)], false);
    log('info', 'one\ntwo');
    assert.equal(text, 'Mon Nov  2 12:00:00 2026: one\nMon Nov  2 12:00:00 2026: two\n');
  });

  test('details go out with -D alone', () => {
    const told: string[] = [];
    const sink: Sink = { write: (_priority, message) => told.push(message) };
    createLog([sink], false)('debug', 'one');
    createLog([sink], true)('debug', 'two');
    assert.deepEqual(told, ['two']);
  });

  test('journald gets fields, and a text of several lines with its length', () => {
    const socket = collect();
    createLog([journalSink(socket, 'tandemd')], false)('notice', 'one\ntwo', { TANDEM_INSTANCE: 'VI_0' });
    const expected = Buffer.concat([
      Buffer.from('MESSAGE\n\x07\0\0\0\0\0\0\0one\ntwo\n'),
      Buffer.from('PRIORITY=5\nSYSLOG_IDENTIFIER=tandemd\nTANDEM_INSTANCE=VI_0\n'),
    ]);
    assert.deepEqual(socket.bytes, [expected]);
  });

  test('journald gets a text that no datagram holds in pieces of whole lines', () => {
    const socket = collect();
    const lines = Array.from({ length: 10_000 }, (_, i) => `problem ${i}`);
    journalSink(socket, 'tandemd').write('error', lines.join('\n'), {});
    assert.ok(socket.bytes.every(({ length }) => length < 64 * 1024));
    const told = socket.bytes.flatMap((bytes) => bytes.toString().match(/problem \d+/g) ?? []);
    assert.deepEqual(told, lines);
  });

  test('syslog gets a datagram a line, facility daemon', () => {
    const socket = collect();
    createLog([syslogSink(socket, 'tandemd', NOON)], false)('error', 'one\ntwo');
    const head = `<27>Nov  2 12:00:00 tandemd[${process.pid}]: `;
    assert.deepEqual(socket.bytes.map(String), [`${head}one`, `${head}two`]);
  });

  test('journald comes before syslog, and neither may be there', () => {
    assert.equal(
      logSocket(() => true),
      '/run/systemd/journal/socket',
    );
    assert.equal(
      logSocket((path) => path === '/dev/log'),
      '/dev/log',
    );
    assert.equal(
      logSocket(() => false),
      undefined,
    );
  });
});

describe("keepalived's words", () => {
  const source = ip('10.0.0.2');
  const backup = { state: 'Backup', priority: 150 } as const;

  test('for notes', () => {
    const lines = [
      noteLine({ about: 'priority-zero', source }, backup),
      noteLine({ about: 'lower-priority', source, priority: 100 }, { state: 'Active', priority: 150 }),
      noteLine({ about: 'preempting', source, priority: 100 }, backup),
      noteLine({ about: 'priority', from: 150, priority: 130 }, backup),
    ];
    assert.deepEqual(
      lines.map(({ text }) => text),
      [
        'Backup received priority 0 advertisement',
        'Received advert from 10.0.0.2 with lower priority 100, ours 150, forcing new election',
        'received lower priority (100) advert from 10.0.0.2 - discarding',
        'Changing effective priority from 150 to 130',
      ],
    );
  });

  test('for the line before a transition', () => {
    const state = { activeRouter: source, activePriority: 200, priority: 150 };
    assert.equal(
      transitionDetail('higher-priority', state)?.text,
      'Master received advert from 10.0.0.2 with higher priority 200, ours 150',
    );
    assert.equal(transitionDetail('startup', state), undefined);
  });
});
