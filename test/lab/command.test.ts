/** `tandem lab` as a person types it. */
// needs: kernel ssh
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
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

      const silent = await tandem('ping', 'client', '192.168.1.99', '--count', '3');
      assert.deepEqual([silent.code, silent.stderr], [1, '']);
      assert.match(silent.stdout, /^3 sent, 3 lost, longest silence 30 ms/);
      const noAddress = await tandem('ping', 'client', 'router');
      assert.deepEqual([noAddress.code, noAddress.stderr], [1, 'tandem: "router" is no IPv4 address\n']);

      const exec = await tandem('exec', 'rtr-core01', 'sh', '-c', 'hostname; echo bad >&2; exit 5');
      assert.deepEqual(exec, { code: 5, stdout: 'rtr-core01\n', stderr: 'bad\n' });
      const typed = await run(
        ['script', '-qec', `'${process.execPath}' '${program}' lab shell rtr-core01`, '/dev/null'],
        {
          stdin: 'hostname\nexit 4\n',
          env: { ...process.env, TANDEM_LAB_DIR: directory },
        },
      );
      assert.equal(typed.code, 4, typed.stdout);
      // The prompt stands before it where what is typed came before the shell.
      assert.match(typed.stdout, /^(# )?rtr-core01\r$/m);
      assert.doesNotMatch(typed.stdout, /tty/, 'a shell that has its terminal');
      assert.equal((await tandem('exec', 'rtr-core01', 'sh', '-c', 'kill -KILL $$')).code, 137, 'as a shell has it');
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
      await says('unplug', 'client', 'lan1');
      assert.equal(await says('exec', 'client', 'cat', '/sys/class/net/lan1/carrier'), '0\n');
      await says('kill', 'client');
      await says('reboot', 'client');
      assert.equal(await says('exec', 'client', 'hostname'), 'client\n');
    } finally {
      await says('down');
    }
    assert.equal(await says('list'), '');
    assert.deepEqual(JSON.parse(await says('list', '--json')), { format: 'tandem.labs', version: 1, labs: [] });
    assert.deepEqual(readdirSync(directory), []);
  },
);

/** Processes whose command line names this, as this machine counts. */
function processesOf(word: string): readonly string[] {
  return readdirSync('/proc').filter((each) => {
    try {
      return /^\d+$/.test(each) && readFileSync(`/proc/${each}/cmdline`, 'utf8').includes(word);
    } catch {
      return false;
    }
  });
}

async function nothingStays(lab: string): Promise<void> {
  const left = () => [...processesOf(join(directory, lab)), ...readdirSync(directory).filter((each) => each === lab)];
  await waitFor(() => left().length === 0, { what: `nothing of ${lab} to be left`, timeoutMs: 60_000 });
}

/** What of a lab in the making is there when its maker is killed. */
const MOMENTS = ['', 'env', 'node.d/rtr-core02.net', 'known_hosts', 'pid/client', 'state.json'];

for (const signal of ['SIGKILL', 'SIGINT'] as const) {
  test(`nothing stays when up gets ${signal} before the lab is ready, whenever that is`, options, async () => {
    for (const moment of MOMENTS) {
      const child = spawn(process.execPath, [program, 'lab', 'up', 'unborn'], {
        env: { ...process.env, TANDEM_LAB_DIR: directory },
        stdio: 'ignore',
      });
      await waitFor(() => existsSync(join(directory, 'unborn', moment)), {
        what: `${moment} of a lab in the making`,
        timeoutMs: 60_000,
        everyMs: 1,
      });
      child.kill(signal);
      await once(child, 'close');
      // Whoever came in time has a lab.
      if (child.exitCode === 0) await says('down', 'unborn');
      else assert.equal(child.signalCode, signal);
      await nothingStays('unborn');
    }
  });
}

test('nothing stays of a demo that is ended in the middle, nor of what it runs', options, async () => {
  const child = spawn(process.execPath, [program, 'lab', 'demo'], {
    env: { ...process.env, TANDEM_LAB_DIR: directory },
    stdio: 'ignore',
  });
  const lab = await waitFor(() => readdirSync(directory)[0], { what: 'the lab of the demo', timeoutMs: 60_000 });
  await waitFor(() => processesOf(join(directory, lab, 'relay.mjs')).length > 0, {
    what: 'the demo to talk to a router',
    timeoutMs: 60_000,
  });
  child.kill('SIGINT');
  await once(child, 'close');
  await nothingStays(lab);
});

test('an open SSH connection ends with the lab, and holds nothing of it', options, async () => {
  await says('up', 'left');
  const ssh = spawn('ssh', ['-F', join(directory, 'left/ssh_config'), 'rtr-core01', 'echo there; sleep 300']);
  const ended = once(ssh, 'close');
  await once(ssh.stdout, 'data');
  await says('down', 'left');
  await ended;
  await nothingStays('left');
});

test('a place where no lab can be is said to be one', options, async () => {
  const full = join(directory, 'full');
  const script = `mkdir "$1" && mount -t tmpfs -o size=16k tmpfs "$1" && shift && "$@"; mountpoint -q "$0" && ls -A "$0"`;
  const up = [process.execPath, program, 'lab', 'up', 'big'];
  const inOwnMounts = ['unshare', '--mount', 'sh', '-c', script, full, full, ...up];
  const isRoot = process.getuid?.() === 0;
  const noSpace = isRoot ? await run(inOwnMounts, { env: { ...process.env, TANDEM_LAB_DIR: full } }) : undefined;
  if (noSpace !== undefined) {
    assert.match(noSpace.stderr, /^tandem: .*no space left on device/m);
    assert.equal(noSpace.stdout, '', 'nothing of it is left there');
  }
  const spaced = await run(up, { env: { ...process.env, TANDEM_LAB_DIR: join(directory, 'a b') } });
  assert.match(spaced.stderr, /^tandem: labs cannot be kept in ".*a b" .*ssh_config.*\n$/);
  const refused = await run(up, { env: { ...process.env, TANDEM_LAB_DIR: '/dev/null/labs' } });
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /^tandem: labs cannot be kept in \/dev\/null\/labs \(TANDEM_LAB_DIR names another place\): ENOTDIR.*\n$/,
  );
});

test('of two that ask for the same name at once one gets it, and the other is told', options, async () => {
  const both = await Promise.all([tandem('up', 'same'), tandem('up', 'same')]);
  const [won, lost] = both.toSorted((a, b) => (a.code ?? -1) - (b.code ?? -1));
  assert.deepEqual([won?.code, lost?.code], [0, 1]);
  assert.equal(lost?.stderr, 'tandem: there is a lab same already (tandem lab down same ends it)\n');
  assert.equal(await says('exec', 'client', 'hostname'), 'client\n');
  await says('down', 'same');
  await nothingStays('same');
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
  const which = (await tandem('down')).stderr;
  assert.match(which, /2 labs run: .*\n.*tandem lab down --name \S+ /);
  assert.match((await tandem('down', 'third')).stderr, /no lab third runs\n.*these run: .*, /);
  const node = await tandem('exec', '--name', first.name, 'rtr-core03', 'true');
  assert.match(node.stderr, /no node rtr-core03 in this lab; there are rtr-core01, rtr-core02, client, server/);
  const leg = await tandem('unplug', '--name', second.name, 'rtr-core01', 'eth0');
  assert.match(leg.stderr, /no interface eth0 on rtr-core01; it has p1p1,/);
  assert.match((await tandem('up', second.name)).stderr, new RegExp(`there is a lab ${second.name} already`));
});
