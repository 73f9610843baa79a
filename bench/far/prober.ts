/**
 * The neighbour of the router under test, a process of its own beside the benchmark: asks for all of its addresses in
 * turns, many in a call, advertises in the place of another router, and remembers what it hears by the kernel's clock.
 * Started with `fork`; every order is answered with what has been heard so far.
 */
import { parseIp } from '../../src/base/address.ts';
import { assert } from '../../src/base/assert.ts';
import { ipFromBytes, ipToBytes } from '../../src/base/bytes.ts';
import { type Millis, ms } from '../../src/base/units.ts';
import {
  AF,
  bindSocket,
  openSocket,
  type Pollable,
  SOCK_RAW,
  sendTo,
  setSocketOption,
  watchReadable,
} from '../../src/linux/ffi.ts';
import { Inbox, Outbox } from '../../src/linux/messages.ts';
import { packetSockaddr } from '../../src/linux/sockaddr.ts';
import { arrivalOf, makeRoom, stampArrivals } from '../../src/linux/socket-options.ts';
import { monotonicNow, openDeadline } from '../../src/linux/timer.ts';
import { advertFrame, echoRequest, hear, type Neighbour, question } from './frames.ts';
import type { AdvertHeard, Order, ProberOptions, Sight, Wanted } from './orders.ts';
import { Record } from './record.ts';

/** In the order of the network. */
const ETH_P_ALL = 0x0300;
const SOL_PACKET = 263;
const PACKET_IGNORE_OUTGOING = 23;
/** A takeover of 10,000 is 50,000 announcements and 10,000 answers, each some 800 bytes of the kernel's memory. */
const BUFFER = 128 * 1024 * 1024;
/** Sent in a call: half a millisecond, so that what is due comes in between. */
const FRAMES_AT_ONCE = 128;
/** Read in one go; what is left makes the socket readable again. */
const READ_AT_ONCE = 512;
const FRAME_MAX = 128;

/** Each stands for as many addresses as the others, which come before it: it tells when it is time to ask for them. */
const SAMPLES = 100;

/** A sample and those that it stands for. */
interface Group {
  readonly sample: number;
  readonly others: readonly number[];
}

class Prober {
  readonly #options: ProberOptions;
  readonly #self: Neighbour;
  /** struct sockaddr_ll. */
  readonly #to: Uint8Array;
  readonly #fd: Pollable;
  readonly #inbox = new Inbox(FRAME_MAX);
  readonly #outbox: Outbox;
  readonly #questions: readonly Uint8Array[];
  readonly #echoes: readonly Uint8Array[];
  readonly #groups: readonly Group[];
  readonly #index: ReadonlyMap<number, number>;
  readonly #speaking = openDeadline(() => this.#speak());
  readonly #asking = openDeadline(() => this.#round());
  #answers: Record;
  #replies: Record;
  #announcements: Record;
  #adverts: AdvertHeard[] = [];
  #wanted: Wanted = 'nothing';
  #isAsking = false;
  #priority = 0;
  #speakAt: Millis = ms(0);
  #spokeAt = Number.NaN;
  #roundBegan = Number.NaN;
  #roundMs = 0;

  constructor(options: ProberOptions) {
    const { vips } = options;
    this.#options = options;
    this.#self = {
      mac: Uint8Array.from(options.mac),
      address: parseIp(options.address)!,
      speaker: parseIp(options.speaker)!,
    };
    this.#to = packetSockaddr(options.device, ETH_P_ALL);
    this.#fd = openSocket(AF.PACKET, SOCK_RAW, ETH_P_ALL);
    bindSocket(this.#fd, this.#to);
    setSocketOption(this.#fd, { level: SOL_PACKET, name: PACKET_IGNORE_OUTGOING, value: 1 });
    stampArrivals(this.#fd);
    makeRoom(this.#fd, 'send', BUFFER);
    makeRoom(this.#fd, 'receive', BUFFER);
    const addresses = vips.map((vip) => parseIp(vip)!);
    const router = Uint8Array.from(options.routerMac);
    this.#questions = addresses.map((vip) => question(this.#self, router, vip));
    this.#echoes = addresses.map((vip) => echoRequest(this.#self, router, vip));
    this.#groups = groupsOf(vips.length);
    this.#outbox = new Outbox({ slots: FRAMES_AT_ONCE, slotSize: FRAME_MAX, nameSize: this.#to.length });
    this.#index = new Map(addresses.map((vip, i) => [keyOf(ipToBytes(vip)), i]));
    assert(this.#index.size === vips.length, 'a key tells the addresses apart');
    this.#answers = new Record(vips.length);
    this.#replies = new Record(vips.length);
    this.#announcements = new Record(vips.length);
    watchReadable(this.#fd, () => this.#drain());
  }

  /** @param at when the order came */
  carryOut(order: Order, at: number): Sight {
    switch (order.kind) {
      case 'begin':
      case 'look':
        break;
      case 'advertise':
        this.#priority = order.priority;
        this.#speakAt = monotonicNow();
        this.#speak();
        break;
      case 'silence':
        this.#speaking.arm(ms(Number.POSITIVE_INFINITY));
        break;
      case 'ask':
        this.#ask(order.what);
        break;
      case 'forget':
        this.#forget();
        break;
      case 'signal':
        process.kill(order.pid, order.signal);
        break;
    }
    this.#drain();
    return {
      at,
      spokeAt: this.#spokeAt,
      adverts: this.#adverts,
      answers: this.#answers.tally(),
      replies: this.#replies.tally(),
      announcements: this.#announcements.tally(),
      roundMs: this.#roundMs,
    };
  }

  #speak(): void {
    const { intervalMs, addresses, ...rest } = this.#options.advert;
    const advertisement = {
      ...rest,
      priority: this.#priority,
      interval: ms(intervalMs),
      addresses: addresses.map((text) => parseIp(text)!),
    };
    this.#spokeAt = now();
    sendTo(this.#fd, advertFrame(this.#self, advertisement), 0, this.#to);
    this.#speakAt = ms(this.#speakAt + intervalMs);
    this.#speaking.arm(this.#speakAt);
  }

  #ask(what: Wanted): void {
    this.#wanted = what;
    this.#roundBegan = Number.NaN;
    if (what === 'nothing' || this.#isAsking) return;
    this.#isAsking = true;
    this.#round();
  }

  #round(): void {
    const began = now();
    if (!Number.isNaN(this.#roundBegan)) this.#roundMs = Math.max(this.#roundMs, began - this.#roundBegan);
    this.#roundBegan = began;
    const next = ms(monotonicNow() + this.#options.periodMs);
    this.#send(this.#due(), next);
  }

  /** What is to be asked in this round. */
  #due(): readonly Uint8Array[] {
    const frames: Uint8Array[] = [];
    const isMissing = this.#wanted === 'missing';
    for (const { sample, others } of this.#groups) {
      if (!(isMissing && this.#answers.has(sample))) frames.push(this.#questions[sample]!);
      if (!(isMissing && this.#replies.has(sample))) frames.push(this.#echoes[sample]!);
      if (this.#wanted === 'samples' || (isMissing && !this.#answers.has(sample))) continue;
      for (const i of others) if (!(isMissing && this.#answers.has(i))) frames.push(this.#questions[i]!);
    }
    return frames;
  }

  /** So many a turn that an order, an advert and what has arrived come in between. */
  #send(frames: readonly Uint8Array[], next: Millis): void {
    if (this.#wanted === 'nothing') {
      this.#isAsking = false;
      return;
    }
    const now = frames.slice(0, FRAMES_AT_ONCE);
    for (const [slot, data] of now.entries()) this.#outbox.fill(slot, { to: this.#to, data });
    // What a full queue does not take is asked again in the next round.
    if (now.length > 0) this.#outbox.send(this.#fd, now.length);
    this.#drain();
    if (frames.length <= FRAMES_AT_ONCE) this.#asking.arm(next);
    else setImmediate(() => this.#send(frames.slice(FRAMES_AT_ONCE), next));
  }

  #forget(): void {
    const { length } = this.#options.vips;
    this.#drain();
    this.#answers = new Record(length);
    this.#replies = new Record(length);
    this.#announcements = new Record(length);
    this.#adverts = [];
    this.#roundMs = 0;
    this.#roundBegan = Number.NaN;
  }

  #drain(): void {
    for (let count = 0; count < READ_AT_ONCE; count += 1) {
      const frame = this.#inbox.receive(this.#fd);
      if (typeof frame === 'number') return;
      const heard = hear(frame);
      if (!heard) continue;
      const at = arrivalOf(this.#inbox.controls());
      assert(at !== undefined, 'the socket was told to note the time');
      if (heard.kind === 'advert') {
        this.#adverts.push({ at, source: ipFromBytes(heard.source).text, priority: heard.priority });
        continue;
      }
      const index = this.#index.get(keyOf(heard.address));
      // A router announces what it likes; answers for addresses of its own are no VIP's.
      if (heard.kind === 'announcement') this.#announcements.note(index, at);
      else if (index !== undefined) (heard.kind === 'answer' ? this.#answers : this.#replies).note(index, at);
    }
  }
}

function groupsOf(size: number): readonly Group[] {
  const step = Math.ceil(size / SAMPLES);
  return Array.from({ length: Math.ceil(size / step) }, (_, group) => {
    const [from, sample] = [group * step, Math.min(size, (group + 1) * step) - 1];
    return { sample, others: Array.from({ length: sample - from }, (__, i) => from + i) };
  });
}

/** What differs between the addresses of these benchmarks: the last four bytes, and the second group. */
function keyOf(address: Uint8Array): number {
  const view = new DataView(address.buffer, address.byteOffset, address.byteLength);
  return view.getUint32(address.length - 4) + view.getUint16(2) * 2 ** 32;
}

/** The clock of the kernel's times of arrival. */
const now = (): number => performance.timeOrigin + performance.now();

let prober: Prober | undefined;

process.on('message', (order: Order) => {
  const at = now();
  if (order.kind === 'begin') prober = new Prober(order.options);
  assert(prober !== undefined, 'the first order is to begin');
  process.send!(prober.carryOut(order, at));
});
// The benchmark has ended, however it did.
process.on('disconnect', () => process.exit());
