// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the inventory's own way to refer to a secret
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadFiles, places, shown, unmark } from './marked.ts';

/** Two routers, one pair, nothing wrong: each case replaces or adds files. */
const BASE = {
  'inventory/all.yaml': `defaults:
  engine: keepalived
  vrrp: { version: 3, advert_int: 1s, preempt: false }
routers:
  a:
    interfaces:
      lan: 192.0.2.2/24
      wan: { address: 198.51.100.2/24, segment: transit }
      x: 10.255.0.1/30
  b:
    interfaces:
      lan: 192.0.2.3/24
      wan: { address: 198.51.100.3/24, segment: transit }
      x: 10.255.0.2/30
`,
};
const MEMBERS = 'members: { primary: a, secondary: b }\n';
/** A pair of one instance on the LAN; `lines` are further settings of it. */
const instance = (
  lines: string,
  { top = '', vips = 'vips: [192.0.2.1/24]', vrid = '51' } = {},
): Record<string, string> => ({
  'pairs/p.yaml': `${MEMBERS}${top}vrrp:
  VI:
    interface: lan
    link: switched
    virtual_router_id: ${vrid}
    ${vips}
${lines
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => `    ${line}\n`)
  .join('')}`,
});
const SECOND = `  c:
    interfaces:
      lan: 192.0.2.2/24
      wan: { address: 198.51.100.4/24, segment: transit }
  d:
    interfaces:
      lan: 192.0.2.3/24
      wan: { address: 198.51.100.5/24, segment: transit }
`;
const onWan = (members: string, vrid: string, vip: string, more = ''): string => `members: { ${members} }
vrrp:
  VI: { interface: wan, link: switched, virtual_router_id: ${vrid}, vips: [${vip}]${more} }
`;

interface Case {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** A word that the message or its hint must have. */
  readonly says?: RegExp;
}

const CASES: readonly Case[] = [
  { name: 'a plain pair has no problem', files: instance('') },
  // the file itself
  { name: 'a syntax error is told at its place', files: { 'pairs/p.yaml': 'members: [a\n⟦yaml-syntax⟧vrrp: 1\n' } },
  {
    name: 'every duplicate key is told',
    files: instance('⟦yaml-duplicate-key⟧link: routed\n⟦yaml-duplicate-key⟧link: direct'),
  },
  { name: 'a second document is refused', files: { 'pairs/p.yaml': `${MEMBERS}---\n⟦yaml-syntax⟧{}\n` } },
  {
    name: 'a key that reads as a number is to be quoted',
    files: instance('', { top: 'labels: { ⟦yaml-key⟧1e3: x }\n' }),
    says: /quote it: "1e3"/,
  },
  { name: 'an empty pair file misses its members', files: { 'pairs/p.yaml': '⟦inventory-value⟧# nothing\n' } },
  // members
  {
    name: 'three members say why not',
    files: { 'pairs/p.yaml': '⟦members-not-two⟧members: { primary: a, secondary: b, third: c }\n' },
    says: /one partner/,
  },
  { name: 'three members in a list too', files: { 'pairs/p.yaml': '⟦members-not-two⟧members: [a, b, c]\n' } },
  {
    name: 'one member is refused',
    files: { 'pairs/p.yaml': '⟦members-not-two⟧members:\n  primary: a\n' },
    says: /has 1 member;/,
  },
  {
    name: 'a router is not its own partner',
    files: { 'pairs/p.yaml': 'members: { primary: a, secondary: ⟦members-not-two⟧a }\n' },
  },
  {
    name: 'an unknown router is told with the one that was meant',
    files: {
      ...BASE,
      'inventory/all.yaml': 'routers: { rtr-core01: {}, rtr-core02: {} }\n',
      'pairs/p.yaml': 'members: { primary: rtr-core01, secondary: ⟦unknown-name⟧rtr-coer02 }\n',
    },
    says: /did you mean "rtr-core02"/,
  },
  {
    name: 'a router in two pairs is told at the second, with the first',
    files: {
      ...instance(''),
      'pairs/q.yaml': 'members: { primary: ⟦router-in-two-pairs⟧a, secondary: ⟦router-in-two-pairs⟧b }\n',
    },
  },
  {
    name: 'an unknown group is told',
    files: {
      'inventory/x.yaml':
        'groups: { amsterdam: {} }\nrouters: { c: { groups: [amsterdam, ⟦unknown-name⟧amsterdm] } }\n',
      ...instance(''),
    },
    says: /did you mean "amsterdam"/,
  },
  {
    name: 'a router defined in two files is told',
    files: { 'inventory/b.yaml': 'routers:\n  ⟦defined-twice⟧a: {}\n', ...instance('') },
  },
  {
    name: 'no layer says the engine',
    files: {
      'inventory/all.yaml': BASE['inventory/all.yaml'].replace('  engine: keepalived\n', ''),
      'pairs/p.yaml': instance('')['pairs/p.yaml']!.replace(
        'primary: a, secondary: b',
        'primary: ⟦inventory-missing⟧a, secondary: ⟦inventory-missing⟧b',
      ),
    },
    says: /no layer says which engine/,
  },
  // keys and values
  {
    name: 'an unknown key is told with the one that was meant',
    files: instance('⟦unknown-key⟧piority: 50'),
    says: /did you mean "priority"/,
  },
  {
    name: 'an unknown key at the top of a pair',
    files: { 'pairs/p.yaml': `${MEMBERS}⟦unknown-key⟧overides: {}\n` },
    says: /did you mean "overrides"/,
  },
  {
    name: 'an unknown setting beside the instances',
    files: { 'pairs/p.yaml': `${MEMBERS}vrrp: { piority: ⟦inventory-value⟧50 }\n` },
  },
  { name: 'VRID 0', files: instance('', { vrid: '⟦vrid-out-of-range⟧0' }) },
  { name: 'VRID 256', files: instance('', { vrid: '⟦vrid-out-of-range⟧256' }) },
  { name: 'a VRID that is text', files: instance('', { vrid: '⟦inventory-value⟧"50"' }) },
  { name: 'priority 0', files: instance('priority: ⟦priority-out-of-range⟧0') },
  { name: 'priority of a router that is no member', files: instance('priority: { a: 100, ⟦unknown-name⟧c: 50 }') },
  { name: 'a duration without its unit', files: instance('advert_int: ⟦inventory-value⟧1'), says: /quote it|text/ },
  { name: 'a duration with a wrong unit', files: instance('advert_int: ⟦bad-duration⟧1sec'), says: /100ms/ },
  { name: 'yes is no boolean in YAML 1.2', files: instance('smtp_alert: ⟦inventory-value⟧yes'), says: /true or false/ },
  {
    name: 'link is required and so is the VRID',
    files: { 'pairs/p.yaml': `${MEMBERS}vrrp:\n  ⟦inventory-missing⟧VI: { interface: lan }\n` },
    says: /no link, no virtual_router_id/,
  },
  {
    name: 'a link that is no link',
    files: {
      'pairs/p.yaml': `${MEMBERS}vrrp: { VI: { interface: lan, link: ⟦inventory-value⟧cable, virtual_router_id: 1 } }\n`,
    },
    says: /direct, switched or routed/,
  },
  {
    name: 'a base address that is none',
    files: {
      'inventory/x.yaml': 'routers: { c: { interfaces: { lan: ⟦bad-address⟧192.0.2.300/24 } } }\n',
      ...instance(''),
    },
  },
  {
    name: 'a base address without its prefix length',
    files: {
      'inventory/x.yaml': 'routers: { c: { interfaces: { lan: { address: [⟦bad-address⟧192.0.2.3] } } } }\n',
      ...instance(''),
    },
  },
  { name: 'text with a double quote', files: instance('', { top: "router_id: ⟦text-unprintable⟧'a\"b'\n" }) },
  { name: 'text with a newline', files: instance('', { top: 'router_id: ⟦text-unprintable⟧"a\\nb"\n' }) },
  {
    name: 'an override for a router that is no member',
    files: instance('', { top: 'overrides: { ⟦unknown-name⟧c: {} }\n' }),
  },
  {
    name: 'an override of an unknown instance',
    files: instance('', { top: 'overrides: { a: { vrrp: { ⟦unknown-name⟧VII: { priority: 5 } } } }\n' }),
    says: /did you mean "VI"/,
  },
  // VIPs, routes, rules
  {
    name: 'a bad address in a VIP line',
    files: instance('', { vips: 'vips: [192.0.2.1/24, ⟦conf-value⟧192.0.2.256/24 dev lan]' }),
    says: /256 is more than 255/,
  },
  {
    name: 'a bad address in a VIP object',
    files: instance('', { vips: 'vips: [{ dev: lan, address: ⟦conf-value⟧192.0.2.256/24 }]' }),
  },
  {
    name: 'bad words in one route line, each at its place',
    files: instance('routes: [⟦conf-value⟧193.266.0.0/16 via ⟦conf-value⟧78.123.265.1 dev lan]'),
  },
  {
    name: 'a word that no line has',
    files: instance('', { vips: 'vips: [192.0.2.1/24 ⟦conf-unknown-keyword⟧labell ⟦conf-unknown-keyword⟧lan:1]' }),
    says: /did you mean "label"/,
  },
  {
    name: 'a word that no line can have',
    files: instance('', { vips: 'vips: [\'192.0.2.1/24 label ⟦conf-value⟧"lan:1"\']' }),
  },
  {
    name: 'a label of 16 characters',
    files: instance('', { vips: 'vips: [192.0.2.1/24 label ⟦conf-value⟧lan:123456789012]' }),
  },
  {
    name: 'a label that does not start with its device',
    files: instance('', { vips: 'vips: [⟦label-without-device⟧192.0.2.1/24 label wan:1]' }),
  },
  {
    name: "a VIP outside its interface's network",
    files: instance('', { vips: 'vips: [⟦vip-outside-subnet⟧10.0.0.1/24]' }),
    says: /192\.0\.2\.0\/24/,
  },
  {
    name: 'an interface that the router has not',
    files: instance('', { vips: 'vips: [⟦unknown-interface⟧192.0.2.1/24 dev lann]' }),
    says: /did you mean "lan"/,
  },
  {
    name: 'a route through an interface that the router has not',
    files: instance('routes: [⟦unknown-interface⟧198.51.100.0/24 via 192.0.2.9 dev eth9]'),
  },
  {
    name: 'a route for a router that is no member',
    files: instance('routes: [⟦unknown-name⟧{ to: default, via: 192.0.2.9, on: c }]'),
  },
  {
    name: 'a folded line is told as a whole',
    files: instance('', { vips: 'vips:\n      - ⟦conf-unknown-keyword⟧192.0.2.1/24\n        lable lan:1' }),
  },
  {
    name: 'version 3 without a VIP',
    files: {
      'pairs/p.yaml': `${MEMBERS}vrrp:\n  ⟦inventory-missing⟧VI: { interface: lan, link: switched, virtual_router_id: 1 }\n`,
    },
  },
  { name: 'advertise names an address that is no VIP', files: instance('advertise: [⟦unknown-name⟧192.0.2.9]') },
  // version, family, interval
  {
    name: 'version 2 with IPv6',
    files: instance('family: ipv6\nversion: ⟦version-and-family⟧2', { vips: 'vips: ["fe80::1/64"]' }),
  },
  {
    name: 'IPv6 and IPv4 in one advert',
    files: instance('', { vips: 'vips: [192.0.2.1/24, ⟦family-mixed⟧"2001:db8::1/64"]' }),
    says: /family: ipv6/,
  },
  {
    name: 'IPv6 without a link-local VIP first',
    files: instance('family: ipv6', { vips: 'vips: [⟦link-local-first⟧"2001:db8::1/64"]' }),
  },
  { name: 'version 2 below a second', files: instance('version: 2\nadvert_int: ⟦advert-int-version⟧100ms') },
  { name: 'version 3 finer than a hundredth', files: instance('advert_int: ⟦advert-int-version⟧15ms') },
  { name: 'version 3 over 40.95 s', files: instance('advert_int: ⟦advert-int-version⟧41s') },
  // secrets
  {
    name: 'auth_pass of 9 bytes',
    files: instance('version: 2\nauth_pass: ⟦auth-too-long⟧${env:P}'),
    env: { P: '123456789' },
  },
  {
    name: 'auth_pass counts bytes, not characters',
    files: instance('version: 2\nauth_pass: ⟦auth-too-long⟧${env:P}'),
    env: { P: 'äääää' },
  },
  {
    name: 'auth_pass in version 3',
    files: instance('auth_pass: ⟦auth-version⟧${env:P}'),
    env: { P: 'x' },
    says: /auth_pass: null/,
  },
  {
    name: 'auth_pass with a double quote',
    files: instance('version: 2\nauth_pass: ⟦text-unprintable⟧${env:P}'),
    env: { P: 'a"b' },
  },
  { name: 'a literal auth_pass', files: instance('version: 2\nauth_pass: ⟦auth-literal⟧sesame') },
  {
    name: '12e4 as a password is to be quoted',
    files: instance('version: 2\nauth_pass: ⟦inventory-value⟧12e4'),
    says: /quote it/,
  },
  {
    name: 'a secret that is not set',
    files: instance('version: 2\nauth_pass: ⟦secret-missing⟧${env:NOT_SET}'),
    says: /NOT_SET is not set/,
  },
  { name: 'a secret file that is not there', files: instance('version: 2\nauth_pass: ⟦secret-missing⟧${file:none}') },
  {
    name: '${secret:} is not there yet',
    files: instance('version: 2\nauth_pass: ⟦secret-form⟧${secret:x}'),
    says: /not there yet/,
  },
  { name: 'a reference inside a longer text', files: instance('version: 2\nauth_pass: ⟦secret-form⟧a${env:P}') },
  // trackers and preemption
  {
    name: 'a weighted tracker under nopreempt',
    files: instance('track: { script: [⟦weight-never-acts⟧{ name: c, weight: -60 }] }', {
      top: 'scripts: { c: { run: /bin/true } }\n',
    }),
  },
  {
    name: 'the weight of the definition counts',
    files: instance('track: { script: [⟦weight-never-acts⟧c] }', {
      top: 'scripts: { c: { run: /bin/true, weight: 5 } }\n',
    }),
  },
  {
    name: 'an unweighted tracker under nopreempt is in order',
    files: instance('track: { script: [c], interface: [wan] }', { top: 'scripts: { c: { run: /bin/true } }\n' }),
  },
  {
    name: 'a weight that never turns the order',
    files: instance(
      'preempt: true\npriority: { a: 150, b: 100 }\ntrack: { interface: [⟦weight-never-turns⟧{ name: wan, weight: -20 }] }',
    ),
    says: /51 or more/,
  },
  {
    name: 'two weights that turn it together',
    files: instance('preempt: true\ntrack: { interface: [{ name: wan, weight: -30 }, { name: x, weight: -30 }] }'),
  },
  {
    name: 'a tracker that is not defined',
    files: instance('track: { script: [⟦unknown-name⟧nope], interface: [⟦unknown-interface⟧nope] }'),
  },
  { name: 'state MASTER clears nopreempt', files: instance('state: ⟦state-clears-nopreempt⟧MASTER') },
  {
    name: 'a sync group of an unknown instance',
    files: instance('', { top: 'sync_groups: { G: { members: [VI, ⟦unknown-name⟧VJ] } }\n' }),
  },
  // commands
  { name: 'a relative script that is not in the tree', files: instance('notify: { master: ⟦bad-command⟧hooks/none }') },
  {
    name: 'a command with blanks',
    files: instance('notify: { master: ⟦bad-command⟧/bin/echo a b }'),
    says: /\[\/bin\/echo, a, b\]/,
  },
  {
    name: 'a script that would replace the configuration',
    files: { ...instance('notify: { master: ⟦bad-command⟧hooks/keepalived.conf }'), 'hooks/keepalived.conf': '' },
  },
  {
    name: 'two scripts of one name',
    files: { ...instance('notify: { master: m/run, backup: ⟦bad-command⟧b/run }'), 'm/run': '', 'b/run': '' },
  },
  {
    name: 'the same script twice is in order',
    files: { ...instance('notify: { master: m/run, backup: [m/run, x] }'), 'm/run': '' },
  },
  // links
  {
    name: 'all VRRP over one cable',
    files: {
      'pairs/p.yaml': `${MEMBERS}vrrp: { VI: { interface: x, link: ⟦single-heartbeat⟧direct, virtual_router_id: 1, vips: [192.0.2.1/24 dev lan] } }\n`,
    },
  },
  {
    name: 'accept_dual_master says that this is known',
    files: {
      'pairs/p.yaml': `${MEMBERS}accept_dual_master: true\nvrrp: { VI: { interface: x, link: direct, virtual_router_id: 1, vips: [192.0.2.1/24 dev lan] } }\n`,
    },
  },
  {
    name: 'a direct link needs the own address',
    files: {
      'inventory/x.yaml':
        'routers:\n  c: { interfaces: { x: {}, lan: {} } }\n  d: { interfaces: { x: {}, lan: {} } }\n',
      'pairs/p.yaml':
        'members: { primary: c, secondary: d }\naccept_dual_master: true\nvrrp: { VI: { interface: ⟦no-own-address⟧x, link: direct, virtual_router_id: 1, vips: [192.0.2.1/24 dev lan] } }\n',
    },
    says: /source: kernel/,
  },
  {
    name: 'a route or rule over the cable itself undoes dont_track_primary, unless it is not tracked',
    files: {
      'inventory/x.yaml':
        'routers:\n  c: { interfaces: { x: 10.9.9.1/30, lan: {} } }\n  d: { interfaces: { x: 10.9.9.2/30, lan: {} } }\n',
      'pairs/p.yaml': `members: { primary: c, secondary: d }
accept_dual_master: true
vrrp:
  VI:
    interface: x
    link: direct
    virtual_router_id: 1
    vips: [192.0.2.1/24 dev lan]
    routes: [⟦direct-link-tracked⟧198.51.100.0/24 dev x, 203.0.113.0/24 dev x no_track, 203.0.113.0/24 dev lan]
    rules: [⟦direct-link-tracked⟧from 10.1.1.0/24 table 50 iif x]
`,
    },
    says: /no_track/,
  },
  {
    name: 'source: kernel needs none',
    files: {
      'inventory/x.yaml':
        'routers:\n  c: { interfaces: { x: {}, lan: {} } }\n  d: { interfaces: { x: {}, lan: {} } }\n',
      'pairs/p.yaml':
        'members: { primary: c, secondary: d }\naccept_dual_master: true\nvrrp: { VI: { interface: x, link: direct, source: kernel, virtual_router_id: 1, vips: [192.0.2.1/24 dev lan] } }\n',
    },
  },
  {
    name: 'unicast without an address',
    files: {
      'inventory/x.yaml': 'routers:\n  c: { interfaces: { lan: {} } }\n  d: { interfaces: { lan: 192.0.2.3/24 } }\n',
      'pairs/p.yaml':
        'members: { primary: c, secondary: d }\nvrrp: { VI: { interface: lan, link: routed, unicast: ⟦no-own-address⟧true, virtual_router_id: 1, vips: [192.0.2.1/24] } }\n',
    },
  },
  // agreement
  {
    name: 'members that disagree on version and interval',
    files: instance('', {
      top: 'overrides: { b: { vrrp: { version: ⟦pair-disagrees⟧2, VI: { advert_int: ⟦pair-disagrees⟧2s } } } }\n',
    }),
  },
  {
    name: 'members that disagree on the password, which is not shown',
    files: instance('version: 2\nauth_pass: ${env:P}', {
      top: 'overrides: { b: { vrrp: { VI: { auth_pass: ⟦pair-disagrees⟧"${env:Q}" } } } }\n',
    }),
    env: { P: 'secretP', Q: 'secretQ' },
  },
  {
    name: 'members that disagree on their VIPs',
    files: instance('', {
      top: 'overrides: { b: { vrrp: { VI: { ⟦pair-disagrees⟧vips: [192.0.2.1/24, 192.0.2.7/24] } } } }\n',
    }),
  },
  {
    name: 'members that disagree on unicast',
    files: instance('', { top: 'overrides: { b: { vrrp: { VI: { unicast: ⟦pair-disagrees⟧true } } } }\n' }),
  },
  {
    name: 'VIPs in another order are the same',
    files: instance('', {
      vips: 'vips: [192.0.2.1/24, 192.0.2.7/24]',
      top: 'overrides: { b: { vrrp: { VI: { vips: [192.0.2.7/24, 192.0.2.1/24] } } } }\n',
    }),
  },
  // segments
  {
    name: 'the same VRID and VIP on a named segment, across pairs',
    files: {
      'inventory/all.yaml': BASE['inventory/all.yaml'] + SECOND,
      'pairs/p.yaml': onWan('primary: a, secondary: b', '51', '198.51.100.1/24'),
      'pairs/q.yaml': onWan('primary: c, secondary: d', '⟦vrid-duplicate⟧51', '⟦vip-duplicate⟧198.51.100.1/24'),
    },
    says: /segment "transit"/,
  },
  {
    name: 'the same VRID in unicast does not meet multicast',
    files: {
      'inventory/all.yaml': BASE['inventory/all.yaml'] + SECOND,
      'pairs/p.yaml': onWan('primary: a, secondary: b', '51', '198.51.100.1/24'),
      'pairs/q.yaml': onWan('primary: c, secondary: d', '51', '198.51.100.9/24', ', unicast: true'),
    },
  },
  {
    name: 'the same VRID and VIP on unnamed segments are two sites',
    files: {
      'inventory/all.yaml': BASE['inventory/all.yaml'] + SECOND,
      ...instance(''),
      'pairs/q.yaml':
        'members: { primary: c, secondary: d }\nvrrp: { VI: { interface: lan, link: switched, virtual_router_id: 51, vips: [192.0.2.1/24] } }\n',
    },
  },
  {
    name: 'the same VIP twice in one instance',
    files: instance('', { vips: 'vips: [192.0.2.1/24, ⟦vip-duplicate⟧192.0.2.1/24]' }),
  },
  {
    name: 'the same VRID twice on one interface of a pair',
    files: {
      'pairs/p.yaml': `${MEMBERS}vrrp:\n  V1: { interface: lan, link: switched, virtual_router_id: 5, vips: [192.0.2.1/24] }\n  V2: { interface: lan, link: switched, virtual_router_id: ⟦vrid-duplicate⟧5, vips: [192.0.2.7/24] }\n`,
    },
  },
];

for (const { name, files, env, says } of CASES) {
  test(name, async () => {
    const marked = unmark({ ...BASE, ...files });
    const loaded = await loadFiles(marked.files, env);
    assert.deepEqual(places(loaded), marked.expected, shown(loaded));
    if (says) assert.match(shown(loaded), says);
    for (const secret of Object.values(env ?? {}))
      assert.ok(secret.length < 3 || !shown(loaded).includes(secret), 'a secret is shown');
  });
}

test('all problems of all files come in one run, in the order of their places', async () => {
  const bad = Object.values(CASES.filter(({ name }) => name.startsWith('VRID') || name.startsWith('priority 0')));
  const files = Object.fromEntries(bad.map(({ files }, index) => [`pairs/p${index}.yaml`, Object.values(files)[0]!]));
  const marked = unmark({ ...BASE, ...files });
  const loaded = await loadFiles(marked.files);
  assert.deepEqual(places(loaded), marked.expected, shown(loaded));
  assert.equal(loaded.value, undefined);
  assert.deepEqual(
    loaded.problems.map(({ at }) => at!.file),
    [...loaded.problems.map(({ at }) => at!.file)].sort(),
  );
});
