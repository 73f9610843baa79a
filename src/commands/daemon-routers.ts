/** The routers of a pair that `tandem daemon` looks at or works on. */
import { didYouMean } from '../base/suggest.ts';
import type { Observed, TandemdFiles } from '../change/observed.ts';
import type { Member, Pair } from '../inventory/model.ts';
import type { Reading } from '../plan/plan.ts';
import type { Package } from '../rollout/executable.ts';
import type { Link } from '../rollout/link.ts';
import { EXIT, Stop } from './exit.ts';
import { pairNamed, requireFleet } from './fleet.ts';
import type { Io } from './io.ts';
import { linkTo, packagesOf, readRouter } from './pair-session.ts';

export const requirePair = async (io: Io, name: string): Promise<Pair> =>
  pairNamed((await requireFleet(io)).pairs, name);

export function checkRouter(pair: Pair, router: string | undefined): void {
  const names = pair.members.map((member) => member.name);
  if (router === undefined || names.includes(router)) return;
  throw new Stop(EXIT.error, `${pair.name} has no router "${router}"`, { hint: didYouMean(router, names) });
}

/** A router that was read. */
export interface Known {
  readonly member: Member;
  readonly link: Link;
  readonly observed: Observed;
  readonly tandemd: TandemdFiles;
  readonly reading: Reading;
}

export interface Unread {
  readonly router: string;
  readonly reason: string;
}

export class Routers implements AsyncDisposable {
  readonly known: readonly Known[];
  readonly unread: readonly Unread[];
  readonly #links: readonly Link[];

  private constructor(links: readonly Link[], known: readonly Known[], unread: readonly Unread[]) {
    this.known = known;
    this.unread = unread;
    this.#links = links;
  }

  /** @param router only this one; both where absent */
  static async read(io: Io, pair: Pair, router: string | undefined): Promise<Routers> {
    checkRouter(pair, router);
    const members = pair.members.filter(({ name }) => router === undefined || name === router);
    const links = members.map((member) => linkTo(member, io));
    const readings = await Promise.all(links.map((link) => readRouter(link, 'tandemd', [])));
    const known: Known[] = [];
    const unread: Unread[] = [];
    for (const [i, reading] of readings.entries()) {
      const [member, link] = [members[i]!, links[i]!];
      if (reading.kind !== 'read') unread.push({ router: member.name, reason: reading.reason });
      else known.push({ member, link, observed: reading.observed, tandemd: reading.tandemd!, reading });
    }
    return new Routers(links, known, unread);
  }

  /** All that were to be read; a Stop where one could not be, before anything is done. */
  required(): readonly Known[] {
    const [first] = this.unread;
    if (first === undefined) return this.known;
    throw new Stop(EXIT.unreachable, `${first.router} cannot be read: ${first.reason}; nothing was done`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#links.map((link) => link[Symbol.asyncDispose]()));
  }
}

export const packageOf = (io: Io, { observed }: Known): Promise<Package | { readonly missing: string }> =>
  packagesOf(io).for(observed.system.arch);
