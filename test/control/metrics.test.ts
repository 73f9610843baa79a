import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONTROL_VERSION, type CountersReply, type StatusReply } from '../../src/control/messages.ts';
import { openMetrics } from '../../src/control/metrics.ts';

const status: StatusReply = {
  kind: 'status',
  version: CONTROL_VERSION,
  daemon: { version: '0.1.0', pid: 7, startedAt: 100, config: '/etc/keepalived/keepalived.conf', loadedAt: 200.5 },
  instances: [
    {
      name: 'V "1"',
      state: 'MASTER',
      interface: 'lan',
      family: 4,
      version: 3,
      vrid: 51,
      priority: 100,
      effectivePriority: 120,
      advertIntMs: 1000,
      masterAdvertIntMs: 1000,
      faults: [],
      waiting: [],
      trackers: [
        { tracker: 'interface lan', weight: 0, status: true },
        { tracker: 'script s', weight: 20 },
      ],
      addresses: ['10.0.0.1'],
      failed: [],
      transitions: [{ at: 150, from: 'BACKUP', to: 'MASTER', reason: 'no-advertisement' }],
    },
  ],
  groups: [],
};

const counters: CountersReply = {
  kind: 'counters',
  version: CONTROL_VERSION,
  instances: [
    {
      name: 'V "1"',
      received: 3,
      sent: 40,
      becameMaster: 1,
      releasedMaster: 0,
      priorityZeroReceived: 0,
      priorityZeroSent: 0,
      dropped: { ttl: 2 },
      differed: { 'addresses-differ': 5 },
    },
  ],
};

test('status and counters are OpenMetrics: a TYPE for each family, counters with _total, an end', () => {
  const text = openMetrics(status, counters);
  for (const line of [
    'tandemd_info{version="0.1.0"} 1',
    'tandemd_config_loaded_time_seconds 200.5',
    'tandemd_reload_refused 0',
    'tandemd_state{instance="V \\"1\\"",tandemd_state="MASTER"} 1',
    'tandemd_state{instance="V \\"1\\"",tandemd_state="FAULT"} 0',
    'tandemd_priority{instance="V \\"1\\""} 120',
    'tandemd_last_transition_time_seconds{instance="V \\"1\\"",reason="no-advertisement"} 150',
    'tandemd_tracker{instance="V \\"1\\"",tracker="interface lan"} 1',
    'tandemd_adverts_sent_total{instance="V \\"1\\""} 40',
    'tandemd_adverts_dropped_total{instance="V \\"1\\"",reason="ttl"} 2',
    'tandemd_adverts_differed_total{instance="V \\"1\\"",what="addresses-differ"} 5',
  ]) {
    assert.ok(text.split('\n').includes(line), `${line} in\n${text}`);
  }
  assert.doesNotMatch(text, /script s/);
  assert.ok(text.endsWith('\n# EOF\n'));
  const families = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name);
  assert.equal(new Set(families).size, families.length);
});
