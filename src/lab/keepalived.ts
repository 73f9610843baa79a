/** keepalived on a router of the lab, as its init runs it. */
import type { Lab } from './lab.ts';
import { waitFor } from './process.ts';

const CONFIG = '/etc/keepalived/keepalived.conf';

/** Writes the configuration and starts the daemon, or reloads a running one; it is started at each boot as well. */
export async function startKeepalived(lab: Lab, router: string, text: string): Promise<void> {
  await lab.must(router, ['sh', '-c', `umask 077; cat >${CONFIG}.new && mv ${CONFIG}.new ${CONFIG}`], { stdin: text });
  if (lab.state.machine.init === 'systemd') {
    await lab.must(router, ['systemctl', 'reload-or-restart', 'keepalived']);
    return;
  }
  const script = `if [ -e /run/keepalived.pid ] && kill -HUP "$(cat /run/keepalived.pid)" 2>/dev/null; then exit; fi
setsid keepalived --dont-fork --log-console --log-detail </dev/null >>/var/log/keepalived.log 2>&1 &`;
  await lab.must(router, ['sh', '-c', script]);
  await waitFor(async () => (await lab.exec(router, ['test', '-s', '/run/keepalived.pid'])).code === 0, {
    what: `keepalived on ${router} to write its pid file`,
    timeoutMs: 20_000,
  });
}

export async function stopKeepalived(lab: Lab, router: string): Promise<void> {
  if (lab.state.machine.init === 'systemd') {
    await lab.must(router, ['systemctl', 'stop', 'keepalived']);
    return;
  }
  await lab.must(router, ['sh', '-c', 'kill "$(cat /run/keepalived.pid)"']);
  await waitFor(async () => (await lab.exec(router, ['test', '-e', '/run/keepalived.pid'])).code !== 0, {
    what: `keepalived on ${router} to stop`,
    timeoutMs: 20_000,
  });
}

/** What the daemon logged since the router booted. */
export function keepalivedLog(lab: Lab, router: string): Promise<string> {
  const systemd = [
    'journalctl',
    '--boot',
    '--no-pager',
    '--output=short-precise',
    '--identifier=Keepalived',
    '--identifier=Keepalived_vrrp',
  ];
  return lab.must(router, lab.state.machine.init === 'systemd' ? systemd : ['cat', '/var/log/keepalived.log']);
}
