/**
 * Fleet -> the files of each router. The rendered keepalived.conf is read back by the daemon's own parser before it
 * is accepted, and with the shipped templates it must say exactly what derive() meant.
 */
import { isDeepStrictEqual } from 'node:util';
import { assert } from '../base/assert.ts';
import type { SourceText } from '../base/caret.ts';
import { type Checked, hasErrors, type Problem } from '../base/problem.ts';
import type { Member, Pair } from '../inventory/model.ts';
import { check } from '../keepalived/check.ts';
import type { Config } from '../keepalived/model.ts';
import { parse } from '../keepalived/parser.ts';
import { context } from './context.ts';
import { derive } from './derive.ts';
import { checkDerived } from './in-yaml.ts';
import { CONFIG_FILE, type RouterTemplates } from './template-files.ts';

export interface RenderedFile {
  /** On the router, from its root: `/etc/keepalived/keepalived.conf`. */
  readonly path: string;
  readonly mode: number;
  readonly owner: 'root';
  readonly content: Uint8Array;
  /** Whether it holds a secret, or verbatim lines that may be one: never printed as it is. */
  readonly sensitive: boolean;
}

export interface RenderedRouter {
  readonly pair: string;
  readonly router: string;
  /** What keepalived.conf says, `raw` lines and the user's templates included. */
  readonly config: Config;
  /** keepalived.conf first, then the repository's files in their order. */
  readonly files: readonly RenderedFile[];
}

/** Problems and the rendered texts that their excerpts are cut from. */
export type Rendering<T> = Checked<T> & { readonly source: SourceText };

/** Both routers of every pair, in their order. There is a value where no router has an error. */
export function renderPairs(pairs: readonly Pair[], templates: RouterTemplates): Rendering<readonly RenderedRouter[]> {
  const routers: RenderedRouter[] = [];
  const problems: Problem[] = [];
  const texts = new Map<string, string>();
  const differing = new Map<string, Set<string>>();
  const said = new Set<string>();
  for (const pair of pairs) {
    for (const member of pair.members) {
      const one = renderRouter(pair, member, templates);
      if (one.problems.length > 0) texts.set(one.file, one.text);
      for (const problem of one.problems) {
        // A mistake in a template or in the YAML is the same for every router: it is said once.
        const { code, at, message } = problem;
        const place = `${code} ${at?.file}:${at?.line}:${at?.column} ${message}`;
        if (!said.has(place)) problems.push(problem);
        said.add(place);
      }
      if (one.differs) differing.set(one.differs, (differing.get(one.differs) ?? new Set()).add(member.name));
      if (one.value) routers.push(one.value);
    }
  }
  problems.push(...describeDifferences(differing, templates.own));
  const source: SourceText = (file) => texts.get(file) ?? templates.source(file);
  return { ...(hasErrors(problems) ? {} : { value: routers }), problems, source };
}

interface RenderedOne extends Checked<RenderedRouter> {
  /** The rendered file as problems name it, and its text. */
  readonly file: string;
  readonly text: string;
  /** The first keyword that the user's templates make different from what the inventory says. */
  readonly differs?: string;
}

function renderRouter(pair: Pair, member: Member, templates: RouterTemplates): RenderedOne {
  const config = derive(member);
  const peer = pair.members.find((other) => other !== member)!.name;
  const file = `${member.name}:/${CONFIG_FILE}`;
  const rendered = templates.render(CONFIG_FILE, context(pair.name, peer, member, config));
  if (rendered.value === undefined) return { problems: rendered.problems, file, text: '' };
  const text = rendered.value;

  const parsed = parse(text, file, { engine: member.engine });
  // What concerns the whole file (it is empty) has no place in it: it is told at its beginning.
  const at = { file, line: 1, column: 1 };
  const problems = [...parsed.problems, ...check(parsed)].map((problem) => ({ at, ...problem }));
  if (hasErrors(problems)) {
    const inYaml = checkDerived(config, member);
    const told = new Set(inYaml.map(({ code, message }) => `${code} ${message}`));
    const others = problems.filter(({ code, message }) => !told.has(`${code} ${message}`));
    return { problems: [...inYaml, ...others], file, text };
  }

  const differs = hasRaw(member) ? undefined : firstDifference(config, parsed.config);
  assert(
    differs === undefined || templates.own.length > 0,
    `${file} as rendered does not say what was derived: ${differs}`,
  );
  const secret = hasRaw(member) || parsed.config.vrrp_instance.some((instance) => instance.authentication);
  const files = [configFile(text, secret), ...member.files.map(managedFile)];
  const value = { pair: pair.name, router: member.name, config: parsed.config, files };
  return { value, problems, file, text, ...(differs === undefined ? {} : { differs }) };
}

const configFile = (text: string, sensitive: boolean): RenderedFile => ({
  path: `/${CONFIG_FILE}`,
  mode: 0o600,
  owner: 'root',
  content: Buffer.from(text),
  sensitive,
});

const managedFile = ({ path, mode, content }: Member['files'][number]): RenderedFile => ({
  path,
  mode,
  owner: 'root',
  content,
  sensitive: false,
});

/** Verbatim lines may say anything: what they add is not derived. */
const hasRaw = (member: Member): boolean =>
  member.raw.length > 0 || member.global_raw.length > 0 || member.instances.some(({ raw }) => raw.length > 0);

/** The path of the first value that differs, indexes left out: `vrrp_instance.garp_master_delay`. */
function firstDifference(a: unknown, b: unknown, path = ''): string | undefined {
  if (isDeepStrictEqual(a, b)) return undefined;
  if (typeof a !== 'object' || typeof b !== 'object' || !a || !b) return path;
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const inner = /^\d+$/.test(key) ? path : [path, key].filter(Boolean).join('.');
    const found = firstDifference(Reflect.get(a, key), Reflect.get(b, key), inner);
    if (found !== undefined) return found;
  }
  return path;
}

/** One warning a keyword, however many routers it touches. */
function describeDifferences(differing: ReadonlyMap<string, ReadonlySet<string>>, own: readonly string[]): Problem[] {
  return [...differing].map(([path, routers]) => {
    const [first] = routers;
    const where = routers.size === 1 ? first : `${routers.size} routers, ${first} among them`;
    return {
      code: 'render-differs',
      severity: 'warning',
      message: `your own templates change ${path} on ${where}`,
      at: { file: own[0]!, line: 1, column: 1 },
      hint: `what stands in the inventory is not what the routers get; own templates: ${own.join(', ')}`,
    };
  });
}
