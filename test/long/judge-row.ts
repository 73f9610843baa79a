/** Whether what was seen of a row is what its plan said. */
import { isDeepStrictEqual } from 'node:util';
import type { Impact, Transitions } from '../../src/change/impact-model.ts';
import type { Observed } from '../../src/change/observed.ts';
import type { AddressLine, Config } from '../../src/keepalived/model.ts';
import { transitionsBetween } from '../../src/plan/proof.ts';
import { type Goal, type Measured, ROUTERS, type RouterName, type Settings } from './measured-pair.ts';

/** The address that the client pings: the last one that its instance had before and has after. */
export interface Pinged {
  readonly address: string;
  /** By its new name. */
  readonly instance: string;
  /** Whether the line itself changes: then it may be deleted and added again. */
  readonly edited: boolean;
}

export function pingedOf(settings: Settings, goal: Goal): Pinged {
  const [before, after] = [settings.A.config.vrrp_instance[0]!, goal.A.config.vrrp_instance[0]!];
  const lines = (i: Config['vrrp_instance'][number]): readonly AddressLine[] => [
    ...(i.virtual_ipaddress ?? []),
    ...(i.virtual_ipaddress_excluded ?? []),
  ];
  const kept = (before.virtual_ipaddress ?? []).flatMap((old) => {
    const now = lines(after).find((line) => line.address.text === old.address.text);
    return now ? [{ old, now }] : [];
  });
  const { old, now } = kept.at(-1)!;
  return { address: old.address.text, instance: after.name, edited: !isDeepStrictEqual(old, now) };
}

/** A VIP that is deleted and added again: keepalived takes under a millisecond, ARP and a busy machine some more. */
const TOUCH_MS_MAX = 100;

/** Sentences; empty where everything was as the plan said. `impact`: what the plan predicted. */
export function differences(measured: Measured, impact: Impact, pinged: Pinged): string[] {
  const { report, ping, came } = measured;
  if (report?.outcome.kind !== 'done')
    return [`the outcome is ${report?.outcome.kind}: ${findings(measured).join('; ')}`];
  const found: string[] = [];
  const seen = seenTransitions(measured);
  for (const [instance, predicted] of impact.transitions) {
    if (!fits(predicted, seen[instance] ?? 0)) {
      found.push(`${instance}: ${transitionsText(predicted)} predicted, ${seen[instance] ?? 0} seen`);
    }
  }
  const kernel = came.A + came.B;
  const counted = seen[pinged.instance] ?? 0;
  if (!pinged.edited && (measured.isFlood ? kernel > counted : kernel !== counted)) {
    found.push(`the daemons count ${counted} transitions, the kernel added ${pinged.address} ${kernel} times`);
  }
  const predicted = impact.transitions.get(pinged.instance)!;
  if (predicted.count === 0) {
    if (!pinged.edited && ping.lost > 0) found.push(`${ping.lost} packets to ${pinged.address} were lost`);
    if (ping.longestSilenceMs > TOUCH_MS_MAX) {
      found.push(`${pinged.address} was silent for ${Math.round(ping.longestSilenceMs)} ms`);
    }
  }
  return found;
}

/** For a row that must be refused: nothing at all may have changed. */
export function traces({ before, after, ping }: Measured): string[] {
  const picture = (seen: readonly Observed[]) =>
    seen.map(({ config, daemon, addresses, routes, instances }) => ({
      config,
      addresses,
      routes,
      daemon: daemon.kind === 'running' && { pid: daemon.pid, startTime: daemon.startTime, loaded: daemon.loaded },
      instances: instances?.map(({ name, state, becameMaster, changedAt }) => ({
        name,
        state,
        becameMaster,
        changedAt,
      })),
    }));
  return [
    ...(isDeepStrictEqual(picture(before), picture(after)) ? [] : ['the routers are not what they were']),
    ...(ping.lost > 0 ? [`${ping.lost} packets were lost`] : []),
  ];
}

/** For a row that is taken back: the files and what the daemons have loaded are what they were. */
export function changedFiles({ before, after }: Measured): string[] {
  const picture = (seen: readonly Observed[]) =>
    seen.map(({ config, daemon }) => [config?.sha256, daemon.kind === 'running' && daemon.loaded?.text]);
  return isDeepStrictEqual(picture(before), picture(after)) ? [] : ['the routers do not run what they ran before'];
}

/** Counted by the daemons from before the plan to after the proof. */
export function seenTransitions({ plan, report, before, after }: Measured): Record<string, number> {
  const done = report?.outcome.kind === 'done';
  const expected = plan.nodes.map(({ router, running, desired }) => ({
    router,
    before: running,
    config: done ? desired.config : running,
  }));
  return transitionsBetween(before, after, expected);
}

export const findings = ({ plan, report }: Measured): string[] => [
  ...plan.blocks.map((block) => block.message),
  ...new Set(report && 'findings' in report.outcome ? report.outcome.findings.map((f) => f.message) : []),
];

const fits = ({ count, bound }: Transitions, seen: number): boolean =>
  bound === 'exactly' ? seen === count : seen <= count;

export const transitionsText = ({ count, bound }: Transitions): string =>
  bound === 'at most' && count > 0 ? `at most ${count}` : `${count}`;

export const routerLetters = (text: string): string =>
  (Object.keys(ROUTERS) as RouterName[]).reduce((t, letter) => t.replaceAll(ROUTERS[letter], letter), text);
