/** Arbitrary models of the whole type, as far as keepalived.conf can say them. */
import fc from 'fast-check';
import type { Ip, IpPrefix } from '../../src/base/address.ts';
import { parseIp } from '../../src/base/address.ts';
import { type Millis, ms, seconds } from '../../src/base/units.ts';
import { ADDRESS_FLAGS, SCOPES } from '../../src/keepalived/address-line.ts';
import { KEYWORDS } from '../../src/keepalived/keywords.ts';
import type * as model from '../../src/keepalived/model.ts';
import { isPrintable } from '../../src/keepalived/quote.ts';
import { ROUTE_FLAG_OPTIONS, ROUTE_VALUE_OPTIONS } from '../../src/keepalived/route-line.ts';
import { RULE_FLAG_OPTIONS, RULE_VALUE_OPTIONS } from '../../src/keepalived/rule-line.ts';

/** A record whose keys may each be absent (never undefined). */
const optional = <T extends object>(
  shape: { [K in keyof T]-?: fc.Arbitrary<Exclude<T[K], undefined>> },
): fc.Arbitrary<T> => fc.record(shape, { requiredKeys: [], noNullPrototype: true }) as unknown as fc.Arbitrary<T>;

/** A record as the parser makes objects: with the ordinary prototype. */
const plain = <T>(shape: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(shape, { noNullPrototype: true }) as fc.Arbitrary<T>;

const yes = fc.constant(true as const);
const text = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter(isPrintable),
  fc.constantFrom(
    'a b',
    'p#a!s',
    "it's",
    '$HOME',
    'a\\b',
    '${x}',
    '~SEQ(a,1,2)',
    'include',
    '@home',
    'bond0.91:100',
    'a{b',
  ),
);
const device = fc.stringMatching(/^[a-z][a-z0-9.:@_-]{0,14}$/);
const bare = fc.stringMatching(/^[a-z0-9_.:-]{1,8}$/);
const natural = (max: number) => fc.integer({ min: 0, max });
const wholeSeconds = (min: number, max: number): fc.Arbitrary<Millis> =>
  fc.integer({ min, max }).map((n) => seconds(n));
const micros = (min: number, max: number): fc.Arbitrary<Millis> =>
  fc.integer({ min: min * 1e6, max: max * 1e6 }).map((n) => ms(n / 1e3));

const ip4: fc.Arbitrary<Ip> = fc.ipV4().map((found) => parseIp(found)!);
const ip6: fc.Arbitrary<Ip> = fc.ipV6().map((found) => parseIp(found)!);
const ip = fc.oneof(ip4, ip6);
const ipOf = (family: 4 | 6) => (family === 4 ? ip4 : ip6);
const prefixOf = (family: 4 | 6): fc.Arbitrary<IpPrefix> =>
  fc.tuple(ipOf(family), natural(family === 4 ? 32 : 128)).map(([address, prefix]) => ({ ...address, prefix }));
const family = fc.constantFrom<4 | 6>(4, 6);

const addressLine = family.chain(
  (version): fc.Arbitrary<model.AddressLine> =>
    fc
      .tuple(
        prefixOf(version),
        fc.option(
          ipOf(version).map((found) => ({ ...found, prefix: version === 4 ? 32 : 128 })),
          { nil: undefined },
        ),
        optional<Omit<model.AddressLine, 'address' | 'peer'>>({
          dev: device,
          broadcast: fc.oneof(ip4, fc.constantFrom('+' as const, '-' as const)),
          label: device,
          scope: fc.oneof(fc.constantFrom(...SCOPES), natural(255).map(String)),
          preferred_lft: fc.oneof(natural(0xffff_ffff), fc.constant('forever' as const)),
          flags: fc.subarray([...ADDRESS_FLAGS], { minLength: 1 }),
          track_group: text,
        }),
      )
      .map(([address, peer, rest]) =>
        peer ? { address: { ...address, prefix: peer.prefix }, peer, ...rest } : { address, ...rest },
      ),
);

/** What starts like a hexadecimal number and is none is refused. */
const optionValue = bare.filter((word) => !/^0x/i.test(word));

const optionsOf = (
  values: Iterable<string>,
  flags: readonly string[],
): fc.Arbitrary<Readonly<Record<string, string>>> =>
  fc
    .tuple(fc.subarray([...values]), fc.subarray([...flags]), fc.array(optionValue, { minLength: 30, maxLength: 30 }))
    .filter(([withValue, without]) => withValue.length + without.length > 0)
    .map(([withValue, without, words]) =>
      Object.fromEntries([...withValue.map((key, i) => [key, words[i]!]), ...without.map((key) => [key, ''])]),
    );

const nextHop = (version: 4 | 6) =>
  optional<model.NextHop>({ via: ipOf(version), dev: device, weight: fc.integer({ min: 1, max: 256 }), onlink: yes });

const routeLine = family.chain(
  (version): fc.Arbitrary<model.RouteLine> =>
    fc
      .tuple(
        fc.oneof(prefixOf(version), fc.constant({ family: version, default: true as const })),
        ipOf(version),
        optional<Omit<model.RouteLine, 'to' | 'from'>>({
          type: fc.constantFrom('unicast', 'blackhole', 'unreachable', 'local'),
          via: ipOf(version),
          dev: device,
          table: text,
          src: ipOf(version),
          metric: natural(0xffff_ffff),
          scope: fc.constantFrom(...SCOPES),
          protocol: bare,
          tos: natural(255),
          onlink: yes,
          no_track: yes,
          nexthops: fc.array(nextHop(version), { minLength: 1, maxLength: 3 }),
          options: optionsOf(ROUTE_VALUE_OPTIONS, ROUTE_FLAG_OPTIONS),
          track_group: text,
        }),
      )
      // An IPv6 default route can only be told from an IPv4 one by another address on its line.
      .map(([to, via, rest]) => ('default' in to && version === 6 ? { to, ...rest, via } : { to, ...rest })),
);

const ruleLine = family.chain(
  (version): fc.Arbitrary<model.RuleLine> =>
    optional<model.RuleLine>({
      family: fc.constant(version),
      not: yes,
      from: prefixOf(version),
      to: prefixOf(version),
      table: bare,
      priority: natural(0xffff_ffff),
      iif: device,
      oif: device,
      fwmark: fc.constantFrom('5', '0x18/0xff'),
      tos: natural(255),
      no_track: yes,
      options: optionsOf(RULE_VALUE_OPTIONS, RULE_FLAG_OPTIONS),
      track_group: text,
    }).map((line) => (Object.keys(line).length > 0 ? line : { table: 'main' })),
);

const account = fc.stringMatching(/^[a-z_][a-z0-9_-]{0,8}$/);
const owner = fc.tuple(account, fc.option(account, { nil: undefined }));
const command: fc.Arbitrary<model.Command> = fc
  .tuple(
    fc.array(fc.oneof(text, fc.constant('x\\')), { minLength: 1, maxLength: 3 }),
    fc.option(owner, { nil: undefined }),
  )
  .map(([argv, as]) => ({ argv, ...(as ? { user: as[0], ...(as[1] === undefined ? {} : { group: as[1] }) } : {}) }));
const user = owner.map(([name, group]) => ({ user: name, ...(group === undefined ? {} : { group }) }));
const fifo = fc
  .tuple(text, fc.option(owner, { nil: undefined }))
  .map(([path, as]) => ({ path, ...(as ? { user: as[0], ...(as[1] === undefined ? {} : { group: as[1] }) } : {}) }));
const path = bare.map((name) => `/run/${name} x`);

const weight = (max: number) =>
  fc
    .option(fc.tuple(fc.integer({ min: -max, max }), fc.boolean()), { nil: undefined })
    .map((found) => (found ? { weight: found[0], ...(found[1] ? { reverse: true as const } : {}) } : {}));
const tracks = (max: number): fc.Arbitrary<readonly model.Track[]> =>
  fc.array(
    fc.tuple(text, weight(max)).map(([name, rest]) => ({ name, ...rest })),
    { maxLength: 3 },
  );

/** Rare keywords of one block, with any words and, two levels deep, any block. */
const others = (block: string): fc.Arbitrary<readonly model.OtherLine[]> => {
  const inner = (depth: number, keyword: fc.Arbitrary<string>): fc.Arbitrary<model.OtherLine> =>
    fc
      .tuple(keyword, fc.array(text, { maxLength: 3 }), depth === 0 ? fc.constant(undefined) : lines(depth - 1))
      .map(([name, args, found]) => ({ keyword: name, args, ...(found ? { block: found } : {}) }));
  const lines = (depth: number): fc.Arbitrary<readonly model.OtherLine[] | undefined> =>
    fc.option(fc.array(inner(depth, text), { maxLength: 2 }), { nil: undefined });
  const names = KEYWORDS.filter((row) => row.in === block && row.form.kind === 'other').map((row) => row.name);
  return fc.array(inner(2, fc.constantFrom(...names)), { minLength: 1, maxLength: 2 });
};

const extraIf = fc
  .tuple(micros(0, 86_400), fc.boolean())
  .map(([interval, all]) => ({ interval, ...(all ? { all: true as const } : {}) }));

const globals = optional<model.GlobalDefs>({
  notification_email: fc.array(text, { maxLength: 3 }),
  notification_email_from: text,
  smtp_server: fc.oneof(
    plain({ host: fc.stringMatching(/^[a-z][a-z0-9_.-]{0,7}$/) }),
    plain({ host: ip.map((found) => found.text), port: fc.integer({ min: 1, max: 65_535 }) }),
  ),
  smtp_connect_timeout: wholeSeconds(1, 4294),
  smtp_helo_name: text,
  router_id: text,
  smtp_alert: fc.boolean(),
  smtp_alert_vrrp: fc.boolean(),
  no_email_faults: yes,
  script_user: user,
  enable_script_security: yes,
  vrrp_version: fc.constantFrom(2, 3),
  vrrp_garp_master_delay: wholeSeconds(0, 4294),
  vrrp_garp_master_repeat: fc.integer({ min: 1, max: 4_294_967_295 }),
  vrrp_garp_master_refresh: wholeSeconds(0, 100_000),
  vrrp_garp_master_refresh_repeat: fc.integer({ min: 1, max: 100 }),
  vrrp_garp_lower_prio_delay: wholeSeconds(0, 4294),
  vrrp_garp_lower_prio_repeat: natural(100),
  vrrp_garp_interval: micros(0.000001, 4294),
  vrrp_gna_interval: micros(0.000001, 4294),
  vrrp_min_garp: fc.boolean(),
  vrrp_garp_extra_if: extraIf,
  vmac_prefix: device,
  vmac_addr_prefix: device,
  vrrp_skip_check_adv_addr: yes,
  vrrp_strict: yes,
  vrrp_mcast_group4: fc.constantFrom({ family: 4, text: '224.0.0.99' }, { family: 4, text: '239.1.2.3' }),
  vrrp_mcast_group6: fc.constant({ family: 6, text: 'ff02::99' }),
  vrrp_check_unicast_src: yes,
  vrrp_lower_prio_no_advert: fc.boolean(),
  vrrp_higher_prio_send_advert: fc.boolean(),
  vrrp_down_timer_adverts: fc.integer({ min: 1, max: 100 }),
  vrrp_startup_delay: micros(0.001, 4294),
  vrrp_delay_after_boot: micros(0, 4294),
  vrrp_owner_ignore_adverts: yes,
  tandem_grace: micros(0, 86_400),
  dynamic_interfaces: fc.constantFrom(true as const, 'allow_if_changes' as const),
  notify_fifo: fifo,
  notify_fifo_script: command,
  vrrp_notify_fifo: fifo,
  vrrp_notify_fifo_script: command,
  vrrp_notify_priority_changes: fc.boolean(),
  fifo_write_vrrp_states_on_reload: yes,
  reload_check_config: fc.oneof(yes, plain({ log: path })),
  reload_time_file: path,
  reload_repeat: yes,
  reload_file: fc.oneof(yes, plain({ path })),
  v3_checksum_as_v2: fc.boolean(),
  default_interface: device,
  log_unknown_vrids: yes,
  vrrp_priority: fc.integer({ min: -20, max: 19 }),
  vrrp_rt_priority: fc.integer({ min: 1, max: 99 }),
  vrrp_no_swap: yes,
  vrrp_rlimit_rttime: fc.integer({ min: 2, max: 1_000_000 }),
  vrrp_cpu_affinity: fc.array(natural(1023), { minLength: 1, maxLength: 4 }),
  max_auto_priority: fc.integer({ min: -1, max: 99 }),
  min_auto_priority_delay: fc.integer({ min: 1, max: 10_000_000 }),
  other: others('global_defs'),
});

const instance: fc.Arbitrary<model.Instance> = optional<Omit<model.Instance, 'name'>>({
  state: fc.constantFrom('MASTER', 'BACKUP'),
  interface: device,
  virtual_router_id: fc.integer({ min: 1, max: 255 }),
  priority: fc.integer({ min: 1, max: 255 }),
  advert_int: micros(1, 255),
  version: fc.constantFrom(2, 3),
  dont_track_primary: yes,
  nopreempt: yes,
  preempt_delay: micros(0, 1000),
  smtp_alert: fc.boolean(),
  notify_master: command,
  notify_backup: command,
  notify_fault: command,
  notify_stop: command,
  notify: command,
  notify_master_rx_lower_pri: command,
  notify_deleted: fc.oneof(yes, command),
  authentication: fc.oneof(
    plain({ auth_type: fc.constantFrom('PASS' as const, 'AH' as const) }),
    plain({
      auth_type: fc.constant('PASS' as const),
      auth_pass: fc.constantFrom('secret', 'p#a!s', 'a b', '\u00fc12'),
    }),
  ),
  virtual_ipaddress: fc.array(addressLine, { maxLength: 4 }),
  virtual_ipaddress_excluded: fc.array(addressLine, { maxLength: 4 }),
  virtual_routes: fc.array(routeLine, { maxLength: 4 }),
  virtual_rules: fc.array(ruleLine, { maxLength: 4 }),
  track_interface: tracks(253),
  track_script: tracks(253),
  track_file: tracks(254),
  track_process: tracks(254),
  track_bfd: tracks(253),
  mcast_src_ip: ip,
  mcast_dst_ip: fc.constantFrom('224.0.0.99', 'ff02::99').map((text) => ({ family: text.includes(':') ? 6 : 4, text })),
  unicast_src_ip: ip,
  unicast_peer: fc.array(
    fc
      .tuple(ip, optional<{ min_ttl?: number; max_ttl?: number }>({ min_ttl: natural(255), max_ttl: natural(255) }))
      .map(([found, ttl]) => ({ ...found, ...ttl })),
    { maxLength: 3 },
  ),
  check_unicast_src: yes,
  unicast_ttl: natural(255),
  track_src_ip: yes,
  garp_master_delay: wholeSeconds(0, 4294),
  garp_master_repeat: fc.integer({ min: 1, max: 100 }),
  garp_master_refresh: wholeSeconds(0, 100_000),
  garp_master_refresh_repeat: fc.integer({ min: 1, max: 100 }),
  garp_lower_prio_delay: wholeSeconds(0, 4294),
  garp_lower_prio_repeat: natural(100),
  use_vmac: optional<NonNullable<model.Instance['use_vmac']>>({
    name: device.filter((name) => !name.includes(':')),
    mac: fc.constant('02:00:00:00:00:51'),
  }),
  vmac_xmit_base: yes,
  use_vmac_addr: yes,
  garp_extra_if: extraIf,
  skip_check_adv_addr: yes,
  strict_mode: fc.boolean(),
  accept: fc.boolean(),
  promote_secondaries: yes,
  lower_prio_no_advert: fc.boolean(),
  higher_prio_send_advert: fc.boolean(),
  down_timer_adverts: fc.integer({ min: 1, max: 100 }),
  other: others('vrrp_instance'),
}).chain((rest) => text.map((name) => ({ name, ...rest })));

const syncGroup: fc.Arbitrary<model.SyncGroup> = fc
  .tuple(
    text,
    fc.array(text, { maxLength: 3 }),
    optional<Omit<model.SyncGroup, 'name' | 'group'>>({
      track_interface: tracks(253),
      track_script: tracks(253),
      track_file: tracks(254),
      track_process: tracks(254),
      track_bfd: tracks(253),
      notify_master: command,
      notify_backup: command,
      notify_fault: command,
      notify_stop: command,
      notify: command,
      smtp_alert: fc.boolean(),
      notify_priority_changes: fc.boolean(),
      sync_group_tracking_weight: yes,
      other: others('vrrp_sync_group'),
    }),
  )
  .map(([name, group, rest]) => ({ name, group, ...rest }));

const named = <T extends object>(rest: fc.Arbitrary<T>, max: number) =>
  fc.tuple(text, rest, weight(max)).map(([name, found, weighed]) => ({ name, ...found, ...weighed }));

export const config: fc.Arbitrary<model.Config> = plain({
  global_defs: globals,
  static_ipaddress: fc.array(addressLine, { maxLength: 2 }),
  static_routes: fc.array(routeLine, { maxLength: 2 }),
  static_rules: fc.array(ruleLine, { maxLength: 2 }),
  track_group: fc.array(plain({ name: text, group: fc.array(text, { maxLength: 3 }) }), { maxLength: 2 }),
  vrrp_script: fc.array(
    named<object>(
      optional<Omit<model.VrrpScript, 'name' | 'weight' | 'reverse' | 'other'>>({
        script: command,
        interval: wholeSeconds(1, 4294),
        timeout: wholeSeconds(1, 4294),
        rise: fc.integer({ min: 1, max: 1000 }),
        fall: fc.integer({ min: 1, max: 1000 }),
        user,
        init_fail: yes,
      }),
      253,
    ),
    { maxLength: 2 },
  ),
  track_file: fc.array(
    named<object>(
      optional<Omit<model.TrackFile, 'name' | 'weight' | 'reverse' | 'other'>>({
        file: path,
        init_file: optional<NonNullable<model.TrackFile['init_file']>>({
          value: fc.integer({ min: -2_147_483_648, max: 2_147_483_647 }),
          overwrite: yes,
        }),
      }),
      2_147_483_647,
    ),
    { maxLength: 2 },
  ),
  track_process: fc.array(
    named<object>(
      optional<Omit<model.TrackProcess, 'name' | 'weight' | 'reverse'>>({
        process: fc.array(text, { minLength: 1, maxLength: 3 }),
        quorum: fc.integer({ min: 1, max: 65_535 }),
        quorum_max: natural(65_535),
        delay: micros(0, 3600),
        other: others('track_process'),
      }),
      254,
    ),
    { maxLength: 2 },
  ),
  vrrp_sync_group: fc.array(syncGroup, { maxLength: 2 }),
  vrrp_instance: fc.array(instance, { maxLength: 2 }),
  other: fc.oneof(fc.constant([]), others('root')),
}) as fc.Arbitrary<model.Config>;
