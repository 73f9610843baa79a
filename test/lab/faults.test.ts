/** Cables pulled and routers killed, as the routers themselves see it. */
// needs: kernel ping
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Lab } from '../../src/lab/lab.ts';
import { parseAdvert, parseLinkEvent } from '../../src/lab/observe.ts';
import { parseReply, summarize } from '../../src/lab/ping.ts';
import { waitFor } from '../../src/lab/process.ts';
import { steady } from '../support/steady.ts';
import { labPossible } from './possible.ts';

const directory = mkdtempSync(join(tmpdir(), 'tandem-labs-'));
process.env.TANDEM_LAB_DIR = directory;
after(() => rmSync(directory, { recursive: true, force: true }));

const options = { skip: await labPossible(), timeout: 120_000 };

interface Side {
  readonly up: boolean;
  readonly carrier: boolean;
  /** IPv4 only. */
  readonly addresses: readonly string[];
}

async function side(lab: Lab, router: string, iface: string): Promise<Side> {
  const text = await lab.must(router, ['ip', '-j', '-4', 'address', 'show', 'dev', iface]);
  const link = await lab.must(router, ['ip', '-j', 'link', 'show', 'dev', iface]);
  const [{ flags }] = JSON.parse(link) as [{ flags: string[] }];
  const [shown] = JSON.parse(text) as [{ addr_info?: { local: string; prefixlen: number }[] }?];
  return {
    up: flags.includes('UP'),
    carrier: flags.includes('LOWER_UP'),
    addresses: (shown?.addr_info ?? []).map(({ local, prefixlen }) => `${local}/${prefixlen}`),
  };
}

const until = (
  lab: Lab,
  router: string,
  iface: string,
  what: string,
  holds: (seen: Side) => boolean,
): Promise<unknown> =>
  waitFor(async () => holds(await side(lab, router, iface)), {
    what: `${iface} of ${router} to be ${what}`,
    timeoutMs: 60_000,
    everyMs: 50,
  });

test(
  'a pulled cable is dark on both sides, both still up and with their addresses; plugged in it carries again',
  options,
  async () => {
    await using lab = await Lab.up({ init: 'small' });
    const both = async (): Promise<readonly Side[]> =>
      Promise.all(['rtr-core01', 'rtr-core02'].map((router) => side(lab, router, 'p4p1')));
    const lit: readonly Side[] = [
      { up: true, carrier: true, addresses: ['10.255.0.1/30'] },
      { up: true, carrier: true, addresses: ['10.255.0.2/30'] },
    ];
    assert.deepEqual(await both(), lit);
    await lab.must('rtr-core01', ['ping', '-c', '1', '-W', '10', '10.255.0.2']);

    await using watch = await lab.watch('rtr-core02');
    await lab.unplug('rtr-core01', 'p4p1');
    assert.deepEqual(
      await both(),
      lit.map((each) => ({ ...each, carrier: false })),
    );
    await lab.plug('rtr-core02', 'p4p1');
    assert.deepEqual(await both(), lit);
    await lab.must('rtr-core01', ['ping', '-c', '1', '-W', '10', '10.255.0.2']);
    const carriers = (): readonly boolean[] =>
      watch.events.flatMap((event) => (event.kind === 'link' && event.iface === 'p4p1' ? [event.carrier] : []));
    await waitFor(() => carriers().at(-1) === true, { what: 'the watch to see the carrier', timeoutMs: 30_000 });
    assert.equal(
      carriers()
        .filter((carrier, index, all) => carrier !== all[index - 1])
        .join(),
      'false,true',
      'dark once, lit once',
    );
  },
);

test('a LAN leg pulled is dark on its own side only', options, async () => {
  await using lab = await Lab.up({ init: 'small' });
  await lab.unplug('rtr-core01', 'p3p1');
  assert.equal((await side(lab, 'rtr-core01', 'p3p1')).carrier, false);
  assert.equal((await side(lab, 'rtr-core02', 'p3p1')).carrier, true);
  assert.equal((await side(lab, 'rtr-core01', 'p3p2')).carrier, true);
  await lab.plug('rtr-core01', 'p3p1');
  assert.equal((await side(lab, 'rtr-core01', 'p3p1')).carrier, true);
});

test('an end taken down by its own router darkens the other end, as a cable of copper does', options, async () => {
  await using lab = await Lab.up({ init: 'small' });
  await lab.must('rtr-core01', ['ip', 'link', 'set', 'p4p1', 'down']);
  await until(lab, 'rtr-core02', 'p4p1', 'dark', (seen) => seen.up && !seen.carrier);
  await lab.must('rtr-core01', ['ip', 'link', 'set', 'p4p1', 'up']);
  await until(lab, 'rtr-core02', 'p4p1', 'lit', (seen) => seen.carrier);
  await until(lab, 'rtr-core01', 'p4p1', 'lit', (seen) => seen.carrier);
});

test(
  'a killed router takes the light off the cable; booted alone it finds it dark until the other is back',
  options,
  async () => {
    await using lab = await Lab.up({ init: 'small' });
    await using watch = await lab.watch('rtr-core02');
    await lab.kill('rtr-core01');
    const survivor = await side(lab, 'rtr-core02', 'p4p1');
    assert.deepEqual(survivor, { up: true, carrier: false, addresses: ['10.255.0.2/30'] });
    assert.equal(lab.isRunning('rtr-core01'), false);
    await assert.rejects(async () => lab.exec('rtr-core01', ['true']), /rtr-core01 is not running/);
    const changes = watch.events.flatMap((event) =>
      event.kind === 'link' && event.iface === 'p4p1' ? [event.carrier] : [],
    );
    assert.ok(!changes.includes(true), 'dark at once, without a flicker');

    await lab.kill('rtr-core02');
    await lab.reboot('rtr-core02');
    assert.deepEqual(await side(lab, 'rtr-core02', 'p4p1'), { up: true, carrier: false, addresses: ['10.255.0.2/30'] });
    assert.equal((await side(lab, 'rtr-core02', 'p3p1')).carrier, true);
    await lab.reboot('rtr-core01');
    await until(lab, 'rtr-core02', 'p4p1', 'lit', (seen) => seen.carrier);
    assert.equal((await side(lab, 'rtr-core01', 'p4p1')).carrier, true);
  },
);

test(
  'with flush the address goes five seconds after the carrier, stays away over a boot in the dark, and comes back with the light',
  options,
  async () => {
    await using lab = await Lab.up();
    await using watch = await lab.watch('rtr-core02');
    await lab.unplug('rtr-core01', 'p4p1', { flush: true });
    assert.deepEqual((await side(lab, 'rtr-core02', 'p4p1')).addresses, ['10.255.0.2/30'], 'not at once');
    await until(lab, 'rtr-core02', 'p4p1', 'without address', (seen) => seen.addresses.length === 0);
    await until(lab, 'rtr-core01', 'p4p1', 'without address', (seen) => seen.addresses.length === 0);
    const dark = watch.events.find((event) => event.kind === 'link' && event.iface === 'p4p1' && !event.carrier);
    const gone = watch.events.find(
      (event) => event.kind === 'address' && event.address === '10.255.0.2/30' && !event.present,
    );
    assert.ok(dark !== undefined && gone !== undefined && gone.at - dark.at > 4_000, 'about five seconds apart');

    await lab.reboot('rtr-core02');
    assert.deepEqual(await side(lab, 'rtr-core02', 'p4p1'), { up: true, carrier: false, addresses: [] });
    await lab.plug('rtr-core01', 'p4p1');
    await until(lab, 'rtr-core02', 'p4p1', 'with its address', (seen) => seen.addresses[0] === '10.255.0.2/30');
    await until(lab, 'rtr-core01', 'p4p1', 'with its address', (seen) => seen.addresses[0] === '10.255.0.1/30');
  },
);

test(
  'the pinger counts what a pulled cable loses, and nothing else',
  options,
  steady(async () => {
    await using lab = await Lab.up({ init: 'small' });
    const pinger = lab.ping('client', '192.168.1.11');
    await pinger.answered;
    const began = Date.now();
    await lab.unplug('rtr-core01', 'p3p1');
    await new Promise((resolve) => setTimeout(resolve, 300));
    await lab.plug('rtr-core01', 'p3p1');
    const dark = Date.now() - began;
    await lab.must('client', ['ping', '-c', '3', '-i', '0.1', '-W', '10', '192.168.1.11']);
    const result = await pinger.stop();
    const [first = 0] = result.lostSequence;
    assert.deepEqual(
      result.lostSequence,
      Array.from({ length: result.lost }, (_, index) => first + index),
      'one hole',
    );
    assert.ok(result.lost > 0 && result.longestSilenceMs >= 250, JSON.stringify(result));
    // A machine that stands still makes the hole longer, and the pinger says by how much.
    assert.ok(result.longestSilenceMs <= dark + result.stalledMs + 100, JSON.stringify({ dark, ...result }));
    assert.equal(result.sent, result.received + result.lost);
  }),
);

test('the pinger reads its prober, and counts what is missing and how long nothing came', () => {
  const reply = { number: 3, sentAt: 1795362071055, arrivedAt: 1795362071055.61 };
  assert.deepEqual(parseReply('reply 3 1795362071055 1795362071055.610'), reply);
  assert.equal(parseReply('begun'), undefined);
  const at = (number: number) => ({ number, sentAt: number * 10, arrivedAt: number * 10 });
  // Out of order, as replies may come.
  const result = summarize([at(1), at(0), at(4)], { sent: 7, stalledMs: 0.8, intervalMs: 10 });
  const counted = { sent: 7, received: 3, lost: 4, lostSequence: [2, 3, 5, 6] };
  assert.deepEqual(result, { ...counted, longestSilenceMs: 20, stalledMs: 0.8 });
});

test('kernel events and VRRP packets are read from the lines of ip and tcpdump', () => {
  const time = '[2026-11-22T15:43:35.123456]';
  const at = Date.parse('2026-11-22T15:43:35.123Z');
  assert.deepEqual(parseLinkEvent(`${time} 6: p4p1@if18: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1500 qdisc noqueue`), {
    kind: 'link',
    at,
    iface: 'p4p1',
    up: true,
    carrier: false,
  });
  assert.deepEqual(
    parseLinkEvent(`${time} Deleted 4: p3p1    inet 192.168.1.1/24 brd 192.168.1.255 scope global p3p1`),
    {
      kind: 'address',
      at,
      iface: 'p3p1',
      address: '192.168.1.1/24',
      present: false,
    },
  );
  const advert =
    '1795362071.055610 IP 10.255.0.1 > 224.0.0.18: VRRPv2, Advertisement, vrid 50, prio 150, authtype none, intvl 1s, length 24';
  assert.deepEqual(parseAdvert(advert), { at: 1795362071055.61, source: '10.255.0.1', vrid: 50, priority: 150 });
  assert.equal(parseAdvert('listening on p4p1, link-type EN10MB (Ethernet)'), undefined);
});
