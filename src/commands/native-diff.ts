/** The text of a router's files before and after, as `diff -u` shows it. */
import { createTwoFilesPatch } from 'diff';
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
  return node.writes.map(({ path, mode }) => {
    const live = observed.config?.path === path ? observed.config : undefined;
    const fact = live ?? observed.files.find((file) => file.path === path);
    if (fact && !live) return `${node.router}:${path}: contents differ`;
    const content = rendered.files.find((file) => file.path === path)!.content;
    const now = { name: live ? `${node.router}:${path}` : '/dev/null', text: live?.text ?? '' };
    const wanted = { name: `${node.router}:${path} (wanted)`, text: new TextDecoder().decode(content) };
    if (live && now.text === wanted.text)
      return `${node.router}:${path}: mode ${octal(live.mode)} becomes ${octal(mode)}`;
    const [from, to] = reverse ? [wanted, now] : [now, wanted];
    const patch = createTwoFilesPatch(from.name, to.name, from.text, to.text, '', '', { timeout: DIFF_TIMEOUT_MS });
    return patch ? withoutHeader(patch) : `${node.router}:${path}: the texts differ too much to be shown as a diff`;
  });
}

const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, '0');

/** Without the line of `=` that the package puts on top. */
const withoutHeader = (patch: string): string => patch.replace(/^=+\n/, '').trimEnd();
