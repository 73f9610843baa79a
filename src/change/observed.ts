/**
 * What was read from one live router, as plain data: the ground that impact, plan and rollout stand on.
 * Nothing is assumed: what could not be read is absent or says `unknown` with its reason.
 */
import type { IpPrefix } from '../base/address.ts';
import type { Engine } from '../base/engine.ts';
import type { Millis } from '../base/units.ts';

export interface Observed {
  readonly router: string;
  readonly bootId: string;
  /** The router's clock less ours, and how far off that reading may be (half the round trip). */
  readonly clock: { readonly offset: Millis; readonly uncertainty: Millis };
  readonly system: System;
  readonly daemon: Daemon;
  /** Where the daemon reads its configuration, or would: its `-f`, or the one that the options of its start name. */
  readonly configPath: string;
  /** The file there; absent where there is none. */
  readonly config?: ConfigFile;
  /** Files that the configuration includes or that Tandem installed beside it, by path. */
  readonly files: readonly FileFact[];
  readonly interfaces: readonly InterfaceFact[];
  /** Every address, in the kernel's order. */
  readonly addresses: readonly AddressFact[];
  readonly routes: readonly RouteFact[];
  readonly rules: readonly RuleFact[];
  /** Live state per instance as the daemon itself tells it; absent where it cannot be had. */
  readonly instances?: readonly InstanceFact[];
  /** What the tracked scripts and processes say now, by name, as far as the daemon tells it. */
  readonly trackers?: Readonly<Record<string, 'up' | 'down'>>;
  /** `net.ipv4.ip_forward`, `net.ipv4.conf.DEV.arp_ignore`; a device's dots stay dots. */
  readonly sysctls: Readonly<Record<string, string>>;
  /** What a change of engine stands on; absent where it was not read. */
  readonly install?: InstallFacts;
}

/** What is installed beside what runs, and whether an executable of ours can be put there. */
export interface InstallFacts {
  /** Each engine that the router's PATH finds, running or not; those that do not tell their version are left out. */
  readonly installed: readonly InstalledEngine[];
  /** keepalived.service and tandemd.service as systemd sees them; empty without systemd. */
  readonly units: readonly UnitFact[];
  /** `2.36`; absent where it is no glibc (musl), or does not tell. */
  readonly glibc?: string;
  /** Where the executable goes; absent where that could not be told. */
  readonly place?: InstallPlace;
}

export interface InstalledEngine {
  readonly engine: Engine;
  readonly version: string;
  /** As the PATH finds it: `/usr/local/sbin/tandemd`. */
  readonly binary: string;
  /** The file behind it once links are followed: `/usr/local/sbin/tandemd-0.1.0`. */
  readonly file: string;
}

export interface UnitFact {
  readonly name: `${Engine}.service`;
  /** LoadState: `masked` cannot be started by anyone, `not-found` has no unit file. */
  readonly load: string;
  /** ActiveState: `active`, `inactive`, `failed`, `activating` ... */
  readonly active: string;
  /** UnitFileState: `enabled` starts at boot, `disabled`, `masked`; empty where there is no unit file. */
  readonly file: string;
  readonly mainPid?: number;
}

/** What of tandemd's own lies in /usr/local/sbin and among systemd's units, by hash. */
export interface TandemdFiles {
  readonly executables: readonly { readonly name: string; readonly sha256: string }[];
  /** Where /usr/local/sbin/tandemd points: `tandemd-0.1.0`. */
  readonly link?: string;
  /** /usr/local/sbin/tandemd is no link: somebody else put it there. */
  readonly foreign: boolean;
  /** Of /etc/systemd/system/tandemd.service. */
  readonly unit?: string;
  /** Of what the running tandemd was started from, wherever that lies. */
  readonly running?: string;
}

export interface InstallPlace {
  /** /usr/local/sbin, or the nearest folder above it that is there. */
  readonly path: string;
  readonly freeBytes: number;
  /** Mounted so that nothing on it can be run. */
  readonly noexec: boolean;
  readonly readOnly: boolean;
}

export interface System {
  readonly hostname: string;
  readonly arch: string;
  readonly kernel: string;
  readonly os: { readonly id: string; readonly version: string };
  readonly init: 'systemd' | 'other';
  readonly selinux: 'enforcing' | 'permissive' | 'disabled';
}

export type Daemon =
  | { readonly kind: 'absent' }
  | { readonly kind: 'stopped'; readonly engine: Engine; readonly version: string; readonly binary: string }
  | RunningDaemon
  /**
   * Something runs that Tandem does not understand: it blocks, with this sentence. `engines`: keepalived and tandemd
   * run side by side here, and each would take the other's VIPs for its own.
   */
  | { readonly kind: 'unknown'; readonly reason: string; readonly engines?: readonly EngineProcess[] };

export interface EngineProcess {
  readonly engine: Engine;
  readonly pid: number;
  readonly startTime: string;
  /** Its unit under systemd. */
  readonly unit?: string;
}

export interface RunningDaemon {
  readonly kind: 'running';
  readonly engine: Engine;
  /** `2.2.7` */
  readonly version: string;
  readonly binary: string;
  /** What `binary` runs where it is an interpreter: tandemd out of a source tree, as in the lab. It stands in `argv`. */
  readonly script?: string;
  /** The parent process: the one that is signalled. */
  readonly pid: number;
  /** When it started, in clock ticks since boot (/proc/PID/stat field 22): with the pid it names the process. */
  readonly startTime: string;
  /** /proc/PID/cmdline, split. */
  readonly argv: readonly string[];
  readonly configPath: string;
  readonly configId?: string;
  readonly pidFile: string;
  /** How it is reloaded: its unit's name under systemd, else by signal. */
  readonly unit?: string;
  /** What the daemon itself says that it loaded last; absent where it does not tell. */
  readonly loaded?: LoadedConfig;
  /** tandemd: the last reload was refused, and it runs on what it ran on before. */
  readonly refused?: RefusedReload;
}

export interface RefusedReload {
  /** When, seconds since 1970 on the router's clock. */
  readonly at: number;
  /** Every problem with its file:line:column, as the daemon prints them: several lines. */
  readonly report: string;
}

/**
 * keepalived >= 2.2 keeps what it read in a file of its own: includes put in, comments and indentation taken out.
 * tandemd gives it when it is asked, as its printer writes it.
 */
export interface LoadedConfig {
  readonly text: string;
  /** When it was read, seconds since 1970 on the router's clock. */
  readonly at: number;
  /** Whether every child process has read it to its end. */
  readonly whole: boolean;
}

export interface FileFact {
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
  readonly mode: number;
  readonly owner: string;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Of files that the configuration includes. */
  readonly text?: string;
}

export interface ConfigFile extends FileFact {
  readonly text: string;
}

export type Manager = 'NetworkManager' | 'systemd-networkd' | 'ifupdown' | 'none' | 'unknown';

export interface InterfaceFact {
  readonly name: string;
  readonly index: number;
  readonly up: boolean;
  readonly carrier: boolean;
  readonly mtu: number;
  readonly mac: string;
  readonly managedBy: Manager;
  /** Addresses that configuration files of the router itself give this device, with the file that does. */
  readonly configured: readonly { readonly address: IpPrefix; readonly file: string }[];
}

export interface AddressFact {
  readonly address: IpPrefix;
  readonly dev: string;
  readonly label?: string;
  readonly broadcast?: string;
  readonly scope: string;
  readonly secondary: boolean;
}

export interface RouteFact {
  readonly family: 4 | 6;
  /** `default` or a prefix, as `ip route` prints it. */
  readonly to: string;
  readonly type?: string;
  readonly via?: string;
  readonly dev?: string;
  readonly table: string;
  readonly protocol: string;
  readonly src?: string;
  readonly metric?: number;
  readonly scope?: string;
}

export interface RuleFact {
  readonly family: 4 | 6;
  readonly priority: number;
  readonly from: string;
  readonly to?: string;
  readonly table?: string;
  readonly iif?: string;
  readonly oif?: string;
  readonly fwmark?: string;
}

export type LiveState = 'MASTER' | 'BACKUP' | 'FAULT' | 'INIT';

export interface InstanceFact {
  readonly name: string;
  readonly state: LiveState;
  /** When it came into this state, seconds since 1970 on the router's clock; keepalived's reload sets it anew. */
  readonly changedAt?: number;
  /** It still speaks as before a change of its configuration, beside its present form: its peer refuses one of the two. */
  readonly speaksTwice?: true;
  /** Counters since the daemon started (a reload may reset them; see docs/facts). */
  readonly advertsReceived: number;
  readonly advertsSent: number;
  readonly becameMaster: number;
  readonly releasedMaster: number;
  /** Received adverts that were refused, by the daemon's own word for the reason. */
  readonly errors: Readonly<Record<string, number>>;
}
