/**
 * The daemon's addresses, routes and rules in the kernel: who wants what there, what is there, and what could not be
 * put there. Whatever someone else takes away is put back, five times in ten seconds an object; then it is left alone
 * and the owner is told.
 */
import { isDeepStrictEqual as isDeepEqual } from 'node:util';
import type { Address } from '../linux/address.ts';
import type { Kernel, KernelEvent, Snapshot } from '../linux/kernel.ts';
import { type Swap, swapChanges } from './estate-change.ts';
import type { Log } from './log.ts';
import { addressKey, keysOf, routeKey, ruleKey, type Thing, type Things, type Unresolved } from './things.ts';

/** An instance's name; undefined: the file's statics. */
export type Owner = string | undefined;

/** Two who both want it their way would fight for ever. */
const REPAIRS_MAX = 5;
const REPAIRS_MS = 10_000;

interface Wanted {
  readonly owner: Owner;
  readonly thing: Thing;
  /** When it was put back, on the kernel's clock. */
  repairs: readonly number[];
}

export interface EstateOptions {
  readonly kernel: Kernel;
  readonly log: Log;
  /** An object that is not put back any more. */
  readonly lost: (owner: Owner, text: string) => void;
  /** Jobs go through here, behind everything that was asked for before. */
  readonly later: (job: () => Promise<void>) => void;
}

export class Estate {
  readonly #options: EstateOptions;
  readonly #wanted = new Map<string, Wanted>();
  /** Keys of what stands in the kernel, as far as we know. */
  readonly #held = new Set<string>();
  readonly #failed = new Map<string, { readonly owner: Owner; readonly text: string }>();
  #reconciling = false;

  constructor(options: EstateOptions) {
    this.#options = options;
  }

  /** What could not be put into the kernel, each with the reason. */
  failed(owner: Owner): readonly string[] {
    return [...this.#failed.values()].filter((one) => one.owner === owner).map(({ text }) => text);
  }

  /** Which of an owner's things stand. */
  standing(owner: Owner): readonly Thing[] {
    return [...this.#wanted.values()]
      .filter((one) => one.owner === owner && this.#held.has(one.thing.key))
      .map(({ thing }) => thing);
  }

  async install(owner: Owner, things: readonly Thing[], unresolved: readonly Unresolved[]): Promise<void> {
    for (const { text, reason } of unresolved) this.#fail(owner, `unresolved ${text}`, text, reason);
    for (const thing of things) this.#wanted.set(thing.key, { owner, thing, repairs: [] });
    await this.#add(things.map(({ key }) => key));
  }

  /** In the reverse of their order: an address that others of its subnet hang on comes first and goes last. */
  async remove(owner: Owner, things: readonly Thing[]): Promise<void> {
    const ours = things.filter(({ key }) => this.#wanted.get(key)?.owner === owner);
    const standing = ours.filter(({ key }) => this.#held.has(key)).reverse();
    for (const { key } of ours) {
      this.#wanted.delete(key);
      this.#held.delete(key);
      this.#failed.delete(key);
    }
    await this.#delete(standing);
  }

  /**
   * A reload: each of these owners wants from now on what stands beside it here, in place of all that it wanted before;
   * owners that are not named keep what they have. What stays as it is is not touched, though its owner may be another
   * one now. What is new comes before what goes; what only changes is changed without a gap.
   * @returns the addresses that were not there before, by owner: they, and no others, are to be announced
   */
  async change(wishes: ReadonlyMap<Owner, Things>): Promise<ReadonlyMap<Owner, readonly Address[]>> {
    const before = [...this.#wanted.values()].filter(({ owner }) => wishes.has(owner));
    const old = new Map(before.map(({ thing }) => [thing.key, thing]));
    const added: Thing[] = [];
    const swaps: Swap[] = [];
    for (const [owner, { things, unresolved }] of wishes) {
      for (const { text, reason } of unresolved) this.#fail(owner, `unresolved ${text}`, text, reason);
      for (const thing of things) {
        const known = this.#wanted.get(thing.key);
        old.delete(thing.key);
        this.#wanted.set(thing.key, { owner, thing, repairs: [] });
        if (known === undefined || !this.#held.has(thing.key)) added.push(thing);
        else if (!isDeepEqual(known.thing.add, thing.add)) swaps.push({ before: known.thing, after: thing });
      }
    }
    const gone = [...old.values()];
    await this.#add(added.map(({ key }) => key));
    await this.#swap(swaps);
    const standing = gone.filter(({ key }) => this.#held.has(key)).reverse();
    for (const { key } of gone) {
      this.#wanted.delete(key);
      this.#held.delete(key);
      this.#failed.delete(key);
    }
    await this.#delete(standing);
    const came = added.flatMap(({ key, add }) =>
      add.kind === 'address' && this.#held.has(key)
        ? [{ owner: this.#wanted.get(key)?.owner, address: add.address }]
        : [],
    );
    return new Map(
      [...wishes.keys()].map((owner) => [owner, came.filter((one) => one.owner === owner).map((one) => one.address)]),
    );
  }

  async #swap(swaps: readonly Swap[]): Promise<void> {
    if (swaps.length === 0) return;
    const changes = swaps.flatMap(swapChanges);
    for (const { code, message } of await this.#options.kernel.change(changes)) {
      this.#options.log('error', `a change in place was refused: ${message ?? code}`);
    }
  }

  /** Takes away what stands already, as it does after a kill -9: it is ours by its line, or by our number. */
  async clear(things: readonly Thing[], snapshot: Snapshot): Promise<void> {
    const keys = keysOf(snapshot);
    await this.#delete(things.filter(({ key }) => keys.has(key)).reverse());
  }

  /** Follows the kernel's notices. */
  heard(event: KernelEvent): void {
    switch (event.kind) {
      case 'address-gone':
        if (!event.own) this.#gone(addressKey(event.address));
        break;
      case 'route-gone':
        if (!event.own) this.#gone(routeKey(event.route));
        break;
      case 'rule-gone':
        if (!event.own) this.#gone(ruleKey(event.rule));
        break;
      // The kernel takes IPv4 routes away with their device and says nothing of it.
      case 'link':
      case 'link-gone':
      case 'lost':
        this.#reconcileSoon();
        break;
      default:
    }
  }

  #gone(key: string): void {
    const wanted = this.#wanted.get(key);
    if (wanted === undefined || !this.#held.delete(key)) return;
    const { kernel, log, lost, later } = this.#options;
    const now = kernel.now();
    wanted.repairs = wanted.repairs.filter((at) => at > now - REPAIRS_MS);
    if (wanted.repairs.length >= REPAIRS_MAX) {
      log('warning', `${wanted.thing.text} was removed by someone else again: it is not put back any more`);
      this.#wanted.delete(key);
      lost(wanted.owner, wanted.thing.text);
      return;
    }
    wanted.repairs = [...wanted.repairs, now];
    log('warning', `${wanted.thing.text} was removed by someone else: it is put back`);
    later(() => this.#add([key]));
  }

  /** Once for all that happens until its turn comes. */
  #reconcileSoon(): void {
    if (this.#reconciling || this.#wanted.size === 0) return;
    this.#reconciling = true;
    this.#options.later(async () => {
      this.#reconciling = false;
      const keys = keysOf(await this.#options.kernel.snapshot());
      for (const key of this.#held) if (!keys.has(key)) this.#held.delete(key);
      await this.#add([...this.#wanted.keys()].filter((key) => !this.#held.has(key)));
    });
  }

  async #add(keys: readonly string[]): Promise<void> {
    // Some may have been given up since it was asked for.
    const wanted = keys.flatMap((key) => this.#wanted.get(key) ?? []).filter(({ thing }) => !this.#held.has(thing.key));
    if (wanted.length === 0) return;
    const changes = wanted.map(({ thing }) => thing.add);
    const failures = await this.#options.kernel.change(changes);
    const failed = new Map(failures.map((failure) => [failure.index, failure]));
    wanted.forEach(({ owner, thing }, i) => {
      const failure = failed.get(i);
      // There already: someone put it where we want it, and it serves.
      if (failure === undefined || failure.code === 'EEXIST') {
        this.#failed.delete(thing.key);
        if (this.#wanted.has(thing.key)) this.#held.add(thing.key);
      } else this.#fail(owner, thing.key, thing.text, failure.message ?? failure.code);
    });
  }

  async #delete(things: readonly Thing[]): Promise<void> {
    if (things.length === 0) return;
    const changes = things.map(({ remove }) => remove);
    const failures = await this.#options.kernel.change(changes);
    for (const { index, code, message } of failures) {
      if (GONE.has(code)) continue;
      this.#options.log('error', `${things[index]!.text} cannot be removed: ${message ?? code}`);
    }
  }

  #fail(owner: Owner, key: string, text: string, reason: string): void {
    const told = `${text}: ${reason}`;
    if (this.#failed.get(key)?.text !== told) this.#options.log('error', `${text} cannot be added: ${reason}`);
    this.#failed.set(key, { owner, text: told });
  }
}

/** What a delete says where there is nothing to delete. */
const GONE: ReadonlySet<string> = new Set(['EADDRNOTAVAIL', 'ESRCH', 'ENOENT', 'ENODEV']);
