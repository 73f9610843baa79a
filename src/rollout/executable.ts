/** The executable of tandemd as this package carries it, and its unit: read and compressed once for a whole run. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { z } from 'zod';
import type { WantedExecutable } from '../plan/install.ts';
import type { Executable } from '../router/install.ts';
import { sha256Of } from '../router/sha256.ts';

export interface Package {
  readonly executable: Executable;
  /** The unit's text. */
  readonly unit: string;
  /** What a plan says about it. */
  readonly wanted: WantedExecutable;
}

/** What the build writes beside the executable; it says more, which is nothing to us. */
const described = z.object({ version: z.string().regex(/^[\w.-]+$/), arch: z.string(), glibc: z.string() });

/** By `uname -m`: the runtime's name of the architecture, which the build uses. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x86_64: 'x64', aarch64: 'arm64' };

/** Of 111 MB, measured: level 1 takes 1.1 s for 45.7 MB, 4 takes 1.4 s for 43.1 MB, 6 takes 2.2 s for 42.1 MB. */
const LEVEL = 4;

/** One a run: several pairs share what was read and compressed. */
export class Packages {
  readonly #root: string;
  readonly #known = new Map<string, Promise<Package | { readonly missing: string }>>();

  /** @param root the folder of this package, with dist/ and packaging/ */
  constructor(root: string) {
    this.#root = root;
  }

  /** @param arch as the router's `uname -m` says */
  for(arch: string): Promise<Package | { readonly missing: string }> {
    const known = this.#known.get(arch) ?? this.#load(arch);
    this.#known.set(arch, known);
    return known;
  }

  async #load(arch: string): Promise<Package | { readonly missing: string }> {
    for (const name of ['tandemd', `tandemd-${arch}`]) {
      const file = join(this.#root, 'dist', name);
      const about = described.safeParse(await jsonIfThere(`${file}.json`)).data;
      if (about === undefined || about.arch !== ARCHITECTURES[arch]) continue;
      const content = await readIfThere(file);
      if (content !== undefined) return this.#packageOf(file, content, about);
    }
    return {
      missing: `this package has no executable of tandemd for ${arch}: neither dist/tandemd nor dist/tandemd-${arch}`,
    };
  }

  async #packageOf(file: string, content: Buffer, { version, glibc }: z.infer<typeof described>): Promise<Package> {
    const unit = await readFile(join(this.#root, 'packaging/tandemd.service'), 'utf8');
    const [sha256, size] = [sha256Of(content), content.length];
    let compressed: Promise<Uint8Array> | undefined;
    const compress = async () => {
      // It is not kept in memory until the first router needs it, and may have been built anew since.
      const now = await readFile(file);
      if (sha256Of(now) !== sha256) throw new Error(`${file} was changed while it was to be uploaded`);
      return promisify(gzip)(now, { level: LEVEL });
    };
    return {
      executable: { version, sha256, size, compressed: () => (compressed ??= compress()) },
      unit,
      wanted: { version, sha256, size, glibc, unit: sha256Of(unit) },
    };
  }
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function jsonIfThere(path: string): Promise<unknown> {
  const text = await readIfThere(path);
  try {
    return text === undefined ? undefined : JSON.parse(text.toString());
  } catch {
    return undefined;
  }
}
