/** What is wrong with files, members, keys and values. */
import { BASE, type Case, instance, MEMBERS } from './small-fleet.ts';

export const FORM_RULES: readonly Case[] = [
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
    files: { 'pairs/p.yaml': `${MEMBERS}vrrp: { ⟦unknown-key⟧piority: 50 }\n` },
  },
  { name: 'VRID 0', files: instance('', { vrid: '⟦vrid-out-of-range⟧0' }) },
  { name: 'VRID 256', files: instance('', { vrid: '⟦vrid-out-of-range⟧256' }) },
  { name: 'a VRID that is text', files: instance('', { vrid: '⟦inventory-value⟧"50"' }) },
  { name: 'priority 0', files: instance('priority: ⟦priority-out-of-range⟧0') },
  { name: 'priority of a router that is no member', files: instance('priority: { a: 100, ⟦unknown-name⟧c: 50 }') },
  { name: 'a duration without its unit', files: instance('advert_int: ⟦bad-duration⟧1'), says: /write 1s/ },
  { name: 'a duration with a wrong unit', files: instance('advert_int: ⟦bad-duration⟧1sec'), says: /100ms/ },
  {
    name: 'times that keepalived.conf can only say in whole seconds, how often, and how long',
    files: instance('garp: { delay: ⟦bad-duration⟧100ms, refresh: ⟦bad-duration⟧1.5s, repeat: ⟦inventory-value⟧0 }', {
      top: 'scripts: { s: { run: /bin/true, interval: ⟦bad-duration⟧100ms, timeout: ⟦bad-duration⟧0s } }\n',
    }),
    says: /whole seconds, 1s to 4294s/,
  },
  ...['"a\\\\"', '"a\\0"', '"a b"', 'a/b', 'sixteenletterss0'].map(
    (device): Case => ({
      name: `an interface that is called ${device}`,
      files: instance('', { top: `interfaces: { ⟦bad-interface⟧${device}: {} }\n` }),
    }),
  ),
  {
    name: 'more than keepalived counts to',
    files: instance('', {
      top: `track_processes: { p: { process: x, quorum: ⟦inventory-value⟧65536 } }
scripts: { s: { run: /bin/x, rise: ⟦inventory-value⟧2147483648 } }
`,
    }),
  },
  {
    name: 'a track file that is no path of the router',
    files: instance('', { top: 'track_files: { f: { file: ⟦inventory-value⟧run/f } }\n' }),
    says: /absolute path/,
  },
  ...['10.80.1.300', '":."', '"a b"', '"[::1]"'].map(
    (server): Case => ({
      name: `${server} is no mail server`,
      files: instance('', { top: `smtp: { server: ⟦bad-address⟧${server} }\n` }),
    }),
  ),
  {
    name: 'mail servers by name and by address',
    files: instance('', {
      top: 'smtp: { server: "2001:db8::25" }\noverrides: { a: { smtp: { server: mail_1.example.net }, vrrp: { garp: { refresh: 2h } } } }\n',
    }),
  },
  { name: 'yes is no boolean in YAML 1.2', files: instance('smtp_alert: ⟦inventory-value⟧yes'), says: /true or false/ },
  {
    name: 'link is required and so is the VRID',
    files: { 'pairs/p.yaml': `${MEMBERS}vrrp:\n  ⟦inventory-missing⟧VI: { interface: lan }\n` },
    says: /no link, no virtual_router_id/,
  },
  {
    name: 'a link that is no link',
    files: {
      'pairs/p.yaml': `${MEMBERS}vrrp: { VI: { interface: lan, link: ⟦inventory-value⟧cable, virtual_router_id: 1, vips: [192.0.2.1/24] } }\n`,
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
  ...['"{"', '""', '"a\\nb"', "'q\"x'"].map(
    (key): Case => ({
      name: `an instance that is called ${key}`,
      files: { 'pairs/p.yaml': `${instance('')['pairs/p.yaml']}  ⟦text-unprintable⟧${key}: { interface: x }\n` },
    }),
  ),
  {
    name: 'a router whose name no file can carry',
    files: { 'inventory/x.yaml': 'routers: { ⟦text-unprintable⟧"a\\nb": {} }\n', ...instance('') },
  },
  {
    name: 'a pair whose name no file can carry',
    files: { ...instance(''), 'pairs/a\nb.yaml': '⟦text-unprintable⟧members: [c]\n' },
  },
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
];
