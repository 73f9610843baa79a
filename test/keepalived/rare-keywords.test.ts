/** What Tandem does not act on is never passed over in silence. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KEYWORDS, type Keyword } from '../../src/keepalived/keywords.ts';
import { parse } from '../../src/keepalived/parser.ts';
import { print } from '../../src/keepalived/printer.ts';

const OPENS: Readonly<Record<string, string>> = {
  vrrp_instance: 'vrrp_instance V',
  vrrp_sync_group: 'vrrp_sync_group G',
  track_process: 'vrrp_track_process P',
};

/** A file with the line in its block; the line is the file's second. */
const fileWith = (row: Keyword, line: string): string =>
  row.in === 'root' ? `\n${line}\n` : `${OPENS[row.in] ?? row.in} {\n${line}\n}\n`;

const rows = (kind: 'other' | 'skipped') => KEYWORDS.filter((row) => row.form.kind === kind);

describe('a rare keyword', () => {
  for (const row of rows('other')) {
    test(`${row.in} ${row.name} is named at its place, kept with its block, and printed again`, () => {
      for (const line of [row.name, `${row.name} a "b c"`, `${row.name} a {\nd 1\ne {\nf\n}\n}`]) {
        const { config, problems } = parse(fileWith(row, line), 'f');
        assert.deepEqual(
          problems.map(({ code, severity, at }) => [code, severity, at?.line, at?.column]),
          [['conf-unsupported', 'warning', 2, 1]],
        );
        assert.ok(problems[0]!.message.includes(`"${row.name}"`));
        assert.deepEqual(parse(print(config), 'g').config, config);
        assert.ok(print(config).includes(row.name));
      }
    });
  }
});

test('LVS, however much of it there is, is skipped with one warning at the first of it', () => {
  const globals = rows('skipped').filter((row) => row.in === 'global_defs');
  const blocks = rows('skipped').filter((row) => row.in === 'root');
  assert.ok(globals.length > 10 && blocks.length > 2);
  const text = `global_defs {
${globals.map((row) => `${row.name} 1 2`).join('\n')}
}
${blocks.map((row) => `${row.name} 192.0.2.1 80 {\nreal_server 10.0.0.1 80 {\nHTTP_GET {\nurl {\npath /\n}\n}\n}\n}`).join('\n')}
`;
  const { config, problems } = parse(text, 'f');
  assert.deepEqual(
    problems.map(({ code, severity, at }) => [code, severity, at?.line]),
    [['conf-ignored', 'warning', 2]],
  );
  assert.match(problems[0]!.message, new RegExp(`^${globals.length + blocks.length} entries for LVS`));
  assert.deepEqual(config.global_defs, {});
  assert.deepEqual(config.other, []);
});
