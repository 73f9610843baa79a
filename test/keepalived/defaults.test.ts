import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  advertIntOf,
  downTimerAdvertsOf,
  familyOf,
  garpOf,
  preempts,
  priorityOf,
  scriptTimes,
  startsAsMaster,
  versionOf,
} from '../../src/keepalived/defaults.ts';
import { parse } from '../../src/keepalived/parser.ts';

function read(body: string, globals = '') {
  const { config } = parse(`global_defs {\n${globals}\n}\nvrrp_instance A {\n${body}\n}\n`, 'f');
  return { instance: config.vrrp_instance[0]!, globals: config.global_defs };
}

test('what holds where nothing is said', () => {
  const { instance, globals } = read('');
  assert.equal(priorityOf(instance), 100);
  assert.equal(versionOf(globals, instance), 2);
  assert.equal(advertIntOf(instance), 1000);
  assert.equal(downTimerAdvertsOf(globals, instance), 3);
  assert.equal(preempts(instance), true);
  assert.deepEqual(garpOf(globals, instance), {
    delay: 5000,
    repeat: 5,
    refresh: 0,
    refreshRepeat: 1,
    lowerPrioDelay: 5000,
    lowerPrioRepeat: 5,
  });
  assert.deepEqual(scriptTimes({ name: 's' }), { interval: 1000, timeout: 1000, rise: 1, fall: 1 });
});

test('IPv6 instances speak version 3, whatever the globals say; the advertised addresses decide the family', () => {
  const { instance, globals } = read(
    'virtual_ipaddress { fe80::1/64 }\nvirtual_ipaddress_excluded { 10.0.0.1/24 }',
    'vrrp_version 2',
  );
  assert.equal(familyOf(instance), 6);
  assert.equal(versionOf(globals, instance), 3);
});

test('state counts for the address owner only', () => {
  const cases = [
    ['state MASTER', 255, true],
    ['state MASTER\npriority 150', 150, false],
    ['priority 255', 255, true],
    ['state BACKUP\npriority 255', 255, false],
    ['state BACKUP', 100, false],
  ] as const;
  for (const [body, priority, starts] of cases) {
    const { instance } = read(body);
    assert.deepEqual([priorityOf(instance), startsAsMaster(instance)], [priority, starts], body);
  }
});

test("the lower-priority burst follows the global values, not the instance's own, and vrrp_min_garp leaves one packet", () => {
  const own = read('garp_master_delay 2\ngarp_master_repeat 3', 'vrrp_garp_master_delay 9');
  const { delay, lowerPrioDelay, lowerPrioRepeat } = garpOf(own.globals, own.instance);
  assert.deepEqual([delay, lowerPrioDelay, lowerPrioRepeat], [2000, 9000, 5]);
  const least = read('', 'vrrp_min_garp');
  assert.deepEqual([garpOf(least.globals, least.instance).delay, garpOf(least.globals, least.instance).repeat], [0, 1]);
});
