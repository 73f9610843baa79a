/** `tandem lab` as a person types it. */
// needs: kernel ssh
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Lab } from '../../src/lab/lab.ts';
import { type RunResult, run, waitFor } from '../../src/lab/process.ts';
import { labPossible } from './possible.ts';

const directory = mkdtempSync(join(tmpdir(), 'tandem-labs-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const options = { skip: await labPossible(), timeout: 280_000 };
const program = new URL('../../src/cli.ts', import.meta.url).pathname;

const tandem = (...words: readonly string[]): Promise<RunResult> =>
  run([process.execPath, program, 'lab', ...words], { env: { ...process.env, TANDEM_LAB_DIR: directory } });

/** What a command that must succeed prints. */
async function says(...words: readonly string[]): Promise<string> {
  const result = await tandem(...words);
  assert.equal(result.code, 0, `lab ${words.join(' ')}: ${result.stderr}`);
  return result.stdout;
}

test(
  'up returns to the prompt; exec, unplug, plug, kill, reboot, list and down work on that lab',
  options,
  async () => {
    const up = await says('up', 'mine');
    try {
      assert.match(up, /^lab mine is up: rtr-core01, rtr-core02 .*\nssh -F (\S+) rtr-core01\n$/);
      const config = /ssh -F (\S+)/.exec(up)?.[1] as string;
      assert.equal((await run(['ssh', '-F', config, 'rtr-core02', 'hostname'])).stdout, 'rtr-core02\n');
      assert.match(await says('list'), /^mine {2}core {2}/);
      const [mine] = (JSON.parse(await says('list', '--json')) as { labs: Record<string, unknown>[] }).labs;
      assert.deepEqual(
        [mine?.name, mine?.topology, mine?.routers, mine?.sshConfig],
        ['mine', 'core', ['rtr-core01', 'rtr-core02'], config],
      );
      const ping = JSON.parse(await says('ping', 'client', '192.168.1.11', '--count', '3', '--json'));
      assert.deepEqual([ping.format, ping.sent, ping.received, ping.lost], ['tandem.lab-ping', 3, 3, 0]);

      const exec = await tandem('exec', 'rtr-core01', 'sh', '-c', 'hostname; echo bad >&2; exit 5');
      assert.deepEqual(exec, { code: 5, stdout: 'rtr-core01\n', stderr: 'bad\n' });
      const carrier = (): Promise<string> => says('exec', 'rtr-core02', 'cat', '/sys/class/net/p4p1/carrier');
      await says('unplug', 'rtr-core01', 'p4p1');
      assert.equal(await carrier(), '0\n');
      await says('plug', 'rtr-core01', 'p4p1');
      assert.equal(await carrier(), '1\n');
      await says('kill', 'rtr-core01');
      assert.equal(await carrier(), '0\n');
      const dead = await tandem('exec', 'rtr-core01', 'true');
      assert.equal(dead.code, 1);
      assert.match(dead.stderr, /rtr-core01 is not running/);
      await says('reboot', 'rtr-core01');
      assert.equal(await says('exec', 'rtr-core01', 'hostname'), 'rtr-core01\n');
    } finally {
      await says('down');
    }
    assert.equal(await says('list'), '');
    assert.deepEqual(JSON.parse(await says('list', '--json')), { format: 'tandem.labs', version: 1, labs: [] });
    assert.deepEqual(readdirSync(directory), []);
  },
);

test('nothing stays when up is killed before the lab is ready', options, async () => {
  const child = spawn(process.execPath, [program, 'lab', 'up', 'unborn'], {
    env: { ...process.env, TANDEM_LAB_DIR: directory },
    stdio: 'ignore',
  });
  await waitFor(() => existsSync(join(directory, 'unborn', 'pid', 'client')), {
    what: 'the first node of a lab in the making',
    timeoutMs: 60_000,
    everyMs: 1,
  });
  child.kill('SIGKILL');
  await waitFor(() => !existsSync(join(directory, 'unborn')), { what: 'the lab to go', timeoutMs: 60_000 });
  const commands = readdirSync('/proc').filter((each) => {
    try {
      return /^\d+$/.test(each) && readFileSync(`/proc/${each}/cmdline`, 'utf8').includes(join(directory, 'unborn'));
    } catch {
      return false;
    }
  });
  // The one that takes the directory away ends right after.
  await waitFor(() => commands.every((pid) => !existsSync(`/proc/${pid}`)), {
    what: 'its processes to go',
    timeoutMs: 60_000,
  });
});

test('a wrong word is answered with what there is', options, async () => {
  const nothing = await tandem('exec', 'rtr-core01', 'true');
  assert.equal(nothing.code, 1);
  assert.match(nothing.stderr, /no lab runs\n.*tandem lab up/);
  const name = await tandem('up', '../escape');
  assert.equal(name.code, 1);
  assert.match(name.stderr, /cannot name a lab/);

  process.env.TANDEM_LAB_DIR = directory;
  await using first = await Lab.up({ init: 'small' });
  await using second = await Lab.up({ init: 'small' });
  assert.match((await tandem('down')).stderr, /2 labs run/);
  const node = await tandem('exec', '--name', first.name, 'rtr-core03', 'true');
  assert.match(node.stderr, /no node rtr-core03 in this lab; there are rtr-core01, rtr-core02, client, server/);
  const leg = await tandem('unplug', '--name', second.name, 'rtr-core01', 'eth0');
  assert.match(leg.stderr, /no interface eth0 on rtr-core01; it has p1p1,/);
  assert.match((await tandem('up', second.name)).stderr, new RegExp(`there is a lab ${second.name} already`));
});
