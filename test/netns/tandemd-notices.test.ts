/**
 * What scripts, FIFOs and mails are told: the same file and the same events with keepalived and with tandemd, one after
 * the other, and all that each of them said held against the other.
 */
// needs: kernel keepalived
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { FifoReader } from '../support/fifo-reader.ts';
import { addVeth, ip } from '../support/ip.ts';
import { inOwnNetwork } from '../support/namespace.ts';
import { TANDEMD } from '../support/tandemd.ts';
import { until } from '../support/until.ts';

inOwnNetwork();
addVeth('lan', 'far');
ip('address', 'add', '10.0.0.1/24', 'dev', 'lan');

const ENGINES = {
  keepalived: ['keepalived', '-n', '-l', '-D'],
  tandemd: [process.execPath, TANDEMD, '-n', '-l', '-D'],
} as const;
type Engine = keyof typeof ENGINES;

interface Story {
  /** Lines of the FIFO, as they came. */
  readonly fifo: readonly string[];
  /** A line for every run of a script: its arguments, whom it ran as, and its umask. */
  readonly scripts: readonly string[];
  readonly mails: readonly string[];
  readonly log: string;
}

const folder = mkdtempSync(join(tmpdir(), 'tandemd-notices-'));
const stories = new Map<Engine, Story>();
const mails: string[] = [];
const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ['AUTH', 'STARTTLS'],
  onData(stream, { envelope }, done) {
    void readAll(stream).then((message) => {
      mails.push(summary(message, envelope.rcptTo.map(({ address }) => address).join(' ')));
      done();
    });
  },
});

before(async () => {
  chmodSync(folder, 0o755);
  server.listen(2525, '127.0.0.1');
  await once(server.server, 'listening');
  assert.equal((server.server.address() as AddressInfo).port, 2525);
  for (const engine of ['keepalived', 'tandemd'] as const) stories.set(engine, await play(engine));
});
after(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

/** Subject, From, To and the first line of the text. */
function summary(message: string, to: string): string {
  const [head = '', body = ''] = message.replaceAll('\r', '').split('\n\n');
  const header = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(head)?.[1] ?? `no ${name}`;
  return [header('Subject'), header('From'), header('To'), to, body.trim()].join(' | ');
}

function conf(at: (name: string) => string): string {
  const scripts = (name: string): string =>
    [
      ...['master', 'backup', 'fault', 'stop'].map(
        (state) => `notify_${state} "${at('note.sh')} ${name} ${state}" nobody`,
      ),
      `notify "${at('note.sh')} 'of ${name}'"`,
    ].join('\n  ');
  return `global_defs {
  router_id R1
  script_user root
  notification_email { a@example.com
    b@example.com
  }
  notification_email_from r1@example.com
  smtp_server 127.0.0.1 2525
  smtp_alert
  vrrp_version 3
  notify_fifo ${at('fifo')}
  vrrp_notify_priority_changes on
}
vrrp_script chk {
  script "${at('check.sh')} word"
  interval 1
  fall 2
  rise 2
}
track_file number {
  file ${at('number')}
  weight 1
}
vrrp_sync_group G {
  group { A
    B
  }
  ${scripts('G')}
}
${['A', 'B', 'S']
  .map(
    (name, index) => `vrrp_instance ${name} {
  interface lan
  virtual_router_id ${50 + index}
  priority ${100 + index}
  advert_int 0.1
  virtual_ipaddress { 10.0.0.${50 + index} }
  ${scripts(name)}
  ${name === 'A' ? 'track_script { chk }' : ''}
  ${name === 'S' ? 'track_file { number }\n  smtp_alert off' : ''}
}`,
  )
  .join('\n')}
`;
}

/** One life of a daemon: up, a check that fails and recovers, a number in a file, down. */
async function play(engine: Engine): Promise<Story> {
  const at = (name: string): string => join(folder, `${engine}-${name}`);
  writeFileSync(at('conf'), conf(at));
  writeFileSync(at('scripts'), '');
  chmodSync(at('scripts'), 0o666);
  for (const [name, line] of [
    ['note.sh', `echo "$* $(id -un) $(umask)" >>${at('scripts')}`],
    ['check.sh', `[ ! -e ${at('bad')} ]`],
  ] as const) {
    writeFileSync(at(name), `#!/bin/sh\n${line}\n`);
    chmodSync(at(name), 0o755);
  }
  mails.length = 0;
  const [program, ...options] = ENGINES[engine];
  const daemon = spawn(program, [...options, '-f', at('conf')], {
    env: { ...process.env, TANDEMD_SOCKET: at('sock') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  const append = (chunk: string): void => {
    log += chunk;
  };
  for (const stream of [daemon.stdout, daemon.stderr]) stream.on('data', (chunk) => void append(String(chunk)));
  const ended = once(daemon, 'exit');
  try {
    const fifo = await reader(at('fifo'), () => log);
    await fifo.reads('GROUP "G" MASTER 0');
    await fifo.reads('INSTANCE "S" MASTER 102');
    writeFileSync(at('bad'), '');
    await fifo.reads('GROUP "G" FAULT 0');
    rmSync(at('bad'));
    await fifo.reads('GROUP "G" MASTER 0', 2);
    writeFileSync(at('number'), '5\n');
    await fifo.reads('INSTANCE "S" MASTER_PRIORITY 107');
    const expected = mailsOf(fifo.lines());
    await until(
      () => mails.length >= expected,
      () => `${expected} mails, not ${mails.length}: ${log}`,
    );
    daemon.kill('SIGTERM');
    await ended;
    const scripts = () => readFileSync(at('scripts'), 'utf8').trim().split('\n');
    await until(
      () => scripts().length >= scriptsOf(fifo.lines()),
      () => `all scripts of ${fifo.lines().join('\n')}`,
    );
    return { fifo: fifo.lines(), scripts: scripts(), mails: [...mails], log };
  } finally {
    daemon.kill('SIGKILL');
  }
}

/** Two scripts for every state. */
const scriptsOf = (lines: readonly string[]): number => 2 * lines.filter((line) => !line.includes('_PRIORITY')).length;
const mailsOf = (lines: readonly string[]): number =>
  lines.filter((line) => !line.includes('_PRIORITY') && !line.includes('STOP') && !line.includes('"S"')).length;

async function reader(path: string, log: () => string) {
  await until(() => existsSync(path), `${path} to be made`);
  const fifo = new FifoReader(path);
  const lines = (): readonly string[] =>
    fifo
      .text()
      .split('\n')
      .filter((line) => line !== '');
  const reads = (line: string, times = 1): Promise<void> =>
    until(
      () => lines().filter((one) => one === line).length >= times,
      () => `${times} x ${line} in\n${fifo.text()}\n${log()}`,
    );
  return { lines, reads };
}

const told = (engine: Engine): Story => stories.get(engine)!;
/** What one instance or group is told, in its order; the order among them is chance with keepalived. */
const about = (lines: readonly string[], owner: string): readonly string[] =>
  lines.filter((line) => line.split(' ').includes(owner));

describe('keepalived and tandemd tell the same', () => {
  for (const owner of ['"A"', '"B"', '"S"', '"G"']) {
    test(`through the FIFO of ${owner}`, () => {
      const lines = about(told('tandemd').fifo, owner);
      assert.ok(lines.length >= 3);
      assert.deepEqual(lines, about(told('keepalived').fifo, owner));
    });
  }

  test('to scripts, with the same words, users and umask', () => {
    assert.deepEqual(told('tandemd').scripts.toSorted(), told('keepalived').scripts.toSorted());
  });

  test('by mail, with the same subjects, senders, receivers and texts', () => {
    assert.ok(told('tandemd').mails.length >= 10);
    assert.deepEqual(told('tandemd').mails.toSorted(), told('keepalived').mails.toSorted());
  });

  test('in the log about the check and the priorities', () => {
    const lines = ({ log }: Story) =>
      log
        .split('\n')
        .flatMap((line) => /VRRP_Script\(chk\).*|Script `chk`.*|\(\w+\) Changing effective.*/.exec(line)?.[0] ?? []);
    assert.deepEqual(lines(told('tandemd')), lines(told('keepalived')));
  });
});

test("tandemd's scripts of one instance run in the order of its states, its own one before notify", () => {
  const { fifo, scripts } = told('tandemd');
  for (const name of ['A', 'B', 'S', 'G']) {
    const states = about(fifo, `"${name}"`).filter((line) => !line.includes('_PRIORITY'));
    const expected = states.flatMap((line) => {
      const [type, , state = '', priority] = line.split(' ');
      return [
        `${name} ${state.toLowerCase()} nobody 0177`,
        `of ${name} ${type} ${name} ${state} ${priority} root 0177`,
      ];
    });
    assert.deepEqual(
      scripts.filter((line) => line.startsWith(`${name} `) || line.startsWith(`of ${name} `)),
      expected,
    );
  }
});

test('a group is told of a state after its last member', () => {
  const { fifo } = told('tandemd');
  for (const [index, line] of fifo.entries()) {
    const [type, , state] = line.split(' ');
    if (type !== 'GROUP') continue;
    for (const member of ['"A"', '"B"']) {
      assert.equal(about(fifo.slice(0, index), member).at(-1)?.split(' ')[2], state, `${member} at line ${index}`);
    }
  }
});
