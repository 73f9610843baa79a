// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the inventory's own way to refer to a secret
/** What is wrong with trackers, commands, links, agreement and segments. */
import { BASE, type Case, instance, MEMBERS, onWan, SECOND } from './small-fleet.ts';

/** A pair of two instances. */
const TWO = `${MEMBERS}vrrp:
  VI: { interface: lan, link: switched, virtual_router_id: 51, vips: [192.0.2.1/24] }
  VJ: { interface: lan, link: switched, virtual_router_id: 52, vips: [192.0.2.7/24] }
`;

export const PAIR_RULES: readonly Case[] = [
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
    name: 'an instance in two sync groups',
    files: {
      'pairs/p.yaml': `${TWO}sync_groups: { G: { members: [VI, VJ] }, H: { members: [⟦defined-twice⟧VI, ⟦defined-twice⟧VJ] } }\n`,
    },
  },
  {
    name: 'a sync group of one',
    files: instance('', { top: 'sync_groups: { G: { ⟦inventory-value⟧members: [VI] } }\n' }),
    says: /two instances or more/,
  },
  {
    name: 'a weight in a sync group',
    files: {
      'pairs/p.yaml': `${TWO.replace('VI: {', 'VI: { preempt: true, track: { interface: [⟦weight-never-acts⟧{ name: wan, weight: -60 }] },')}sync_groups: { G: { members: [VI, VJ] } }\n`,
    },
    says: /members ignore weights/,
  },
  {
    name: 'a weight at priority 255',
    files: instance(
      'preempt: true\npriority: { a: 255 }\ntrack: { interface: [⟦weight-never-acts⟧{ name: wan, weight: -60 }] }',
      { vips: 'vips: [192.0.2.2/24]' },
    ),
    says: /lower the priority/,
  },
  {
    name: 'a process weighs 1 where nobody says what',
    files: instance('track: { process: [⟦weight-never-acts⟧p] }', {
      top: 'track_processes: { p: { process: sshd } }\n',
    }),
    says: /say weight: 0/,
  },
  {
    name: 'two files for one pair',
    files: {
      ...instance(''),
      'pairs/p.yml': '⟦defined-twice⟧members: { primary: ⟦router-in-two-pairs⟧a, secondary: ⟦router-in-two-pairs⟧b }\n',
    },
  },
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
    name: 'users and groups that are none, and a group alone',
    files: instance(
      'notify: { master: { run: /bin/x, user: ⟦bad-command⟧a b }, backup: { run: /bin/x, user: a, group: ⟦bad-command⟧$g }, ⟦bad-command⟧fault: { run: /bin/x, group: g } }',
    ),
  },
  {
    name: 'two scripts of one name',
    files: { ...instance('notify: { master: m/run, backup: ⟦bad-command⟧b/run }'), 'm/run': '', 'b/run': '' },
  },
  {
    name: 'two scripts of one name in two instances',
    files: {
      'pairs/p.yaml': TWO.replace('VI: {', 'VI: { notify: { master: m/run },')
        .replace('VJ: {', 'VJ: { notify: { master: ⟦bad-command⟧b/run, backup: m/run },')
        .replace('vrrp:', 'scripts: { chk: { run: c/other } }\nvrrp:'),
      'm/run': '',
      'b/run': '',
      'c/other': '',
    },
    says: /would both be installed/,
  },
  {
    name: 'a script of the name that a tracked one has',
    files: {
      ...instance('notify: { master: ⟦bad-command⟧m/run }', { top: 'scripts: { chk: { run: c/run } }\n' }),
      'm/run': '',
      'c/run': '',
    },
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
    rules: [⟦direct-link-tracked⟧from 10.1.1.0/24 table 50 iif x priority 9]
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
