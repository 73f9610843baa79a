/**
 * Our verdict on a file against that of the installed keepalived (`keepalived -t`): every keyword of tiers 1 and 2
 * by generated samples, and the whole files of corpus/.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Problem } from '../../src/base/problem.ts';
import { check } from '../../src/keepalived/check.ts';
import { KEYWORDS } from '../../src/keepalived/keywords.ts';
import { parse } from '../../src/keepalived/parser.ts';
import { print } from '../../src/keepalived/printer.ts';
import { configTest, INTERFACES, installedKeepalived, type Verdict } from './daemon.ts';
import { SAMPLES, type Sample } from './samples.ts';
import { STRICTER } from './stricter.ts';

const daemon = installedKeepalived();
const skip = 'missing' in daemon ? daemon.missing : false;
const version = 'missing' in daemon ? '' : daemon.version;

const CONFIG_ID = 'main';
const CORPUS = join(import.meta.dirname, 'corpus');
const FOLDERS = ['accepted', 'refused', 'stricter'] as const;

function ours(text: string): readonly Problem[] {
  const parsed = parse(text, 'sample.conf', { configId: CONFIG_ID });
  return [...parsed.problems, ...check(parsed, { interfaces: INTERFACES })].filter((p) => p.severity === 'error');
}

const show = (problems: readonly Problem[]) =>
  problems.map((p) => `${p.at?.line}:${p.at?.column} ${p.message}`).join('\n');

/** Whether the installed keepalived is too old for a keyword. */
const isNewer = (since: string | undefined): boolean =>
  since !== undefined && since.localeCompare(version, 'en', { numeric: true }) > 0;

test('every keyword of tiers 1 and 2 has an accepted and a refused sample', () => {
  const rows = KEYWORDS.filter((row) => row.tier < 3 && !row.engine);
  assert.ok(rows.length > 100);
  for (const row of rows) {
    const expectations = new Set(SAMPLES.filter((sample) => sample.row === row).map((sample) => sample.expected));
    assert.deepEqual([...expectations].sort(), ['accepted', 'refused'], `${row.in} ${row.name}`);
    const shape = 'shape' in row.form ? row.form.shape : undefined;
    if (shape && shape.usage !== '') assert.ok(shape.bad.length > 0, `${row.in} ${row.name}: no wrong value`);
  }
});

describe('samples generated from the keyword table', { skip }, () => {
  const verdicts: readonly Verdict[] = skip ? [] : configTest(SAMPLES.map((sample) => sample.text));

  function disagreement(sample: Sample, verdict: Verdict): string | undefined {
    const problems = ours(sample.text);
    const we = problems.length === 0 ? 'accepted' : 'refused';
    const it = verdict.exit === 0 ? 'accepted' : 'refused';
    if (we !== sample.expected)
      return `${sample.title}: ${sample.expected} expected, we have it ${we}\n${show(problems)}`;
    if (isNewer(sample.row.since)) {
      return verdict.log.includes('Unknown keyword') ? undefined : `${sample.title}: keepalived ${version} knows it`;
    }
    const stricter = STRICTER.get(sample.title) !== undefined;
    if (it === (stricter ? 'accepted' : sample.expected)) return undefined;
    return `${sample.title}: keepalived ${version} has it ${it}\n${verdict.log}\n${sample.text}`;
  }

  test('we and keepalived -t agree on all of them, but for the table of where we are stricter', () => {
    const found = SAMPLES.map((sample, i) => disagreement(sample, verdicts[i]!)).filter((text) => text !== undefined);
    assert.deepEqual(found, []);
  });

  test('every row of that table is a sample', () => {
    const titles = new Set(SAMPLES.map((sample) => sample.title));
    assert.deepEqual(
      [...STRICTER.keys()].filter((title) => !titles.has(title)),
      [],
    );
  });

  test('what we print from an accepted sample is accepted again', () => {
    const accepted = SAMPLES.filter((sample) => sample.expected === 'accepted' && !isNewer(sample.row.since));
    const printed = accepted.map((sample) => print(parse(sample.text, 'f').config));
    const again = configTest(printed);
    const refused = again.flatMap((verdict, i) =>
      verdict.exit === 0 ? [] : [`${accepted[i]!.title}\n${verdict.log}\n${printed[i]}`],
    );
    assert.deepEqual(refused, []);
  });
});

describe('whole files', { skip }, () => {
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(join(CORPUS, folder)).map((name) => {
      const text = readFileSync(join(CORPUS, folder, name), 'utf8');
      return { folder, name, text };
    }),
  );
  const verdicts: readonly Verdict[] = skip
    ? []
    : configTest(
        files.map((file) => file.text),
        CONFIG_ID,
      );

  test('there are sixty or more', () => {
    assert.ok(files.length >= 60, `${files.length} files`);
  });

  for (const [i, { folder, name, text }] of files.entries()) {
    test(`${folder}/${name}`, () => {
      const problems = ours(text);
      const verdict = verdicts[i]!;
      assert.equal(verdict.exit === 0, folder !== 'refused', `keepalived -t said ${verdict.exit}\n${verdict.log}`);
      assert.equal(problems.length === 0, folder === 'accepted', show(problems) || 'we found nothing wrong');
      if (folder === 'accepted') {
        const { config } = parse(text, name, { configId: CONFIG_ID });
        assert.deepEqual(parse(print(config), name).config, config);
      } else {
        assert.match(text, /^[#!] \S/, 'the first line says what is wrong');
      }
    });
  }
});
