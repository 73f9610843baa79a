/** What nobody may carry out: files that keepalived 2.2.7 would load with damage, and what each does to a live pair. */

export interface RefusedRow {
  readonly name: string;
  /** What the measured daemon does when it is let loose on it. */
  readonly harm: string;
  /** Even `keepalived -t` accepts it: only our own checks stand before it. */
  readonly passesTest?: true;
  /** Of the printed file with one VIP more: what a mistake makes of it. */
  readonly spoil: (text: string) => string;
}

const VIP = '192.168.1.3/24';

export const REFUSED_ROWS: readonly RefusedRow[] = [
  {
    name: 'a bad VIP, 10.0.0.300',
    harm: 'the VIP is dropped: a gap of 3.6 s and a failover',
    spoil: (text) => text.replace(VIP, '10.0.0.300/24'),
  },
  {
    name: 'an unknown keyword block, `virtual_routez {`',
    harm: 'the rest of the instance is dropped: a gap of 3.7 s',
    spoil: (text) => text.replace('virtual_ipaddress {', 'virtual_routez {'),
  },
  {
    name: 'an unknown keyword on a line of its own',
    harm: 'logged, the rest applied',
    spoil: (text) => text.replace('    virtual_router_id', '    virtual_router_idd 9\n    virtual_router_id'),
  },
  {
    name: 'an interface that does not exist',
    harm: 'the daemon ends and leaves its VIPs behind: a permanent split',
    spoil: (text) => text.replace('interface p4p1', 'interface p9p9'),
  },
  {
    name: 'a VIP on an interface that does not exist',
    harm: 'the daemon ends and leaves its VIPs behind: a permanent split',
    spoil: (text) => text.replace(`${VIP} dev p3p1`, `${VIP} dev p9p9`),
  },
  {
    name: 'a missing final brace',
    harm: 'loaded as it is',
    spoil: (text) => text.trimEnd().replace(/\}$/, ''),
  },
  {
    name: '`{` is missing',
    harm: 'logged, the rest applied',
    spoil: (text) => text.replace('virtual_ipaddress {', 'virtual_ipaddress'),
  },
  {
    name: 'an empty file',
    harm: 'the instance is dropped, its VIPs are released: a failover',
    passesTest: true,
    spoil: () => '',
  },
];
