/** `tandemd -t` as scripts and the deployer call it, compared with `keepalived -t` where that is at hand. */
// needs: kernel keepalived
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, test } from 'node:test';
import { findProgram } from '../../scripts/needs.ts';
import { inOwnNetwork } from '../support/namespace.ts';

inOwnNetwork();
spawnSync('ip', ['link', 'add', 'lan', 'type', 'veth', 'peer', 'name', 'far']);

const directory = mkdtempSync(join(tmpdir(), 'tandemd-test-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const TANDEMD = resolve(import.meta.dirname, '../../src/tandemd.ts');
const GOOD = `vrrp_instance VI_0 {
    interface lan
    virtual_router_id 50
    priority 100
    virtual_ipaddress {
        10.9.9.9/32
    }
}
`;

interface Row {
  readonly what: string;
  readonly text: string;
  readonly code: number;
  readonly says?: RegExp;
}

const ROWS: readonly Row[] = [
  { what: 'a good file', text: GOOD, code: 0 },
  { what: 'a value out of range', text: GOOD.replace('100', '300'), code: 5, says: /conf-value.*\n.*:4:14/ },
  {
    what: 'a password that is too long, which is not shown',
    text: GOOD.replace(
      'priority 100',
      'authentication {\n        auth_type PASS\n        auth_pass verysecretword\n    }',
    ),
    code: 5,
    says: /conf-value.*\n.*:6:19\n.*\n6 .*auth_pass \*{14}\n.*\^{14}\n/,
  },
  {
    what: 'an unknown keyword',
    text: GOOD.replace('priority', 'prioriti'),
    code: 5,
    says: /conf-unknown-keyword.*\n.*:4:5/,
  },
  {
    what: 'an interface that is not there',
    text: GOOD.replace('lan', 'nova'),
    code: 5,
    says: /conf-unknown-interface.*\n.*:2:15/,
  },
  { what: 'VRRP on lo', text: GOOD.replace('lan', 'lo'), code: 5, says: /conf-value.*\n.*:2:15/ },
  { what: 'a brace too few', text: GOOD.trimEnd().slice(0, -1), code: 5, says: /conf-syntax/ },
];

function file(text: string): string {
  const path = join(directory, 'a.conf');
  writeFileSync(path, text);
  return path;
}

const tandemd = (...argv: readonly string[]) => spawnSync(process.execPath, [TANDEMD, ...argv], { encoding: 'utf8' });

describe('tandemd -t', () => {
  for (const { what, text, code, says } of ROWS) {
    test(`${what} ends with ${code}, as keepalived -t does`, () => {
      const path = file(text);
      const ours = tandemd('-t', '-f', path);
      const theirs = spawnSync(findProgram('keepalived')!, ['-t', '-f', path], { encoding: 'utf8' });
      assert.equal(theirs.status, code, theirs.stderr);
      assert.equal(ours.status, code, ours.stderr);
      if (says) assert.match(ours.stderr, says);
      else assert.equal(ours.stderr, '');
    });
  }

  test('a problem is shown with its line and a caret under the word', () => {
    const { stderr } = tandemd('-t', '-f', file(GOOD.replace('lan', 'nova')));
    assert.match(stderr, /2 \| {5}interface nova\n +\| {15}\^\^\^\^/);
  });

  test('--config-test=FILE puts the problems into the file', () => {
    const log = join(directory, 'log');
    const { status, stderr } = tandemd(`--config-test=${log}`, '-f', file(GOOD.replace('lan', 'nova')));
    assert.deepEqual([status, stderr], [5, '']);
    assert.match(readFileSync(log, 'utf8'), /conf-unknown-interface/);
  });

  test('a file that is not there is refused; keepalived 2.2.7 says so too, and ends with 0', () => {
    const { status, stderr } = tandemd('-t', '-f', join(directory, 'none.conf'));
    assert.equal(status, 5);
    assert.match(stderr, /none\.conf cannot be read/);
  });

  test('a pipe or device, which has no end, is refused, and named in an include is passed over as by keepalived', () => {
    const pipe = join(directory, 'pipe');
    spawnSync('mkfifo', [pipe]);
    for (const path of [pipe, '/dev/zero']) {
      const { status, stderr } = tandemd('-t', '-f', path);
      assert.equal(status, 5, stderr);
      assert.match(stderr, /cannot be read: it is no regular file/);
    }
    writeFileSync(join(directory, 'pipe.conf'), GOOD);
    assert.equal(tandemd('-t', '-f', file('include pipe*\n')).status, 0);
  });

  test('of very many problems the first are shown, and how many more there are', () => {
    const routes = Array.from({ length: 1_500 }, (_, i) => `  10.1.${i >> 8}.${i & 255} via 10.9.9.1 dev nova\n`).join(
      '',
    );
    const { status, stderr } = tandemd('-t', '-f', file(`${GOOD}static_routes {\n${routes}}\n`));
    assert.equal(status, 5);
    assert.equal(stderr.match(/^error\[conf-unknown-interface\]/gm)?.length, 1_000);
    assert.match(stderr, /\nerror\[conf-syntax\]: and 500 more problems\n {2}--> \S+a\.conf:1010:31\n/);
  });

  test('lines of another config-id do not count', () => {
    const text = GOOD.replace('    interface lan', '    @^blue interface lan\n    @blue interface nova');
    assert.equal(tandemd('-t', '-i', 'red', '-f', file(text)).status, 0);
    assert.equal(tandemd('-t', '-i', 'blue', '-f', file(text)).status, 5);
  });

  test('an included file counts, and its problems name it', () => {
    writeFileSync(join(directory, 'part.conf'), GOOD.replace('100', '300'));
    const { status, stderr } = tandemd('-t', '-f', file('include part.conf\n'));
    assert.equal(status, 5);
    assert.match(stderr, /part\.conf:4:14/);
  });

  test("nobody's rights are enough", () => {
    const path = file(GOOD);
    chmodSync(directory, 0o755);
    const argv = ['--reuid=65534', '--clear-groups', '--', process.execPath, TANDEMD, '-t', '-f', path];
    const result = spawnSync('setpriv', argv, { encoding: 'utf8' });
    assert.equal(result.status, 0, result.stderr);
  });
});

describe('tandemd without a daemon', () => {
  test('-v says its version on standard error, as keepalived does', () => {
    const { status, stderr } = tandemd('-v');
    assert.equal(status, 0);
    assert.match(stderr, /^Tandemd v\d+\.\d+\.\d+\n$/);
  });

  test('--signum=RELOAD prints the number, an unknown one is refused', () => {
    assert.equal(tandemd('--signum=RELOAD').stdout, '1\n');
    assert.equal(tandemd('--signum=NONE').status, 1);
  });
});
