/**
 * The YAML that people write, as zod types: the one source for checks, for editors' JSON Schema and for the
 * compiler. A key that is absent comes from a weaker layer; `null` removes what a weaker layer says; so every
 * key of a layer may be either. What must be there after merging is asked in `build.ts`.
 */
import * as z from 'zod';
import {
  address,
  addressWithPrefix,
  command,
  count,
  device,
  duration,
  host,
  lines,
  name,
  priority,
  routerPath,
  secret,
  text,
  vrid,
  weight,
  wholeSeconds,
} from './fields.ts';

/** keepalived's own limit: 32 bits of seconds. */
const REFRESH_SECONDS_MAX = 4_294_967_295;
const INT32_MAX = 2_147_483_647;

const notify = z.strictObject({
  master: command.nullish(),
  backup: command.nullish(),
  fault: command.nullish(),
  stop: command.nullish(),
  all: command.nullish().describe("keepalived's `notify`: gets TYPE NAME STATE PRIORITY."),
});

const tracked = (what: string) =>
  z.array(
    z.union([
      name(`The ${what}'s name.`),
      z.strictObject({
        name: name(`The ${what}'s name.`),
        weight: weight.nullish(),
        reverse: z.literal(true).nullish(),
      }),
    ]),
  );

const vip = z.union([
  z.string().describe("In keepalived's words: 192.0.2.1/24 brd 192.0.2.255 dev eth0 label eth0:1"),
  z.strictObject({
    address: z.string().describe('The address with its prefix length.'),
    dev: z.string().nullish(),
    brd: z.string().nullish().describe('The broadcast address, or + or -.'),
    label: z.string().nullish(),
    scope: z.string().nullish(),
    peer: z.string().nullish(),
    preferred_lft: z.union([z.string(), z.int()]).nullish(),
    flags: z
      .array(z.string())
      .nullish()
      .describe('Words without a value: home, -nodad, mngtmpaddr, noprefixroute, autojoin, no_track, use_vmac.'),
  }),
]);
const only = text('The one member that has it; absent: both.').nullish();
const table = z.union([z.string(), z.int()]);
const route = z.union([
  z.string().describe("In keepalived's words: 198.51.100.0/24 via 192.0.2.1 dev eth0 table 50"),
  z.strictObject({
    to: z.string().describe('A network, an address or `default`.'),
    type: z.string().nullish().describe('blackhole, unreachable, prohibit ...; absent: unicast.'),
    via: z.string().nullish(),
    dev: z.string().nullish(),
    table: table.nullish(),
    src: z.string().nullish(),
    metric: z.int().nullish(),
    scope: z.string().nullish(),
    protocol: z.string().nullish(),
    tos: z.union([z.string(), z.int()]).nullish(),
    from: z.string().nullish(),
    onlink: z.literal(true).nullish(),
    no_track: z.literal(true).nullish(),
    options: z
      .record(z.string(), z.union([z.string(), z.int()]))
      .nullish()
      .describe('The rest by name: mtu, advmss, initcwnd ...'),
    on: only,
  }),
]);
const rule = z.union([
  z.string().describe("In keepalived's words: from 192.0.2.0/24 table 50 priority 100"),
  z.strictObject({
    from: z.string().nullish(),
    to: z.string().nullish(),
    not: z.literal(true).nullish(),
    table: table.nullish(),
    priority: z.int().nullish(),
    iif: z.string().nullish(),
    oif: z.string().nullish(),
    fwmark: z.union([z.string(), z.int()]).nullish(),
    tos: z.union([z.string(), z.int()]).nullish(),
    no_track: z.literal(true).nullish(),
    options: z
      .record(z.string(), z.union([z.string(), z.int()]))
      .nullish()
      .describe('The rest by name; a word without a value maps to "".'),
    on: only,
  }),
]);

const settings = {
  interface: device('Where the adverts go out and come in.').nullish(),
  link: z
    .enum(['direct', 'switched', 'routed'])
    .nullish()
    .describe(
      'What the cable of `interface` ends in: the peer itself, a switch, or routers in between. A fact; required.',
    ),
  source: z
    .enum(['own', 'kernel'])
    .nullish()
    .describe("On a direct link: own (default) pins the adverts' source address, kernel leaves it to the kernel."),
  family: z.enum(['ipv4', 'ipv6']).nullish().describe('Address family of the instance; ipv4 by default.'),
  state: z.enum(['MASTER', 'BACKUP']).nullish().describe('How keepalived starts; nearly cosmetic.'),
  virtual_router_id: vrid.nullish(),
  version: z.literal([2, 3]).nullish().describe("VRRP version; keepalived's default is 2, 3 for IPv6."),
  primary: name("The member that is meant to be MASTER of this instance; default: the pair's primary.").nullish(),
  priority: z
    .union([priority, z.record(z.string(), priority.nullable())])
    .nullish()
    .describe('One number, or one a router; default 100 for the primary, 50 for the secondary.'),
  preempt: z
    .boolean()
    .nullish()
    .describe("Whether the higher priority takes over from a living MASTER; keepalived's default is true."),
  preempt_delay: duration('How long a preempting router waits, up to 1000s.').nullish(),
  advert_int: duration(
    "The MASTER's interval; whole seconds in version 2, 10ms to 40.95s in version 3; default 1s.",
  ).nullish(),
  auth_pass: secret('Version 2 only; at most 8 bytes.').nullish(),
  smtp_alert: z.boolean().nullish().describe('Mail on transitions.'),
  notify: notify.nullish(),
  vips: z.array(vip).nullish().describe('The virtual addresses, in order.'),
  advertise: z
    .union([z.literal('all'), z.array(address('A VIP of this instance.'))])
    .nullish()
    .describe('Which VIPs stand in the adverts: all (default) or a list by address.'),
  routes: z.array(route).nullish(),
  rules: z.array(rule).nullish(),
  track: z
    .strictObject({
      interface: tracked('interface').nullish(),
      script: tracked('script').nullish(),
      file: tracked('track file').nullish(),
      process: tracked('process').nullish(),
    })
    .nullish(),
  unicast: z
    .union([z.boolean(), z.record(z.string(), address('The address that this router sends from.').nullable())])
    .nullish()
    .describe("Unicast adverts: true takes each router's address on `interface`, a map names them by router."),
  use_vmac: z
    .union([
      z.boolean(),
      device("The VMAC interface's name."),
      z.strictObject({ name: device('Its name.').nullish(), xmit_base: z.boolean().nullish() }),
    ])
    .nullish()
    .describe('A virtual MAC: true, a name, or { name, xmit_base }.'),
  garp: z
    .strictObject({
      delay: wholeSeconds('Until the second burst.', 0).nullish(),
      repeat: count('Announcements a burst.', 1).nullish(),
      refresh: wholeSeconds('Repeat for ever, this often.', 0, REFRESH_SECONDS_MAX).nullish(),
      refresh_repeat: count('Announcements a refresh.', 1).nullish(),
      lower_prio_delay: wholeSeconds('After an advert of lower priority.', 0).nullish(),
      lower_prio_repeat: count('Announcements then.', 0).nullish(),
    })
    .nullish(),
  raw: lines('Lines inside vrrp_instance, verbatim; a line that Tandem does not know counts as a failover.').nullish(),
};

/** Settings of every instance of a layer; any layer. */
const instanceDefaults = z.strictObject(settings);
/** In a pair: settings of all its instances, and its instances by name. */
const instances = z.strictObject(settings).catchall(instanceDefaults.nullable());

const interfaceSchema = z.union([
  addressWithPrefix,
  z.array(addressWithPrefix),
  z.strictObject({
    address: z.union([addressWithPrefix, z.array(addressWithPrefix)]).nullish(),
    segment: name('The network it is on, where other pairs are too; absent: private to the pair.').nullish(),
  }),
]);

const common = {
  engine: z.enum(['keepalived', 'tandemd']).nullish().describe('Which daemon speaks VRRP; required, from any layer.'),
  host: text("What ssh is asked for; default: the router's name.").nullish(),
  labels: z.record(z.string(), z.string().nullable()).nullish().describe('For --limit: site=ams.'),
  ssh: z
    .strictObject({
      user: name('Login name.').nullish(),
      port: z.int().min(1).max(65_535).nullish(),
      config: text('An ssh_config file instead of your own.').nullish(),
      known_hosts: z.union([text('A file.'), z.array(text('A file.'))]).nullish(),
      identity: z.union([text('A key file.'), z.array(text('A key file.'))]).nullish(),
      host_keys: z.literal('strict').nullish().describe('An unknown or changed host key stops.'),
      become: z.enum(['none', 'sudo']).nullish().describe('How root is reached; none: log in as root.'),
      sudo_password: secret('For sudo.').nullish(),
      connect_timeout: duration('Until a connection counts as failed; default 10s.').nullish(),
    })
    .nullish(),
  router_id: text("keepalived's router_id; default: the router's name.").nullish(),
  smtp: z
    .strictObject({
      server: host('Address or name of the mail server.').nullish(),
      port: z.int().min(1).max(65_535).nullish(),
      from: text('notification_email_from').nullish(),
      to: z.array(text('notification_email')).nullish(),
      connect_timeout: wholeSeconds('smtp_connect_timeout', 1).nullish(),
      helo: text('smtp_helo_name').nullish(),
    })
    .nullish(),
  interfaces: z
    .record(device('Interface'), interfaceSchema.nullable())
    .nullish()
    .describe("The router's interfaces by name: an address, a list, or { address, segment }; {} where it has none."),
  scripts: z
    .record(
      name('vrrp_script'),
      z
        .strictObject({
          run: command,
          interval: wholeSeconds('Default 1s.', 1).nullish(),
          timeout: wholeSeconds('Default: interval.', 1).nullish(),
          weight: weight.nullish(),
          rise: z.int().min(1).max(INT32_MAX).nullish(),
          fall: z.int().min(1).max(INT32_MAX).nullish(),
        })
        .nullable(),
    )
    .nullish(),
  track_files: z
    .record(
      name('track_file'),
      z.strictObject({ file: routerPath('Its path on the router.'), weight: weight.nullish() }).nullable(),
    )
    .nullish(),
  track_processes: z
    .record(
      name('vrrp_track_process'),
      z
        .strictObject({
          process: z.union([text('The program.'), z.array(text('The program, then its arguments.')).min(1)]),
          weight: weight.nullish(),
          quorum: z.int().min(1).max(65_535).nullish(),
        })
        .nullable(),
    )
    .nullish(),
  raw: lines('Lines at the root of keepalived.conf, verbatim.').nullish(),
  global_raw: lines('Lines inside global_defs, verbatim.').nullish(),
};

const syncGroups = z
  .record(
    name('vrrp_sync_group'),
    z
      .strictObject({
        members: z.array(name('An instance of this pair.')).min(1),
        notify: notify.nullish(),
        smtp_alert: z.boolean().nullish(),
      })
      .nullable(),
  )
  .nullish();

const layer = z.strictObject({ ...common, vrrp: instanceDefaults.nullish() });
const pairLayer = z.strictObject({ ...common, vrrp: instances.nullish(), sync_groups: syncGroups });

export const groupSchema = layer;
export const routerSchema = z.strictObject({
  ...layer.shape,
  groups: z.array(name('A group.')).nullish().describe('Weaker first: what a later group says holds.'),
});
/** A file under inventory/: any of its parts; a part may be spread over files. */
export const inventorySchema = z.strictObject({
  defaults: layer.nullish().describe('What holds where no stronger layer says otherwise.'),
  groups: z.record(z.string(), groupSchema.nullable()).nullish(),
  routers: z.record(name('Router'), routerSchema.nullable()).nullish(),
});
/** A file under pairs/. */
export const pairSchema = z.strictObject({
  members: z.strictObject({
    primary: name('The router that is meant to be MASTER.'),
    secondary: name('The other router.'),
  }),
  accept_dual_master: z
    .boolean()
    .nullish()
    .describe('You know that both become MASTER while only the direct cable is cut.'),
  ...pairLayer.shape,
  overrides: z.record(z.string(), pairLayer.nullable()).nullish().describe('By member: stronger than everything else.'),
});

export type LayerYaml = z.infer<typeof pairLayer>;
export type RouterYaml = z.infer<typeof routerSchema>;
export type PairYaml = z.infer<typeof pairSchema>;
export type InstanceYaml = z.infer<typeof instanceDefaults>;
export type CommandYaml = z.infer<typeof command>;
export type NotifyYaml = z.infer<typeof notify>;
export type VipYaml = z.infer<typeof vip>;
export type RouteYaml = z.infer<typeof route>;
export type RuleYaml = z.infer<typeof rule>;
export type TrackedYaml = z.infer<ReturnType<typeof tracked>>;

/** The keys that any layer may set about a router; \`vrrp\` and \`sync_groups\` merge by their own rules. */
export const ROUTER_KEYS: ReadonlySet<string> = new Set(Object.keys(common));
/** The words of an instance's settings: no instance of a pair can have one of them as its name. */
export const SETTING_NAMES: ReadonlySet<string> = new Set(Object.keys(settings));
