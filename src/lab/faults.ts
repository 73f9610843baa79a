/** What can go wrong with a pair, done to the lab's: cables pulled, power cut, reboots. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bootNode, enterSwitch } from './boot.ts';
import type { Lab } from './lab.ts';
import { must, run, waitFor } from './process.ts';
import { startTimeOf } from './state.ts';
import { type CableEnd, endsSharedWith, legNamed, nodeNamed, outerEnd } from './topology.ts';

export interface DarkOptions {
  /** Whoever loses carrier also loses the interface's address five seconds later, as network managers do. Default false. */
  readonly flush?: boolean;
}

/** Pulls the cable out of a router's interface: a direct cable goes dark on both sides, a LAN leg on this one. */
export async function unplug(lab: Lab, router: string, iface: string, options: DarkOptions = {}): Promise<void> {
  const ends = endsOf(lab, router, iface);
  if (options.flush) await Promise.all(ends.map((end) => manage(lab, end)));
  writeFileSync(pulledFile(lab, router, iface), '');
  await onSwitch(lab, turned(lab, ends, 'down'));
}

export async function plug(lab: Lab, router: string, iface: string): Promise<void> {
  const ends = endsOf(lab, router, iface);
  rmSync(pulledFile(lab, router, iface), { force: true });
  // A cable lights up only where both routers are there: its keeper decides.
  if (ends.length > 1) await must(enterSwitch(lab.state, ['sh', join(lab.directory, 'cables'), lab.directory, 'once']));
  else await onSwitch(lab, turned(lab, ends, 'up'));
}

/** Power cut: nothing of the router runs any more, and the far end of its direct cable is dark at once. */
export async function kill(lab: Lab, router: string, options: DarkOptions = {}): Promise<void> {
  const node = nodeNamed(lab.state.topology, router);
  const pid = lab.pid(router);
  const partners = node.legs
    .flatMap((leg) => endsSharedWith(lab.state.topology, node, leg))
    .filter((end) => end.node !== node);
  if (options.flush) await Promise.all(partners.map((end) => manage(lab, end)));
  process.kill(pid, 'SIGKILL');
  // A first process is dead only after all others of its namespace. Before that nothing may go dark: a daemon that
  // sees its links vanish would still say goodbye, and a power cut says none.
  await waitFor(() => startTimeOf(pid) === undefined, { what: `${router} to die`, timeoutMs: 30_000, everyMs: 1 });
  // The dead router's network namespace takes its time to go, and until then its addresses would still answer.
  // Its ends go before the partners turn dark: a cable keeper that looks in between must not see a live cable.
  const gone = node.legs.map((leg) => `link del ${outerEnd(lab.state.topology, node, leg)}\n`);
  await onSwitch(lab, `${gone.join('')}${turned(lab, partners, 'down')}`);
  await waitFor(() => !existsSync(join(lab.directory, 'pid', router)), {
    what: `${router} to be gone`,
    timeoutMs: 30_000,
    everyMs: 5,
  });
}

/** Power cut where it still runs, then a boot: files stay, what was in the kernel is gone. */
export async function reboot(lab: Lab, router: string): Promise<void> {
  if (lab.isRunning(router)) await kill(lab, router);
  await bootNode(lab.directory, lab.state, router);
  if (nodeNamed(lab.state.topology, router).kind === 'router') await lab.awaitSsh(router);
}

/** Gives an interface to the router's link manager, from now on and after each boot. */
async function manage(lab: Lab, { node, leg }: CableEnd): Promise<void> {
  if (!lab.isRunning(node.name)) return;
  const file = `/etc/lab/managed/${leg.iface}`;
  const unit = `lab-manager@${leg.iface}.service`;
  const start =
    lab.state.machine.init === 'systemd'
      ? `ln -sf ../lab-manager@.service /etc/systemd/system/multi-user.target.wants/${unit}; systemctl start ${unit}`
      : `if [ ! -e ${file} ]; then setsid sh /etc/lab/manager ${leg.iface} </dev/null >/dev/null 2>&1 & fi`;
  await lab.must(node.name, ['sh', '-c', `${start}\n: >${file}`]);
}

function endsOf(lab: Lab, router: string, iface: string): readonly CableEnd[] {
  const node = nodeNamed(lab.state.topology, router);
  return endsSharedWith(lab.state.topology, node, legNamed(node, iface));
}

/** Its being there tells the cable keeper, and a router that boots, that this cable is out. */
function pulledFile(lab: Lab, router: string, iface: string): string {
  const node = nodeNamed(lab.state.topology, router);
  const leg = legNamed(node, iface);
  const key = 'cable' in leg.to ? `cable-${leg.to.cable}` : outerEnd(lab.state.topology, node, leg);
  return join(lab.directory, 'unplugged', key);
}

const turned = (lab: Lab, ends: readonly CableEnd[], to: 'up' | 'down'): string =>
  ends.map(({ node, leg }) => `link set ${outerEnd(lab.state.topology, node, leg)} ${to}\n`).join('');

/** One batch, which goes on after an error: an end whose router is dead does not exist, which is as dark as can be. */
async function onSwitch(lab: Lab, batch: string): Promise<void> {
  await run(enterSwitch(lab.state, ['ip', '-force', '-batch', '-']), { stdin: batch });
}
