import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatProblem } from '../../src/base/caret.ts';
import { seconds } from '../../src/base/units.ts';
import type { Member } from '../../src/inventory/model.ts';
import { diskTree, type Tree } from '../../src/inventory/tree.ts';
import { parse } from '../../src/keepalived/parser.ts';
import { derive } from '../../src/render/derive.ts';
import { renderPairs } from '../../src/render/render.ts';
import { loadTemplates } from '../../src/render/template-files.ts';
import { password as anyPassword, arbitraryMember } from './arbitrary.ts';
import { member, pairOf, vip, vrrp } from './member.ts';

const PACKAGE = diskTree(join(import.meta.dirname, '../..'));
const NOTHING: Tree = { list: () => [], read: () => assert.fail('nothing is listed') };
const templates = loadTemplates(PACKAGE, NOTHING).value!;

const textOf = (file: { content: Uint8Array }) => Buffer.from(file.content).toString();

/** The first router's rendered file; fails where there is a problem. */
function renderOne(router: Member, using = templates): string {
  const { value, problems, source } = renderPairs([pairOf(router)], using);
  assert.deepEqual(
    problems.map((problem) => formatProblem(problem, source)),
    [],
  );
  return textOf(value![0]!.files[0]!);
}

/** The user's templates in the place of the shipped ones. */
function ownTemplates(own: Readonly<Record<string, string>>) {
  const files = new Map(Object.entries(own).map(([name, text]) => [`templates/${name}.hbs`, Buffer.from(text)]));
  return loadTemplates(PACKAGE, { list: () => [...files.keys()], read: (path) => files.get(path)! });
}

const shippedText = (name: string) => Buffer.from(PACKAGE.read(`templates/${name}.hbs`, 1e6)).toString();

test('any router renders a file that says exactly what was derived', () => {
  fc.assert(
    fc.property(arbitraryMember, (router) => {
      const { value, problems, source } = renderPairs([pairOf(router)], templates);
      const errors = problems.filter((problem) => problem.severity === 'error');
      assert.deepEqual(
        errors.map((problem) => formatProblem(problem, source)),
        [],
      );
      assert.deepEqual(value![0]!.config, derive(router));
      assert.deepEqual(parse(textOf(value![0]!.files[0]!), 'again').config, derive(router));
    }),
    { numRuns: 300 },
  );
});

test('rendering is byte-stable: the same router gives the same bytes, and order follows the inventory', () => {
  const vips = ['192.168.1.9/24', '192.168.1.1/24', '192.168.1.5/24'];
  const router = member({
    instances: [vrrp({ name: 'VI_2', vips: vips.map((a) => vip(a)) }), vrrp({ name: 'VI_1', virtual_router_id: 51 })],
  });
  const text = renderOne(router);
  const again = loadTemplates(PACKAGE, NOTHING).value!;
  assert.equal(renderOne(structuredClone(router), again), text);
  assert.ok(text.indexOf('VI_2') < text.indexOf('VI_1'));
  assert.deepEqual([...text.matchAll(/192\.168\.1\.\d\/24/g)].slice(0, 3).map(String), vips);
});

test('a rendered file has no blank or empty lines to spare', () => {
  fc.assert(
    fc.property(arbitraryMember, (router) => {
      const { value, problems, source } = renderPairs([pairOf(router)], templates);
      assert.deepEqual(
        problems.map((problem) => formatProblem(problem, source)),
        [],
      );
      const text = textOf(value![0]!.files[0]!);
      assert.doesNotMatch(text, /[ \t]\n|\n\n\n|\n\n *}|{\n\n/);
      assert.match(text, /}\n$/);
    }),
    { numRuns: 50 },
  );
});

test('a password with #, !, $, blanks or quotes reaches the daemon whole', () => {
  for (const password of [
    'p#a!s',
    '!start',
    '#start',
    'a b c',
    '$HOME',
    '$' + '{X}',
    "it's",
    'a{b}c',
    'a\\b',
    '~SEQ(1)',
    '@at',
    'a;b|c&d',
    '<>?*',
    'päß',
  ]) {
    const text = renderOne(member({ instances: [vrrp({ auth_pass: password })] }));
    assert.equal(parse(text, 'x').config.vrrp_instance[0]?.authentication?.auth_pass, password, password);
  }
  fc.assert(
    fc.property(anyPassword, (password) => {
      const text = renderOne(member({ instances: [vrrp({ auth_pass: password })] }));
      return parse(text, 'x').config.vrrp_instance[0]?.authentication?.auth_pass === password;
    }),
  );
});

test('the whole file of a small router', () => {
  const router = member({
    router_id: 'RTR A',
    smtp: { to: ['noc@example.net'], from: 'vrrp@example.net' },
    instances: [
      vrrp({ auth_pass: 'p#a!s', smtp_alert: true, notify: { master: { argv: ['/etc/keepalived/up', 'a b'] } } }),
    ],
  });
  assert.equal(
    renderOne(router),
    `# rtr-a of the pair test, with rtr-b. Tandem writes this file: change the repository, not the router.

global_defs {
    notification_email_from vrrp@example.net
    router_id "RTR A"
    notification_email {
        noc@example.net
    }
}

# p4p1 is a cable to rtr-b. When it goes dark, rtr-b is most likely dead: this router must take over
# then, and not go into FAULT (dont_track_primary).
# Naming the source keeps it so when a network manager takes the address away from the dark link (mcast_src_ip).
vrrp_instance VI_0 {
    state BACKUP
    interface p4p1
    smtp_alert on
    virtual_router_id 50
    priority 100
    advert_int 1
    dont_track_primary
    mcast_src_ip 10.255.0.1
    notify_master "/etc/keepalived/up 'a b'"
    authentication {
        auth_type PASS
        auth_pass "p#a!s"
    }
    virtual_ipaddress {
        192.168.1.1/24 dev p3p1
    }
}
`,
  );
});

test('keepalived.conf is 0600 and sensitive when it holds a password; files of the repository keep their mode', () => {
  const script = { path: '/etc/keepalived/up', mode: 0o755, content: Buffer.from('#!/bin/sh\n'), from: 'files/up' };
  const router = member({ files: [script], instances: [vrrp({ auth_pass: 'secret' })] });
  const { value } = renderPairs([pairOf(router)], templates);
  const files = value!.map(({ router: name, files: all }) => [
    name,
    all.map(({ path, mode, sensitive }) => [path, mode, sensitive]),
  ]);
  assert.deepEqual(files, [
    [
      'rtr-a',
      [
        ['/etc/keepalived/keepalived.conf', 0o600, true],
        ['/etc/keepalived/up', 0o755, false],
      ],
    ],
    ['rtr-b', [['/etc/keepalived/keepalived.conf', 0o600, false]]],
  ]);
});

test('raw lines stand verbatim at their three places, and the model has what they say', () => {
  const router = member({
    raw: ['static_routes {', '    10.9.0.0/16 via 192.168.1.9 dev p3p1', '}'],
    global_raw: ['vrrp_garp_interval 0.01'],
    instances: [vrrp({ raw: ['garp_master_repeat   2 # as it was'] })],
  });
  const { value, problems } = renderPairs([pairOf(router)], templates);
  assert.deepEqual(problems, []);
  const text = textOf(value![0]!.files[0]!);
  for (const lines of [
    '\n    vrrp_garp_interval 0.01\n',
    '\n    garp_master_repeat   2 # as it was\n',
    '\nstatic_routes {\n    10.9.0.0/16 via',
  ]) {
    assert.ok(text.includes(lines), lines);
  }
  const { config } = value![0]!;
  assert.equal(config.vrrp_instance[0]?.garp_master_repeat, 2);
  assert.equal(config.global_defs.vrrp_garp_interval, 10);
  assert.equal(config.static_routes.length, 1);
});

test('a raw line that is wrong is shown in the rendered file, with a caret', () => {
  const router = member({ instances: [vrrp({ raw: ['garp_master_repeet 2'] })] });
  const { value, problems, source } = renderPairs([pairOf(router)], templates);
  assert.equal(value, undefined);
  const shown = problems.map((problem) => formatProblem(problem, source)).join('\n');
  assert.match(shown, /error\[conf-unknown-keyword\].*\n {2}--> rtr-a:\/etc\/keepalived\/keepalived.conf:\d+:5\n/);
  assert.match(shown, /garp_master_repeet 2\n.*\^{18}/);
});

test("what the daemon's test would refuse is told where the YAML says it, once for both routers (F81)", () => {
  const place = (line: number) => ({ file: 'pairs/test.yaml', line, column: 3 });
  const labelled = { ...vip('fe80::1/64', { label: 'p3p1:1' }), at: place(9) };
  const instances = [
    vrrp({
      at: place(2),
      state: 'MASTER',
      preempt_delay: seconds(5),
      track: { ...vrrp().track, interface: [{ name: 'p4p1' }] },
    }),
    vrrp({
      at: place(8),
      name: 'VI_6',
      family: 6,
      version: 3,
      source: 'kernel',
      vips: [labelled],
      raw: ['garp_master_repeet 2'],
    }),
  ];
  const { value, problems } = renderPairs(
    [pairOf(member({ instances }), member({ name: 'rtr-b', instances }))],
    templates,
  );
  assert.equal(value, undefined);
  const shown = problems.map(
    ({ code, at, message }) => `${code} ${at!.file.replace(/rtr-.:/, '')}:${at!.line} ${message}`,
  );
  const raw = 'conf-unknown-keyword /etc/keepalived/keepalived.conf';
  assert.deepEqual(
    shown.filter((line) => !line.startsWith(raw)),
    [
      'conf-value pairs/test.yaml:2 preempt_delay does not work with "state MASTER"',
      'conf-value pairs/test.yaml:2 "p4p1" is the instance\'s own interface, which is tracked anyway',
      'conf-value pairs/test.yaml:9 an IPv6 address takes no label',
    ],
  );
  assert.equal(shown.filter((line) => line.startsWith(raw)).length, 2, 'a raw line is told in the file of each router');
});

test('a user may take the place of any template; what that changes is said once, with the keyword', () => {
  const plain = ownTemplates({ 'partials/vrrp_instance': '{{> partials/block}}' });
  assert.deepEqual(plain.problems, []);
  const same = renderPairs([pairOf(member())], plain.value!);
  assert.deepEqual(same.problems, [], 'only a comment is gone');
  assert.doesNotMatch(textOf(same.value![0]!.files[0]!), /cable/);

  const block = shippedText('partials/block');
  const own = ownTemplates({
    'partials/vrrp_instance': block.replace('{{#each raw}}', '    garp_master_repeat 2\n{{#each raw}}'),
  });
  const other = renderPairs([pairOf(member())], own.value!);
  assert.equal(other.value?.[0]?.config.vrrp_instance[0]?.garp_master_repeat, 2);
  assert.deepEqual(
    other.problems.map(({ code, severity, message, at }) => [code, severity, message, at?.file]),
    [
      [
        'render-differs',
        'warning',
        'your own templates change vrrp_instance.garp_master_repeat on 2 routers, rtr-a among them',
        'templates/partials/vrrp_instance.hbs',
      ],
    ],
  );
});

test('a user template with a wrong name is refused at its line, once for all routers', () => {
  const { value } = ownTemplates({ 'partials/block': '{{#each settngs}}{{/each}}' });
  const router = member({ scripts: [{ name: 's', command: { argv: ['/bin/true'] } }] });
  const { value: rendered, problems } = renderPairs([pairOf(router)], value!);
  assert.equal(rendered, undefined);
  assert.deepEqual(
    problems.map(({ code, at, hint }) => [code, at?.file, at?.line, at?.column, hint]),
    [['template-unknown-name', 'templates/partials/block.hbs', 1, 9, 'did you mean "settings"?']],
  );
});

test('a user file that takes no place is warned of, with the path that was probably meant', () => {
  const { problems } = ownTemplates({ 'partials/vrrp_instanc': 'x' });
  assert.deepEqual(
    problems.map(({ code, hint }) => [code, hint]),
    [['template-unused', 'did you mean partials/vrrp_instance.hbs?']],
  );
});

test('the example of docs/templates.md works as it stands', () => {
  const guide = readFileSync(join(import.meta.dirname, '../../docs/templates.md'), 'utf8');
  const example = /```handlebars\n([\s\S]*?)```/.exec(guide)![1]!;
  const { value, problems } = ownTemplates({ 'partials/vrrp_instance': example });
  assert.deepEqual(problems, []);
  const rendered = renderPairs([pairOf(member())], value!);
  assert.deepEqual(rendered.problems, []);
  assert.match(textOf(rendered.value![0]!.files[0]!), /\n# VRID 50, priority 100\nvrrp_instance VI_0 \{\n/);
});
