/**
 * What differs between two models of one router: the list that the daemon executes on a reload and the plan prints.
 * No secret ever stands in a Change: a sensitive one says only that it changed.
 */
import type { AddressLine, RouteLine, RuleLine } from '../keepalived/model.ts';

export type Op = 'add' | 'remove' | 'change';

export type Change = VipChange | RouteChange | RuleChange | StaticChange | KeywordChange;

interface Common {
  readonly op: Op;
  /** The instance's name in the new file; in the old one where the instance is removed. */
  readonly instance?: string;
  /** The keyword of keepalived.conf under which it stands. */
  readonly keyword: string;
  /** In keepalived's words: `vip 192.168.1.3/24 dev p3p1 label p3p1:102`. Holds no secret. */
  readonly text: string;
  readonly withdraws?: Withdrawal;
}

/** A line of an instance, with the place where it stands: a move changes the place. */
export interface Placed<Line> {
  /** The instance's name in the file that this side describes. */
  readonly instance: string;
  readonly keyword: string;
  /** Normalised: the device resolved, what the kernel assumes anyway left out. */
  readonly line: Line;
}

/** `instance` and `keyword` among the aspects: the line moved; otherwise names of fields of the line that differ. */
interface LineChange<Line> extends Common {
  readonly before?: Placed<Line>;
  readonly after?: Placed<Line>;
  /** What differs, of a `change`; sorted. */
  readonly aspects: readonly string[];
}

/** `vip`: the advertised set changes or a line in it does; `vip-excluded`: the advert stays as it is. */
export interface VipChange extends LineChange<AddressLine> {
  readonly subject: 'vip' | 'vip-excluded';
}

export interface RouteChange extends LineChange<RouteLine> {
  readonly subject: 'route';
}

export interface RuleChange extends LineChange<RuleLine> {
  readonly subject: 'rule';
}

/** static_ipaddress, static_routes, static_rules. */
export interface StaticChange extends Common {
  readonly subject: 'static';
  readonly before?: AddressLine | RouteLine | RuleLine;
  readonly after?: AddressLine | RouteLine | RuleLine;
  readonly aspects: readonly string[];
}

export type KeywordSubject =
  | 'global'
  /** The whole instance (keyword `vrrp_instance`) or one keyword of it. */
  | 'instance'
  | 'track'
  | 'script'
  | 'track_file'
  | 'track_process'
  | 'track_group'
  | 'sync_group'
  /** Lines that Tandem keeps word by word. */
  | 'raw'
  /** The contents of a file that Tandem manages; made by the plan, not by diff. */
  | 'file';

export interface KeywordChange extends Common {
  readonly subject: KeywordSubject;
  /** The sync group in which it stands, or that it is. */
  readonly group?: string;
  /** The name of a script, track file, process or group, or of a file. Of a `track`: the tracked object. */
  readonly name?: string;
  /** The values in keepalived's words; absent where the keyword is absent, and always where it is sensitive. */
  readonly before?: string;
  readonly after?: string;
  readonly sensitive?: true;
}

/** Something that was served stops being served by this router. */
export interface Withdrawal {
  readonly vips: readonly string[];
  readonly routes: readonly string[];
  readonly rules: readonly string[];
  readonly instances: readonly string[];
}
