// needs: keepalived kernel
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isAtLeast } from '../../src/base/version.ts';
import { parse } from '../../src/keepalived/parser.ts';
import { print } from '../../src/keepalived/printer.ts';
import { asRoot } from '../../src/rollout/test-copy.ts';
import { installedKeepalived } from '../keepalived/daemon.ts';
import { inOwnNetwork } from '../support/namespace.ts';

inOwnNetwork();

const text = `global_defs {
    enable_script_security
    script_user daemon daemon
}
vrrp_script check {
    script /bin/true
    user nobody
}
vrrp_instance VI_0 {
    interface p4p1
    virtual_router_id 50
    priority 100
    virtual_ipaddress {
        192.0.2.1/24 dev p3p1
    }
    track_script {
        check
    }
    notify_master /bin/true daemon daemon
}
`;

test('every user that scripts run as is named, and stands in the copy no more', () => {
  const { config, users } = asRoot(parse(text, 'x').config);
  assert.deepEqual(users, ['daemon', 'nobody']);
  assert.doesNotMatch(print(config), /daemon|nobody/);
  assert.deepEqual(asRoot(config).users, []);
  assert.match(print(config), /notify_master \/bin\/true/);
});

const daemon = installedKeepalived();
const reason =
  'missing' in daemon ? daemon.missing : isAtLeast(daemon.version, '2.2.8') && `keepalived ${daemon.version} tests it`;

spawnSync('ip', ['link', 'add', 'p4p1', 'type', 'veth', 'peer', 'name', 'p3p1']);

/** Each in a session of its own: the daemon ends its whole process group. */
function endOf(conf: string): string | number | null {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-copy-'));
  writeFileSync(join(folder, 'k.conf'), conf);
  const argv = ['--wait', 'keepalived', '-t', '-f', join(folder, 'k.conf')];
  const { status, signal } = spawnSync('setsid', argv, { timeout: 60_000 });
  rmSync(folder, { recursive: true });
  return signal ?? status;
}

test('keepalived 2.2.7 ends its test of the file by a signal, and tests the copy (its issue 2617)', {
  skip: reason,
}, () => {
  assert.equal(endOf(text), 'SIGTERM');
  assert.equal(endOf(print(asRoot(parse(text, 'x').config).config)), 0);
});
