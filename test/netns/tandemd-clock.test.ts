/**
 * The wall clock jumps an hour forward and an hour back under a running tandemd, whose peer is the real keepalived on a
 * clock that stands right: who is MASTER stays it, who is BACKUP stays it, and adverts keep their pace. libfaketime
 * gives the daemon alone another CLOCK_REALTIME; the monotonic clock and the kernel's own are as they were.
 */
// needs: kernel keepalived ip tcpdump faketime
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { waitFor } from '../../src/lab/process.ts';
import { addVeth, ip } from '../support/ip.ts';
import { inOwnNetwork } from '../support/namespace.ts';
import { sh } from '../support/shell.ts';
import { steady } from '../support/steady.ts';
import { type Daemon, Place } from '../support/tandemd.ts';

inOwnNetwork();
addVeth('lan', 'far');
ip('address', 'add', '10.0.0.1/24', 'dev', 'lan');
sh('ip netns add peer; ip link set far netns peer');
sh('ip -n peer link set lo up; ip -n peer link set far up; ip -n peer address add 10.0.0.2/24 dev far');
const place = new Place();
after(() => place[Symbol.dispose]());

/** 0.1 s and version 3: the down timer is 0.36 s, 10,000 times less than the jump. */
const INTERVAL_MS = 100;
const conf = (dev: string, priority: number, more = ''): string => `vrrp_instance VI_0 {
    interface ${dev}
    version 3
    virtual_router_id 51
    priority ${priority}
    advert_int ${INTERVAL_MS / 1000}
    virtual_ipaddress {
        10.0.0.100/24
    }${more}
}
`;

const TRACK = '\n    track_script {\n        chk\n    }';
const CHECK = `vrrp_script chk {
    script "${place.file('check.sh')}"
    interval 1
}
`;
writeFileSync(place.file('check.sh'), `#!/bin/sh\necho >>${place.file('checked')}\n`);
chmodSync(place.file('check.sh'), 0o755);
const checks = (): number => readFileSync(place.file('checked'), 'utf8').length;

const clock = place.file('clock');
/** @param seconds how far the daemon's wall clock is from the real one */
const setClock = (seconds: number): void => writeFileSync(clock, `${seconds < 0 ? '' : '+'}${seconds}\n`);

/** As faketime(1) does it, with a clock that can be set while the program runs. */
const FAKED = [
  'env',
  'DONT_FAKE_MONOTONIC=1',
  'FAKETIME_NO_CACHE=1',
  `FAKETIME_TIMESTAMP_FILE=${clock}`,
  `LD_PRELOAD=${sh('dpkg -L libfaketime').match(/^.*\/libfaketimeMT\.so\.1$/m)?.[0]}`,
];

/** A program on the other router, which is ended with the test. */
class InPeer implements AsyncDisposable {
  text = '';
  readonly #process: ChildProcess;

  constructor(...argv: readonly string[]) {
    this.#process = spawn('ip', ['netns', 'exec', 'peer', ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#process.stdout!, this.#process.stderr!]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        this.text += chunk;
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#process, 'close');
    this.#process.kill('SIGTERM');
    await ended;
  }
}

const says = (pattern: RegExp, text: () => string): Promise<unknown> =>
  waitFor(() => pattern.test(text()), { what: `${pattern} in\n${text()}`, timeoutMs: 20_000 });

const settle = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

interface Seen {
  /** Milliseconds between one advert and the next, by the kernel's clock, from one router each. */
  readonly gaps: readonly number[];
  readonly sources: ReadonlySet<string>;
  /** How long all of it took. */
  readonly seconds: number;
}

function seen(capture: string): Omit<Seen, 'seconds'> {
  const lines = [...capture.matchAll(/^(\d+\.\d+) IP (\S+) > 224\.0\.0\.18: VRRPv3/gm)];
  const times = lines.map(([, at]) => Number(at) * 1000);
  return { gaps: times.slice(1).map((at, i) => at - times[i]!), sources: new Set(lines.map(([, , from]) => from!)) };
}

/** A second each: as it is, an hour later, as it is, an hour earlier, as it is. */
async function jump(daemon: Daemon): Promise<Seen> {
  await using capture = new InPeer('tcpdump', '-i', 'far', '-n', '-tt', '-l', '--immediate-mode', 'ip proto 112');
  await says(/listening on/, () => capture.text);
  const started = performance.now();
  for (const seconds of [0, 3600, 0, -3600, 0]) {
    setClock(seconds);
    const before = daemon.log.length;
    await settle(1_000);
    // Its clock has jumped indeed: a line of its log is stamped with another hour.
    daemon.signal('SIGUSR1');
    await says(/Printing/, () => daemon.log.slice(before));
    const stamp = Date.parse(/^(.*\d{4}): Printing/m.exec(daemon.log.slice(before))![1]!);
    assert.ok(Math.abs(stamp - Date.now() - seconds * 1000) < 5_000, daemon.log);
  }
  return { ...seen(capture.text), seconds: (performance.now() - started) / 1000 };
}

describe('the wall clock jumps an hour', () => {
  for (const role of ['MASTER', 'BACKUP'] as const) {
    test(
      `and tandemd stays ${role}`,
      steady(async () => {
        setClock(0);
        const [ours, theirs] = role === 'MASTER' ? [200, 100] : [100, 200];
        writeFileSync(place.file('peer.conf'), conf('far', theirs));
        const files = ['-f', place.file('peer.conf'), '-p', place.file('peer.pid'), '-r', place.file('peer.vrrp.pid')];
        await using peer = new InPeer('keepalived', '-n', '-l', '-D', ...files);
        const peerRole = role === 'MASTER' ? 'BACKUP' : 'MASTER';
        await says(new RegExp(`Entering ${peerRole} STATE`), () => peer.text);
        await using daemon = place.start(`${CHECK}${conf('lan', ours, TRACK)}`, { under: FAKED });
        await daemon.says(new RegExp(`Entering ${role} STATE`));
        if (role === 'MASTER') await says(/Entering MASTER STATE[\s\S]*Entering BACKUP STATE/, () => peer.text);
        const transitions = place.status().instances[0]!.transitions.length;
        const told = peer.text.match(/Entering/g)!.length;

        const checked = checks();
        const { gaps, sources, seconds } = await jump(daemon);

        assert.deepEqual([...sources], [role === 'MASTER' ? '10.0.0.1' : '10.0.0.2']);
        assert.ok(gaps.length > 40, `${gaps.length} adverts`);
        // Less than a down timer with a machine that has other things to do; a median that is the interval.
        const sorted = gaps.toSorted((a, b) => a - b);
        assert.ok(sorted.at(-1)! < 3 * INTERVAL_MS && sorted[0]! > 0, `${sorted[0]} to ${sorted.at(-1)} ms`);
        assert.ok(Math.abs(sorted[sorted.length >> 1]! - INTERVAL_MS) < 10, `${sorted[sorted.length >> 1]} ms`);
        // A check a second, whatever hour it is.
        assert.ok(Math.abs(checks() - checked - seconds) <= 2, `${checks() - checked} checks in ${seconds} s`);
        assert.equal(place.status().instances[0]!.transitions.length, transitions, daemon.log);
        assert.equal(peer.text.match(/Entering/g)!.length, told, peer.text);
      }),
    );
  }
});
