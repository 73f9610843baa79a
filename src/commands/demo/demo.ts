/** `npm run demo`: the outage that Tandem comes from, and the reader's question, in front of the viewer's eyes. */
import { Command, Option } from 'commander';
import type { Engine } from '../../base/engine.ts';
import { onPath } from '../../lab/machine.ts';
import { EXIT, Stop } from '../exit.ts';
import type { Io } from '../io.ts';
import { A, B, OLD_VIP, VIPS } from './cast.ts';
import { question } from './question.ts';
import { Stage } from './stage.ts';

export function demoCommand(io: Io): Command {
  return new Command('demo')
    .description('the outage and the hot change, on a lab of its own; exit 0 only if all of it held')
    .addOption(
      new Option('--engine <name>', 'the daemon of the two routers')
        .choices(['tandemd', 'keepalived'])
        .default('tandemd'),
    )
    .action(({ engine }: { engine: Engine }) => demo(io, engine));
}

async function demo(io: Io, engine: Engine): Promise<void> {
  if (engine === 'keepalived' && !onPath('keepalived')) {
    throw new Stop(EXIT.error, 'keepalived is not installed on this machine: run `npm run setup` first');
  }
  if (!onPath('nft')) {
    throw new Stop(EXIT.error, 'the demo needs nft, for routers that hide what goes out: apt install nftables');
  }
  // Ctrl-C ends this program at once: all that there is lies in the lab, which ends with it.
  await using stage = await Stage.open(io, engine);
  for (const play of [picture, badInput, bringUp, outage, mended, question]) await play(stage);
  const failed = stage.held.filter((each) => !each.held);
  stage.act('What held');
  for (const each of stage.held) stage.say(`   ${each.held ? 'held  ' : 'FAILED'} ${each.what}`);
  stage.say(`${stage.held.length - failed.length} of ${stage.held.length} checks held`);
  if (engine === 'tandemd' && onPath('keepalived')) {
    stage.say('keepalived is installed here: `npm run demo -- --engine keepalived` plays the same with it');
  }
  io.out.document('tandem.demo', 1, { engine, held: stage.held });
  if (failed.length > 0) io.exit(EXIT.error);
}

async function picture(stage: Stage): Promise<void> {
  stage.act('Two routers in namespaces, joined by a cable; nothing runs VRRP on them yet');
  const { init, ssh } = stage.lab.state.machine;
  stage.say(`
        wan1, wan2   (server)
         |      |
    p1p1,p1p2  p1p1,p1p2
   ${A} ==p4p1== ${B}      == is a crossover cable: VRRP will run here
    p3p1,p3p2  p3p1,p3p2
         |      |
        lan1, lan2   (client)

   init ${init}, SSH by ${ssh}`);
}

async function badInput(stage: Stage): Promise<void> {
  stage.act('The configuration as it was published has two addresses that are none');
  const { code, output } = await stage.tandem('validate');
  const shown = ['78.123.265.1', '193.266.0.0/16'].every((bad) => caretUnder(output, bad));
  stage.check('both are refused, each with a caret under it', code !== 0 && shown);
}

/** Whether a line of carets stands under this text. */
function caretUnder(output: string, text: string): boolean {
  const lines = output.split('\n');
  return lines.some((line, index) => {
    const at = line.indexOf(text);
    const below = lines[index + 1] ?? '';
    return at >= 0 && /^\s*\|\s*\^+/.test(below) && below.indexOf('^') === at;
  });
}

async function bringUp(stage: Stage): Promise<void> {
  stage.act('Mended, planned and applied, with the cable as an ordinary link: as the author of the report had it');
  stage.edit('78.123.265.1', '78.123.65.1');
  stage.edit('193.266.0.0', '193.66.0.0');
  stage.edit('auth_pass: sanitizedpassword', 'auth_pass: ${env:CORE_VRRP}');
  stage.edit(
    'notify: { master: /etc/keepalived/promotemaster, backup: /etc/keepalived/promotebackup }',
    'notify: { master: router-scripts/promotemaster, backup: router-scripts/promotebackup }',
  );
  stage.edit('engine: keepalived', `engine: ${stage.engine}`);
  stage.edit('link: direct', 'link: switched');
  await stage.tandem('plan');
  const { code } = await stage.tandem('apply', '--yes', '--allow', 'bring-up');
  const [onA, onB] = [await stage.vips(A), await stage.vips(B)];
  const held = code === 0 && onA.length === VIPS && onB.length === 0;
  stage.check(`${stage.engine} is up and proven: ${A} holds ${onA.length} VIPs, ${B} holds ${onB.length}`, held);
  if (!held) throw new Stop(EXIT.error, 'the pair did not come up, and every further act stands on it');
}

async function outage(stage: Stage): Promise<void> {
  stage.act('The outage: one router dies, then its power is cut and the cable goes dark');
  // Without the takeover there would be nothing to give up, and the act would prove nothing.
  const took = await diskFails(stage);
  await powerCut(stage);
  const gone = await stage.until(`${B} to give up its VIPs`, 15_000, async () => (await stage.vips(B)).length === 0);
  stage.say(`   ${B} holds ${(await stage.vips(B)).length} of ${VIPS} VIPs: nobody serves the LAN`);
  stage.check('without dont_track_primary the survivor gives up every VIP: the outage', took && gone);
}

async function mended(stage: Stage): Promise<void> {
  stage.act('The same, once Tandem knows that the link is a cable');
  await stage.backAgain();
  stage.edit('link: switched', 'link: direct');
  const { code, output } = await stage.tandem('apply', '--yes');
  stage.check('applied without a transition', code === 0 && output.includes(', 0 observed.'));
  const took = await diskFails(stage);
  const ping = stage.lab.ping('client', OLD_VIP);
  await ping.answered;
  await powerCut(stage);
  const dark = await stage.until(`${B} to see the dark cable`, 10_000, async () => (await carrier(stage)) === 'dark');
  // A down timer and more: whatever a daemon does about it, it has done by then.
  await stage.rest(4_500);
  const held = await stage.vips(B);
  const seen = await ping.stop();
  stage.say(`   ${B} holds ${held.length} of ${VIPS} VIPs; ${seen.sent} packets to ${OLD_VIP}, ${seen.lost} lost`);
  const kept = took && dark && held.length === VIPS && seen.lost === 0;
  stage.check('with what `link: direct` renders, the survivor keeps its VIPs on a dark cable', kept);
}

async function diskFails(stage: Stage): Promise<boolean> {
  stage.say(`   the disk of ${A} fails: its ${stage.engine} stops`);
  await stage.stopDaemon(A);
  return stage.until(`${B} to take over`, 15_000, async () => (await stage.vips(B)).length === VIPS);
}

async function powerCut(stage: Stage): Promise<void> {
  stage.say(`   the power of ${A} is cut: p4p1 of ${B} loses its carrier`);
  await stage.lab.kill(A);
}

async function carrier(stage: Stage): Promise<'dark' | 'lit'> {
  const link = await stage.lab.must(B, ['ip', '-j', 'link', 'show', 'p4p1']);
  return link.includes('"LOWER_UP"') ? 'lit' : 'dark';
}
