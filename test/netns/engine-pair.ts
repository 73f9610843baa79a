/** What tests of a change of engine share: what a router holds by its own tools, and a client that pings meanwhile. */
import assert from 'node:assert/strict';
import { A, B, type LivePair, type Settings, VIPS } from './live-pair.ts';

export const ROUTERS = [A, B] as const;
export const ROUTE = '198.51.7.0/24 via 91.59.24.131 dev p1p2';

/** What an installation would change of a router, but for the daemon's own process and the lease of its addresses. */
export const SYSTEM = `
ls -A /usr/local/sbin
ls -A /etc/systemd/system | grep -e tandemd -e keepalived
ls -A /etc/systemd/system/multi-user.target.wants
ls -A /etc/keepalived | grep -v tandem-previous
systemctl show -p Id,LoadState,ActiveState,UnitFileState keepalived.service tandemd.service
cat /etc/keepalived/keepalived.conf
sysctl -a 2>/dev/null | grep -E 'promote_secondaries|arp_|ip_forward'
true`;

/** One router has all VIPs and routes of the description and the other none, by its own tools; both run the engine. */
export async function holdsEverything(
  pair: LivePair,
  engine: 'keepalived' | 'tandemd',
  settings: Settings,
): Promise<void> {
  const vips = (settings.vips ?? VIPS).map((line) => line.split(' ')[0]!);
  const held = await Promise.all(ROUTERS.map((router) => pair.vips(router)));
  assert.deepEqual([...held].sort(), [[], [...vips].sort()]);
  const master = ROUTERS[held.findIndex((each) => each.length > 0)]!;
  for (const router of ROUTERS) {
    const routes = (await pair.sh(router, 'ip -4 route show')).split('\n').filter((line) => line.startsWith('198.51.'));
    const wanted = router === master ? (settings.routes ?? []) : [];
    assert.deepEqual(routes.map((line) => /^\S+ via \S+ dev \S+/.exec(line)?.[0]).sort(), [...wanted].sort(), router);
    assert.match(await pair.sh(router, `systemctl is-active ${engine}`), /^active/);
  }
}

/** @param roles how often the pinged address changes its router: keepalived says so a moment before it has it */
export async function withoutLoss(pair: LivePair, roles: number, work: () => Promise<void>): Promise<void> {
  const ping = pair.lab.ping('client', VIPS[0].split('/')[0]!, { intervalMs: 10 });
  await work();
  await ping.stop();
  const { sent, lost, longestSilenceMs } = await ping.ended;
  assert.ok(sent > 100, `${sent} were sent`);
  assert.ok(lost <= roles, `${lost} of ${sent} lost, longest silence ${longestSilenceMs} ms`);
}
