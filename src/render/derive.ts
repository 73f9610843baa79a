/**
 * What keepalived.conf shall say on one router: the inventory's intent in keepalived's words.
 *
 * - `link: direct` becomes dont_track_primary, so that a dark cable is no fault, and mcast_src_ip with the
 *   router's own address there: network managers take the address away from a dark link, and keepalived then
 *   faults whatever dont_track_primary says. `source: kernel` and unicast leave the source alone.
 * - A keyword that would only repeat keepalived's default is left out, so that what stands in the file is meant.
 *   `state`, `priority` and `advert_int` always stand: a reader looks for them.
 */
import { type Ip, isLinkLocal } from '../base/address.ts';
import type { Interface, Member, ScriptIntent, Smtp, SyncGroupIntent, VrrpIntent } from '../inventory/model.ts';
import type {
  Command,
  Config,
  GlobalDefs,
  Instance,
  SyncGroup,
  TrackFile,
  TrackProcess,
  VrrpScript,
} from '../keepalived/model.ts';

/** The model of the router's keepalived.conf, without what its `raw` lines add. Lists keep the inventory's order. */
export function derive(member: Member): Config {
  return {
    global_defs: { ...globalMail(member.smtp), router_id: member.router_id },
    static_ipaddress: [],
    static_routes: [],
    static_rules: [],
    track_group: [],
    vrrp_script: member.scripts.map(script),
    track_file: member.track_files.map((file) => present<TrackFile>(file)),
    track_process: member.track_processes.map((process) => present<TrackProcess>(process)),
    vrrp_sync_group: member.sync_groups.map(syncGroup),
    vrrp_instance: member.instances.map((intent) => instance(intent, member.interfaces)),
    other: [],
  };
}

/**
 * The source that adverts on a direct link carry: the router's own first address there. IPv6 adverts come from a
 * link-local address (RFC 9568 section 5.1.2.1), so only such a one will do.
 */
export function directSource(intent: VrrpIntent, interfaces: readonly Interface[]): Ip | undefined {
  if (intent.link !== 'direct' || intent.source === 'kernel' || intent.unicast) return undefined;
  const own = interfaces.find(({ name }) => name === intent.interface)?.addresses ?? [];
  const address = own.find((ip) => ip.family === intent.family && (ip.family === 4 || isLinkLocal(ip)));
  return address && { family: address.family, text: address.text };
}

function globalMail(smtp: Smtp | undefined): GlobalDefs {
  if (!smtp) return {};
  return present<GlobalDefs>({
    notification_email: smtp.to,
    notification_email_from: smtp.from,
    smtp_server: smtp.server,
    smtp_connect_timeout: smtp.connect_timeout,
    smtp_helo_name: smtp.helo,
  });
}

function instance(intent: VrrpIntent, interfaces: readonly Interface[]): Instance {
  const lines = (advertised: boolean) =>
    orNothing(intent.vips.filter((vip) => vip.advertised === advertised).map((vip) => vip.line));
  return present<Instance>({
    name: intent.name,
    state: intent.state ?? 'BACKUP',
    interface: intent.interface,
    virtual_router_id: intent.virtual_router_id,
    priority: intent.priority,
    advert_int: intent.advert_int,
    // keepalived's own choice is 2 for IPv4; IPv6 is always 3, and saying so costs nothing.
    version: intent.version === 3 ? 3 : undefined,
    dont_track_primary: intent.link === 'direct' ? true : undefined,
    nopreempt: intent.preempt ? undefined : true,
    preempt_delay: intent.preempt ? intent.preempt_delay : undefined,
    smtp_alert: intent.smtp_alert,
    ...notify(intent.notify),
    authentication: intent.auth_pass === undefined ? undefined : { auth_type: 'PASS', auth_pass: intent.auth_pass },
    virtual_ipaddress: lines(true),
    virtual_ipaddress_excluded: lines(false),
    virtual_routes: orNothing(intent.routes),
    virtual_rules: orNothing(intent.rules),
    track_interface: orNothing(intent.track.interface),
    track_script: orNothing(intent.track.script),
    track_file: orNothing(intent.track.file),
    track_process: orNothing(intent.track.process),
    mcast_src_ip: directSource(intent, interfaces),
    unicast_src_ip: intent.unicast?.source,
    unicast_peer: intent.unicast?.peers,
    garp_master_delay: intent.garp.delay,
    garp_master_repeat: intent.garp.repeat,
    garp_master_refresh: intent.garp.refresh,
    garp_master_refresh_repeat: intent.garp.refresh_repeat,
    garp_lower_prio_delay: intent.garp.lower_prio_delay,
    garp_lower_prio_repeat: intent.garp.lower_prio_repeat,
    use_vmac: intent.use_vmac && present<NonNullable<Instance['use_vmac']>>({ name: intent.use_vmac.name }),
    // Unicast adverts never leave the VMAC interface: keepalived asks to be told so.
    vmac_xmit_base: intent.use_vmac && (intent.use_vmac.xmit_base || intent.unicast) ? true : undefined,
  });
}

function notify(intent: VrrpIntent['notify']) {
  return {
    notify_master: intent.master,
    notify_backup: intent.backup,
    notify_fault: intent.fault,
    notify_stop: intent.stop,
    notify: intent.all,
  };
}

function syncGroup(intent: SyncGroupIntent): SyncGroup {
  return present<SyncGroup>({
    name: intent.name,
    group: intent.members,
    ...notify(intent.notify),
    smtp_alert: intent.smtp_alert,
  });
}

/** In a vrrp_script the account stands on a line of its own, not behind the command. */
function script({ command, ...intent }: ScriptIntent): VrrpScript {
  return present<VrrpScript>({ ...intent, script: { argv: command.argv }, user: account(command) });
}

const account = ({ user, group }: Command) =>
  user === undefined ? undefined : present<NonNullable<VrrpScript['user']>>({ user, group });

/** An absent block, not an empty one. */
const orNothing = <T>(list: readonly T[]): readonly T[] | undefined => (list.length > 0 ? list : undefined);

/** Where a key may be absent it may also be given as undefined. */
type Sparse<T> = { readonly [K in keyof T]: object extends Pick<T, K> ? T[K] | undefined : T[K] };

/** The object without its undefined keys: in the model an absent keyword is an absent key. */
function present<T extends object>(object: Sparse<T>): T {
  const result: Record<string, unknown> = {};
  for (const key in object) if (object[key] !== undefined) result[key] = object[key];
  return result as T;
}
