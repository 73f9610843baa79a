/**
 * The fleet as inventory/ and pairs/ describe it, with every layer merged: what each router shall be, in the
 * inventory's words (docs/inventory.md). Two members of a pair that must agree do agree here.
 */
import type { Ip, IpPrefix } from '../base/address.ts';
import type { Engine } from '../base/engine.ts';
import type { Location } from '../base/problem.ts';
import type { Millis } from '../base/units.ts';
import type { AddressLine, Command, RouteLine, RuleLine, Track } from '../keepalived/model.ts';

export interface Fleet {
  /** In the order of their names. */
  readonly pairs: readonly Pair[];
}

export interface Pair {
  /** The file's name without its ending: `core` for pairs/core.yaml. */
  readonly name: string;
  readonly at: Location;
  /** As `members:` says: the primary, then the secondary. */
  readonly members: readonly [Member, Member];
  /** The user knows that a cut cable alone makes both MASTER. */
  readonly acceptDualMaster: boolean;
}

/** One router of a pair, with everything that holds for it. */
export interface Member {
  readonly name: string;
  readonly at: Location;
  readonly engine: Engine;
  /** What ssh is asked for; ssh_config still applies to it. */
  readonly host: string;
  readonly ssh: SshSettings;
  readonly groups: readonly string[];
  /** For --limit: `site=ams`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly router_id: string;
  readonly smtp?: Smtp;
  readonly interfaces: readonly Interface[];
  readonly instances: readonly VrrpIntent[];
  readonly sync_groups: readonly SyncGroupIntent[];
  readonly scripts: readonly ScriptIntent[];
  readonly track_files: readonly TrackFileIntent[];
  readonly track_processes: readonly TrackProcessIntent[];
  /** Files of the repository that are installed on the router, in order. */
  readonly files: readonly ManagedFile[];
  /** Verbatim lines at the file's root. */
  readonly raw: readonly string[];
  /** Verbatim lines inside global_defs. */
  readonly global_raw: readonly string[];
}

export interface SshSettings {
  readonly user?: string;
  readonly port?: number;
  /** An ssh_config file to use instead of the user's (`ssh -F`). */
  readonly config?: string;
  readonly known_hosts?: readonly string[];
  readonly identity?: readonly string[];
  /** How root is reached: by logging in as root, or through sudo. */
  readonly become: 'none' | 'sudo';
  /** The sudo password's source, already resolved; never printed. */
  readonly sudo_password?: string;
  readonly connect_timeout: Millis;
}

export interface Smtp {
  readonly server?: { readonly host: string; readonly port?: number };
  readonly from?: string;
  readonly to?: readonly string[];
  readonly connect_timeout?: Millis;
  readonly helo?: string;
}

export interface Interface {
  readonly name: string;
  readonly addresses: readonly IpPrefix[];
  /** Absent: a segment private to the pair. */
  readonly segment?: string;
  readonly at: Location;
}

export type Link = 'direct' | 'switched' | 'routed';

/** One vrrp_instance as it shall be on this router. */
export interface VrrpIntent {
  readonly name: string;
  readonly at: Location;
  readonly family: 4 | 6;
  readonly state?: 'MASTER' | 'BACKUP';
  readonly interface: string;
  readonly link: Link;
  /** On a direct link: `own` writes mcast_src_ip, `kernel` leaves the choice to the kernel. */
  readonly source: 'own' | 'kernel';
  readonly virtual_router_id: number;
  readonly version: 2 | 3;
  readonly priority: number;
  readonly preempt: boolean;
  readonly preempt_delay?: Millis;
  readonly advert_int: Millis;
  /** Resolved secret; never printed. */
  readonly auth_pass?: string;
  readonly smtp_alert?: boolean;
  readonly notify: {
    readonly master?: Command;
    readonly backup?: Command;
    readonly fault?: Command;
    readonly stop?: Command;
    readonly all?: Command;
  };
  readonly vips: readonly VipIntent[];
  readonly routes: readonly RouteLine[];
  readonly rules: readonly RuleLine[];
  readonly track: {
    readonly interface: readonly Track[];
    readonly script: readonly Track[];
    readonly file: readonly Track[];
    readonly process: readonly Track[];
  };
  /** Present: unicast, with this router's and the peer's address. */
  readonly unicast?: { readonly source: Ip; readonly peers: readonly Ip[] };
  readonly use_vmac?: { readonly name?: string; readonly xmit_base: boolean };
  readonly garp: {
    readonly delay?: Millis;
    readonly repeat?: number;
    readonly refresh?: Millis;
    readonly refresh_repeat?: number;
    readonly lower_prio_delay?: Millis;
    readonly lower_prio_repeat?: number;
  };
  readonly raw: readonly string[];
}

export interface VipIntent {
  readonly line: AddressLine;
  /** Whether it stands in the advert (virtual_ipaddress) or not (virtual_ipaddress_excluded). */
  readonly advertised: boolean;
  readonly at: Location;
}

export interface SyncGroupIntent {
  readonly name: string;
  readonly members: readonly string[];
  readonly notify: VrrpIntent['notify'];
  readonly smtp_alert?: boolean;
}

export interface ScriptIntent {
  readonly name: string;
  readonly command: Command;
  readonly interval?: Millis;
  readonly timeout?: Millis;
  readonly weight?: number;
  readonly rise?: number;
  readonly fall?: number;
}

export interface TrackFileIntent {
  readonly name: string;
  readonly file: string;
  readonly weight?: number;
}

export interface TrackProcessIntent {
  readonly name: string;
  readonly process: readonly string[];
  readonly weight?: number;
  readonly quorum?: number;
}

export interface ManagedFile {
  /** On the router: /etc/keepalived/NAME. */
  readonly path: string;
  readonly mode: number;
  readonly content: Uint8Array;
  /** In the repository. */
  readonly from: string;
}
