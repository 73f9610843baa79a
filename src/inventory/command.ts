/**
 * Commands: an absolute path is a program on the router, never touched; a relative one is a file of the tree
 * that is installed under /etc/keepalived before the reload.
 */
import type { Location } from '../base/problem.ts';
import type { Command } from '../keepalived/model.ts';
import type { BuildContext } from './context.ts';
import { type Layer, placeOf } from './layers.ts';
import type { ManagedFile } from './model.ts';
import type { CommandYaml, NotifyYaml } from './schema.ts';
import type { Path } from './yaml.ts';

const INSTALL_FOLDER = '/etc/keepalived';
/** Names there that belong to the configuration itself. */
const RESERVED = new Set(['keepalived.conf', 'keepalived.conf.rpmnew', 'keepalived.conf.dpkg-dist']);

/** The commands of one place, and the files that they need on the router. */
export interface CommandReader {
  readonly files: readonly ManagedFile[];
  read(yaml: CommandYaml, path: Path): Command | undefined;
}

export interface CommandContext extends BuildContext {
  /** What is installed on this router: the file of the tree by its path there, whoever has named it. */
  readonly installed: Map<string, string>;
}

/** Reads the commands that stand in the given layers. */
export function commandReader(
  layers: readonly Layer<object>[],
  { readFile, problems, installed: taken }: CommandContext,
): CommandReader {
  const files: ManagedFile[] = [];
  const refuse = (at: Location, message: string, hint?: string): undefined => {
    problems.push({ code: 'bad-command', severity: 'error', message, at, ...(hint && { hint }) });
  };
  return {
    files,
    read(yaml, path) {
      const place = placeOf(layers, path);
      const at = place.document.at(place.path);
      const { run, user, group } = typeof yaml === 'string' || Array.isArray(yaml) ? { run: yaml } : yaml;
      const [program = '', ...args] = typeof run === 'string' ? [run] : run;
      if (group != null && user == null) return refuse(at, 'a group without a user', 'say user: as well');
      const owner = { ...(user != null && { user }), ...(group != null && { group }) };
      if (program.startsWith('/')) {
        if (typeof run !== 'string' || !/\s/.test(run)) return { argv: [program, ...args], ...owner };
        return refuse(
          at,
          'a blank in a path: arguments are written as a list',
          `write [${run.trim().split(/\s+/).join(', ')}]`,
        );
      }
      const name = program.split('/').at(-1) ?? '';
      if (RESERVED.has(name) || name === '' || program.split('/').includes('..')) {
        return refuse(at, `${program} cannot be installed under ${INSTALL_FOLDER}`);
      }
      const installed = `${INSTALL_FOLDER}/${name}`;
      const other = taken.get(installed) ?? program;
      if (other !== program) return refuse(at, `${program} and ${other} would both be installed as ${installed}`);
      taken.set(installed, program);
      try {
        files.push({ path: installed, mode: 0o755, content: readFile(program), from: program });
      } catch (error) {
        return refuse(
          at,
          `${program}: ${(error as Error).message}`,
          'a relative path is a file of this tree; one on the router is absolute',
        );
      }
      return { argv: [installed, ...args], ...owner };
    },
  };
}

const EVENTS = ['master', 'backup', 'fault', 'stop', 'all'] as const;

/** The notify commands at a path; what is null or unreadable is absent. */
export function readNotify(
  yaml: NotifyYaml | null | undefined,
  path: Path,
  reader: CommandReader,
): Readonly<Partial<Record<(typeof EVENTS)[number], Command>>> {
  const found: Partial<Record<(typeof EVENTS)[number], Command>> = {};
  for (const event of EVENTS) {
    const command = yaml?.[event] == null ? undefined : reader.read(yaml[event], [...path, event]);
    if (command) found[event] = command;
  }
  return found;
}
