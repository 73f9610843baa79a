/** What the file says of the process itself, read back from the kernel: priority, memory, processors, and their limits. */
// needs: kernel root
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { after, beforeEach, describe, test } from 'node:test';
import { waitFor } from '../../src/lab/process.ts';
import { addVeth, ip } from '../support/ip.ts';
import { inOwnNetwork } from '../support/namespace.ts';
import { steady } from '../support/steady.ts';
import { type Daemon, Place } from '../support/tandemd.ts';

inOwnNetwork();
addVeth('lan', 'far');
ip('address', 'add', '10.0.0.1/24', 'dev', 'lan');
const place = new Place();
after(() => place[Symbol.dispose]());

const NOTE = place.file('note');
writeFileSync(
  place.file('note.sh'),
  `#!/bin/sh\ngrep -E '^(Cpus_allowed_list|VmLck)' /proc/$$/status >${NOTE}.new
ps -o cls=,ni= -p $$ >>${NOTE}.new && mv ${NOTE}.new ${NOTE}\n`,
);
chmodSync(place.file('note.sh'), 0o755);
beforeEach(() => rmSync(NOTE, { force: true }));

const conf = (globals: string): string => `global_defs {
    script_user root
    ${globals}
}
vrrp_instance VI_0 {
    interface lan
    version 3
    virtual_router_id 51
    priority 150
    advert_int 0.1
    notify_master ${place.file('note.sh')}
    virtual_ipaddress {
        10.0.0.100/24
    }
}
`;

interface Traits {
  /** ps(1)'s: RR or TS. */
  readonly scheduling: string;
  readonly realTime: string;
  readonly nice: string;
  readonly lockedKb: number;
  readonly processors: string;
  readonly limitUs: string;
}

function traitsOf(pid: number): Traits {
  const ps = spawnSync('ps', ['-o', 'cls=,rtprio=,ni=', '-p', `${pid}`], { encoding: 'utf8' }).stdout.trim();
  const [scheduling = '', realTime = '', nice = ''] = ps.split(/\s+/);
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const limits = readFileSync(`/proc/${pid}/limits`, 'utf8');
  return {
    scheduling,
    realTime,
    nice,
    lockedKb: Number(/^VmLck:\s*(\d+)/m.exec(status)![1]),
    processors: /^Cpus_allowed_list:\s*(\S+)/m.exec(status)![1]!,
    limitUs: /^Max realtime timeout\s+(\S+)/m.exec(limits)![1]!,
  };
}

const traits = ({ process: { pid } }: Daemon): Traits => traitsOf(pid!);

async function reload(daemon: Daemon, globals: string): Promise<void> {
  const times = daemon.log.split('Reload complete').length;
  place.write(conf(globals));
  daemon.signal('SIGHUP');
  await daemon.says(/Reload complete/, times);
}

/** What a script finds itself to be. */
async function noted(): Promise<string> {
  await waitFor(() => existsSync(NOTE), { what: 'the script of MASTER', timeoutMs: 10_000 });
  return readFileSync(NOTE, 'utf8');
}

const PLAIN = traitsOf(process.pid);

describe('what the file says of the process', () => {
  test('holds in the kernel, not for scripts, and a reload takes it back', async () => {
    await using daemon = place.start(conf('vrrp_rt_priority 20\n vrrp_no_swap\n vrrp_cpu_affinity 0'));
    await daemon.says(/Entering MASTER STATE/);
    const { lockedKb, ...rest } = traits(daemon);
    assert.deepEqual(rest, { scheduling: 'RR', realTime: '20', nice: '-', processors: '0', limitUs: 'unlimited' });
    assert.ok(lockedKb > 0);
    // What is reserved and never touched is not there: node reserves 700 MB and more.
    const resident = Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${daemon.process.pid}/status`, 'utf8'))![1]);
    assert.ok(resident < 300_000, `${resident} KB`);
    // As with keepalived the processors are those of its scripts too.
    assert.match(await noted(), /^VmLck:\s*0 kB\nCpus_allowed_list:\s*0\n\s*TS\s+0$/m);
    await reload(daemon, '');
    assert.deepEqual(traits(daemon), PLAIN);
    assert.doesNotMatch(daemon.log, /refuses|conf-unsupported/);
  });

  test('a nice daemon starts scripts that are not', async () => {
    await using daemon = place.start(conf('vrrp_priority -5'));
    await daemon.says(/Entering MASTER STATE/);
    assert.deepEqual(traits(daemon), { ...PLAIN, nice: '-5' });
    assert.match(await noted(), /^\s*TS\s+0$/m);
  });

  test('a real-time limit that is used up ends the priority and not the daemon', async () => {
    const limited = 'vrrp_rt_priority 20\n vrrp_rlimit_rttime 8000';
    await using daemon = place.start(conf(limited));
    await daemon.says(/Entering MASTER STATE/);
    // To read this takes a second; now and then it waits for its collector, and the kernel counts anew.
    await reload(daemon, limited + '\n    # nothing'.repeat(900_000));
    await daemon.says(/vrrp_rlimit_rttime: too long/);
    // The kernel raises a limit that it has told of by a second.
    assert.deepEqual(traits(daemon), { ...PLAIN, limitUs: '1008000' });
    assert.equal(place.status().instances[0]!.state, 'MASTER');
  });

  test(
    'a daemon that comes late raises its priority a step at a time, up to max_auto_priority',
    steady(async () => {
      await using daemon = place.start(conf('max_auto_priority 2\n min_auto_priority_delay 200000'));
      await daemon.says(/Entering MASTER STATE/);
      for (const priority of ['1', '2', '2']) {
        daemon.signal('SIGSTOP');
        await new Promise((done) => setTimeout(done, 700));
        daemon.signal('SIGCONT');
        await waitFor(() => traits(daemon).realTime === priority, { what: `priority ${priority}`, timeoutMs: 5_000 });
      }
      assert.equal(daemon.log.match(/late: real-time priority/g)!.length, 2);
    }),
  );

  test('what the kernel refuses is said, and VRRP goes on', async () => {
    const under = ['setpriv', '--bounding-set=-sys_nice,-ipc_lock', '--inh-caps=-sys_nice,-ipc_lock', '--'];
    await using daemon = place.start(conf('vrrp_rt_priority 20\n vrrp_no_swap\n vrrp_priority -5'), { under });
    await daemon.says(/Entering MASTER STATE/);
    assert.match(daemon.log, /vrrp_rt_priority: the kernel refuses it \(EPERM\)/);
    assert.match(daemon.log, /vrrp_no_swap: the kernel refuses it/);
  });
});
