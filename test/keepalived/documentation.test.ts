/** docs/keepalived-conf.md holds tables generated from the code; UPDATE_DOCS=1 writes them anew. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type BlockName, KEYWORDS, type Keyword } from '../../src/keepalived/keywords.ts';
import { STRICTER } from './stricter.ts';

const DOCUMENT = join(import.meta.dirname, '..', '..', 'docs', 'keepalived-conf.md');
const STRICTER_FILES = join(import.meta.dirname, 'corpus', 'stricter');

const cell = (text: string): string => text.replaceAll('|', '\\|');

function usageOf(row: Keyword): string {
  switch (row.form.kind) {
    case 'value':
    case 'fields':
      return row.form.shape.usage === '' ? '' : `\`${cell(row.form.shape.usage)}\``;
    case 'lines':
      return `\`{ ${cell(row.form.shape.usage)} }\``;
    case 'block':
      return row.form.named ? '`NAME { ... }`' : '`{ ... }`';
    case 'other':
    case 'skipped':
      return '';
  }
}

const handled = (at: BlockName) =>
  KEYWORDS.filter((row) => row.in === at && row.form.kind !== 'other' && row.form.kind !== 'skipped');

const named = (kind: 'other' | 'skipped') =>
  [...new Set(KEYWORDS.map((row) => row.in))]
    .map((at) => {
      const names = KEYWORDS.filter((row) => row.in === at && row.form.kind === kind).map((row) => `\`${row.name}\``);
      return names.length === 0
        ? undefined
        : `- ${at === 'root' ? 'top of the file' : `\`${at}\``}: ${names.join(', ')}`;
    })
    .filter((line) => line !== undefined)
    .join('\n');

function keywordTables(): string {
  const blocks = [...new Set(KEYWORDS.map((row) => row.in))];
  return blocks
    .map((at) => {
      const rows = handled(at).map(
        (row) =>
          `| \`${row.name}\` | ${usageOf(row)} | ${row.tier} | ${row.engine ? 'tandemd alone' : (row.since ?? '')} |`,
      );
      const title = at === 'root' ? 'Top of the file' : `\`${at}\``;
      return `### ${title}\n\n| keyword | what follows | tier | since |\n|---|---|---|---|\n${rows.join('\n')}`;
    })
    .join('\n\n');
}

function stricterTable(): string {
  const lines = [...STRICTER].map(([title, reason]) => `| \`${cell(title)}\` | ${reason} |`);
  const files = readdirSync(STRICTER_FILES).map((name) => {
    const first = readFileSync(join(STRICTER_FILES, name), 'utf8').split('\n')[0]!;
    return `| ${name.replace('.conf', '').replaceAll('-', ' ')} | ${cell(first.slice(2))} |`;
  });
  return `| we refuse | because |\n|---|---|\n${[...files, ...lines].join('\n')}`;
}

const SECTIONS: Readonly<Record<string, () => string>> = {
  stricter: stricterTable,
  keywords: keywordTables,
  other: () => named('other'),
  skipped: () => named('skipped'),
};

test('the tables of docs/keepalived-conf.md say what the code does', () => {
  const text = readFileSync(DOCUMENT, 'utf8');
  let current = text;
  for (const [name, generate] of Object.entries(SECTIONS)) {
    const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
    assert.ok(current.includes(start) && current.includes(end), `${start} ... ${end} is missing`);
    const before = current.slice(0, current.indexOf(start) + start.length);
    current = `${before}\n${generate()}\n${current.slice(current.indexOf(end))}`;
  }
  if (process.env.UPDATE_DOCS) writeFileSync(DOCUMENT, current);
  else assert.equal(text, current, 'UPDATE_DOCS=1 node --test test/keepalived/documentation.test.ts writes it anew');
});
