import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepalivedState, transitionLine } from '../../src/vrrp/names.ts';

test("keepalived's words for the states: Initialize with a fault is FAULT", () => {
  assert.equal(keepalivedState({ state: 'Initialize', faults: [] }), 'INIT');
  assert.equal(keepalivedState({ state: 'Initialize', faults: ['interface lan'] }), 'FAULT');
  assert.equal(keepalivedState({ state: 'Backup', faults: [] }), 'BACKUP');
  assert.equal(keepalivedState({ state: 'Active', faults: [] }), 'MASTER');
});

test('the lines that greps look for are those that keepalived 2.2.7 wrote', () => {
  assert.equal(transitionLine('Initialize', 'Backup', 'startup'), 'Entering BACKUP STATE (init)');
  assert.equal(transitionLine('Initialize', 'Initialize', 'fault'), 'Entering FAULT STATE (init)');
  assert.equal(transitionLine('Initialize', 'Active', 'owner'), 'Entering MASTER STATE');
  assert.equal(transitionLine('Backup', 'Active', 'no-advertisement'), 'Entering MASTER STATE');
  assert.equal(transitionLine('Active', 'Backup', 'higher-priority'), 'Entering BACKUP STATE');
  assert.equal(transitionLine('Active', 'Initialize', 'fault'), 'Entering FAULT STATE');
  assert.equal(transitionLine('Initialize', 'Backup', 'fault-cleared'), 'Entering BACKUP STATE');
});
