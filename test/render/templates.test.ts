import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatProblem } from '../../src/base/caret.ts';
import type { TemplateSource } from '../../src/render/template-syntax.ts';
import { compileTemplates } from '../../src/render/templates.ts';

const DATA = { name: 'core', list: ['a', 'b'], things: [{ n: '1', none: null }], none: null, group: { inner: 'i' } };

function run(templates: Readonly<Record<string, string>>, data: object = DATA) {
  const sources = new Map<string, TemplateSource>();
  for (const [name, text] of Object.entries(templates)) sources.set(name, { file: `${name}.hbs`, text, own: true });
  const compiled = compileTemplates(sources, ['main'], (text) => `<${text}>`);
  const rendered = compiled.value?.render('main', data);
  return { text: rendered?.value, problems: [...compiled.problems, ...(rendered?.problems ?? [])] };
}

interface Row {
  readonly name: string;
  readonly main: string;
  readonly part?: string;
  /** `CODE FILE:LINE:COLUMN` */
  readonly expect: readonly string[];
  readonly hint?: RegExp;
}

const ROWS: readonly Row[] = [
  {
    name: 'an unknown name that is printed',
    main: 'a\n {{nme}}',
    expect: ['template-unknown-name main.hbs:2:4'],
    hint: /"name"/,
  },
  {
    name: 'an unknown name in #if, which Handlebars lets pass',
    main: '{{#if nme}}{{/if}}',
    expect: ['template-unknown-name main.hbs:1:7'],
    hint: /"name"/,
  },
  {
    name: 'an unknown name in #each, which Handlebars lets pass',
    main: 'x\n\n {{#each lst}}{{/each}}',
    expect: ['template-unknown-name main.hbs:3:10'],
    hint: /"list"/,
  },
  {
    name: 'an unknown name in #unless',
    main: '{{#unless nme}}{{/unless}}',
    expect: ['template-unknown-name main.hbs:1:11'],
  },
  {
    name: 'an unknown name in else if',
    main: '{{#if none}}{{else if nme}}{{/if}}',
    expect: ['template-unknown-name main.hbs:1:23'],
  },
  { name: 'an unknown name as a section', main: '{{#nme}}{{/nme}}', expect: ['template-unknown-name main.hbs:1:4'] },
  {
    name: 'an unknown name inside another value',
    main: '{{group.outer}}',
    expect: ['template-unknown-name main.hbs:1:9'],
    hint: /known here: inner/,
  },
  {
    name: 'a name of a text, which has none',
    main: '{{#each list}}{{this.nme}}{{/each}}',
    expect: ['template-unknown-name main.hbs:1:22'],
  },
  {
    name: 'a name of a text that a block parameter seems to give',
    main: '{{#each list as |l|}}{{nme}}{{/each}}',
    expect: ['template-unknown-name main.hbs:1:24'],
  },
  { name: 'a name of what is above the top', main: '{{../nme}}', expect: ['template-unknown-name main.hbs:1:6'] },
  {
    name: 'an unknown name of a parent',
    main: '{{#each things}}{{../nme}}{{/each}}',
    expect: ['template-unknown-name main.hbs:1:22'],
  },
  {
    name: 'an unknown name of the root',
    main: '{{#each things}}{{#if @root.nme}}{{/if}}{{/each}}',
    expect: ['template-unknown-name main.hbs:1:29'],
  },
  {
    name: 'an unknown name of a block parameter',
    main: '{{#each things as |t|}}{{#if t.m}}{{/if}}{{/each}}',
    expect: ['template-unknown-name main.hbs:1:32'],
  },
  {
    name: 'an unknown name as an argument of a helper',
    main: '{{quote nme}}',
    expect: ['template-unknown-name main.hbs:1:9'],
  },
  {
    name: 'an unknown name in a nested call',
    main: '{{quote (lookup group nme)}}',
    expect: ['template-unknown-name main.hbs:1:23'],
  },
  {
    name: 'an unknown name in a partial',
    main: 'a\n{{> part}}',
    part: 'b\n  {{#if nme}}{{/if}}',
    expect: ['template-unknown-name part.hbs:2:9'],
  },
  {
    name: 'an unknown name in a partial in a loop',
    main: '{{#each things}}{{> part}}{{/each}}',
    part: '{{n}}\n{{#if m}}{{/if}}',
    expect: ['template-unknown-name part.hbs:2:7'],
  },
  {
    name: 'an unknown name in a partial called with arguments',
    main: '{{> part k="v"}}',
    part: '{{k}}{{#if nme}}{{/if}}',
    expect: ['template-unknown-name part.hbs:1:12'],
  },
  {
    name: 'an unknown name after a partial',
    main: '{{> part}}{{#if nme}}{{/if}}',
    part: 'x',
    expect: ['template-unknown-name main.hbs:1:17'],
  },
  {
    name: 'an unknown name in the block of a partial',
    main: '{{#> part}}{{nme}}{{/part}}',
    part: '{{> @partial-block}}',
    expect: ['template-unknown-name main.hbs:1:14'],
  },
  { name: 'a name of the language itself', main: '{{constructor}}', expect: ['template-unknown-name main.hbs:1:3'] },
  {
    name: 'a name of the language looked up',
    main: '{{lookup group "__proto__"}}',
    expect: ['template-unknown-name main.hbs:1:1'],
  },
  {
    name: 'an unknown @name',
    main: '{{#each list}}{{#if @lst}}{{/if}}{{/each}}',
    expect: ['template-syntax main.hbs:1:21'],
    hint: /"last"/,
  },
  { name: 'an unknown helper', main: '{{quot name}}', expect: ['template-syntax main.hbs:1:3'], hint: /"quote"/ },
  {
    name: 'an unknown helper in a nested call',
    main: '{{quote (quot name)}}',
    expect: ['template-syntax main.hbs:1:10'],
  },
  { name: 'the helper that writes to the screen', main: '{{log name}}', expect: ['template-syntax main.hbs:1:3'] },
  {
    name: 'an unknown partial',
    main: '{{> parts}}',
    part: '',
    expect: ['template-syntax main.hbs:1:5'],
    hint: /"part"/,
  },
  {
    name: 'an unknown partial whose name is worked out',
    main: '{{> (lookup group "inner")}}',
    expect: ['template-failed main.hbs:1:1'],
  },
  { name: 'an inline partial', main: 'a\n{{#*inline "x"}}{{/inline}}', expect: ['template-syntax main.hbs:2:1'] },
  {
    name: 'a partial that calls itself',
    main: '{{> part}}',
    part: '{{> part}}',
    expect: ['template-failed part.hbs:1:1'],
  },
  { name: 'a list that is printed', main: '{{list}}', expect: ['template-failed main.hbs:1:1'] },
  { name: 'a group of values that is printed', main: '{{group}}', expect: ['template-failed main.hbs:1:1'] },
  { name: '#if without an argument', main: ' {{#if}}{{/if}}', expect: ['template-failed main.hbs:1:2'] },
  { name: '#each without an argument', main: '{{#each}}{{/each}}', expect: ['template-failed main.hbs:1:1'] },
  { name: 'quote of nothing', main: '{{quote none}}', expect: ['template-failed main.hbs:1:1'] },
  { name: 'a block that is not closed', main: 'a\n{{#if name}}\nb', expect: ['template-syntax main.hbs:3:2'] },
  {
    name: 'a block closed by another name',
    main: 'a\n  {{#if name}}{{/each}}',
    expect: ['template-syntax main.hbs:2:6'],
  },
  {
    name: 'an expression that is not closed, lines below the last good one',
    main: 'one\n{{name}}\nthree\n  {{ name is',
    expect: ['template-syntax main.hbs:4:11'],
  },
  {
    name: 'a character that does not belong there',
    main: 'one\n\n {{name}} and {{a.b@c}} here',
    expect: ['template-syntax main.hbs:3:19'],
  },
  {
    name: 'every wrong template in one run',
    main: '{{#if name}}',
    part: '{{quot name}}\n{{> parts}}',
    expect: ['template-syntax main.hbs:1:13', 'template-syntax part.hbs:1:3', 'template-syntax part.hbs:2:5'],
  },
  { name: 'a template that nothing calls', main: 'x', part: 'y', expect: ['template-unused part.hbs:1:1'] },
];

for (const row of ROWS) {
  test(`${row.name} is named at its place`, () => {
    const { problems } = run({ main: row.main, ...(row.part === undefined ? {} : { part: row.part }) });
    const found = problems.map(({ code, at }) => `${code} ${at?.file}:${at?.line}:${at?.column}`);
    assert.deepEqual(found, row.expect);
    if (row.hint) assert.match(problems[0]?.hint ?? '', row.hint);
  });
}

test('a problem of a template is shown with its line and a caret under the name', () => {
  const main = 'vrrp_instance x {\n{{#if piority}}\n{{/if}}';
  const { problems } = run({ main }, { priority: '100' });
  assert.equal(
    formatProblem(problems[0]!, () => main),
    [
      'error[template-unknown-name]: "piority" is not known here',
      '  --> main.hbs:2:7',
      '  |',
      '2 | {{#if piority}}',
      '  |       ^^^^^^^',
      '   = help: did you mean "priority"?',
    ].join('\n'),
  );
});

test('what is right renders, nothing escaped, with partials, arguments, blocks, and names of the loop', () => {
  const main = '{{name}} {{{name}}}{{#each list}} {{@index}}={{this}}{{/each}} {{> part k=list}}';
  const part = '{{#each k}}{{quote this}}{{/each}}{{#unless none}}!{{/unless}}';
  const { text, problems } = run({ main, part }, { ...DATA, name: `a<b>&"c'` });
  assert.deepEqual(problems, []);
  assert.equal(text, `a<b>&"c' a<b>&"c' 0=a 1=b <a><b>!`);
});

test('a render that failed leaves nothing behind: the next one has its own place', () => {
  const sources = new Map([['main', { file: 'main.hbs', text: '{{#if bad}}{{typo}}{{/if}}\n{{name}}', own: false }]]);
  const { value } = compileTemplates(sources, ['main'], String);
  assert.equal(value!.render('main', { bad: 'x', name: 'n' }).problems[0]?.at?.column, 14);
  assert.equal(value!.render('main', { bad: null, name: 'n' }).value, '\nn');
});

test('any text is a template or a problem at a place inside it, however it is broken', () => {
  const piece = fc.constantFrom(
    '{{',
    '}}',
    '{{#if name}}',
    '{{/if}}',
    '{{#each list}}',
    '{{/each}}',
    '{{else}}',
    '{{> ',
    'part',
    '{{{',
    '}}}',
    '(',
    ')',
    'name',
    ' ',
    '\n',
    '"',
    "'",
    '\\',
    '{{!--',
    '--}}',
    '@index',
    '../',
    '[',
    ']',
    '=',
    '|',
    '~',
    '{{name}}',
    'ü',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      const main = pieces.join('');
      const { text, problems } = run({ main, part: '' });
      assert.ok(text !== undefined || problems.length > 0);
      const lines = main.split('\n');
      for (const { at } of problems) {
        if (at!.file !== 'main.hbs') continue;
        assert.ok(at!.line >= 1 && at!.line <= lines.length, `line ${at!.line} of ${JSON.stringify(main)}`);
        assert.ok(
          at!.column >= 1 && at!.column <= lines[at!.line - 1]!.length + 1,
          `column ${at!.column} of ${JSON.stringify(main)}`,
        );
      }
    }),
    { numRuns: 3000 },
  );
});

test('blocks nested without end are refused before they are parsed', () => {
  const nested = (depth: number) => `${'{{#if name}}'.repeat(depth)}x${'{{/if}}'.repeat(depth)}`;
  assert.equal(run({ main: nested(50) }).text, 'x');
  const { problems } = run({ main: `\n${nested(8000)}` });
  assert.deepEqual(
    problems.map(({ code, at }) => [code, at?.line, at?.column]),
    [['template-syntax', 2, 50 * '{{#if name}}'.length + 1]],
  );
});

test('chains of else, calls in calls and long paths without end are refused, not a crash', () => {
  const many = 3000;
  for (const main of [
    `{{#if name}}${'{{else if name}}'.repeat(many)}{{/if}}`,
    `{{quote ${'(quote '.repeat(many)}name${')'.repeat(many)}}}`,
    `{{name${'.name'.repeat(many)}}}`,
  ]) {
    assert.equal(run({ main }).problems.length, 1, main.slice(0, 20));
  }
});
