/** The second step of every command that needs the routers' files: render them, show all problems, stop at errors. */
import { sourceOf } from '../inventory/load.ts';
import type { Pair } from '../inventory/model.ts';
import { diskTree } from '../inventory/tree.ts';
import { type RenderedRouter, type Rendering, renderPairs } from '../render/render.ts';
import { type LoadedTemplates, loadTemplates } from '../render/template-files.ts';
import { EXIT, Stop } from './exit.ts';
import { countProblems } from './fleet.ts';
import type { Io } from './io.ts';

/** The files of each router: two for every pair, in the order of its members; a Stop where something is wrong. */
export function requireRendered(io: Io, pairs: readonly Pair[]): readonly RenderedRouter[] {
  const { value, problems } = renderAndReport(io, pairs);
  if (value) return value;
  throw new Stop(EXIT.error, `${countProblems(problems)}; nothing was done`, {
    hint: 'tandem help CODE explains each',
  });
}

/** Renders with the shipped templates and the tree's own; prints every problem of templates and rendered files. */
export function renderAndReport(io: Io, pairs: readonly Pair[]): Rendering<readonly RenderedRouter[]> {
  const templates = templatesAndReport(io);
  if (!templates.value) return { problems: templates.problems, source: templates.source };
  const rendering = renderPairs(pairs, templates.value);
  const yaml = sourceOf(diskTree(io.dir));
  io.out.problems(rendering.problems, (file) => rendering.source(file) ?? yaml(file));
  return { ...rendering, problems: [...templates.problems, ...rendering.problems] };
}

/** The shipped templates and the tree's own, read and compiled; prints every problem of them. */
export function templatesAndReport(io: Io): LoadedTemplates {
  const templates = loadTemplates(diskTree(io.packageRoot), diskTree(io.dir));
  io.out.problems(templates.problems, templates.source);
  return templates;
}
