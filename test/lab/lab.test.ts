/** The lab's life: what comes up, what it can do, and that nothing of it stays. */
// needs: kernel
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Lab } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/lab/process.ts';
import { isAlive, type LabState, listLabs, readState } from '../../src/lab/state.ts';
import { labPossible } from './possible.ts';

// A directory of their own: labs of other programs on this machine are not ours to look at.
const directory = mkdtempSync(join(tmpdir(), 'tandem-labs-'));
process.env.TANDEM_LAB_DIR = directory;
after(() => rmSync(directory, { recursive: true, force: true }));

const options = { skip: await labPossible(), timeout: 120_000 };
const withInit = {
  small: options,
  systemd: { ...options, skip: await labPossible({ init: 'systemd' }) },
};

/** How a running lab is recognized on this machine, taken while it runs. */
interface Census {
  readonly state: LabState;
  /** Network namespaces of its switch and its nodes. */
  readonly namespaces: ReadonlySet<string>;
}

function census(state: LabState): Census {
  const pids = readdirSync(join(directory, state.name, 'pid')).map((node) =>
    readFileSync(join(directory, state.name, 'pid', node), 'utf8').trim(),
  );
  // Held open: the number of a namespace that is gone is given to the next one, which may be another test's.
  for (const pid of [`${state.pid}`, ...pids]) openSync(`/proc/${pid}/ns/net`, 'r');
  const taken = { state, namespaces: new Set([`${state.pid}`, ...pids].map((pid) => networkNamespace(pid))) };
  assert.equal(taken.namespaces.size, 1 + state.topology.nodes.length, 'each node and the switch has its own');
  assert.ok(!taken.namespaces.has(networkNamespace('self')), "none is this program's");
  const seen = traces(taken).join(' ');
  for (const kind of ['process', 'file', ...(state.cgroup === '' ? [] : ['cgroup'])])
    assert.match(seen, new RegExp(kind));
  return taken;
}

const networkNamespace = (pid: string): string => readlinkSync(`/proc/${pid}/ns/net`);

/** All that a lab could leave on the machine. Its mounts and links live in its namespaces: they go with the last process. */
function traces({ state, namespaces }: Census): readonly string[] {
  const belongs = (pid: string): boolean => {
    try {
      return namespaces.has(networkNamespace(pid)) || readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(state.name);
    } catch {
      return false;
    }
  };
  const processes = readdirSync('/proc').filter((each) => /^\d+$/.test(each) && belongs(each));
  const cgroups =
    state.cgroup === ''
      ? []
      : readdirSync(dirname(state.cgroup)).filter((each) => each.startsWith(basename(state.cgroup)));
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(state.name));
  const files = existsSync(join(directory, state.name)) ? [state.name] : [];
  return [
    ...processes.map((pid) => `process ${pid}`),
    ...cgroups.map((name) => `cgroup ${name}`),
    ...mounts.map((line) => `mount ${line}`),
    ...files.map((name) => `file ${name}`),
  ];
}

test(
  'a lab comes up with routers, hosts and SSH, runs commands, and is gone without a trace after down',
  options,
  async () => {
    const lab = await Lab.up();
    const taken = census(lab.state);

    const echoed = await lab.exec('rtr-core01', ['sh', '-c', 'cat; hostname; echo bad >&2; exit 3'], { stdin: 'in ' });
    assert.deepEqual(echoed, { code: 3, stdout: 'in rtr-core01\n', stderr: 'bad\n' });
    const pinged = await lab.exec('client', ['ping', '-c', '1', '-W', '10', '192.168.1.12']);
    assert.equal(pinged.code, 0, pinged.stdout);

    await lab.down();
    assert.deepEqual(traces(taken), []);
  },
);

test('down waits for the process around the lab too, however late that one ends', options, async () => {
  const lab = await Lab.up({ init: 'small' });
  const taken = census(lab.state);
  process.kill(lab.state.parent.pid, 'SIGSTOP');
  let isDown = false;
  const down = lab.down().then(() => {
    isDown = true;
  });
  try {
    await waitFor(() => !isAlive(lab.state), { what: 'the first process to end', timeoutMs: 20_000 });
    // Some looks of `down` at what it waits for, and time to take away a directory.
    await setTimeout(200);
    assert.equal(isDown, false);
  } finally {
    process.kill(lab.state.parent.pid, 'SIGCONT');
  }
  await down;
  assert.deepEqual(traces(taken), []);
});

/** Folders that each router has for itself, and a file in each. */
const OWN_PLACES = ['etc', 'var/lib', 'run', 'tmp', 'root', 'usr/local'];
const MARK = 'tandem-lab-test';

for (const init of ['systemd', 'small'] as const) {
  test(
    `with ${init} as a router's first process: own /etc, /run, /var; files survive a reboot, network state does not`,
    withInit[init],
    async () => {
      await using lab = await Lab.up({ init });
      const comm = await lab.must('rtr-core01', ['cat', '/proc/1/comm']);
      assert.equal(comm.trim(), init === 'systemd' ? 'systemd' : 'sh');
      const write = `for place in ${OWN_PLACES.join(' ')}; do echo mine >/$place/${MARK}; done`;
      await lab.must('rtr-core01', ['sh', '-c', `${write}; ip address add 192.0.2.1/32 dev p3p1`]);
      for (const place of OWN_PLACES) {
        assert.equal(existsSync(`/${place}/${MARK}`), false, `/${place} is not this machine's`);
        const other = await lab.exec('rtr-core02', ['test', '-e', `/${place}/${MARK}`]);
        assert.equal(other.code, 1, `/${place} is not the other router's`);
      }
      await lab.reboot('rtr-core01');
      const look = `ls /*/${MARK} /*/*/${MARK} 2>/dev/null || :`;
      const found = (await lab.must('rtr-core01', ['sh', '-c', look])).trim().split('\n');
      assert.deepEqual(
        found.sort(),
        ['etc', 'root', 'usr/local', 'var/lib'].map((place) => `/${place}/${MARK}`),
      );
      const addresses = await lab.must('rtr-core01', ['ip', '-4', '-br', 'address', 'show', 'p3p1']);
      assert.match(addresses, /192\.168\.1\.11\/24/);
      assert.doesNotMatch(addresses, /192\.0\.2\.1/);
    },
  );
}

test('a router that reboots itself comes back', withInit.systemd, async () => {
  await using lab = await Lab.up({ init: 'systemd' });
  const before = lab.pid('rtr-core01');
  await lab.exec('rtr-core01', ['systemctl', 'reboot', '--force', '--force']);
  await waitFor(() => lab.isRunning('rtr-core01') && lab.pid('rtr-core01') !== before, {
    what: 'the new first process',
    timeoutMs: 60_000,
  });
  await lab.awaitSsh('rtr-core01');
});

test(
  "of its maker's environment a router gets a compile cache inside of the tree, a host nothing",
  options,
  async (t) => {
    const { NODE_COMPILE_CACHE: before } = process.env;
    t.after(() => {
      if (before === undefined) delete process.env.NODE_COMPILE_CACHE;
      else process.env.NODE_COMPILE_CACHE = before;
    });
    const tree = join(import.meta.dirname, '../..');
    await using lab = await Lab.up({ init: 'small' });
    const given = async (node: string): Promise<readonly string[]> =>
      [...(await lab.must(node, ['env'])).matchAll(/^NODE_\w+=.*$/gm)].map(([line]) => line).sort();
    for (const [cache, router] of [
      ['', []],
      ['/var/cache/elsewhere', []],
      [
        join(tree, 'node_modules/.cache/compiled'),
        ['NODE_COMPILE_CACHE=/opt/lab/tree/node_modules/.cache/compiled', 'NODE_COMPILE_CACHE_PORTABLE=1'],
      ],
    ] as const) {
      process.env.NODE_COMPILE_CACHE = cache;
      assert.deepEqual(await given('rtr-core01'), router);
      assert.deepEqual(await given('client'), []);
    }
  },
);

test('two labs run side by side with the same addresses and do not see each other', options, async () => {
  await using first = await Lab.up({ init: 'small' });
  await using second = await Lab.up({ init: 'small' });
  await first.must('rtr-core01', ['ip', 'address', 'add', '192.168.1.99/24', 'dev', 'p3p1']);
  const ping = ['ping', '-c', '1', '-W', '2', '192.168.1.99'];
  assert.equal((await first.exec('client', ping)).code, 0);
  assert.equal((await second.exec('client', ping)).code, 1);
  assert.deepEqual(
    listLabs()
      .map(({ state }) => state.name)
      .sort(),
    [first.name, second.name].sort(),
  );
});

test('nothing stays when the program that holds a lab is killed', options, async () => {
  const holder = spawnHolder(false);
  const taken = await censusOf(holder);
  holder.kill('SIGKILL');
  await waitFor(() => traces(taken).length === 0, { what: `no trace of it`, timeoutMs: 60_000, everyMs: 50 });
});

test('nothing stays when the program that holds a lab gets Ctrl-C', options, async () => {
  const holder = spawnHolder(false);
  const taken = await censusOf(holder);
  holder.kill('SIGINT');
  await waitFor(() => traces(taken).length === 0, { what: `no trace of it`, timeoutMs: 60_000, everyMs: 50 });
});

test('a detached lab outlives its maker, and nothing stays when its own holder is killed', options, async () => {
  const holder = spawnHolder(true);
  const taken = await censusOf(holder);
  const { state } = taken;
  holder.kill('SIGKILL');
  await waitFor(() => holder.signalCode !== null, { what: 'the maker to die', timeoutMs: 30_000 });
  const lab = Lab.attach(join(directory, state.name));
  assert.equal((await lab.exec('client', ['true'])).code, 0);
  const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${state.pid}/status`, 'utf8'))?.[1]);
  assert.match(readFileSync(`/proc/${parent}/cmdline`, 'utf8'), /^unshare/);
  process.kill(parent, 'SIGKILL');
  await waitFor(() => traces(taken).length === 0, { what: `no trace of it`, timeoutMs: 60_000, everyMs: 50 });
});

test('what stays of a lab whose first process was shot is taken away by the next look', options, async () => {
  const lab = await Lab.up({ detached: true });
  const taken = census(lab.state);
  const { state } = taken;
  process.kill(state.pid, 'SIGKILL');
  await waitFor(() => !isAlive(state), { what: 'the lab to die', timeoutMs: 30_000 });
  await waitFor(
    () => {
      listLabs();
      return traces(taken).length === 0;
    },
    { what: `no trace of it`, timeoutMs: 60_000, everyMs: 50 },
  );
});

/** Another program that makes a lab and then waits. */
function spawnHolder(detached: boolean): ChildProcess {
  const module = new URL('../../src/lab/lab.ts', import.meta.url).href;
  const program = `const { Lab } = await import('${module}');
const lab = await Lab.up({ detached: ${detached} });
console.log(lab.directory);
setInterval(() => {}, 1e6);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return child;
}

async function censusOf(holder: ChildProcess): Promise<Census> {
  let printed = '';
  holder.stdout?.on('data', (chunk: Buffer) => {
    printed += chunk.toString('utf8');
  });
  const state = await waitFor(() => (printed.endsWith('\n') ? readState(printed.trim()) : undefined), {
    what: 'the holder to report its lab',
    timeoutMs: 60_000,
  });
  return census(state);
}
