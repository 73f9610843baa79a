/**
 * keepalived's answers to SIGUSR1 and SIGUSR2, keepalived(8): texts in /tmp in its wording, so that what reads them
 * there goes on reading. Only what holds for tandemd is in them.
 */
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import type { CountersReply, StatusReply } from '../control/messages.ts';

export const DATA_FILE = '/tmp/keepalived.data';
export const STATS_FILE = '/tmp/keepalived.stats';

/** /tmp is everybody's: what somebody put there, a link or a pipe without a reader, is replaced and never opened. */
export function writeDump(path: string, text: string): void {
  const next = `${path}.${process.pid}`;
  rmSync(next, { force: true });
  const fd = openSync(next, 'wx', 0o600);
  try {
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
  renameSync(next, path);
}

export function dataText({ instances, groups, daemon }: StatusReply): string {
  const lines = [
    '------< Global definitions >------',
    ` tandemd = ${daemon.version}`,
    ` Configuration = ${daemon.config}`,
    '------< VRRP Topology >------',
    ...instances.flatMap(instanceLines),
    ...(groups.length > 0 ? ['------< VRRP Sync groups >------'] : []),
    ...groups.flatMap(({ name, state, members }) => [
      ` VRRP Sync Group = ${name}, ${state}`,
      ...members.map((member) => `   ${member}`),
    ]),
  ];
  return `${lines.join('\n')}\n`;
}

function instanceLines(one: StatusReply['instances'][number]): readonly string[] {
  const last = one.transitions.at(-1);
  return [
    ` VRRP Instance = ${one.name}`,
    `   VRRP Version = ${one.version}`,
    `   State = ${one.state}`,
    ...one.faults.map((fault) => `   Fault = ${fault}`),
    ...(last ? [`   Last transition = ${last.at.toFixed(6)} (${new Date(last.at * 1000).toUTCString()})`] : []),
    `   Interface = ${one.interface}`,
    ...(one.source === undefined ? [] : [`   Using src_ip = ${one.source}`]),
    ...(one.master ? [`   Master router = ${one.master.address}`] : []),
    ...(one.master?.priority === undefined ? [] : [`   Master priority = ${one.master.priority}`]),
    `   Virtual Router ID = ${one.vrid}`,
    `   Priority = ${one.priority}`,
    `   Effective priority = ${one.effectivePriority}`,
    `   Advert interval = ${one.version === 2 ? `${one.advertIntMs / 1000} sec` : `${one.advertIntMs} milli-sec`}`,
    ...one.trackers.map(({ tracker, weight, status }) => `   Tracked ${tracker}, weight ${weight}, status ${status}`),
    `   Virtual IP (${one.addresses.length}):`,
    ...one.addresses.map((address) => `     ${address}`),
    ...one.failed.map((text) => `   Failed = ${text}`),
  ];
}

export function statsText({ instances }: CountersReply): string {
  return instances
    .flatMap((one) => [
      `VRRP Instance: ${one.name}`,
      '  Advertisements:',
      `    Received: ${one.received}`,
      `    Sent: ${one.sent}`,
      `  Became master: ${one.becameMaster}`,
      `  Released master: ${one.releasedMaster}`,
      '  Packet Errors:',
      `    Length: ${one.dropped.length ?? 0}`,
      `    TTL: ${one.dropped.ttl ?? 0}`,
      `    Invalid Type: ${one.dropped.type ?? 0}`,
      `    Advertisement Interval: ${(one.dropped.interval ?? 0) + (one.differed['interval-differs'] ?? 0)}`,
      `    Address List: ${one.differed['addresses-differ'] ?? 0}`,
      '  Authentication Errors:',
      '    Invalid Type: 0',
      `    Type Mismatch: ${one.dropped['authentication-type'] ?? 0}`,
      `    Failure: ${one.dropped['authentication-failure'] ?? 0}`,
      '  Priority Zero:',
      `    Received: ${one.priorityZeroReceived}`,
      `    Sent: ${one.priorityZeroSent}`,
    ])
    .map((line) => `${line}\n`)
    .join('');
}
