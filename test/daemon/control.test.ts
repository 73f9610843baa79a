import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { after, describe, test } from 'node:test';
import { deferred } from '../../src/base/deferred.ts';
import { ReplyReader, requestLine } from '../../src/control/client.ts';
import { CONTROL_VERSION, REPLY_BYTES_MAX, type Reply } from '../../src/control/messages.ts';
import { ControlServer } from '../../src/daemon/control-server.ts';
import { supervisor } from '../../src/daemon/systemd.ts';
import { until } from '../support/until.ts';

const directory = mkdtempSync(join(tmpdir(), 'tandem-control-'));
after(() => rmSync(directory, { recursive: true, force: true }));
const path = join(directory, 'sock');
const VERSION: Reply = { kind: 'version', version: CONTROL_VERSION, daemon: '1.2.3' };

function ask(line: string): Promise<string> {
  return new Promise((done, failed) => {
    let text = '';
    const socket = connect(path, () => socket.write(line));
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('end', () => done(text)).on('error', failed);
  });
}

async function served<T>(run: () => Promise<T>, answer: () => Reply | Promise<Reply> = () => VERSION): Promise<T> {
  const server = await ControlServer.listen(path, answer, assert.fail);
  try {
    return await run();
  } finally {
    server.close();
  }
}

describe('the control socket', () => {
  test('answers one line with one line, and is for root alone', () =>
    served(async () => {
      assert.equal(statSync(path).mode & 0o777, 0o600);
      const answer = await ask(requestLine({ version: CONTROL_VERSION, ask: 'version' }));
      assert.deepEqual(new ReplyReader().take(answer), VERSION);
    }));

  for (const [what, answer, kind] of [
    ['comes later is the same reply', () => Promise.resolve(VERSION), 'version'],
    ['cannot be worked out is an error', () => Promise.reject(new Error('no')), 'error'],
  ] as const) {
    test(`an answer that ${what}`, () =>
      served(async () => {
        const text = await ask(requestLine({ version: CONTROL_VERSION, ask: 'config' }));
        assert.equal(new ReplyReader().take(text)?.kind, kind);
      }, answer));
  }

  test('a client that asks again before its answer is there has asked once', async () => {
    let asked = 0;
    const known = deferred<void>();
    const answer = async (): Promise<Reply> => {
      asked += 1;
      await known.promise;
      return VERSION;
    };
    const line = requestLine({ version: CONTROL_VERSION, ask: 'config' });
    await served(async () => {
      const socket = connect(path);
      const first = readAll(socket);
      socket.write(line);
      await until(() => asked === 1, 'the question');
      socket.write(line);
      // What another one asks afterwards is heard afterwards.
      const other = ask(line);
      await until(() => asked > 1, 'its question');
      known.resolve();
      assert.deepEqual([await first, await other], [`${JSON.stringify(VERSION)}\n`, `${JSON.stringify(VERSION)}\n`]);
      assert.equal(asked, 2);
    }, answer);
  });

  test('takes the place of a socket that a dead daemon left', async () => {
    writeFileSync(path, '');
    await served(async () => assert.ok(statSync(path).isSocket()));
  });

  test('leaves the socket of a daemon that lives alone', () =>
    served(async () => {
      await assert.rejects(
        ControlServer.listen(path, () => assert.fail(), assert.fail),
        /belongs to a tandemd that runs/,
      );
      const answer = await ask(requestLine({ version: CONTROL_VERSION, ask: 'version' }));
      assert.deepEqual(new ReplyReader().take(answer), VERSION);
    }));

  test('a client that never ends loses its place once it has its answer', () =>
    served(
      () =>
        new Promise((lost) => {
          const socket = connect({ path, allowHalfOpen: true }, () => socket.write('status\n'));
          socket.on('data', () => {
            const talking = setInterval(() => socket.write('more\n'), 10);
            socket
              .on('error', () => {})
              .once('close', () => {
                clearInterval(talking);
                lost();
              });
          });
        }),
    ));

  for (const [what, line] of [
    ['another version', '{"version":2,"ask":"status"}\n'],
    ['an unknown question', '{"version":1,"ask":"everything"}\n'],
    ['a field too many', '{"version":1,"ask":"status","and":1}\n'],
    ['no JSON', 'status\n'],
    ['more than a request can be', 'x'.repeat(5000)],
  ] as const) {
    test(`refuses ${what}`, () =>
      served(async () => {
        const reply = new ReplyReader().take(await ask(line));
        assert.equal(reply?.kind, 'error');
      }));
  }

  test('a reply comes in pieces; one without end, and one that is none, are refused', () => {
    const reader = new ReplyReader();
    const line = `${JSON.stringify(VERSION)}\n`;
    assert.equal(reader.take(line.slice(0, 10)), undefined);
    assert.deepEqual(reader.take(line.slice(10)), VERSION);
    assert.throws(() => new ReplyReader().take('x'.repeat(REPLY_BYTES_MAX + 1)), /too long/);
    assert.throws(() => new ReplyReader().take('nonsense\n'), /not JSON/);
    assert.throws(() => new ReplyReader().take('{"kind":"version"}\n'), /not understood/);
  });
});

describe('systemd', () => {
  function told(environment: NodeJS.ProcessEnv) {
    const lines: string[] = [];
    const send = (bytes: Uint8Array): boolean => lines.push(Buffer.from(bytes).toString()) > 0;
    return { lines, supervisor: supervisor({ send }, environment) };
  }

  test('hears of being ready, of reloading, of the end, and of life', () => {
    const { lines, supervisor: one } = told({});
    one.ready('VI_0 BACKUP');
    one.reloading(5n);
    one.alive();
    one.stopping();
    assert.deepEqual(lines, [
      'READY=1\nSTATUS=VI_0 BACKUP',
      'RELOADING=1\nMONOTONIC_USEC=5',
      'WATCHDOG=1',
      'STOPPING=1',
    ]);
  });

  test('is told twice as often as it wants to be, if it wants this process', () => {
    assert.equal(told({ WATCHDOG_USEC: '10000000' }).supervisor.watchdogMs, 5000);
    assert.equal(told({ WATCHDOG_USEC: '10000000', WATCHDOG_PID: '1' }).supervisor.watchdogMs, undefined);
    assert.equal(told({}).supervisor.watchdogMs, undefined);
    assert.equal(supervisor(undefined, { WATCHDOG_USEC: '10000000' }).watchdogMs, undefined);
  });
});
