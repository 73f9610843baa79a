/** `npm run demo`: the outage that Tandem comes from, and the reader's question, in front of the viewer's eyes. */
import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { EXIT, Stop } from '../exit.ts';
import type { Io } from '../io.ts';
import { Stage } from './stage.ts';

export function demoCommand(io: Io): Command {
  return new Command('demo')
    .description('the outage and the hot change, on a lab of its own; exit 0 only if all of it held')
    .action(() => demo(io));
}

const [A, B] = ['rtr-core01', 'rtr-core02'];
const OLD_VIP = '192.168.1.1';
const NEW_VIP = '192.168.1.3';

async function demo(io: Io): Promise<void> {
  if (!['/usr/sbin', '/usr/local/sbin', '/sbin'].some((dir) => existsSync(`${dir}/keepalived`))) {
    throw new Stop(EXIT.error, 'keepalived is not installed on this machine: run `npm run setup` first');
  }
  await using stage = await Stage.open(io);
  const interrupts = io.interruptible();
  for (const play of [picture, badInput, bringUp, hotChange, peerDies, peerDiesWithout]) {
    if (interrupts.first.aborted) return io.exit(EXIT.interrupted);
    await play(stage);
  }
  const failed = stage.held.filter((each) => !each.held);
  stage.act('What held');
  for (const each of stage.held) stage.say(`   ${each.held ? 'held  ' : 'FAILED'} ${each.what}`);
  io.out.document('tandem.demo', 1, { held: stage.held });
  if (failed.length > 0) io.exit(EXIT.error);
}

async function picture(stage: Stage): Promise<void> {
  stage.act('Two routers in namespaces, real keepalived, real SSH, joined by a cable');
  const { init, ssh } = stage.lab.state.machine;
  stage.say(`
        wan1, wan2   (server)
         |      |
    p1p1,p1p2  p1p1,p1p2
   ${A} ==p4p1== ${B}      == is a crossover cable: VRRP runs here
    p3p1,p3p2  p3p1,p3p2
         |      |
        lan1, lan2   (client)

   init ${init}, SSH by ${ssh}`);
}

async function badInput(stage: Stage): Promise<void> {
  stage.act('The configuration as it was published has two addresses that are none');
  const { code, output } = await stage.tandemOn('examples/seed-as-published', 'validate');
  const shown = ['78.123.265.1', '193.266.0.0/16'].every((bad) => caretUnder(output, bad));
  stage.check('both are refused, each with a caret under it', code !== 0 && shown);
}

/** Whether a line of carets stands under this text. */
function caretUnder(output: string, text: string): boolean {
  const lines = output.split('\n');
  return lines.some((line, i) => {
    const at = line.indexOf(text);
    return (
      at >= 0 && lines[i + 1] !== undefined && /^\s*\|\s*\^+/.test(lines[i + 1]!) && lines[i + 1]!.indexOf('^') === at
    );
  });
}

async function bringUp(stage: Stage): Promise<void> {
  stage.act('Mended, planned and applied to routers that run nothing yet');
  await stage.tandem('plan');
  const { code } = await stage.tandem('apply', '--yes', '--allow', 'bring-up');
  const [onA, onB] = [await stage.vips(A), await stage.vips(B)];
  stage.check(
    `applied and proven: ${A} holds ${onA.length} VIPs, ${B} holds ${onB.length}`,
    code === 0 && onA.length === 4 && onB.length === 0,
  );
  const again = await stage.tandem('apply', '--yes');
  stage.check('a second apply finds nothing to do', again.code === 0 && again.output.includes('nothing to do'));
}

/** The reader's question: when I add an address or a route, do I need a failover each time? */
async function hotChange(stage: Stage): Promise<void> {
  stage.act('"If you add a new virtual_address or virtual_route, do you need to do a failover each time?"');
  stage.edit(
    '      - { address: 10.1.1.1/24,',
    `      - ${NEW_VIP}/24 brd 192.168.1.255 dev p3p1 label p3p1:102\n      - { address: 10.1.1.1/24,`,
  );
  stage.edit('    routes:\n', '    routes:\n      - 198.51.100.0/24 via 91.59.24.131 dev p1p2 table main\n');
  const old = stage.lab.ping('client', OLD_VIP);
  await old.answered;
  const fresh = stage.lab.ping('client', NEW_VIP);
  const { code, output } = await stage.tandem('apply', '--yes');
  const [seenOld, seenNew] = await Promise.all([old.stop(), fresh.stop()]);
  const lostLater = lostAfterFirst(seenNew.lostSequence);
  stage.say(
    `   old VIP ${OLD_VIP}: ${seenOld.sent} packets, ${seenOld.lost} lost, longest silence ${seenOld.longestSilenceMs.toFixed(0)} ms`,
  );
  stage.say(`   new VIP ${NEW_VIP}: ${seenNew.received} answered, ${lostLater} lost after the first answer`);
  stage.check('applied, and the transitions seen are 0', code === 0 && output.includes(', 0 observed.'));
  stage.check('no packet to the old VIP was lost', seenOld.lost === 0);
  stage.check('the new VIP answers and goes on answering', seenNew.received > 0 && lostLater === 0);
  const route = await stage.lab.must(A, ['ip', 'route', 'show', '198.51.100.0/24']);
  stage.check('the new route is in the table', route.includes('91.59.24.131'));
}

/** Losses before the first answer are one run of sequence numbers from 0: the VIP was not there yet. */
const lostAfterFirst = (lost: readonly number[]): number => lost.filter((sequence, i) => sequence !== i).length;

async function peerDies(stage: Stage): Promise<void> {
  stage.act('The outage: one router dies, then its power is cut and the cable goes dark');
  stage.say(`  the disk of ${A} fails: its keepalived stops`);
  await stage.lab.stopKeepalived(A);
  await stage.until(`${B} to take over`, 15_000, async () => (await stage.vips(B)).length === 5);
  const ping = stage.lab.ping('client', OLD_VIP);
  await ping.answered;
  stage.say(`  the power of ${A} is cut: p4p1 of ${B} loses its carrier`);
  await stage.lab.kill(A);
  await stage.until(`${B} to see the dark cable`, 10_000, async () => (await carrier(stage)) === 'dark');
  // Two down timers: whatever keepalived does about it, it has done by then.
  await stage.rest(8_000);
  const held = await stage.vips(B);
  const seen = await ping.stop();
  const cable = await carrier(stage);
  stage.say(`   ${B} holds ${held.length} of 5 VIPs, its cable is ${cable}; ${seen.sent} packets, ${seen.lost} lost`);
  stage.check(
    'with what link: direct renders, the survivor keeps its VIPs',
    cable === 'dark' && held.length === 5 && seen.lost === 0,
  );
}

async function carrier(stage: Stage): Promise<'dark' | 'lit'> {
  const link = await stage.lab.must(B, ['ip', '-j', 'link', 'show', 'p4p1']);
  return link.includes('"LOWER_UP"') ? 'lit' : 'dark';
}

async function peerDiesWithout(stage: Stage): Promise<void> {
  stage.act('The same without dont_track_primary, as the author of the report had it');
  await stage.lab.reboot(A);
  await stage.until('one master and one backup again', 30_000, async () => {
    const [onA, onB] = [await stage.vips(A), await stage.vips(B)];
    return onA.length === 5 && onB.length === 0;
  });
  stage.edit('link: direct  ', 'link: switched');
  const { code } = await stage.tandem('apply', '--yes');
  stage.check('applied: the cable is now described as a switched link', code === 0);
  await stage.lab.stopKeepalived(A);
  // Without it there would be nothing to give up, and the act would prove nothing.
  const took = await stage.until(`${B} to take over`, 15_000, async () => (await stage.vips(B)).length === 5);
  await stage.lab.kill(A);
  const gone = await stage.until(`${B} to give up its VIPs`, 15_000, async () => (await stage.vips(B)).length === 0);
  stage.say(`   ${B} holds ${(await stage.vips(B)).length} of 5 VIPs: nobody serves the LAN`);
  stage.check('without it, the survivor gives up every VIP: the outage', took && gone);
}
