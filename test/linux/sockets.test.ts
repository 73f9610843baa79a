// needs: kernel keepalived ip tcpdump
/** Adverts and announcements over a cable, with the real keepalived and tcpdump at the other end. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Ip } from '../../src/base/address.ts';
import { ms } from '../../src/base/units.ts';
import { NoDevice } from '../../src/linux/devices.ts';
import type { Datagram, VrrpSocket } from '../../src/linux/kernel.ts';
import { LinuxKernel } from '../../src/linux/linux-kernel.ts';
import { announcementFrame } from '../../src/vrrp/frames.ts';
import { decodeIpv4, encodeIpv4, VRRP_TTL } from '../../src/vrrp/ipv4.ts';
import { type Advertisement, decode, encode } from '../../src/vrrp/packet.ts';
import { ip } from '../support/ip.ts';
import { inOwnNetwork } from '../support/namespace.ts';
import { waitUntil } from '../support/wait.ts';

inOwnNetwork();

const v4 = (text: string): Ip => ({ family: 4, text });
const v6 = (text: string): Ip => ({ family: 6, text });
const GROUP = { 4: v4('224.0.0.18'), 6: v6('ff02::12') } as const;
const OWN = { 4: v4('192.0.2.1'), 6: v6('fe80::1') } as const;
const VIP = { 4: v4('192.0.2.100'), 6: v6('fe80::100') } as const;

const directory = mkdtempSync(join(tmpdir(), 'tandem-sockets-'));
const children: ChildProcess[] = [];
const kernel = new LinuxKernel();
let holder: ChildProcess;
const sockets: VrrpSocket[] = [];

/** A command in the namespace at the other end of the cable. */
const inPeer = (...argv: readonly string[]): readonly [string, string[]] => [
  'nsenter',
  ['-t', String(holder.pid), '-n', ...argv],
];

function peer(...argv: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(...inPeer(...argv), { encoding: 'utf8', timeout: 10_000 });
  assert.equal(status, 0, `${argv.join(' ')}: ${stderr}`);
  return stdout;
}

before(async () => {
  holder = spawn('unshare', ['--net', 'sleep', '600'], { stdio: 'ignore' });
  children.push(holder);
  await waitUntil(() => readlinkSync(`/proc/${holder.pid}/ns/net`) !== readlinkSync('/proc/self/ns/net'));
  ip('link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(holder.pid));
  peer('ip', 'link', 'set', 'eth0', 'addrgenmode', 'none', 'up');
  ip('link', 'set', 'eth0', 'addrgenmode', 'none', 'up');
  ip('addr', 'add', '192.0.2.1/24', 'dev', 'eth0');
  ip('addr', 'add', 'fe80::1/64', 'dev', 'eth0', 'nodad');
  peer('ip', 'addr', 'add', '192.0.2.2/24', 'dev', 'eth0');
  peer('ip', 'addr', 'add', 'fe80::2/64', 'dev', 'eth0', 'nodad');
  await kernel.snapshot();
});
after(async () => {
  for (const child of children) child.kill('SIGKILL');
  await kernel.close();
  rmSync(directory, { recursive: true, force: true });
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});

async function startKeepalived(name: string, family: 4 | 6): Promise<{ stop(): Promise<void> }> {
  const file = join(directory, `${name}.conf`);
  writeFileSync(
    file,
    `vrrp_instance ${name} {
  version 3
  interface eth0
  virtual_router_id 51
  priority 200
  advert_int 0.1
  virtual_ipaddress {
    ${VIP[family].text}/${family === 4 ? 24 : 64}
  }
}
`,
  );
  const pids = ['-p', join(directory, `${name}.pid`), '-r', join(directory, `${name}-vrrp.pid`)];
  const daemon = spawn(...inPeer('keepalived', '-n', '-l', '-P', '-f', file, ...pids), { stdio: 'ignore' });
  children.push(daemon);
  await waitUntil(() => heldByPeer(family));
  return {
    async stop() {
      daemon.kill('SIGTERM');
      await once(daemon, 'exit');
    },
  };
}

const heldByPeer = (family: 4 | 6): boolean =>
  peer('ip', 'addr', 'show', 'dev', 'eth0').includes(`${VIP[family].text}/`);

function open(family: 4 | 6): { readonly socket: VrrpSocket; readonly heard: Datagram[] } {
  const heard: Datagram[] = [];
  const socket = kernel.openVrrp({ dev: 'eth0', family }, (datagrams) => heard.push(...datagrams));
  sockets.push(socket);
  socket.join(GROUP[family]);
  return { socket, heard };
}

let id = 1;

function advertise(socket: VrrpSocket, family: 4 | 6, priority: number): void {
  const addressing = { source: OWN[family], destination: GROUP[family] };
  const advertisement: Advertisement = { version: 3, vrid: 51, priority, interval: ms(100), addresses: [VIP[family]] };
  const message = encode(advertisement, addressing, 'pseudo-header');
  const bytes = family === 4 ? encodeIpv4(message, { ...addressing, id: id++, ttl: VRRP_TTL }) : message;
  assert.equal(socket.send({ bytes, ...addressing }), 'sent');
}

/** The message in a datagram, with what the core wants to know of it. */
function read(datagram: Datagram): { source: string; destination: string; ttl?: number; priority: number } {
  const packet =
    datagram.family === 4
      ? decodeIpv4(datagram.bytes)
      : {
          source: datagram.source!,
          destination: datagram.destination!,
          ttl: datagram.hopLimit!,
          payload: datagram.bytes,
        };
  assert.ok(packet !== 'length');
  const message = decode(packet.payload, packet);
  assert.ok(typeof message === 'object', String(message));
  return {
    source: packet.source.text,
    destination: packet.destination.text,
    ttl: packet.ttl,
    priority: message.priority,
  };
}

describe('adverts', () => {
  for (const family of [4, 6] as const) {
    test(`of keepalived are heard over IPv${family}, with their source, group and TTL`, async () => {
      const { heard } = open(family);
      const daemon = await startKeepalived(`heard${family}`, family);
      await waitUntil(() => heard.length >= 3);
      const from = family === 4 ? '192.0.2.2' : 'fe80::2';
      const expected = { source: from, destination: GROUP[family].text, ttl: VRRP_TTL, priority: 200 };
      for (const datagram of heard.slice(0, 3)) {
        assert.deepEqual(read(datagram), expected);
      }
      await daemon.stop();
      await waitUntil(() => read(heard.at(-1)!).priority === 0);
    });

    test(`of ours take the VIP from keepalived over IPv${family}, and priority 0 gives it back`, async () => {
      const daemon = await startKeepalived(`taken${family}`, family);
      const { socket, heard } = open(family);
      const speaking = setInterval(() => advertise(socket, family, 250), 50);
      await waitUntil(() => !heldByPeer(family));
      clearInterval(speaking);
      advertise(socket, family, 250);
      advertise(socket, family, 0);
      await waitUntil(() => heldByPeer(family));
      // What we sent ourselves does not come back.
      assert.ok(heard.every((datagram) => read(datagram).priority === 200));
      await daemon.stop();
    });
  }

  test('look to tcpdump as keepalived adverts do', async () => {
    const text = join(directory, 'capture.txt');
    const capture = spawn(
      ...inPeer('sh', '-c', `exec tcpdump -i eth0 -nn -vvv -l -c 2 proto 112 or ip6 proto 112 >${text} 2>&1`),
    );
    children.push(capture);
    const four = open(4).socket;
    const six = open(6).socket;
    const speaking = setInterval(() => {
      advertise(four, 4, 250);
      advertise(six, 6, 250);
    }, 50);
    await once(capture, 'exit');
    clearInterval(speaking);
    const shown = spawnSync('cat', [text], { encoding: 'utf8' }).stdout;
    assert.match(shown, /tos 0xc0, ttl 255, id \d+, offset 0, flags \[none\], proto VRRP \(112\), length 32\)/);
    assert.match(
      shown,
      /192\.0\.2\.1 > 224\.0\.0\.18: VRRPv3, Advertisement, vrid 51, prio 250, intvl 10cs, length 12, addrs: 192\.0\.2\.100/,
    );
    assert.match(shown, /IP6 \(class 0xc0, .*hlim 255, next-header VRRP \(112\) payload length: 24\)/);
    assert.match(shown, /fe80::1 > ff02::12: .*vrid 51, prio 250, intvl 10cs, length 24, addrs: fe80::100/);
  });
});

describe('a socket', () => {
  const source = (path: string): string => new URL(`../../src/${path}`, import.meta.url).href;

  test('hears whatever comes on protocol 112, all of it, in order', async () => {
    const { heard } = open(4);
    // Unicast, from a process at the other end, in handfuls that fit a socket's buffer.
    const script = `
      const { LinuxKernel } = await import('${source('linux/linux-kernel.ts')}');
      const { encodeIpv4 } = await import('${source('vrrp/ipv4.ts')}');
      const [source, destination] = [{ family: 4, text: '192.0.2.2' }, { family: 4, text: '192.0.2.1' }];
      const socket = new LinuxKernel().openVrrp({ dev: 'eth0', family: 4 }, () => {});
      for (let id = 1; id <= 1000; id += 1) {
        const bytes = encodeIpv4(new Uint8Array(8), { source, destination, id, ttl: 9 });
        if (socket.send({ bytes, source, destination }) !== 'sent') process.exit(1);
        if (id % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      }
      process.exit(0);`;
    const sender = spawn(...inPeer(process.execPath, '--input-type=module', '-e', script), { stdio: 'inherit' });
    children.push(sender);
    assert.deepEqual(await once(sender, 'exit'), [0, null]);
    await waitUntil(() => heard.length === 1000);
    const numbers = heard.map(({ bytes }) => bytes[20]! * 256 + bytes[21]!);
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    );
  });

  test('says why it cannot send, and works again once it can', async () => {
    const { socket, heard } = open(4);
    ip('link', 'set', 'eth0', 'down');
    const addressing = { source: OWN[4], destination: GROUP[4] };
    const bytes = encodeIpv4(new Uint8Array(8), { ...addressing, id: 1, ttl: VRRP_TTL });
    assert.match(socket.send({ bytes, ...addressing }), /^ENET(DOWN|UNREACH)$/);
    ip('link', 'set', 'eth0', 'up');
    assert.equal(socket.send({ bytes, ...addressing }), 'sent');
    const daemon = await startKeepalived('again', 4);
    await waitUntil(() => heard.length > 0);
    await daemon.stop();
  });

  test('is not to be had on a device that is not there', () => {
    assert.throws(() => kernel.openVrrp({ dev: 'eth7', family: 4 }, () => {}), NoDevice);
  });

  test('is silent once it is closed, in both directions', async () => {
    const { socket, heard } = open(4);
    const daemon = await startKeepalived('closed', 4);
    await waitUntil(() => heard.length > 0);
    socket.close();
    const already = heard.length;
    const other = open(4);
    await waitUntil(() => other.heard.length >= 2);
    assert.equal(heard.length, already);
    assert.equal(socket.send({ bytes: new Uint8Array(20), source: OWN[4], destination: GROUP[4] }), 'EBADF');
    await daemon.stop();
  });

  test('can be opened and closed two hundred times', () => {
    for (let round = 0; round < 200; round += 1) kernel.openVrrp({ dev: 'eth0', family: 4 }, () => {}).close();
  });
});

describe('announcements', () => {
  const mac = Uint8Array.of(2, 0, 0, 0, 0, 0x99);
  const neighbours = (): string => peer('ip', 'neigh', 'show', 'dev', 'eth0');

  test('tell the neighbours where an address lives now, for 300 of each family at once', async () => {
    const hosts = Array.from({ length: 300 }, (_, index) => index);
    const fours = hosts.map((index) => v4(`192.0.2.${(index % 200) + 10}`));
    const sixes = hosts.map((index) => v6(`2001:db8::${(index + 1).toString(16)}`));
    for (const address of ['192.0.2.10', '2001:db8::1']) {
      peer('ip', 'neigh', 'replace', address, 'lladdr', '02:00:00:00:00:01', 'dev', 'eth0', 'nud', 'stale');
    }
    const already = received();
    const frames = [...fours, ...sixes].map((address) => announcementFrame({ address, mac, router: false }));
    assert.equal(kernel.sendFrames('eth0', frames), 600);
    await waitUntil(() => received() - already >= 600);
    await waitUntil(() => (neighbours().match(/02:00:00:00:00:99/g) ?? []).length === 2);
  });

  const received = (): number =>
    JSON.parse(peer('ip', '-s', '-j', 'link', 'show', 'dev', 'eth0'))[0].stats64.rx.packets;

  test('fail out of a device that is down, and say so', () => {
    const frame = announcementFrame({ address: v4('192.0.2.10'), mac, router: false });
    ip('link', 'set', 'eth0', 'down');
    assert.throws(() => kernel.sendFrames('eth0', [frame]), /ENETDOWN/);
    ip('link', 'set', 'eth0', 'up');
  });
});
