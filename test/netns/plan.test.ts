/**
 * What plan says of a live pair of real daemons, and that it touches nothing: text, document and exit code agree,
 * whatever was done to a router by hand.
 */
// needs: kernel keepalived ssh
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { planSchema } from '../../src/plan/document.ts';
import { A, B, CONFIG, LivePair, pairImpossible, pairText, testsOnPair } from './live-pair.ts';

const ROUTE = '198.51.100.0/24 via 91.59.24.131 dev p1p2';
const OTHER = '/etc/keepalived/other.conf';

/** Every file outside of what systemd and sshd keep for themselves, with its times, and what the kernel was told. */
const EVERYTHING = `
find / -xdev \\( -path /proc -o -path /sys -o -path /usr -o -path /dev \\) -prune -o -printf '%i %T@ %C@ %m %s %p\\n' |
  grep -vE ' (/run/(systemd|log|user|sshd)|/var/log|/tmp$|/var/lib/systemd)' | sort -k6
find /tmp -mindepth 1 -printf '%i %T@ %m %s %p\\n' | sort -k5
ip -o addr | sed 's/ *valid_lft.*//'; ip route show table all; ip rule
sysctl -a 2>/dev/null | grep -E '^net.ipv4.(conf|ip_forward)'`;

const skip = await pairImpossible();
describe('a plan of a live pair', { skip, timeout: 240_000 }, () => {
  let pair: LivePair;
  const test = testsOnPair(() => pair);
  before(async () => {
    pair = await LivePair.up();
    await pair.bringUp();
  });
  after(() => pair?.[Symbol.asyncDispose]());

  /** What text, document and exit code say of the pair; they agree, and the document fits its schema. */
  async function planned(): Promise<{ readonly verdict: string; readonly code: number; readonly output: string }> {
    const [text, json] = [await pair.tandem('plan', '--detailed-exitcode'), await pair.tandem('plan', '--json')];
    const line = json.output.split('\n').find((each) => each.includes('"tandem.plan"'));
    const document = planSchema.parse(JSON.parse(line!));
    assert.equal(document.exit, json.code);
    return { verdict: document.pairs[0]!.verdict, code: text.code!, output: text.output };
  }

  test('leaves every file, address, route and setting of both routers as they were', async () => {
    pair.describe({ routes: [ROUTE] });
    const look = () => Promise.all([A, B].map((router) => pair.sh(router, EVERYTHING)));
    const [files, was] = [await look(), await pair.snapshots()];
    for (const how of [['--native'], ['--reverse', '--json']]) {
      const { code, output } = await pair.tandem('plan', ...how);
      assert.equal(code, 0, output);
    }
    assert.deepEqual(await look(), files);
    assert.deepEqual(await pair.snapshots(), was);
  });

  test('says the same to four who ask at once', async () => {
    pair.describe();
    const runs = await Promise.all(Array.from({ length: 4 }, () => pair.tandem('plan')));
    for (const { output } of runs) {
      assert.match(output, /rtr-core01 MASTER keepalived .* rtr-core02 BACKUP keepalived .* no drift/);
    }
  });

  test('a file that was edited by hand is drift until it is loaded, with its lines for one router and its includes', async () => {
    pair.describe();
    try {
      await pair.sh(B, `cp -p ${CONFIG} /var/tmp/ok`);
      await pair.sh(B, `sed -i 's/^ *priority .*/@rtr-core02 priority 33\\n@other priority 44/' ${CONFIG}`);
      const edited = await planned();
      assert.deepEqual([edited.verdict, edited.code], ['changes', 2], edited.output);
      assert.match(edited.output, /keepalived\.conf was written at \S+ with a change that the daemon has not loaded/);
      await pair.sh(B, `cd /etc/keepalived; mv keepalived.conf vi.inc; echo 'include v?.inc' >keepalived.conf`);
      await pair.sh(B, 'systemctl reload keepalived; sleep 1');
      const loaded = await planned();
      assert.match(
        loaded.output,
        /no drift\n {2}~ VI_0\n +~ priority 33 -> 50 \(rtr-core02\) .*\nOrder {2}rtr-core02 -> prove\n/,
      );
    } finally {
      await pair.sh(B, `cp -p /var/tmp/ok ${CONFIG}; rm -f /etc/keepalived/vi.inc; systemctl reload keepalived`);
    }
  });

  test('a password that only the router knows is printed by nobody, however it is spelt', async () => {
    pair.describe();
    const spellings = ['auth_pass Canary01', '# auth_pass Canary02', 'auth_pas Canary03', 'auth_type PASS Canary04'];
    const block = `authentication {\\n${spellings.join('\\n')}\\n}`;
    try {
      await pair.sh(B, `cp -p ${CONFIG} /var/tmp/ok; sed -i 's/^ *interface .*/&\\n${block}/' ${CONFIG}`);
      for (const how of [['--native'], ['--json']]) {
        const { output } = await pair.tandem('plan', ...how);
        assert.doesNotMatch(output, /Canary/);
        if (how.includes('--native')) assert.match(output, /^-# auth_pass \(sensitive\)$/m);
      }
      await pair.sh(B, 'systemctl reload keepalived; sleep 1');
      assert.doesNotMatch((await pair.tandem('plan', '--native')).output, /Canary/);
    } finally {
      await pair.sh(B, `cp -p /var/tmp/ok ${CONFIG}; systemctl reload keepalived`);
    }
  });

  test('a pair that cannot be changed ends plan as it ends apply, and nothing is touched', async () => {
    pair.describe({ routes: [ROUTE] });
    const rows: readonly [what: string, done: string, undone: string, says: RegExp, verdict: string, code: number][] = [
      [
        'an address of its own',
        'ip addr add 192.168.1.77/24 dev p3p1',
        'ip addr del 192.168.1.77/24 dev p3p1',
        /192\.168\.1\.77 is an address of rtr-core02 itself, it stands on p3p1/,
        'blocked',
        8,
      ],
      [
        'a shell that talks',
        `printf '#!/bin/sh\\necho Welcome\\nexec /bin/sh "$@"\\n' >/var/tmp/sh; chmod 755 /var/tmp/sh; cp -p /etc/passwd /var/tmp; sed -i 's@^\\(root:.*:\\).*@\\1/var/tmp/sh@' /etc/passwd`,
        'cp -p /var/tmp/passwd /etc/passwd',
        /something else answers before our script does: "Welcome"/,
        'unreachable',
        7,
      ],
      [
        'a second daemon',
        `sed 's/p4p1/p1p1/; /mcast_src_ip/d; s/advert_int.*/advert_int 30/' ${CONFIG} >${OTHER}; keepalived -f ${OTHER} -p /run/o.pid -r /run/ov.pid; sleep 1`,
        `kill $(cat /run/o.pid); sleep 2; rm ${OTHER}`,
        /several daemons run VRRP here/,
        'blocked',
        8,
      ],
    ];
    pair.write(
      'pairs/core.yaml',
      pairText({ vips: ['192.168.1.1/24 dev p3p1', '192.168.1.2/24 dev p3p1', '192.168.1.77/24 dev p3p1'] }),
    );
    for (const [what, done, undone, says, verdict, code] of rows) {
      try {
        await pair.sh(B, done);
        const was = await pair.snapshots();
        const said = await planned();
        assert.match(said.output, says, what);
        assert.deepEqual([said.verdict, said.code], [verdict, code], what);
        assert.equal((await pair.tandem('apply', '--yes')).code, code, what);
        assert.deepEqual(await pair.snapshots(), was, what);
      } finally {
        await pair.sh(B, undone);
      }
    }
  });

  test('a daemon that shall be started reads the file that its options name, or is stopped again', async () => {
    pair.describe();
    const options = (text: string) => `. /dev/null; echo 'DAEMON_ARGS="${text}"' >/etc/default/keepalived`;
    try {
      await pair.sh(B, `systemctl stop keepalived; ${options(`-D -f ${OTHER}`)}`);
      await pair.apply('--allow', 'bring-up');
      assert.match(await pair.config(B, OTHER), /vrrp_instance VI_0/);
      await pair.sh(
        B,
        `systemctl stop keepalived; ${options('')}; rm ${CONFIG}
        mkdir -p /etc/systemd/system/keepalived.service.d
        printf '[Unit]\\nConditionFileNotEmpty=\\n[Service]\\nExecStart=\\nExecStart=/usr/sbin/keepalived --dont-fork -f ${OTHER}\\n' >/etc/systemd/system/keepalived.service.d/o.conf
        systemctl daemon-reload`,
      );
      const { code, output } = await pair.tandem('apply', '--yes', '--allow', 'bring-up');
      assert.match(
        output,
        /its unit starts keepalived on \/etc\/keepalived\/other\.conf, and not on \/etc\/keepalived\/keepalived\.conf/,
      );
      assert.notEqual(code, 0, output);
      assert.equal((await pair.sh(B, 'pidof keepalived || echo none')).trim(), 'none');
    } finally {
      await pair.sh(
        B,
        `rm -rf ${OTHER} /etc/systemd/system/keepalived.service.d; systemctl daemon-reload; ${options('')}`,
      );
      await pair.apply('--allow', 'bring-up');
    }
  });
});
