/**
 * Our core in the place of a keepalived whose conversation was recorded: it hears what keepalived heard, and has to
 * send what keepalived sent, byte for byte and in time.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { load } from 'js-yaml';
import { type Millis, ms } from '../../src/base/units.ts';
import { advertisementBytes } from '../../src/vrrp/advertise.ts';
import type { InstanceConfig } from '../../src/vrrp/config.ts';
import { decodeIpv4, encodeIpv4 } from '../../src/vrrp/ipv4.ts';
import { step } from '../../src/vrrp/machine.ts';
import { type Event, initialInstance, nextDeadline } from '../../src/vrrp/state.ts';
import { instanceConfig, ip } from '../support/vrrp.ts';

type Entry = { readonly at: number } & (
  | { readonly sent: string }
  | { readonly heard: string }
  | { readonly do: 'start' | 'stop' | 'link down' | 'link up' }
);

interface Sent {
  readonly at: number;
  readonly packet: string;
}

const SOURCE = ip('10.0.0.2');
/** A process starts, a shell acts and a loaded machine wakes up late; a wrong timer would miss by an interval's part. */
const TOLERANCE_MS = 60;

const dialogues = {
  'dialogue-v2.yaml': instanceConfig({ version: 2 }),
  'dialogue-v3.yaml': instanceConfig({ advertisementInterval: ms(500) }),
};

for (const [file, config] of Object.entries(dialogues)) {
  test(`${file}: what keepalived 2.2.7 heard makes us send what it sent, when it sent it`, () => {
    const path = new URL(`recorded/${file}`, import.meta.url);
    const entries = load(readFileSync(path, 'utf8')) as unknown as readonly Entry[];
    const theirs = entries.flatMap((entry) => ('sent' in entry ? [{ at: entry.at, packet: entry.sent }] : []));
    const ours = replay(config, entries);
    assert.deepEqual(
      ours.map(({ packet }) => packet),
      theirs.map(({ packet }) => packet),
    );
    theirs.forEach(({ at }, i) => {
      const late = ours[i]!.at - at;
      assert.ok(Math.abs(late) < TOLERANCE_MS, `packet ${i + 1} of ${at} ms was ${late} ms late`);
    });
  });
}

function replay(config: InstanceConfig, entries: readonly Entry[]): Sent[] {
  let instance = initialInstance(config);
  let linkUp = true;
  const sent: Sent[] = [];
  const feed = (event: Event, now: Millis): void => {
    const taken = step(config, instance, event, now);
    instance = taken.instance;
    for (const action of taken.actions) {
      // What is sent into a dark link is not on the record.
      if (action.kind !== 'advertise' || !linkUp) continue;
      const addressing = { source: SOURCE, destination: config.multicastGroup };
      const message = advertisementBytes(config, action.priority, SOURCE, config.multicastGroup);
      const packet = encodeIpv4(message, { ...addressing, id: action.id, ttl: config.ttl });
      sent.push({ at: now, packet: Buffer.from(packet).toString('hex') });
    }
  };
  for (const entry of entries) {
    if ('sent' in entry) continue;
    while (nextDeadline(instance) < entry.at) feed({ kind: 'timer' }, nextDeadline(instance));
    const now = ms(entry.at);
    if ('heard' in entry) feed(packetOf(entry.heard), now);
    else if (entry.do === 'stop') feed({ kind: 'shutdown' }, now);
    else if (entry.do === 'start') {
      feed({ kind: 'tracked', tracker: 'interface lan', status: true }, now);
      feed({ kind: 'source', source: SOURCE }, now);
      feed({ kind: 'startup' }, now);
    } else {
      linkUp = entry.do === 'link up';
      feed({ kind: 'tracked', tracker: 'interface lan', status: linkUp }, now);
    }
  }
  return sent;
}

function packetOf(hex: string): Event {
  const packet = decodeIpv4(Uint8Array.from(Buffer.from(hex, 'hex')));
  assert.ok(packet !== 'length');
  return { kind: 'packet', packet };
}
