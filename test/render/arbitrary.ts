/** Any router that the inventory may describe, within what the daemon takes. */
import fc from 'fast-check';
import { ms, seconds } from '../../src/base/units.ts';
import type { Member, VrrpIntent } from '../../src/inventory/model.ts';
import type { AddressLine, Command, RouteLine, RuleLine } from '../../src/keepalived/model.ts';
import { isPrintable } from '../../src/keepalived/quote.ts';
import { ip, member, netInterface, prefix, vrrp } from './member.ts';

const at = { file: 'pairs/any.yaml', line: 1, column: 1 };
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

/** The object without its undefined keys, as the inventory gives it. */
const defined = <T extends object>(object: T): T =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;

/** Free text that can stand in the file: comment signs, dollars, blanks, single quotes and umlauts among it. */
const textUnit = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...'abcXYZ019._:/@+-') },
  { weight: 2, arbitrary: fc.constantFrom(...` #!$%&'()*,;<=>?[]^\`|~`) },
  { weight: 1, arbitrary: fc.constantFrom('ü', '€') },
);
const freeText = (maxLength: number) =>
  fc.string({ unit: textUnit, minLength: 1, maxLength }).filter((text) => text.trim() === text && isPrintable(text));

/** VRRP carries 8 bytes of it. */
export const password = freeText(8).filter((text) => Buffer.byteLength(text) <= 8);

const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9._:-]{0,11}$/);
const device = fc.constantFrom('p1p1', 'p3p1', 'bond0.91', 'br-lan', 'eth0');
const byte = fc.integer({ min: 1, max: 254 });
const address4 = fc.tuple(byte, byte, byte).map(([a, b, c]) => `10.${a}.${b}.${c}`);
const address6 = fc.tuple(byte, byte).map(([a, b]) => `2001:db8::${a.toString(16)}:${b.toString(16)}`);
const addressOf = (family: 4 | 6) => (family === 4 ? address4 : address6);
const prefixOf = (family: 4 | 6) =>
  fc
    .tuple(addressOf(family), fc.integer({ min: 8, max: family === 4 ? 32 : 128 }))
    .map(([a, n]) => prefix(`${a}/${n}`));
const table = fc.constantFrom('main', '50', '254');

const vipLine = (family: 4 | 6): fc.Arbitrary<AddressLine> =>
  fc
    .record({
      address: prefixOf(family),
      dev: optional(device),
      label: family === 4 ? optional(fc.constantFrom('p3p1:100', 'bond0.91:1')) : fc.constant(undefined),
      broadcast: family === 4 ? optional(address4.map(ip)) : fc.constant(undefined),
    })
    .map(defined) as fc.Arbitrary<AddressLine>;

const routeLine: fc.Arbitrary<RouteLine> = fc
  .record({
    to: fc.oneof(prefixOf(4), fc.constant({ family: 4 as const, default: true as const })),
    via: optional(address4.map(ip)),
    dev: device,
    table: optional(table),
    metric: optional(fc.nat(1000)),
  })
  .map(defined) as fc.Arbitrary<RouteLine>;

const ruleLine: fc.Arbitrary<RuleLine> = fc
  .record({ from: prefixOf(4), table, priority: fc.integer({ min: 1, max: 32_000 }) })
  .map(defined) as fc.Arbitrary<RuleLine>;

const command: fc.Arbitrary<Command> = fc
  .tuple(fc.constantFrom('/etc/keepalived/promotemaster', '/usr/bin/a b'), fc.array(freeText(8), { maxLength: 2 }))
  .map(([path, rest]) => ({ argv: [path, ...rest] }));

const notify = fc
  .record({
    master: optional(command),
    backup: optional(command),
    fault: optional(command),
    stop: optional(command),
    all: optional(command),
  })
  .map(defined) as fc.Arbitrary<VrrpIntent['notify']>;

const wholeSeconds = (max: number) => fc.integer({ min: 1, max }).map((s) => seconds(s));

/** @param id makes its name and VRID its own among the router's instances */
const instance = (id: number): fc.Arbitrary<VrrpIntent> =>
  fc
    .record({
      family: fc.constantFrom<4 | 6>(4, 6),
      three: fc.boolean(),
      unicast: fc.boolean(),
      weighted: fc.boolean(),
      name,
      link: fc.constantFrom('direct', 'switched', 'routed'),
      source: fc.constantFrom('own', 'kernel'),
      preempt: fc.boolean(),
      auth: optional(password),
    })
    .chain((drawn) => {
      const { family } = drawn;
      const version = family === 6 || drawn.three ? 3 : 2;
      const weight = drawn.weighted && drawn.preempt ? -20 : undefined;
      const interfaceName = `p${id}p1`;
      return fc
        .record({
          name: fc.constant(`${drawn.name.slice(0, 12)}_${id}`),
          at: fc.constant(at),
          family: fc.constant(family),
          interface: fc.constant(interfaceName),
          link: fc.constant(drawn.link),
          source: fc.constant(drawn.source),
          virtual_router_id: fc.constant(id + 10),
          version: fc.constant(version),
          priority: fc.integer({ min: 1, max: 254 }),
          preempt: fc.constant(drawn.preempt),
          preempt_delay: drawn.preempt ? optional(wholeSeconds(1000)) : fc.constant(undefined),
          advert_int: version === 2 ? wholeSeconds(20) : fc.integer({ min: 1, max: 4095 }).map((cs) => ms(cs * 10)),
          auth_pass: fc.constant(version === 2 ? drawn.auth : undefined),
          smtp_alert: optional(fc.boolean()),
          notify,
          vips: fc
            .uniqueArray(fc.tuple(vipLine(family), fc.boolean()), {
              minLength: 1,
              maxLength: 6,
              selector: ([v]) => v.address.text,
            })
            .map((list) => list.map(([line, hidden], i) => ({ line, advertised: i === 0 || !hidden, at }))),
          routes: fc.array(routeLine, { maxLength: 3 }),
          rules: fc.uniqueArray(ruleLine, { maxLength: 2, selector: (rule) => rule.priority }),
          track: fc.constant({
            interface: [{ name: 'p9p9', ...(weight && { weight }) }],
            script: [{ name: 'check', ...(weight && { weight, reverse: true as const }) }],
            file: weight ? [{ name: 'file', weight }] : [],
            process: weight ? [{ name: 'process' }] : [],
          }),
          unicast: fc.constant(
            drawn.unicast
              ? {
                  source: ip(family === 4 ? '10.255.0.1' : 'fe80::1'),
                  peers: [ip(family === 4 ? '10.255.0.2' : 'fe80::2')],
                }
              : undefined,
          ),
          use_vmac: optional(
            fc.record({ name: fc.constantFrom(`vrrp${id}`, undefined), xmit_base: fc.boolean() }).map(defined),
          ),
          garp: fc
            .record({
              delay: optional(wholeSeconds(9)),
              repeat: optional(fc.integer({ min: 1, max: 9 })),
              refresh: optional(wholeSeconds(99)),
              refresh_repeat: optional(fc.integer({ min: 1, max: 9 })),
              lower_prio_delay: optional(wholeSeconds(9)),
              lower_prio_repeat: optional(fc.integer({ min: 0, max: 9 })),
            })
            .map(defined),
          raw: fc.constant([]),
        })
        .map((intent) => vrrp(defined(intent) as Partial<VrrpIntent>));
    });

const UNWEIGHTED: VrrpIntent['track'] = {
  interface: [{ name: 'p9p9' }],
  script: [{ name: 'check' }],
  file: [],
  process: [],
};

export const arbitraryMember: fc.Arbitrary<Member> = fc
  .record({
    count: fc.integer({ min: 1, max: 3 }),
    router_id: freeText(20),
    smtp: optional(
      fc
        .record({
          server: optional(fc.constantFrom({ host: '10.80.1.41' }, { host: 'mail.example.net', port: 2525 })),
          from: optional(fc.constantFrom('vrrp@example.net', '"The pair" <vrrp@example.net>'.replaceAll('"', ''))),
          to: optional(fc.constant(['noc@example.net', 'x+y@example.net'])),
          connect_timeout: optional(wholeSeconds(60)),
          helo: optional(fc.constant('rtr.example.net')),
        })
        .map(defined),
    ),
    script: fc
      .record({
        interval: optional(wholeSeconds(60)),
        timeout: optional(wholeSeconds(9)),
        rise: optional(fc.integer({ min: 1, max: 9 })),
        fall: optional(fc.integer({ min: 1, max: 9 })),
      })
      .map(defined),
    scriptCommand: command,
    grouped: fc.boolean(),
    groupNotify: notify,
  })
  .chain((drawn) =>
    fc.tuple(...[...Array(drawn.count).keys()].map(instance)).map((drawnInstances) => {
      const grouped = drawn.grouped && drawn.count > 1;
      // Members of a group ignore weights, and a weight that never acts is refused.
      const instances = drawnInstances.map((one) => (grouped ? { ...one, track: UNWEIGHTED } : one));
      return member({
        router_id: drawn.router_id,
        ...(drawn.smtp && { smtp: drawn.smtp as NonNullable<Member['smtp']> }),
        interfaces: instances.map(({ interface: on }) => netInterface(on, '10.255.0.1/30', 'fe80::1/64')),
        instances,
        scripts: [
          {
            name: 'check',
            command: { ...drawn.scriptCommand, user: 'nobody', group: 'nogroup' },
            ...drawn.script,
          } as Member['scripts'][number],
        ],
        track_files: [{ name: 'file', file: '/run/tandem/a file', weight: 1 }],
        track_processes: [{ name: 'process', process: ['/usr/sbin/bird', '-c', 'a b'], quorum: 2 }],
        sync_groups: grouped ? [{ name: 'G', members: instances.map((i) => i.name), notify: drawn.groupNotify }] : [],
      });
    }),
  );
