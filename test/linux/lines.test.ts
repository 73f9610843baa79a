// needs: kernel keepalived ip
/**
 * The same file, carried out by keepalived and by us: what `ip -d` then shows is equal, order included, but for the
 * protocol numbers that tell whose it is.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse } from '../../src/keepalived/parser.ts';
import { type Change, OWN_PROTOCOL } from '../../src/linux/kernel.ts';
import { addressOf, type LineContext, type Resolved, routeOf, ruleOf } from '../../src/linux/lines.ts';
import { LinuxKernel } from '../../src/linux/linux-kernel.ts';
import { iproute2File, namesOf } from '../../src/linux/names.ts';
import { addVeth, ip } from '../support/ip.ts';
import { inOwnNetwork } from '../support/namespace.ts';
import { type Shown, shown } from '../support/shown.ts';
import { waitUntil } from '../support/wait.ts';

inOwnNetwork();

const CONF = `vrrp_instance V {
  interface eth0
  virtual_router_id 5
  priority 255
  state MASTER
  virtual_ipaddress {
    10.1.0.1/24
    10.1.0.2/24
    10.1.1.1/24 brd +
    10.1.2.1/24 brd -
    10.1.3.1/24 brd 10.1.3.77 label eth0:7
    10.1.4.1
    10.1.5.1/24 scope link
    10.1.6.1/24 noprefixroute
    10.1.7.1 peer 10.1.7.2
    10.1.8.1/24 preferred_lft 1000
    10.1.10.1/24 dev eth1 home
    10.1.11.0/31
  }
  virtual_ipaddress_excluded {
    2001:db8::1/64
    2001:db8::2
    2001:db8:1::1/64 -nodad
    2001:db8:1::2/64 noprefixroute
    2001:db8:1::3/64 mngtmpaddr
    2001:db8:1::4/64 preferred_lft 5000
    2001:db8:1::5/128 preferred_lft forever
    2001:db8:1::6/64 home
    2001:db8:1::7/64 preferred_lft 0
  }
  virtual_routes {
    10.50.0.0/16 via 10.1.0.9
    10.51.0.0/16 dev eth0
    10.52.0.0/16 dev eth0 scope link no_track protocol static
    blackhole 10.53.0.0/16
    unreachable 10.53.1.0/24
    prohibit 10.53.2.0/24 metric 7
    throw 10.53.3.0/24 table 100
    local 10.54.0.1/32 dev eth0 scope host
    10.55.0.0/16 via 10.1.0.9 dev eth0 src 10.1.0.1 metric 5 mtu lock 1400 advmss 1300
    10.56.0.0/16 via 192.0.2.1 dev eth0 onlink
    10.57.0.0/16 nexthop via 10.1.0.9 dev eth0 weight 2 nexthop via 10.1.10.9 dev eth1 weight 3
    10.58.0.0/16 via 10.1.0.9 table 1000 tos 4
    10.59.0.0/16 via 10.1.0.9 rtt 100 rttvar 2000 window 1000 cwnd 10 ssthresh 20 reordering 5 hoplimit 9
    10.60.0.0/16 via 10.1.0.9 rtt 2000ms rttvar 3s rto_min 300ms initcwnd 11 initrwnd 12 quickack 1
    10.61.0.0/16 via 10.1.0.9 congctl reno features ecn realms 3/4 fastopen_no_cookie 1 rto_min 3
    10.62.0.0/16 via 10.1.0.9 or 10.1.0.8
    10.63.0.0/16 dev eth0 realms 7
    default via 10.1.0.9 table 50
    2001:db8:5::/48 via 2001:db8::9
    2001:db8:6::/48 dev eth0 metric 77 pref high
    2001:db8:7::/48 dev eth0 expires 6000
    blackhole 2001:db8:8::/48
    2001:db8:9::/48 nexthop via 2001:db8::9 dev eth0 weight 2 nexthop via 2001:db8::8 dev eth0
    unreachable 2001:db8:a::/48 table 200
    2001:db8:b::/48 from 2001:db8::/64 dev eth0
  }
  virtual_rules {
    from 10.1.0.0/24 table 100 preference 1000
    to 10.2.0.0/16 table main preference 1001 tos 4
    not from 10.3.0.0/16 blackhole preference 1002
    iif eth0 oif eth1 fwmark 0x10/0xff table 5 preference 1003
    from 10.4.0.0/16 goto 2000 preference 1004
    from 10.4.0.0/16 nop preference 2000
    from 10.5.0.0/16 table 7 suppress_prefixlength 0 suppress_ifgroup 3 preference 1005
    from 10.5.0.0/16 table 7 uidrange 100-200 ipproto tcp sport 80-90 preference 1006
    from 2001:db8::/64 table 9 preference 1006
    l3mdev preference 1007 inet
    from 10.6.0.0/16 prohibit preference 1008
    from 10.7.0.0/16 type unreachable preference 1009
    from 10.8.0.0/16 table 5 realms 3/4 tunnel-id 42 preference 1010
    from 10.9.0.0/16 table 11
    from 10.10.0.0/16 table 12
    fwmark 7 table 13 preference 1011
    iif eth1 table 14 preference 1012 inet6
  }
}
`;

const directory = mkdtempSync(join(tmpdir(), 'tandem-lines-'));
after(() => rmSync(directory, { recursive: true, force: true }));

describe("keepalived's lines", () => {
  let empty: Shown;
  let theirs: Shown;

  before(async () => {
    addVeth('eth0', 'far0');
    addVeth('eth1', 'far1');
    ip('addr', 'add', '192.0.9.1/24', 'dev', 'eth0');
    // The kernel's own routes of a device come when its carrier has been seen.
    const devices = ['eth0', 'far0', 'eth1', 'far1'];
    await waitUntil(() =>
      devices.every((dev) => ip('-6', 'route', 'show', 'table', 'all').includes(`ff00::/8 dev ${dev} `)),
    );
    empty = shown();
    const file = join(directory, 'keepalived.conf');
    writeFileSync(file, CONF);
    const argv = ['-n', '-l', '-P', '-f', file, '-p', join(directory, 'pid'), '-r', join(directory, 'vrrp.pid')];
    const daemon = spawn('keepalived', argv, { stdio: 'ignore' });
    // The last things that it adds, of each family.
    await waitUntil(() => /1011:/.test(ip('rule')) && /1012:/.test(ip('-6', 'rule')));
    theirs = shown();
    daemon.kill('SIGTERM');
    await once(daemon, 'exit');
    // keepalived 2.2.7 leaves an address with a peer behind.
    ip('addr', 'del', '10.1.7.1', 'peer', '10.1.7.2/32', 'dev', 'eth0');
    assert.deepEqual(shown(), empty, 'keepalived has taken away what it brought');
  });

  test('look in the kernel as when keepalived carries them out', async () => {
    const { config, problems } = parse(CONF, 'keepalived.conf');
    assert.deepEqual(
      problems.filter(({ severity }) => severity === 'error'),
      [],
    );
    const [instance] = config.vrrp_instance;
    const context: LineContext = {
      names: namesOf(iproute2File),
      dev: 'eth0',
      protocol: OWN_PROTOCOL,
      tableOfVrf: () => undefined,
    };
    // keepalived counts down from here, in the order of the file.
    let priority = 16_384;
    const changes: readonly Change[] = [
      ...[...instance!.virtual_ipaddress!, ...instance!.virtual_ipaddress_excluded!].map(
        (line): Change => ({ kind: 'address', verb: 'add', address: valueIn(addressOf(line, context)) }),
      ),
      ...instance!.virtual_routes!.map(
        (line): Change => ({ kind: 'route', verb: 'prepend', route: valueIn(routeOf(line, context)) }),
      ),
      ...instance!.virtual_rules!.map((line): Change => {
        const rule = valueIn(ruleOf(line, context, priority));
        if (line.priority === undefined) priority -= 1;
        return { kind: 'rule', verb: 'add', rule };
      }),
    ];
    const kernel = new LinuxKernel();
    try {
      assert.deepEqual(await kernel.change(changes), []);
      const ours = shown();
      assert.deepEqual(ours.addresses, theirs.addresses);
      assert.deepEqual(ours.routes, theirs.routes);
      assert.deepEqual(ours.rules, theirs.rules);
      const reverse = changes.toReversed().map((change): Change => ({ ...change, verb: 'delete' }));
      assert.deepEqual(await kernel.change(reverse), []);
      assert.deepEqual(shown(), empty, 'we have taken away what we brought');
    } finally {
      await kernel.close();
    }
  });
});

function valueIn<T>(resolved: Resolved<T>): T {
  assert.equal(resolved.kind, 'resolved', JSON.stringify(resolved));
  return (resolved as { readonly value: T }).value;
}
