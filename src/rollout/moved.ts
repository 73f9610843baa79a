/** Whether a router is still what a plan was made for. */
import type { Observed } from '../change/observed.ts';

/** What a plan is bound to: a router that is not what the plan saw is not touched. */
export function movedSince(planned: Observed, now: Observed): string | undefined {
  if (planned.bootId !== now.bootId) return 'it booted again since the plan was made';
  if (planned.config?.sha256 !== now.config?.sha256) return 'its configuration was changed since the plan was made';
  if (identity(planned) !== identity(now)) return 'its daemon was started or stopped since the plan was made';
  const roles = (o: Observed) => JSON.stringify((o.instances ?? []).map((i) => [i.name, i.state]));
  if (roles(planned) !== roles(now)) return 'its role changed since the plan was made';
  return undefined;
}

const identity = ({ daemon }: Observed): string =>
  daemon.kind === 'running' ? `${daemon.pid} ${daemon.startTime}` : daemon.kind;
