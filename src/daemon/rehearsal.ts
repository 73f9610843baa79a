/**
 * What has to be quick when it counts, done once for nothing: code that runs for the first time takes the runtime about
 * three times as long. Nothing of it reaches the kernel, the neighbours or what the daemon knows.
 */
import type { Config } from '../keepalived/model.ts';
import type { Kernel } from '../linux/kernel.ts';
import type { Link } from '../linux/link.ts';
import { Estate } from './estate.ts';
import type { Things } from './things.ts';

/** Of each list: enough for the runtime to see what is worth compiling well, 4 ms of work at a time at most. */
const LINES_MAX = 512;

interface Stage {
  readonly kernel: Kernel;
  readonly link: (dev: string) => Link | undefined;
}

/** All of it comes and goes, in an estate of its own. */
export async function rehearseEstate(
  things: readonly (readonly [owner: string, things: Things])[],
  { kernel, link }: Stage,
): Promise<void> {
  const estate = new Estate({
    kernel: {
      now: () => kernel.now(),
      setting: (path) => kernel.setting(path),
      snapshot: () => kernel.snapshot(),
      sharedRoutes: () => Promise.resolve(new Set()),
      change: (changes) => {
        kernel.rehearse(changes);
        return Promise.resolve([]);
      },
    },
    log: () => {},
    link,
    lost: () => {},
    answering: () => {},
  });
  const some = things.map(([owner, each]) => [owner, each.things.slice(0, LINES_MAX)] as const);
  for (const [owner, each] of some) {
    estate.want(owner, { things: each, unresolved: [] });
    await estate.idle();
  }
  for (const [owner, each] of some) {
    estate.release(owner, each);
    await estate.idle();
  }
}

/** The same file before somebody added a line to each list. */
export function withoutLastLines(config: Config): Config {
  const instances = config.vrrp_instance.map((instance) => {
    const { virtual_ipaddress, virtual_ipaddress_excluded, virtual_routes } = instance;
    return {
      ...instance,
      ...(virtual_ipaddress && { virtual_ipaddress: virtual_ipaddress.slice(0, -1) }),
      ...(virtual_ipaddress_excluded && { virtual_ipaddress_excluded: virtual_ipaddress_excluded.slice(0, -1) }),
      ...(virtual_routes && { virtual_routes: virtual_routes.slice(0, -1) }),
    };
  });
  return { ...config, vrrp_instance: instances };
}
