/**
 * A new configuration for a virtual router that goes on: its state and what it has learned stay. What stood in the
 * header of its advertisements before goes on beside the new form for a while, so that the peer may follow later.
 * What it owns is compared and changed by the caller.
 */
import { type Millis, ms } from '../base/units.ts';
import { activeDownInterval } from '../keepalived/timing.ts';
import type { InstanceConfig } from './config.ts';
import { type Event, type FormerSpeech, NEVER } from './state.ts';
import { advertiseNow, after, assessAgain, longestInterval, setDeadlines, type Turn, timing } from './transitions.ts';

type Configured = Extract<Event, { readonly kind: 'configured' }>;

/** What an Active router has to say it says at once, so that the time which a change takes does not count against it. */
export function takeConfiguration(turn: Turn, { before, watched, grace }: Configured): void {
  const { config, next, now } = turn;
  const downBefore = activeDownInterval(timing({ config: before, next }));
  next.formers = formerSpeeches(turn, before, grace);
  if (next.state === 'Active') next.activeInterval = config.advertisementInterval;
  else if (config.version === 2 || before.version === 2) next.activeInterval = longestInterval(turn);
  if (config.preemptDelay === 0) next.preemptAt = undefined;
  if (next.basePriority === before.priority || config.priority !== before.priority) next.basePriority = config.priority;
  const moved = activeDownInterval(timing(turn)) - downBefore;
  setDeadlines(turn, { activeDown: ms(next.deadlines.activeDown + moved) });
  const { statuses, source, sourcePresent } = watched;
  next.watched = { statuses, sourcePresent, groupHold: next.watched.groupHold, ...(source && { source }) };
  assessAgain(turn);
  if (next.state !== 'Active') return;
  advertiseNow(turn);
  const { refresh, elsewhere } = config.announce;
  if (refresh !== before.announce.refresh) {
    setDeadlines(turn, { refresh: refresh > 0 ? after(now, refresh) : NEVER });
  }
  if (elsewhere?.interval !== before.announce.elsewhere?.interval) {
    setDeadlines(turn, { elsewhere: elsewhere ? after(now, elsewhere.interval) : NEVER });
  }
}

/** A slip of the pen and its correction, and one more; each costs an advertisement in every interval. */
const FORMERS_MAX = 3;

/** The form before, and those before it: a second change does not tell that the peer has followed the first. */
function formerSpeeches({ config, next, now }: Turn, before: InstanceConfig, grace: Millis): readonly FormerSpeech[] {
  if (grace === 0) return [];
  const all = [{ config: before, until: after(now, grace) }, ...next.formers.filter(({ until }) => until > now)];
  return all
    .map(({ config: form, until }) => ({ config: speaking(config, form), until }))
    .filter(({ config: form }) => !speaksAlike(config, form))
    .filter(({ config: form }, i, forms) => forms.findIndex((one) => speaksAlike(one.config, form)) === i)
    .slice(0, FORMERS_MAX);
}

/** The present configuration in another one's form. */
function speaking({ password: _, ...config }: InstanceConfig, form: InstanceConfig): InstanceConfig {
  const { version, advertisementInterval, password, checksum } = form;
  return { ...config, version, advertisementInterval, checksum, ...(password && { password }) };
}

/** Whether who expects the one understands the other: in v3 the interval is learned. */
function speaksAlike(one: InstanceConfig, other: InstanceConfig): boolean {
  if (one.version !== other.version) return false;
  if (one.version === 3) return true;
  if (one.advertisementInterval !== other.advertisementInterval) return false;
  return String(one.password) === String(other.password);
}
