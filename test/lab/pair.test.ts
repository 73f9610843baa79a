/** Both topologies with keepalived on them: traffic through the pair, and its packets seen on the cable. */
// needs: kernel keepalived nft tcpdump
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Lab } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/lab/process.ts';
import { steady } from '../support/steady.ts';
import { labPossible } from './possible.ts';

const directory = mkdtempSync(join(tmpdir(), 'tandem-labs-'));
process.env.TANDEM_LAB_DIR = directory;
after(() => rmSync(directory, { recursive: true, force: true }));

const skip = await labPossible();
const options = { skip, timeout: 120_000 };
const withInit = { small: options, systemd: { ...options, skip: await labPossible({ init: 'systemd' }) } };

const config = (priority: number): string => `vrrp_instance VI_0 {
    state BACKUP
    interface p4p1
    virtual_router_id 50
    priority ${priority}
    advert_int 1
    dont_track_primary
    virtual_ipaddress {
        192.168.1.1/24 dev p3p1
        10.1.1.1/24 dev p3p2
    }
}
`;

for (const init of ['systemd', 'small'] as const) {
  test(
    `core with ${init}: client and server talk through the pair, and again after the master's power is cut`,
    withInit[init],
    steady(async () => {
      await using lab = await Lab.up({ init });
      await using adverts = await lab.adverts('rtr-core02', 'p4p1');
      await lab.startKeepalived('rtr-core01', config(150));
      await lab.startKeepalived('rtr-core02', config(50));
      // From each LAN by its own VIP to what lies behind each WAN.
      for (const [from, to] of [
        ['192.168.1.50', '198.51.100.10'],
        ['10.1.1.50', '198.51.100.10'],
        ['192.168.1.50', '158.209.0.99'],
      ] as const) {
        await waitFor(
          async () => (await lab.exec('client', ['ping', '-c', '1', '-W', '2', '-I', from, to])).code === 0,
          {
            what: `${from} to reach ${to}`,
            timeoutMs: 60_000,
            everyMs: 100,
          },
        );
      }
      const pinger = lab.ping('client', '198.51.100.10');
      await pinger.answered;
      await lab.kill('rtr-core01');
      await waitFor(async () => (await lab.must('rtr-core02', ['ip', '-br', 'address'])).includes(' 192.168.1.1/24'), {
        what: 'the takeover',
        timeoutMs: 60_000,
        everyMs: 50,
      });
      await waitFor(
        async () => (await lab.exec('client', ['ping', '-c', '1', '-W', '2', '198.51.100.10'])).code === 0,
        {
          what: 'the server to answer again',
          timeoutMs: 60_000,
          everyMs: 100,
        },
      );
      const { longestSilenceMs, lost } = await pinger.stop();
      const [first, last] = [adverts.events[0], adverts.events.findLast(({ source }) => source === '10.255.0.1')];
      assert.deepEqual({ ...first, at: 0 }, { at: 0, source: '10.255.0.1', vrid: 50, priority: 150 });
      assert.notEqual(last?.priority, 0, 'a power cut says no goodbye');
      // 2 x advert_int is what is left of the down timer when an advert has just not been sent (RFC 3768 section 6.1).
      assert.ok(lost > 0 && longestSilenceMs > 1_900, `${lost} lost, ${longestSilenceMs} ms`);
    }),
  );
}

test('bare: LAN legs carry and have no address, until keepalived gives them one', options, async () => {
  await using lab = await Lab.up({ topology: 'bare' });
  const lan = (): Promise<string> => lab.must('rtr-core01', ['ip', '-4', '-br', 'address', 'show', 'p3p1']);
  assert.equal(await lan(), '');
  assert.equal(await lab.must('rtr-core01', ['cat', '/sys/class/net/p3p1/carrier']), '1\n');
  await lab.startKeepalived('rtr-core01', config(150));
  const pinger = lab.ping('client', '192.168.1.1');
  await pinger.answered;
  await pinger.stop();
  assert.match(await lan(), /192\.168\.1\.1\/24/);
  await lab.stopKeepalived('rtr-core01');
  assert.equal(await lan(), '');
});
