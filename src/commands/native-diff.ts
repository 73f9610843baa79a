/** The text of a router's files before and after, as `diff -u` shows it. */
import { createTwoFilesPatch } from 'diff';
import { factOf } from '../plan/live-file.ts';
import type { NodePlan, PairPlan } from '../plan/plan.ts';
import type { RenderedRouter } from '../render/render.ts';

/** Two files that differ in every line take time without end: 10,000 such lines took 21 s. */
const DIFF_TIMEOUT_MS = 2_000;

/** Every file that would be written, of both routers; empty where none would. */
export function nativeDiff(plan: PairPlan, rendered: readonly RenderedRouter[], reverse: boolean): string {
  return plan.nodes.flatMap((node, i) => nodeDiff(node, rendered[i]!, reverse)).join('\n');
}

function nodeDiff(node: NodePlan, rendered: RenderedRouter, reverse: boolean): string[] {
  if (node.reading.kind !== 'read') return [];
  const { observed } = node.reading;
  return node.writes.map(({ path, mode, sha256 }) => {
    const where = `${node.router}:${path}`;
    const live = observed.config?.path === path ? observed.config : undefined;
    const fact = factOf(observed, path);
    if (fact?.sha256 === sha256) return `${where}: ${attributes(fact, { mode, owner: 'root' }, reverse)}`;
    if (fact && !live) return `${where}: contents differ`;
    // The daemon's own options may have put the file elsewhere than it was rendered for.
    const { content } = rendered.files[node.desired.files.findIndex((file) => file.path === path)]!;
    const now = { name: live ? where : '/dev/null', text: live?.text ?? '' };
    const wanted = { name: `${where} (wanted)`, text: new TextDecoder().decode(content) };
    const [from, to] = reverse ? [wanted, now] : [now, wanted];
    const patch = createTwoFilesPatch(from.name, to.name, from.text, to.text, '', '', { timeout: DIFF_TIMEOUT_MS });
    return patch ? withoutHeader(patch) : `${where}: the texts differ too much to be shown as a diff`;
  });
}

interface Attributes {
  readonly mode: number;
  readonly owner: string;
}

/** `mode 0644 becomes 0600, owner www becomes root`: what differs of it. */
function attributes(now: Attributes, wanted: Attributes, reverse: boolean): string {
  const [from, to] = reverse ? [wanted, now] : [now, wanted];
  const texts = [from, to].map(({ mode, owner }) => [octal(mode), owner.split(':')[0]!] as const);
  return (['mode', 'owner'] as const)
    .map((name, i) => ({ name, from: texts[0]![i], to: texts[1]![i] }))
    .filter((each) => each.from !== each.to)
    .map((each) => `${each.name} ${each.from} becomes ${each.to}`)
    .join(', ');
}

const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, '0');

/** Without the line of `=` that the package puts on top. */
const withoutHeader = (patch: string): string => patch.replace(/^=+\n/, '').trimEnd();
