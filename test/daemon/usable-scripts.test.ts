// needs: root
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { findAccounts } from '../../src/daemon/accounts.ts';
import { notRunnable, notSecure } from '../../src/daemon/script-file.ts';
import { accountsIn, usableScripts } from '../../src/daemon/usable-scripts.ts';
import { parse } from '../../src/keepalived/parser.ts';

const NOBODY = { uid: 65_534, gid: 65_534 };
const ROOT = { uid: 0, gid: 0 };

let top: string;
let folder: string;
let script: string;

/** /tmp belongs to everyone and is sticky: what root has made in it is root's. */
before(() => {
  top = mkdtempSync('/tmp/tandem-usable-');
  chmodSync(top, 0o755);
});
after(() => rmSync(top, { recursive: true }));
beforeEach(() => {
  rmSync(join(top, 'a'), { recursive: true, force: true });
  folder = join(top, 'a');
  mkdirSync(folder, { mode: 0o755 });
  script = join(folder, 'script.sh');
  writeFileSync(script, '#!/bin/sh\n');
  chmodSync(folder, 0o755);
  chmodSync(script, 0o755);
});

/** A user that is in more groups than its own where there is one; any other than root else. */
function userWithGroups(): readonly [user: string, groups: string] {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .flatMap((line) => (line === '' || line.startsWith('root:') ? [] : [line.split(':')[0]!]));
  const found = users.map((user) => [user, spawnSync('id', ['-G', user], { encoding: 'utf8' }).stdout] as const);
  return found.toSorted(([, a], [, b]) => b.split(' ').length - a.split(' ').length)[0]!;
}

describe('a script that root runs', () => {
  test('is secure where only root may write, below a sticky /tmp too', () => {
    assert.equal(notSecure(script), undefined);
    assert.equal(notSecure('/bin/sh'), undefined);
  });

  const breaches: readonly [string, () => void, RegExp][] = [
    ['it belongs to somebody else', () => chownSync(script, 65_534, 0), /script\.sh belongs to user 65534/],
    ['everyone may write to it', () => chmodSync(script, 0o757), /everyone may write to .*script\.sh/],
    ['a group may write to it', () => open(script, 0o775, 65_534), /group 65534 may write to .*script\.sh/],
    ['its folder belongs to somebody else', () => chownSync(folder, 65_534, 0), /a belongs to user 65534/],
    ['everyone may write to its folder', () => chmodSync(folder, 0o777), /everyone may write to .*\/a$/],
    ['a link on its way leads through such a folder', leadAstray, /everyone may write to .*\/open$/],
    ['a link on its way belongs to somebody else', strangersLink, /link belongs to user 65534/],
  ];
  for (const [what, breach, why] of breaches) {
    test(`is not secure where ${what}`, () => {
      breach();
      assert.match(notSecure(script) ?? 'secure', why);
    });
  }

  test("is secure where the group that may write is root's", () => {
    open(script, 0o775, 0);
    assert.equal(notSecure(script), undefined);
  });
});

function open(path: string, mode: number, gid: number): void {
  chownSync(path, 0, gid);
  chmodSync(path, mode);
}

/** script.sh -> open/link, which is root's link back to a good file in a folder that everyone may write to. */
function leadAstray(): void {
  mkdirSync(join(folder, 'open'));
  chmodSync(join(folder, 'open'), 0o777);
  rmSync(script);
  symlinkSync('/bin/sh', join(folder, 'open/link'));
  symlinkSync('open/link', script);
}

/** In a sticky folder, as /tmp is: whoever owns the link may lead it elsewhere. */
function strangersLink(): void {
  const link = join(folder, 'link');
  symlinkSync('/bin', link);
  lchownSync(link, 65_534, 65_534);
  script = join(link, 'sh');
}

describe('a script can be run by its user', () => {
  const rows: readonly [
    string,
    () => void,
    { readonly root: RegExp | undefined; readonly nobody: RegExp | undefined },
  ][] = [
    ['as it should be', () => {}, { root: undefined, nobody: undefined }],
    ['nobody may execute it', () => chmodSync(script, 0o644), { root: /not executable/, nobody: /not executable/ }],
    ['only root may', () => chmodSync(script, 0o700), { root: undefined, nobody: /not executable/ }],
    ['its folder is closed', () => chmodSync(folder, 0o700), { root: undefined, nobody: /is behind .*\/a, closed/ }],
    ['it is gone', () => rmSync(script), { root: /does not exist/, nobody: /does not exist/ }],
    ['it is a folder', () => beFolder(), { root: /is no file/, nobody: /is no file/ }],
    ['it leads in a circle', () => circle(), { root: /circle/, nobody: /circle/ }],
  ];
  for (const [what, change, { root, nobody }] of rows) {
    test(what, () => {
      change();
      for (const [identity, why] of [
        [ROOT, root],
        [NOBODY, nobody],
      ] as const) {
        const found = notRunnable(script, identity);
        if (why === undefined) assert.equal(found, undefined);
        else assert.match(found ?? 'it can be run', why);
      }
    });
  }
});

function beFolder(): void {
  script = folder;
}

function circle(): void {
  rmSync(script);
  symlinkSync(script, script);
}

describe('the configuration', () => {
  const usable = async (text: string, umask?: number) => {
    const { config, problems } = parse(text, 'k.conf', {});
    assert.deepEqual(
      problems.filter(({ severity }) => severity === 'error'),
      [],
    );
    return usableScripts(config, await findAccounts(accountsIn(config)), umask);
  };
  const conf = (globals: string, notify: string) => `
global_defs { ${globals}
}
vrrp_script good {
  script ${script}
}
vrrp_script gone {
  script ${join(top, 'gone')}
}
vrrp_script stranger {
  script ${script}
  user no-such-user
}
vrrp_sync_group G {
  group { V }
  notify_master ${join(top, 'gone')}
  track_script { gone }
}
vrrp_instance V {
  interface lan
  virtual_router_id 1
  virtual_ipaddress { 10.0.0.1 }
  track_script {
    good
    gone
    stranger
  }
  ${notify}
}
`;

  test('comes back without scripts that cannot be run, and without what tracks them', async () => {
    const { config, problems } = await usable(conf('', `notify ${script}\nnotify_master ${join(top, 'gone')}`));
    assert.deepEqual(
      config.vrrp_script.map(({ name }) => name),
      ['good'],
    );
    assert.deepEqual(config.vrrp_instance[0]?.track_script, [{ name: 'good' }]);
    assert.deepEqual(config.vrrp_instance[0]?.notify?.argv, [script]);
    assert.equal(config.vrrp_instance[0]?.notify_master, undefined);
    assert.deepEqual(config.vrrp_sync_group[0]?.track_script, []);
    assert.equal(config.vrrp_sync_group[0]?.notify_master, undefined);
    assert.ok(problems.every(({ code, severity }) => code === 'conf-script' && severity === 'warning'));
    assert.deepEqual(
      problems.map(({ message }) => message.split(':')[0]),
      ['vrrp_script gone', 'vrrp_script stranger', '(V) notify_master', 'VRRP_Group(G) notify_master'],
    );
  });

  test('under enable_script_security comes back without what others could replace, where root would run it', async () => {
    chmodSync(folder, 0o777);
    const secured = async (globals: string) =>
      (await usable(conf(globals, `notify ${script}\nnotify_master ${script} nobody`))).config.vrrp_instance[0];
    assert.ok((await secured(''))?.notify);
    assert.equal((await secured('enable_script_security'))?.notify, undefined);
    assert.ok((await secured('enable_script_security'))?.notify_master);
    assert.ok((await secured('enable_script_security\nscript_user nobody'))?.notify);
  });

  test('runs each script as its own user, as script_user, or as we are', async () => {
    const identities = async (globals: string) => {
      const { config, programOf } = await usable(
        conf(globals, `notify ${script} nobody\nnotify_master ${script} nobody root\nnotify_backup ${script}`),
      );
      const { notify, notify_master, notify_backup } = config.vrrp_instance[0]!;
      return [notify, notify_master, notify_backup].map((command) => {
        const { uid, gid } = programOf(command!);
        return `${uid}:${gid}`;
      });
    };
    assert.deepEqual(await identities(''), ['65534:65534', '65534:0', '0:0']);
    assert.deepEqual(await identities('script_user nobody'), ['65534:65534', '65534:0', '65534:65534']);
  });

  test('gives scripts the umask of keepalived, the one of the file, or the one of the command line', async () => {
    const umask = async (globals: string, option?: number) => {
      const { config, programOf } = await usable(conf(globals, `notify ${script}`), option);
      return programOf(config.vrrp_instance[0]!.notify!).umask;
    };
    assert.equal(await umask(''), 0o177);
    assert.equal(await umask('umask 022'), 0o22);
    assert.equal(await umask('umask IWGRP|IWOTH'), 0o22);
    assert.equal(await umask('umask 022', 0o27), 0o27);
  });

  test('under set_supplementary_groups gives a script all groups of its user', async () => {
    const [user, groups] = userWithGroups();
    const { config, programOf, problems } = await usable(conf('set_supplementary_groups', `notify "id -G" ${user}`));
    const { argv, uid } = programOf(config.vrrp_instance[0]!.notify!);
    assert.equal(uid, 0);
    const ran = spawnSync(argv[0]!, argv.slice(1), { encoding: 'utf8' });
    assert.equal(ran.stdout, groups, ran.stderr);
    assert.ok(problems.every(({ message }) => !message.includes('setpriv')));
  });

  test('gives a FIFO to its user, or to script_user', async () => {
    const fifos = 'notify_fifo /x root\nvrrp_notify_fifo /y';
    const { config, fifoOwner } = await usable(conf(`script_user nobody\n${fifos}`, ''));
    assert.deepEqual(fifoOwner(config.global_defs.notify_fifo!), ROOT);
    assert.deepEqual(fifoOwner(config.global_defs.vrrp_notify_fifo!), NOBODY);
  });

  test('finds a command without a path where execvp would', async () => {
    const { config, programOf } = await usable(conf('', 'notify "sh -c true"'));
    const { argv } = programOf(config.vrrp_instance[0]!.notify!);
    assert.match(argv[0]!, /^\/.*\/sh$/);
    assert.deepEqual(argv.slice(1), ['-c', 'true']);
  });
});
