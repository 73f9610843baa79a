/** The last act: "when I add an address or a route, do I need a failover each time?" */
import type { PingResult } from '../../lab/ping.ts';
import { startTalk, type Talk } from '../../lab/talk.ts';
import { A, B, OLD_VIP } from './cast.ts';
import type { Stage } from './stage.ts';

const NEW_VIP = '192.168.1.3';
const NEW_ROUTE = '198.51.100.0/24';
/** Behind the pair: the server, by a route that the change leaves alone. */
const SERVER = '158.209.0.99';
/** The kernel keeps packets for an address that is gone for a moment, and sends them late: that is no answer either. */
const PROMPTLY = { replyMsMax: 200 } as const;
const BOTH = [A, B] as const;

export async function question(stage: Stage): Promise<void> {
  stage.act('"If you add a new virtual_address or virtual_route, do you need to do a failover each time?"');
  const begun = stage.held.length;
  await stage.backAgain();
  stage.edit(
    '      - 10.1.1.1/24 ',
    `      - ${NEW_VIP}/24 brd 192.168.1.255 dev p3p1 label p3p1:102\n      - 10.1.1.1/24 `,
  );
  stage.edit('    routes:\n', `    routes:\n      - ${NEW_ROUTE} via 91.59.24.131 dev p1p2 table main\n`);
  await stage.tandem('plan');
  const before = await transitions(stage);
  const talk = await startTalk(stage.lab, { from: 'client', to: 'server', address: SERVER });
  const old = stage.lab.ping('client', OLD_VIP, PROMPTLY);
  await Promise.all([old.answered, talk.answered]);
  const fresh = stage.lab.ping('client', NEW_VIP, PROMPTLY);
  const { code, output } = await stage.tandem('apply', '--yes');
  const [seenOld, seenNew, spoken] = [await old.stop(), await fresh.stop(), await ended(talk)];
  const after = await transitions(stage);

  stage.check(
    'applied, with 0 transitions predicted and 0 seen',
    code === 0 && output.includes(': 0 predicted, 0 observed'),
  );
  if (before !== undefined) {
    stage.say(`   ${A} and ${B} have counted ${before} transitions to and from MASTER before, and ${after} after`);
    stage.check('0 transitions by the count of the daemons themselves', before === after);
  }
  stage.say(
    `   old VIP ${OLD_VIP}: ${seenOld.sent} packets, one every 10 ms: ${seenOld.lost} lost or late${silence(seenOld)}`,
  );
  stage.check('no packet to the old VIP is lost', seenOld.received > 0 && seenOld.lost === 0);
  const lostLater = lostAfterFirst(seenNew.lostSequence);
  stage.say(`   new VIP ${NEW_VIP}: ${seenNew.received} packets answered, ${lostLater} lost after the first answer`);
  stage.check('the new VIP answers, and loses nothing from then on', seenNew.received > 0 && lostLater === 0);
  stage.say(`   TCP from the client through the pair to ${SERVER}: ${spoken.text}`);
  stage.check('the open TCP connection stays, and nothing of it is missing', spoken.whole);
  const holds = await Promise.all(BOTH.map(async (router) => (await stage.vips(router)).includes(NEW_VIP)));
  const route = await stage.lab.must(A, ['ip', 'route', 'show', NEW_ROUTE]);
  stage.check(
    `${A} alone holds the new VIP, and has the new route`,
    holds.join() === 'true,false' && route.includes('via 91.59.24.131 dev p1p2'),
  );
  const again = await stage.tandem('apply', '--yes');
  stage.check('both routers run what the file says', again.code === 0 && again.output.includes('nothing to do'));
  const held = stage.held.slice(begun).every((each) => each.held);
  if (held) stage.say('   The answer: no. No failover, no packet lost, and whoever was connected stays connected.');
}

const silence = ({ longestSilenceMs }: PingResult): string => `, longest silence ${longestSilenceMs.toFixed(0)} ms`;

/** Losses before the first answer are one run of sequence numbers from 0: the VIP was not there yet. */
const lostAfterFirst = (lost: readonly number[]): number => lost.filter((sequence, i) => sequence !== i).length;

async function ended(talk: Talk): Promise<{ readonly text: string; readonly whole: boolean }> {
  try {
    const { sent, back, longestSilenceMs } = await talk.stop();
    const text = `${sent} numbers sent, ${back} came back, never silent for more than ${longestSilenceMs.toFixed(0)} ms`;
    return { text, whole: sent > 0 && back === sent };
  } catch (error) {
    return { text: (error as Error).message, whole: false };
  }
}

/** How often either router has become or ceased to be master since its daemon began; undefined: keepalived is not asked. */
async function transitions(stage: Stage): Promise<number | undefined> {
  if (stage.engine !== 'tandemd') return undefined;
  const replies = await Promise.all(
    BOTH.map((router) => stage.lab.must(router, ['tandemd', 'ctl', 'counters', '--json'])),
  );
  const instances = replies.flatMap((reply) => (JSON.parse(reply) as Counters).instances);
  return instances.reduce((sum, { becameMaster, releasedMaster }) => sum + becameMaster + releasedMaster, 0);
}

/** Of the reply of `tandemd ctl counters --json`, what is counted here. */
interface Counters {
  readonly instances: readonly { readonly becameMaster: number; readonly releasedMaster: number }[];
}
