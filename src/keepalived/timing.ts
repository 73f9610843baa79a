/**
 * The one place for VRRP's times: plan, explain and daemon compute them here. RFC 9568 section 6.1 (v3),
 * RFC 3768 section 6.1 (v2); `down_timer_adverts` is keepalived's.
 */
import { type Millis, ms } from '../base/units.ts';

export interface Timing {
  readonly version: 2 | 3;
  /** 1 to 255. */
  readonly priority: number;
  /** The Active router's interval: in v3 the one last heard. */
  readonly advertInt: Millis;
  /** How many intervals without an advert mean that the Active router is gone; 3 in the RFCs. */
  readonly downTimerAdverts?: number;
}

/** Skew_Time, unrounded: the higher the priority, the shorter. A full second at most in v2, an interval in v3. */
export function skewTime({ version, priority, advertInt }: Timing): Millis {
  return ms(((256 - priority) / 256) * (version === 2 ? 1000 : advertInt));
}

/** Active_Down_Interval (v2: Master_Down_Interval), unrounded: 3 x interval + skew. */
export function activeDownInterval(timing: Timing): Millis {
  return ms((timing.downTimerAdverts ?? 3) * timing.advertInt + skewTime(timing));
}

/**
 * How long after the Active router's death its peer takes over: the down timer less what had passed since the last
 * advert, anything from nothing to a whole interval. A router that leaves in good order is followed after `skewTime`.
 */
export function takeoverTime(timing: Timing): { readonly best: Millis; readonly mean: Millis; readonly worst: Millis } {
  const worst = activeDownInterval(timing);
  return { best: ms(worst - timing.advertInt), mean: ms(worst - timing.advertInt / 2), worst };
}
