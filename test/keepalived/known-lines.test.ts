/** What is not read again: the same model, the same objects, and for every problem still its place. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { check } from '../../src/keepalived/check.ts';
import { KnownLines } from '../../src/keepalived/known-lines.ts';
import { type Parsed, parse } from '../../src/keepalived/parser.ts';

const instance = (...lines: readonly string[]): string =>
  ['vrrp_instance V {', ' interface eth0', ' virtual_router_id 1', ...lines, '}'].join('\n');
const vips = (...lines: readonly string[]): string => instance(' virtual_ipaddress {', ...lines, ' }');
const vipsOf = ({ config }: Parsed) => config.vrrp_instance[0]!.virtual_ipaddress!;

describe('a file that is read once more', () => {
  test('has the very objects of the lines that are the same, wherever they stand', () => {
    const known = new KnownLines();
    const [first, second] = vipsOf(parse(vips('  192.0.2.1/32', '  192.0.2.2/32'), 'f', { known }));
    const now = vipsOf(parse(vips('  192.0.2.2/32', '  192.0.2.3/32', '  192.0.2.1/32'), 'f', { known }));
    assert.equal(now[0], second);
    assert.equal(now[2], first);
    assert.equal(now[1]!.address.text, '192.0.2.3');
  });

  test('has two objects for two lines that are alike', () => {
    const known = new KnownLines();
    for (let reading = 0; reading < 2; reading += 1) {
      const [one, other] = vipsOf(parse(vips('  192.0.2.1/32', '  192.0.2.1/32'), 'f', { known }));
      assert.deepEqual(one, other);
      assert.notEqual(one, other);
    }
  });

  const DIFFERENTLY_READ: readonly (readonly [what: string, before: string, after: string])[] = [
    [
      'in a list of another kind',
      vips('  192.0.2.1/32'),
      instance(' virtual_routes {', '  192.0.2.1/32', ' }', ' virtual_ipaddress {', '  192.0.2.2', ' }'),
    ],
    ['outside of any list', vips('  192.0.2.1/32'), `${vips('  192.0.2.2/32')}\n  192.0.2.1/32`],
    ['in the value of a definition', vips('  192.0.2.1/32'), `$A= x \\\n  192.0.2.1/32\n${vips('  192.0.2.2/32')}`],
    ['before a brace', vips('  192.0.2.1/32'), vips('  192.0.2.1/32', '{', '}')],
    ['with a variable in it', `$A=1\n${vips('  192.0.2.$A')}`, `$A=2\n${vips('  192.0.2.$A')}`],
    ['under a condition', vips('  @a 192.0.2.1/32'), vips('  @a 192.0.2.1/32', '  192.0.2.2/32')],
    ['with a comment', vips('  192.0.2.1/32 # one'), vips('  192.0.2.1/32 # two', '  192.0.2.1/32')],
    ['with a carriage return', vips('  192.0.2.1/32'), vips('  192.0.2.1/32\r')],
    ['in a line of many', vips('  192.0.2.1/32'), instance('virtual_ipaddress {', '  192.0.2.1/32}')],
  ];
  for (const [what, before, after] of DIFFERENTLY_READ) {
    test(`means what it means without the one before: a line ${what}`, () => {
      const known = new KnownLines();
      parse(before, 'f', { known });
      const quick = parse(after, 'f', { known });
      const whole = parse(after, 'f');
      assert.deepEqual(quick.config, whole.config);
      assert.deepEqual(quick.problems, whole.problems);
    });
  }

  test('says when the place of a line is asked for that was not read again', () => {
    const known = new KnownLines();
    const twice = vips('  192.0.2.1/32', '  192.0.2.1/32 dev eth0');
    for (const isVague of [false, true]) {
      const parsed = parse(twice, 'f', { known });
      assert.match(check(parsed)[0]!.message, /stands twice/);
      assert.equal(parsed.isVague(), isVague);
    }
  });

  test('forgets lines that are gone', () => {
    const known = new KnownLines();
    const [first] = vipsOf(parse(vips('  192.0.2.1/32', '  192.0.2.2/32', '  192.0.2.3/32'), 'f', { known }));
    for (let reading = 0; reading < 2; reading += 1) parse(vips('  192.0.2.9/32'), 'f', { known });
    assert.notEqual(vipsOf(parse(vips('  192.0.2.1/32'), 'f', { known }))[0], first);
  });
});
