/** Users are looked up by a getent(1) that the test holds in its hand: a shell script that comes first in PATH. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ms } from '../../src/base/units.ts';
import { type Account, accountKey, findAccounts } from '../../src/daemon/accounts.ts';
import { load } from '../../src/daemon/load.ts';
import { waitUntil } from '../support/wait.ts';

const directory = mkdtempSync(join(tmpdir(), 'tandem-accounts-'));
const asked = join(directory, 'asked');
const answer = join(directory, 'answer');
const { PATH } = process.env;

/** `ldap` hangs until the test lets it answer, as a directory does that cannot be reached; it stops by itself in time. */
const GETENT = `#!/bin/sh
case "$1 $3" in
'passwd one') echo 'one:x:1001:1002:::' ; touch ${asked}.one ;;
'group three') echo 'three:x:1003:' ;;
'passwd ldap')
  touch ${asked}.ldap
  i=0
  while [ ! -e ${answer} ] && [ $i -lt 600 ]; do sleep 0.1; i=$((i + 1)); done
  echo 'ldap:x:2001:2002:::' ;;
*) exit 2 ;;
esac
`;

before(() => {
  mkdirSync(join(directory, 'bin'));
  writeFileSync(join(directory, 'bin/getent'), GETENT);
  chmodSync(join(directory, 'bin/getent'), 0o755);
  process.env.PATH = `${join(directory, 'bin')}:${PATH}`;
});
after(() => {
  process.env.PATH = PATH;
  rmSync(directory, { recursive: true });
});

const ONE = { uid: 1001, gid: 1002 };
const LDAP = { uid: 2001, gid: 2002 };
const SHORT = ms(100);
/** Longer than the test waits for anything. */
const LONG = ms(60_000);

describe('accounts', () => {
  const rows: readonly [Account, unknown][] = [
    [{ user: 'one' }, ONE],
    [
      { user: 'one', group: 'three' },
      { uid: 1001, gid: 1003 },
    ],
    [{ user: 'one', group: 'nine' }, 'none'],
    [{ user: 'nine' }, 'none'],
  ];
  for (const [account, identity] of rows) {
    test(`${accountKey(account)} is ${JSON.stringify(identity)}`, async () => {
      assert.deepEqual((await findAccounts([account], undefined, LONG)).get(accountKey(account)), identity);
    });
  }

  test('that nobody answers for in time may be there or not', async () => {
    const found = await findAccounts([{ user: 'ldap' }], new Map(), SHORT);
    assert.deepEqual([...found.values()], ['unanswered']);
  });

  test('that were found before still hold where nobody answers', async () => {
    const known = new Map([[accountKey({ user: 'ldap' }), LDAP]]);
    assert.deepEqual([...(await findAccounts([{ user: 'ldap' }], known, SHORT))], [...known]);
  });

  test('are found while a directory lets another one wait', async () => {
    const finding = findAccounts([{ user: 'ldap' }, { user: 'one' }], new Map(), LONG);
    await waitUntil(() => existsSync(`${asked}.one`));
    writeFileSync(answer, '');
    const found = await finding;
    rmSync(answer);
    assert.deepEqual(found.get(accountKey({ user: 'one' })), ONE);
    assert.deepEqual(found.get(accountKey({ user: 'ldap' })), LDAP);
  });

  test('cannot be looked up where there is no getent', async () => {
    const { PATH: withGetent } = process.env;
    process.env.PATH = join(directory, 'nowhere');
    try {
      assert.deepEqual([...(await findAccounts([{ user: 'one' }])).values()], ['unanswered']);
    } finally {
      process.env.PATH = withGetent;
    }
  });
});

const CONF = `vrrp_instance V {
  interface lan
  virtual_router_id 1
  virtual_ipaddress { 10.0.0.1 }
  notify /bin/true ldap
}
`;

test('a file is loaded while the loop turns, however long a directory takes to answer', async () => {
  const file = join(directory, 'conf');
  writeFileSync(file, CONF);
  let turns = 0;
  const beat = setInterval(() => {
    turns += 1;
  }, 1);
  const { loaded, report } = await load({ file, interfaces: new Set(['lan']), missingInterface: 'refuse' });
  clearInterval(beat);
  assert.ok(turns > 0, 'a look-up that holds up everything lets no timer in');
  assert.ok(existsSync(`${asked}.ldap`));
  assert.equal(loaded?.config.vrrp_instance[0]?.notify, undefined);
  assert.match(report, /user ldap cannot be looked up; it is left out/);
});
