/** The daemon's estate on a kernel that is nothing but state, which writes down what it is asked for. */
import { Estate } from '../../src/daemon/estate.ts';
import type { Thing, Things } from '../../src/daemon/things.ts';
import { View } from '../../src/daemon/view.ts';
import type { Change, Failure } from '../../src/linux/kernel.ts';
import { FakeKernel } from './fake-kernel.ts';

export class AskedKernel extends FakeKernel {
  /** What it was asked for, slice by slice. */
  readonly asked: (readonly Change[])[] = [];
  /** Called before each slice. */
  before: (changes: readonly Change[]) => void = () => {};

  /** What passes before the kernel has heard of a slice, and then before we hear that it is done. */
  pause: () => Promise<unknown> | undefined = () => undefined;

  override async change(changes: readonly Change[]): Promise<readonly Failure[]> {
    this.before(changes);
    this.asked.push(changes);
    await this.pause();
    const failures = await super.change(changes);
    await this.pause();
    return failures;
  }
}

export async function fakeEstate(prepare: (kernel: AskedKernel) => void = () => {}) {
  const kernel = new AskedKernel();
  kernel.setLink('lan');
  for (const name of ['all', 'lan']) {
    kernel.settings.set(`ipv4/conf/${name}/arp_ignore`, '0');
    kernel.settings.set(`ipv4/conf/${name}/promote_secondaries`, '1');
  }
  kernel.promoteSecondaries('lan');
  prepare(kernel);
  let estate: Estate | undefined;
  const snapshot = await kernel.watch((events) => {
    for (const event of events) if (view.apply(event)) estate?.heard(event);
  });
  const view = new View(snapshot);
  const log: string[] = [];
  const lost: string[] = [];
  const answering: string[] = [];
  estate = new Estate({
    kernel,
    log: (_priority, text) => log.push(text),
    link: (dev) => view.link(dev),
    lost: (_owner, text) => lost.push(text),
    answering: (_owner, addresses) => answering.push(...addresses.map(({ address }) => address.text)),
  });
  estate.begin([], NOTHING, snapshot);
  await estate.idle();
  kernel.asked.length = 0;
  return { kernel, estate, log, lost, answering };
}

export const NOTHING: Things = { things: [], unresolved: [] };
export const these = (...things: readonly Thing[]): Things => ({ things, unresolved: [] });

/** A change in few words: `add 10.0.0.1/24`, `prepend unicast 10.5.0.0/16 via 10.0.0.9`. */
export function say(change: Change): string {
  switch (change.kind) {
    case 'address':
      return `${change.verb} ${change.address.address.text}/${change.address.address.prefix}`;
    case 'route': {
      const { type, destination, gateway, protocol, preferredSource: source } = change.route;
      const words = [change.verb, type, `${destination.text}/${destination.prefix}`];
      if (gateway) words.push('via', gateway.text);
      if (source) words.push('src', source.text);
      if (protocol === 2) words.push("kernel's");
      return words.join(' ');
    }
    case 'rule':
      return `${change.verb} rule ${change.rule.priority} table ${change.rule.table}`;
  }
}
