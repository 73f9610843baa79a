/**
 * enable_script_security and scripts that are not there: what is left out, held against the real keepalived's test.
 * That a script is not executable for its user, keepalived 2.2.7 finds out when it starts, and then leaves it out too;
 * with a script_user other than root its test ends itself by a signal.
 */
// needs: root keepalived
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { findAccounts } from '../../src/daemon/accounts.ts';
import { accountsIn, usableScripts } from '../../src/daemon/usable-scripts.ts';
import { parse } from '../../src/keepalived/parser.ts';
import { configTest } from '../keepalived/daemon.ts';

const top = mkdtempSync('/tmp/tandem-security-');
chmodSync(top, 0o755);
after(() => rmSync(top, { recursive: true }));

interface Row {
  readonly what: string;
  readonly change: (folder: string, script: string) => void;
  readonly globals?: string;
}

const secure = 'enable_script_security';
const ROWS: readonly Row[] = [
  { what: 'root owns everything', change: () => {}, globals: secure },
  { what: 'it belongs to nobody', change: (_, script) => chownSync(script, 65_534, 0), globals: secure },
  { what: 'everyone may write to it', change: (_, script) => chmodSync(script, 0o757), globals: secure },
  { what: "nobody's group may write to it", change: (_, script) => shared(script, 0o775), globals: secure },
  { what: "nobody's group may read it", change: (_, script) => shared(script, 0o755), globals: secure },
  { what: "root's group may write to it", change: (_, script) => chmodSync(script, 0o775), globals: secure },
  { what: 'its folder belongs to nobody', change: (folder) => chownSync(folder, 65_534, 0), globals: secure },
  { what: 'everyone may write to its folder', change: (folder) => chmodSync(folder, 0o777), globals: secure },
  { what: 'its folder is sticky', change: (folder) => chmodSync(folder, 0o1777), globals: secure },
  { what: 'it is a link into an open folder', change: openLink, globals: secure },
  { what: 'nothing is enabled and everyone may write', change: (_, script) => chmodSync(script, 0o777) },
  { what: 'it is not there', change: (_, script) => rmSync(script) },
  { what: 'it is a folder', change: beFolder },
];

function shared(path: string, mode: number): void {
  chownSync(path, 0, 65_534);
  chmodSync(path, mode);
}

function openLink(folder: string, script: string): void {
  mkdirSync(join(folder, 'open'));
  chmodSync(join(folder, 'open'), 0o777);
  rmSync(script);
  writeFileSync(join(folder, 'open/real'), '#!/bin/sh\n');
  chmodSync(join(folder, 'open/real'), 0o755);
  symlinkSync('open/real', script);
}

function beFolder(_: string, script: string): void {
  rmSync(script);
  mkdirSync(script);
}

const texts = ROWS.map(({ change, globals = '' }, index) => {
  const folder = join(top, String(index));
  const script = join(folder, 'script.sh');
  mkdirSync(folder);
  writeFileSync(script, '#!/bin/sh\n');
  chmodSync(folder, 0o755);
  chmodSync(script, 0o755);
  change(folder, script);
  return `global_defs {
  script_user root
  ${globals}
}
vrrp_script chk {
  script ${script}
}
vrrp_instance V {
  interface eth0
  virtual_router_id 1
  virtual_ipaddress {
    10.0.0.1
  }
  track_script {
    chk
  }
}
`;
});

const verdicts = configTest(texts);

describe('a script is left out as keepalived leaves it out where', () => {
  for (const [index, { what }] of ROWS.entries()) {
    test(what, async () => {
      const { config } = parse(texts[index]!, 'k.conf', {});
      const { problems } = usableScripts(config, await findAccounts(accountsIn(config)));
      const { log } = verdicts[index]!;
      assert.equal(problems.length > 0, log.includes('Disabling track script'), `${log}\n${JSON.stringify(problems)}`);
    });
  }

  test('both answers are among them', () => {
    const disabled = verdicts.filter(({ log }) => log.includes('Disabling track script')).length;
    assert.ok(disabled > 5 && disabled < ROWS.length - 4, `${disabled}`);
  });
});
