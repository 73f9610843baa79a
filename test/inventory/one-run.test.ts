/** One mistake never hides another, and none makes Tandem tell of one that nobody has made. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadFiles, places, shown, unmark } from './marked.ts';
import { BASE, instance, SECOND } from './small-fleet.ts';

async function expectMarked(files: Readonly<Record<string, string>>): Promise<void> {
  const marked = unmark(files);
  const loaded = await loadFiles(marked.files);
  assert.deepEqual(places(loaded), marked.expected, shown(loaded));
  assert.equal(loaded.value, undefined);
  const inOrder = loaded.problems.map(({ at }) => at!.file);
  assert.deepEqual(inOrder, [...inOrder].sort(), 'in the order of their places');
}

test('every kind of wrong value in one tree is told in one run, each at its place (F11)', () =>
  expectMarked({
    'inventory/all.yaml': `${BASE['inventory/all.yaml']}${SECOND}  e: { interfaces: { lan: ⟦bad-address⟧192.0.2.300/24, x: 10.1.1.1/30 }, ⟦unknown-key⟧labls: {} }
  f: { interfaces: { lan: 192.0.2.5/24, x: 10.1.1.2/30 } }
`,
    'pairs/core.yaml': `members: { primary: a, secondary: b }
scripts: { chk: { run: /usr/bin/chk, weight: -60 } }
vrrp:
  link: switched
  V1:
    interface: lan
    virtual_router_id: ⟦vrid-out-of-range⟧0
    version: 2
    auth_pass: ⟦auth-literal⟧⟦auth-too-long⟧sanitizedpassword
    vips: [⟦conf-value⟧78.123.265.1/24, 192.0.2.1/24 label ⟦conf-value⟧lan:123456789012, 192.0.2.7/24]
    routes: [⟦conf-value⟧193.266.0.0/16 via 192.0.2.9]
  V2:
    interface: lan
    virtual_router_id: ⟦vrid-out-of-range⟧256
    ⟦unknown-key⟧piority: 150
    auth_pass: ⟦auth-version⟧⟦auth-literal⟧sesame
    vips: [⟦vip-duplicate⟧192.0.2.7/24, { address: 192.0.2.8/24, ⟦unknown-key⟧labell: lan:8 }, ⟦vip-outside-subnet⟧10.0.0.1/24]
    track: { script: [⟦weight-never-acts⟧chk] }
  V3: { interface: wan, virtual_router_id: 7, advert_int: ⟦bad-duration⟧1, vips: [⟦label-without-device⟧198.51.100.1/24 label eth0:1] }
  V4: { interface: wan, virtual_router_id: ⟦vrid-duplicate⟧7, version: 2, auth_pass: ⟦inventory-value⟧12e4, vips: [⟦vip-duplicate⟧198.51.100.1/24] }
  V5: { interface: ⟦unknown-interface⟧lam, family: ipv6, version: ⟦version-and-family⟧2, virtual_router_id: 9, vips: ["fe80::1/64"] }
`,
    'pairs/other.yaml': `members: { primary: ⟦router-in-two-pairs⟧a, secondary: c }
vrrp: { VI: { interface: wan, link: ⟦inventory-value⟧cable, virtual_router_id: 300000, ⟦yaml-duplicate-key⟧virtual_router_id: ⟦vrid-out-of-range⟧301, vips: [⟦conf-value⟧1.2.3/24] } }
`,
    'pairs/three.yaml': `⟦members-not-two⟧members: { primary: e, secondary: f, third: d }
vrrp: { VI: { interface: lan, link: switched, virtual_router_id: ⟦vrid-out-of-range⟧999, vips: [⟦conf-value⟧1.2.3/24] } }
`,
    'pairs/unknown.yaml': `members: { primary: ⟦router-in-two-pairs⟧f, secondary: ⟦unknown-name⟧nobody }
vrrp: { VI: { interface: lan, link: switched, virtual_router_id: 1, vips: [⟦conf-value⟧1.2.3/24] } }
`,
  }));

const cascades: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'a typing error in defaults': {
    'inventory/all.yaml': BASE['inventory/all.yaml'].replace('defaults:\n', 'defaults:\n  ⟦unknown-key⟧engin: x\n'),
    ...instance(''),
  },
  'an engine that is none': {
    'inventory/all.yaml': BASE['inventory/all.yaml'].replace(': keepalived', ': ⟦inventory-value⟧keepalive'),
    ...instance(''),
  },
  'a file of the inventory that is no YAML': {
    'inventory/all.yaml': `${BASE['inventory/all.yaml']}⟦yaml-syntax⟧\tx: 1\n`,
    ...instance(''),
  },
  'a router that is no map': {
    'inventory/all.yaml': BASE['inventory/all.yaml'].replace(/ {2}a:\n(.*\n){4}/, '  a: ⟦inventory-value⟧5\n'),
    ...instance(''),
  },
  'routers that are no map': {
    'inventory/all.yaml': 'defaults: { engine: keepalived }\n⟦inventory-value⟧routers: [a, b]\n',
    ...instance(''),
  },
  'an inventory that is no map': { 'inventory/all.yaml': '⟦inventory-value⟧- a\n', ...instance('') },
  'the address of an interface': {
    'inventory/all.yaml': BASE['inventory/all.yaml'].replace('lan: 192.0.2.2/24', 'lan: ⟦bad-address⟧192.0.2.2'),
    ...instance('unicast: true'),
  },
  'a key that is meant as a required one': {
    'pairs/p.yaml': instance('')['pairs/p.yaml']!.replace('virtual_router_id', '⟦unknown-key⟧virtual_router_idd'),
  },
  'a version that is none': instance('version: ⟦inventory-value⟧4\nauth_pass: ⟦auth-literal⟧sesame\nadvert_int: 100ms'),
  'the preemption of a tracker': instance('preempt: ⟦inventory-value⟧yes\nstate: MASTER'),
  'a script that a tracker names': instance('track: { script: [chk] }', {
    top: 'scripts: { chk: { ⟦unknown-key⟧rn: /bin/x, run: ⟦inventory-value⟧5 } }\n',
  }),
  'an instance that a sync group names': {
    'pairs/p.yaml': `${instance('')['pairs/p.yaml']}  VJ: ⟦inventory-value⟧5\nsync_groups: { G: { members: [VI, VJ] } }\n`,
  },
  'a value of one member only': instance('', {
    top: 'overrides: { b: { vrrp: { VI: { advert_int: ⟦bad-duration⟧2 } } } }\n',
  }),
  'members that are one': {
    'pairs/p.yaml': instance('')
      ['pairs/p.yaml']!.replace(', secondary: b', '')
      .replace('members', '⟦members-not-two⟧members'),
  },
  'members misspelt': { 'pairs/p.yaml': instance('')['pairs/p.yaml']!.replace('members', '⟦unknown-key⟧membrs') },
  'a required key of a map misspelt': instance('', { top: 'scripts: { chk: { ⟦unknown-key⟧runn: /bin/x } }\n' }),
  'no members at all': {
    'pairs/p.yaml': instance('')
      ['pairs/p.yaml']!.replace(/members.*\n/, '')
      .replace('vrrp', '⟦inventory-missing⟧vrrp'),
  },
  'two values for one key': instance('⟦yaml-duplicate-key⟧link: direct'),
};

for (const [what, files] of Object.entries(cascades)) {
  test(`${what}: one mistake is one problem`, () => expectMarked({ ...BASE, ...files }));
}
