// needs: keepalived kernel
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from '../../src/keepalived/parser.ts';
import { print } from '../../src/keepalived/printer.ts';
import { asRoot } from '../../src/rollout/test-copy.ts';
import { configTest, installedKeepalived } from '../keepalived/daemon.ts';

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
  'missing' in daemon ? daemon.missing : daemon.version >= '2.2.8' ? `keepalived ${daemon.version} tests it` : '';

test('keepalived 2.2.7 ends its test of the file by a signal, and tests the copy (its issue 2617)', {
  skip: reason,
}, () => {
  const [file, copy] = configTest([text, print(asRoot(parse(text, 'x').config).config)]);
  assert.equal(file!.exit, 143);
  assert.deepEqual(copy, { exit: 0, log: '' });
});
