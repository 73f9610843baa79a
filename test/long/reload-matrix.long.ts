// needs: kernel keepalived sshd
/**
 * What the plan predicts is what happens: every row of the reload matrix carried out by the real plan and apply on a
 * real pair. Writes docs/reload-matrix.md; with ENGINE=tandemd the pair runs that, and docs/reload-matrix-tandemd.md is
 * written. ROWS=REGEXP measures some rows only, and writes nothing.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Engine } from '../../src/base/engine.ts';
import { hasErrors } from '../../src/base/problem.ts';
import type { Impact, Order } from '../../src/change/impact-model.ts';
import { check } from '../../src/keepalived/check.ts';
import { parse } from '../../src/keepalived/parser.ts';
import { print } from '../../src/keepalived/printer.ts';
import { instance, vip, withInstances } from '../change/build.ts';
import type { Row } from '../change/matrix-row.ts';
import { PRIORITY } from '../change/pair.ts';
import { ROWS } from '../change/reload-matrix.ts';
import { labPossible } from '../lab/possible.ts';
import {
  changedFiles,
  differences,
  findings,
  type Pinged,
  pingedOf,
  routerLetters,
  seenTransitions,
  traces,
  transitionsText,
} from './judge-row.ts';
import { type Goal, type Measured, MeasuredPair, ROUTERS, type RouterName, type Settings } from './measured-pair.ts';
import { REFUSED_ROWS, type RefusedRow } from './refused-rows.ts';
import { type AppliedLine, type RefusedLine, reloadMatrixDoc, saysNothing } from './reload-matrix-doc.ts';

const directory = mkdtempSync(join(tmpdir(), 'tandem-labs-'));
process.env.TANDEM_LAB_DIR = directory;

const ENGINE: Engine = process.env.ENGINE === 'tandemd' ? 'tandemd' : 'keepalived';
const DOC = join(import.meta.dirname, `../../docs/reload-matrix${ENGINE === 'tandemd' ? '-tandemd' : ''}.md`);
/** In the classes of a row. */
const COLUMN = ENGINE === 'tandemd' ? 2 : 0;
const wanted = new RegExp(process.env.ROWS ?? '');
/** `apply` restarts no daemon: the rows about that stay with the rules alone. */
const applicable = ROWS.filter((row) => row.pair.input === undefined);
const rows = applicable.filter((row) => wanted.test(row.name));
const badFiles = REFUSED_ROWS.filter((row) => wanted.test(row.name));

/** How often a row is measured while this machine stands still in it. */
const MEASUREMENTS_MAX = 3;

const skip = await labPossible();

describe('the reload matrix, carried out', { skip, timeout: 3_600_000 }, () => {
  let pair: MeasuredPair;
  const applied: AppliedLine[] = [];
  const refused: RefusedLine[] = [];
  let version = '';

  before(async () => {
    pair = await MeasuredPair.up(ENGINE);
  });
  after(async () => {
    await pair?.[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
    const isWhole = applied.length + refused.length === applicable.length + REFUSED_ROWS.length;
    if (isWhole) writeFileSync(DOC, reloadMatrixDoc(applied, refused, `${ENGINE} ${version}`));
  });

  for (const row of rows.filter((each) => !isHeldBack(each))) {
    test(row.name, async (t) => {
      const line = await measure(pair, row, (text) => t.diagnostic(text));
      applied.push(line);
      assert.deepEqual(line.differences, []);
    });
  }
  for (const row of rows.filter(isHeldBack)) {
    test(`${row.name}: ${row.notCarriedOut!.ends}`, async (t) => {
      const line = await holdBack(pair, row, (text) => t.diagnostic(text));
      refused.push(line);
      assert.deepEqual(line.differences, []);
    });
  }
  for (const row of badFiles) {
    test(`${row.name}: refused`, async (t) => {
      const line = await refuseFile(pair, row, (text) => t.diagnostic(text));
      version = await pair.version();
      refused.push(line);
      assert.deepEqual(line.differences, []);
    });
  }
});

/** What ends a keepalived or splits its pair may be hot on tandemd. */
function isHeldBack({ notCarriedOut, classes }: Row): boolean {
  return notCarriedOut !== undefined && classes[COLUMN] !== 'hot';
}

function settingsOf({ pair }: Row): Settings {
  const of = (router: RouterName) => {
    const facts = pair.facts?.(router) ?? {};
    return {
      config: pair.before(router),
      hasBase: facts.addresses === undefined,
      promotesSecondaries: facts.sysctls?.['net.ipv4.conf.p3p1.promote_secondaries'] === '1',
      checkPasses: facts.trackers?.chk !== 'down',
    };
  };
  return { A: of('A'), B: of('B') };
}

function goalOf({ pair }: Row): Goal {
  const of = (router: RouterName) => ({ config: pair.after(router), text: print(pair.after(router)) });
  return { A: of('A'), B: of('B') };
}

async function measure(pair: MeasuredPair, row: Row, tell: (text: string) => void): Promise<AppliedLine> {
  const [settings, goal] = [settingsOf(row), goalOf(row)];
  const pinged = pingedOf(settings, goal);
  const lines: AppliedLine[] = [];
  while (lines.length < MEASUREMENTS_MAX) {
    await pair.bring(settings);
    const line = lineOf(row, await pair.change(goal, pinged.address), pinged);
    tell(JSON.stringify(line));
    if (!saysNothing(line)) return line;
    lines.push(line);
  }
  return lines.find((line) => line.differences.length === 0) ?? lines.at(-1)!;
}

function lineOf(row: Row, measured: Measured, pinged: Pinged): AppliedLine {
  const { plan, ping, came } = measured;
  const impact = plan.impact!;
  const predicted = [...impact.transitions];
  const seen = seenTransitions(measured);
  const named = (name: string, text: string) => (predicted.length > 1 ? `${name} ${text}` : text);
  return {
    name: row.name,
    class: impact.class,
    order: orderText(impact.order),
    allow: plan.allow.join(', '),
    predicted: predicted.map(([name, t]) => named(name, transitionsText(t))).join(', '),
    seen: predicted.map(([name]) => named(name, `${seen[name] ?? 0}`)).join(', '),
    came: `${came.A}, ${came.B}${pinged.edited ? ' (edited)' : ''}`,
    lost: ping.lost,
    silenceMs: ping.longestSilenceMs,
    stalledMs: ping.stalledMs,
    differences: [...differences(measured, impact, pinged), ...misread(row, impact)].map(routerLetters),
  };
}

/** The facts of a real router must lead to the same class as the facts that the rules are tested with. */
function misread(row: Row, impact: Impact): string[] {
  // Nothing tracks the script yet, so nobody can know what it says.
  if (impact.findings.some((finding) => finding.rule === 'tracker-unknown')) return [];
  const told = row.classes[COLUMN];
  return impact.class === told ? [] : [`the plan's class is ${impact.class}, the rules say ${told}`];
}

function orderText(order: Order): string {
  switch (order.kind) {
    case 'none':
      return 'nobody is signalled';
    case 'one-by-one':
      return order.routers.map((r) => routerLetters(r)).join(' → ');
    case 'together':
      return routerLetters(order.routers.join(' + '));
    case 'staged':
      return order.stages.map((stage) => `(${orderText(stage.order)})`).join(' → ');
  }
}

/** A row that must not get through: by whom, and that the pair is (or is again) what it was. */
async function holdBack(pair: MeasuredPair, row: Row, tell: (text: string) => void): Promise<RefusedLine> {
  const [settings, goal] = [settingsOf(row), goalOf(row)];
  const { ends, says, harm } = row.notCarriedOut!;
  await pair.bring(settings);
  const measured = await pair.change(goal, pingedOf(settings, goal).address);
  const { plan, report } = measured;
  const ended = report?.outcome.kind ?? 'refused';
  const why = findings(measured).find((text) => says.test(text));
  tell(JSON.stringify([ended, findings(measured), measured.ping]));
  return {
    name: row.name,
    by: ended === 'rolled-back' ? 'the proof: the pair went back' : report ? ON_ROUTER : 'the plan',
    why: routerLetters(why ?? ''),
    harm,
    differences: [
      ...(ended === ends ? [] : [`the outcome is ${ended}`]),
      ...(why === undefined ? [`it says ${findings(measured).join('; ')}`] : []),
      ...(ended === 'rolled-back' ? changedFiles(measured) : traces(measured)),
      ...(report || plan.blocks.length > 0 ? [] : ['nobody refused it']),
    ],
  };
}

const ON_ROUTER = `${ENGINE} -t on the router`;

const FILE = (router: RouterName) => withInstances(instance({ priority: PRIORITY[router] }));
const ORDINARY = { hasBase: true, promotesSecondaries: false, checkPasses: true } as const;

async function refuseFile(pair: MeasuredPair, row: RefusedRow, tell: (text: string) => void): Promise<RefusedLine> {
  const settings = { A: { config: FILE('A'), ...ORDINARY }, B: { config: FILE('B'), ...ORDINARY } };
  const goal = (['A', 'B'] as const).map((router) => {
    const [old] = FILE(router).vrrp_instance;
    const config = withInstances({ ...old!, virtual_ipaddress: [...old!.virtual_ipaddress!, vip('192.168.1.3/24')] });
    return { config, text: row.spoil(print(config)) };
  });
  const offline = checkText(goal[0]!.text);
  const guards: [string, string][] = offline.map((text) => ['our own check', text]);
  let left: string[] = [];
  if (!row.passesTest) {
    await pair.bring(settings);
    const measured = await pair.change({ A: goal[0]!, B: goal[1]! }, '192.168.1.2');
    tell(JSON.stringify([offline, measured.report?.outcome, measured.ping]));
    left = traces(measured);
    if (measured.report?.outcome.kind !== 'refused') left.push(`the outcome is ${measured.report?.outcome.kind}`);
    guards.push([ON_ROUTER, routerLetters(findings(measured)[0] ?? '')]);
  }
  if (offline.length === 0 && row.passesTest) left.push('nobody refuses it');
  return {
    name: row.name,
    by: [...new Set(guards.map(([who]) => who))].join(', then '),
    why: guards.map(([, why]) => why).join('; '),
    harm: row.harm,
    differences: left,
  };
}

/** What validate says of the text before any router is asked: the first error. */
function checkText(text: string): string[] {
  const parsed = parse(text, 'keepalived.conf');
  const problems = [...parsed.problems, ...check(parsed, { interfaces: new Set(['p3p1', 'p4p1']) })];
  const error = problems.find((problem) => hasErrors([problem]));
  return error ? [`${error.code}: ${error.message}`] : [];
}

assert.ok(rows.length + badFiles.length > 0, `no row matches ${wanted} (${Object.values(ROUTERS).join(', ')})`);
