/** `tandem render`: the files that each router shall have, printed with their secrets masked, or written to a folder. */
import { chmodSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import type { Pair } from '../inventory/model.ts';
import type { RenderedFile, RenderedRouter } from '../render/render.ts';
import { EXIT, Stop } from './exit.ts';
import { countProblems, pairNamed, requirePairs } from './fleet.ts';
import type { Io } from './io.ts';
import { renderAndReport } from './rendering.ts';

export function renderCommand(io: Io): Command {
  return new Command('render')
    .description('the files that each router shall have: printed with secrets masked, or written with -o')
    .argument('[pair...]', 'only these pairs')
    .option('-o, --output <dir>', 'write them to DIR/ROUTER/etc/keepalived/..., with their secrets, for root only')
    .addHelpText('after', '\nExamples:\n  tandem render core\n  tandem render --limit site=ams -o /srv/rendered')
    .action(async (names: readonly string[], options: { readonly output?: string }) => {
      const pairs = pick((await requirePairs(io)).pairs, names);
      const { value, problems } = renderAndReport(io, pairs);
      if (!value) throw new Stop(EXIT.error, `${countProblems(problems)}; nothing was rendered`);
      if (options.output === undefined) show(io, value);
      else write(io, resolve(options.output), value);
    });
}

function pick(pairs: readonly Pair[], names: readonly string[]): readonly Pair[] {
  const named = names.map((name) => pairNamed(pairs, name));
  return names.length === 0 ? pairs : pairs.filter((pair) => named.includes(pair));
}

function show(io: Io, routers: readonly RenderedRouter[]): void {
  const documents = routers.map(({ pair, router, files: [config, ...others] }) => {
    const content = withoutPassword(Buffer.from(config!.content).toString());
    const heading = (file: RenderedFile) => `${router}:${file.path} ${modeOf(file)}`;
    const rest = others.map((file) => io.out.paint('bold', `==> ${heading(file)}, ${file.content.length} bytes <==`));
    io.out.result([io.out.paint('bold', `==> ${heading(config!)} <==`), content, ...rest].join('\n'));
    return { pair, router, files: [{ ...describe(config!), content }, ...others.map(describe)] };
  });
  io.out.document('tandem.render', 1, { routers: documents });
}

/** The output masks every secret that it knows; this one is left out by its keyword, known or not. */
const withoutPassword = (text: string): string => text.replace(/^(\s*auth_pass\s).*$/gm, '$1(sensitive)');

const modeOf = ({ mode }: RenderedFile): string => mode.toString(8).padStart(4, '0');

const describe = (file: RenderedFile) => ({
  path: file.path,
  mode: modeOf(file),
  owner: file.owner,
  sensitive: file.sensitive,
  bytes: file.content.length,
});

/** Each file appears whole, with its mode, or not at all. */
function write(io: Io, folder: string, routers: readonly RenderedRouter[]): void {
  for (const { router, files } of routers) {
    // A router's name is the user's: it must not lead out of the folder that they named.
    if (!/^[^/\0]+$/.test(router) || router === '.' || router === '..') {
      throw new Stop(EXIT.error, `"${router}" cannot be the name of a folder`);
    }
    for (const file of files) writeWhole(join(folder, router, file.path), file);
  }
  const count = routers.reduce((sum, { files }) => sum + files.length, 0);
  io.out.result(`${count} files of ${routers.length} routers written to ${folder}`);
  io.out.document('tandem.render', 1, {
    folder,
    routers: routers.map((r) => ({ pair: r.pair, router: r.router, files: r.files.map(describe) })),
  });
}

function writeWhole(path: string, { content, mode }: RenderedFile): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const part = `${path}.part`;
    writeFileSync(part, content, { mode: 0o600 });
    chmodSync(part, mode);
    renameSync(part, path);
  } catch (error) {
    throw new Error(`writing ${path}`, { cause: error });
  }
}
