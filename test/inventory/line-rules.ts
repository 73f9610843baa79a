// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the inventory's own way to refer to a secret
/** What is wrong with VIPs, routes, versions, intervals and secrets. */
import { type Case, instance, MEMBERS } from './small-fleet.ts';

export const LINE_RULES: readonly Case[] = [
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
    name: 'an IPv6 VIP where the router has a link-local address only, and where it has another',
    files: {
      'inventory/x.yaml': `routers:
  c: { interfaces: { lan: "fe80::2/64", wan: ["fe80::2/64", "2001:db8:1::2/64"] } }
  d: { interfaces: { lan: "fe80::3/64", wan: ["fe80::3/64", "2001:db8:1::3/64"] } }
`,
      'pairs/p.yaml': `members: { primary: c, secondary: d }
vrrp:
  V6: { interface: lan, link: switched, family: ipv6, virtual_router_id: 1, vips: ["fe80::1/64", "2001:db8::1/64"] }
  W6: { interface: wan, link: switched, family: ipv6, virtual_router_id: 1, vips: ["fe80::1/64", ⟦vip-outside-subnet⟧"2001:db8::1/64"] }
`,
    },
  },
  {
    name: 'a VIP that no host can have',
    files: instance('', { vips: 'vips: [⟦vip-outside-subnet⟧⟦bad-address⟧224.0.0.5/24]' }),
  },
  {
    name: 'a VIP that is the own address of a member',
    files: instance('', { vips: 'vips: [⟦vip-duplicate⟧192.0.2.3/24]' }),
    says: /own address of b on lan/,
  },
  {
    name: 'the own address of a member with priority 255',
    files: instance('priority: { a: 255, b: 100 }', { vips: 'vips: [192.0.2.2/24]' }),
  },
  {
    name: 'a route whose destination is no network',
    files: instance('routes: [⟦bad-address⟧198.51.100.7/24 via 192.0.2.9 dev lan]'),
    says: /write 198\.51\.100\.0\/24/,
  },
  {
    name: 'a route that keepalived cannot track, as a line and as an object',
    files: instance(
      'routes: [⟦conf-missing⟧198.51.100.0/24 via 192.0.2.9, ⟦conf-missing⟧{ to: default, via: 192.0.2.9 }]',
    ),
    says: /no_track/,
  },
  {
    name: 'rules that its config test refuses',
    files: instance('rules: [⟦conf-missing⟧from 192.0.2.0/24 table 50, ⟦conf-missing⟧from 192.0.2.0/24 priority 5]'),
    says: /preference/,
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
  {
    name: 'a reference where no secret is read',
    files: instance('', { top: 'router_id: ⟦secret-form⟧${env:P}\n' }),
    says: /auth_pass and sudo_password only/,
  },
  { name: 'a literal sudo password', files: instance('', { top: 'ssh: { sudo_password: ⟦auth-literal⟧sesame }\n' }) },
  ...['${P}', '${ENV:P}', '${env:}', '${env:P', '${vault:P}'].map(
    (text): Case => ({
      name: `${text} is no password`,
      files: instance(`version: 2\nauth_pass: ⟦secret-form⟧'${text}'`),
      env: { P: 'sesame' },
    }),
  ),
  { name: 'a reference inside a longer text', files: instance('version: 2\nauth_pass: ⟦secret-form⟧a${env:P}') },
];
