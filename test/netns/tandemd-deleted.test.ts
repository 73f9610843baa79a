/** What scripts and FIFOs hear of instances that a reload takes away: the same from keepalived and from tandemd. */
// needs: kernel keepalived
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { addVeth, ip } from '../support/ip.ts';
import { inOwnNetwork } from '../support/namespace.ts';
import { TANDEMD } from '../support/tandemd.ts';
import { until } from '../support/until.ts';

inOwnNetwork();
addVeth('lan', 'far');
ip('address', 'add', '10.0.0.1/24', 'dev', 'lan');
const folder = mkdtempSync(join(tmpdir(), 'tandemd-deleted-'));
after(() => rmSync(folder, { recursive: true }));

const ENGINES = {
  keepalived: ['keepalived', '-n', '-l', '-D'],
  tandemd: [process.execPath, TANDEMD, '-n', '-l', '-D'],
} as const;

function conf(at: (name: string) => string, instances: readonly (readonly [string, string])[]): string {
  const blocks = instances.map(
    ([name, line], index) => `vrrp_instance ${name} {
    interface lan
    version 3
    virtual_router_id ${51 + index}
    priority 200
    advert_int 0.1
    notify_fault "${at('note.sh')} ${name} fault"
    notify_stop "${at('note.sh')} ${name} stop"
    notify ${at('note.sh')}
    ${line}
    virtual_ipaddress {
        10.0.0.${51 + index}/24
    }
}
`,
  );
  return `global_defs {
    script_user root
    notify_fifo ${at('fifo')}
    notify_fifo_script ${at('read.sh')}
}
${blocks.join('')}`;
}

/** @returns what the scripts and the FIFO were told of the reload, in no order: keepalived has none */
async function play(engine: keyof typeof ENGINES): Promise<{ scripts: readonly string[]; fifo: readonly string[] }> {
  const place = join(folder, engine);
  mkdirSync(place);
  const at = (name: string): string => join(place, name);
  const script = (name: string, line: string): void => {
    writeFileSync(at(name), `#!/bin/sh\n${line}\n`);
    chmodSync(at(name), 0o755);
  };
  const lines = (name: string): readonly string[] => readFileSync(at(name), 'utf8').trim().split('\n').toSorted();
  script('note.sh', `echo "$*" >>${at('noted')}`);
  script('read.sh', `exec cat "$1" >>${at('read')}`);
  for (const name of ['noted', 'read']) writeFileSync(at(name), '');
  const kept = ['A', ''] as const;
  const gone = [
    ['B', ''],
    ['C', 'notify_deleted'],
    ['D', `notify_deleted "${at('note.sh')} D deleted"`],
  ] as const;
  writeFileSync(at('conf'), conf(at, [kept, ...gone]));
  const daemon = spawn(
    ENGINES[engine][0],
    [...ENGINES[engine].slice(1), '-f', at('conf'), '-p', at('pid'), '-r', at('vrrp.pid')],
    { stdio: 'ignore', env: { ...process.env, TANDEMD_SOCKET: at('sock') } },
  );
  const masters = (): number => lines('read').filter((line) => line.includes(' MASTER ')).length;
  await until(() => masters() === 1 + gone.length && lines('noted').length >= 2 * masters(), `${engine}: all MASTER`);
  for (const name of ['noted', 'read']) writeFileSync(at(name), '');
  writeFileSync(at('conf'), conf(at, [kept]));
  daemon.kill('SIGHUP');
  await until(() => lines('noted').length >= 4 && lines('read').length >= 3, `${engine}: to tell of all`);
  const told = { scripts: lines('noted'), fifo: lines('read') };
  const ended = once(daemon, 'exit');
  daemon.kill('SIGTERM');
  await ended;
  return told;
}

test('an instance that a reload takes away is in FAULT to those who are told, or DELETED where the file says so', async () => {
  const expected = {
    scripts: ['D deleted', 'INSTANCE B FAULT 200', 'INSTANCE C DELETED 200', 'INSTANCE D DELETED 200'],
    fifo: ['INSTANCE "B" FAULT 200', 'INSTANCE "C" DELETED 200', 'INSTANCE "D" DELETED 200'],
  };
  assert.deepEqual(await play('keepalived'), expected);
  assert.deepEqual(await play('tandemd'), expected);
});
