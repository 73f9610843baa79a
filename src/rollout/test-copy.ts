/**
 * keepalived before 2.2.8 ends its own configuration test by SIGTERM where a script runs as another user than root
 * (its issue 2617; Debian 12 has 2.2.7). There the test reads a copy in which every script runs as root, and the
 * users are looked up beside it.
 */
import type { Command, Config, Instance, SyncGroup } from '../keepalived/model.ts';

export interface TestCopy {
  readonly config: Config;
  /** Whom scripts run as, besides root; sorted. Empty: the file itself can be tested. */
  readonly users: readonly string[];
}

export function asRoot(config: Config): TestCopy {
  const users = new Set<string>();
  const note = (user: string | undefined): void => {
    if (user !== undefined && user !== 'root') users.add(user);
  };
  const command = ({ user, group: _group, ...rest }: Command): Command => {
    note(user);
    return rest;
  };
  const notify = <T extends Instance | SyncGroup>(block: T): T => {
    const entries = Object.entries(block).map(([keyword, value]) =>
      keyword.startsWith('notify') && isCommand(value) ? [keyword, command(value)] : [keyword, value],
    );
    return Object.fromEntries(entries) as T;
  };
  const { script_user, ...globals } = config.global_defs;
  note(script_user?.user);
  const scripts = config.vrrp_script.map(({ user, script, ...rest }) => {
    note(user?.user);
    return { ...rest, ...(script && { script: command(script) }) };
  });
  return {
    config: {
      ...config,
      global_defs: { ...globals, ...(script_user && { script_user: { user: 'root' } }) },
      vrrp_script: scripts,
      vrrp_instance: config.vrrp_instance.map(notify),
      vrrp_sync_group: config.vrrp_sync_group.map(notify),
    },
    users: [...users].sort(),
  };
}

const isCommand = (value: unknown): value is Command => typeof value === 'object' && value !== null && 'argv' in value;
