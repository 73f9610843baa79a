import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Deferred, deferred } from '../../src/base/deferred.ts';
import { deletedHappening, type Happening, type HappeningKind } from '../../src/daemon/happening.ts';
import { Notifier } from '../../src/daemon/notify.ts';
import type { Ending, Program, Run, ScriptRunner } from '../../src/daemon/scripts.ts';
import type { Command } from '../../src/keepalived/model.ts';
import { parse } from '../../src/keepalived/parser.ts';
import { settled } from './fake-timers.ts';

/** Prints what was begun, and ends a script when the test says so. */
class FakeRunner implements ScriptRunner {
  readonly begun: string[] = [];
  readonly timeouts = new Set<number | undefined>();
  #running = new Map<string, Deferred<Ending>>();

  run({ argv }: Program, timeout?: number): Run {
    const line = argv.join(' ');
    const ended = deferred<Ending>();
    this.begun.push(line);
    this.timeouts.add(timeout);
    assert.ok(!this.#running.has(line), `${line} runs already`);
    this.#running.set(line, ended);
    return { ended: ended.promise, gone: ended.promise.then(() => {}), stop: () => {} };
  }

  get running(): readonly string[] {
    return [...this.#running.keys()];
  }

  /** Ends whatever runs with this line. */
  async end(line: string, ending: Ending = { kind: 'exited', code: 0 }): Promise<void> {
    this.#running.get(line)!.resolve(ending);
    this.#running.delete(line);
    await settled();
  }

  async endAll(): Promise<void> {
    while (this.running.length > 0) await this.end(this.running[0]!);
  }
}

const CONF = `
vrrp_sync_group G {
  group { V
    W
  }
  notify_fault /gf
  notify "/g 'two words'"
}
vrrp_instance V {
  interface lan
  virtual_router_id 1
  virtual_ipaddress { 10.0.0.1 }
  notify_master "/m 1"
  notify_backup /b
  notify_fault /f
  notify_stop /s
  notify /n
  notify_master_rx_lower_pri /lower
}
vrrp_instance W {
  interface lan
  virtual_router_id 2
  virtual_ipaddress { 10.0.0.2 }
  notify /w
}
`;

function notifier(text = CONF) {
  const runner = new FakeRunner();
  const lines: string[] = [];
  const scripts = (conf: string) => ({
    config: parse(conf, 'k.conf', {}).config,
    programOf: ({ argv }: Command): Program => ({ argv, uid: 0, gid: 0 }),
  });
  const log = (_priority: string, line: string): void => void lines.push(line);
  const one = new Notifier(scripts(text), { runner, log });
  const tell = async (name: string, ...what: HappeningKind[]): Promise<void> => {
    for (const kind of what) one.take(happening(name, kind));
    await settled();
  };
  return { runner, lines, one, tell, configure: (conf: string) => one.configure(scripts(conf)) };
}

const happening = (name: string, what: HappeningKind): Happening =>
  name === 'G' ? { type: 'GROUP', name, what, priority: 0 } : { type: 'INSTANCE', name, what, priority: 150 };

describe('notify scripts', () => {
  for (const [name, what, lines] of [
    ['V', 'MASTER', ['/m 1', '/n INSTANCE V MASTER 150']],
    ['V', 'BACKUP', ['/b', '/n INSTANCE V BACKUP 150']],
    ['V', 'FAULT', ['/f', '/n INSTANCE V FAULT 150']],
    ['V', 'STOP', ['/s', '/n INSTANCE V STOP 150']],
    ['V', 'MASTER_RX_LOWER_PRI', ['/lower']],
    ['V', 'MASTER_PRIORITY', []],
    ['W', 'MASTER', ['/w INSTANCE W MASTER 150']],
    ['W', 'MASTER_RX_LOWER_PRI', []],
    ['G', 'FAULT', ['/gf', '/g two words GROUP G FAULT 0']],
    ['G', 'MASTER', ['/g two words GROUP G MASTER 0']],
    ['X', 'MASTER', []],
  ] as const) {
    test(`of ${name} for ${what}: ${lines.join(', then ') || 'none'}`, async () => {
      const { runner, tell } = notifier();
      await tell(name, what);
      await runner.endAll();
      assert.deepEqual(runner.begun, lines);
    });
  }

  for (const [keyword, lines] of [
    ['', ['/n INSTANCE V FAULT 150']],
    ['notify_deleted', ['/n INSTANCE V DELETED 150']],
    ['notify_deleted "/d 1"', ['/d 1', '/n INSTANCE V DELETED 150']],
  ] as const) {
    test(`of an instance that a reload took away, with "${keyword}": ${lines.join(', then ')}`, async () => {
      const before = parse(CONF.replace('notify_stop', `${keyword}\n  notify_stop`), 'k.conf', {}).config;
      const { runner, one } = notifier(CONF.replaceAll('V', 'U'));
      one.take(deletedHappening(before.vrrp_instance[0]!, 150));
      await settled();
      await runner.endAll();
      assert.deepEqual(runner.begun, lines);
    });
  }

  test('of an instance that a reload took away are run as the file before said, those of others as it says now', async () => {
    const runner = new FakeRunner();
    const scripts = (uid: number, conf: string) => ({
      config: parse(conf, 'k.conf', {}).config,
      programOf: ({ argv }: Command): Program => ({ argv: [`${uid}:`, ...argv], uid, gid: 0 }),
    });
    const one = new Notifier(scripts(1, CONF), { runner, log: () => {} });
    one.configure(scripts(2, CONF.replaceAll('V', 'U')));
    one.take(deletedHappening(parse(CONF, 'k.conf', {}).config.vrrp_instance[0]!, 150));
    one.take(happening('W', 'FAULT'));
    await settled();
    await runner.endAll();
    assert.deepEqual(runner.begun, ['1: /n INSTANCE V FAULT 150', '2: /w INSTANCE W FAULT 150']);
  });

  test('of one instance run one after another, and those of others meanwhile', async () => {
    const { runner, tell } = notifier();
    await tell('V', 'BACKUP');
    await tell('W', 'BACKUP');
    await tell('G', 'BACKUP');
    assert.deepEqual(runner.running, ['/b', '/w INSTANCE W BACKUP 150', '/g two words GROUP G BACKUP 0']);
    await tell('V', 'MASTER');
    await runner.end('/b');
    await runner.end('/n INSTANCE V BACKUP 150');
    await runner.end('/m 1');
    assert.equal(runner.begun.at(-1), '/n INSTANCE V MASTER 150');
  });

  test('that are late see the last state, and the states between are said to be over', async () => {
    const { runner, tell, lines } = notifier();
    await tell('V', 'BACKUP', 'MASTER', 'FAULT', 'BACKUP', 'MASTER');
    await runner.endAll();
    assert.deepEqual(runner.begun, ['/b', '/n INSTANCE V BACKUP 150', '/m 1', '/n INSTANCE V MASTER 150']);
    assert.deepEqual(
      lines,
      ['MASTER', 'FAULT', 'BACKUP'].map(
        (state) => `INSTANCE V: the notify scripts are late; ${state} is over before they ran`,
      ),
    );
  });

  test('of a lower priority received wait for those of the state, and are off when it is over', async () => {
    const { runner, tell } = notifier();
    await tell('V', 'MASTER', 'MASTER_RX_LOWER_PRI', 'MASTER_RX_LOWER_PRI');
    await runner.endAll();
    assert.deepEqual(runner.begun, ['/m 1', '/n INSTANCE V MASTER 150', '/lower']);
    await tell('V', 'MASTER_RX_LOWER_PRI', 'MASTER_RX_LOWER_PRI', 'BACKUP');
    await runner.endAll();
    assert.deepEqual(runner.begun.slice(3), ['/lower', '/b', '/n INSTANCE V BACKUP 150']);
  });

  test('that fail are told and hold nothing up; an exit code is their own affair', async () => {
    const { runner, tell, lines } = notifier();
    await tell('V', 'MASTER');
    await runner.end('/m 1', { kind: 'failed', error: new Error('spawn /m ENOENT') });
    await runner.end('/n INSTANCE V MASTER 150', { kind: 'timed-out' });
    await tell('V', 'BACKUP');
    await runner.end('/b', { kind: 'exited', code: 7 });
    await runner.endAll();
    assert.deepEqual(lines, [
      'INSTANCE V: notify script /m (MASTER) cannot be run: spawn /m ENOENT',
      'INSTANCE V: notify script /n (MASTER) is ended: it took more than 90 s',
    ]);
    assert.equal(runner.begun.length, 4);
    assert.deepEqual([...runner.timeouts], [90_000]);
  });

  test('are waited for', async () => {
    const { runner, tell, one } = notifier();
    await tell('V', 'MASTER', 'STOP');
    let idle = false;
    const done = one.idle().then(() => {
      idle = true;
    });
    await settled();
    assert.ok(!idle);
    await runner.endAll();
    await done;
    assert.equal(runner.begun.at(-1), '/n INSTANCE V STOP 150');
  });

  test('after a reload are the new ones, in line behind the old', async () => {
    const { runner, tell, configure } = notifier();
    await tell('V', 'BACKUP');
    configure(CONF.replace('/m 1', '/new'));
    await tell('V', 'MASTER');
    assert.deepEqual(runner.running, ['/b']);
    await runner.endAll();
    assert.deepEqual(runner.begun.slice(2), ['/new', '/n INSTANCE V MASTER 150']);
  });
});
