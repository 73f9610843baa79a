/** Rows of the reload matrix that change one setting, or one route, which the peer need not know. */
import { ms } from '../../src/base/units.ts';
import { ip, route } from './build.ts';
import { edit, type Row, v3 } from './matrix-row.ts';

export const SETTINGS_ROWS: readonly Row[] = (
  [
    [
      'a route with its table',
      {},
      { virtual_routes: [route('10.0.0.0/8 via 10.1.1.9 dev p3p2 table 20')] },
      'routes-and-rules',
    ],
    ['notify', {}, { notify_master: { argv: ['/etc/keepalived/n'] } }, 'settings'],
    ['garp', {}, { garp_master_delay: ms(1000) }, 'settings'],
    ['track_interface (up)', {}, { track_interface: [{ name: 'p3p1' }] }, 'tracker-passes'],
    ['dont_track_primary', {}, { dont_track_primary: true }, 'settings'],
    ['an instance renamed', {}, { name: 'VI_new' }, 'name'],
    ['nopreempt added', {}, { nopreempt: true }, 'role-stays'],
    ['advert_int v3 raised', { ...v3, advert_int: ms(1000) }, { advert_int: ms(2000) }, 'advert-int-raised'],
    ['mcast_src_ip added', {}, { mcast_src_ip: ip('10.255.0.1') }, 'settings'],
    [
      'auth_pass in version 3, which has none',
      v3,
      { authentication: { auth_type: 'PASS', auth_pass: 'x' } },
      'same-effect',
    ],
  ] as const
).map(
  ([name, before, after, rule]): Row => ({
    name,
    pair: edit(before, after),
    classes: rule === 'same-effect' ? ['none', 'none', 'none'] : ['hot', 'hot', 'hot'],
    order: rule === 'same-effect' ? 'none' : 'B -> A',
    transitions: '0',
    rule,
    // keepalived -t refuses what it would ignore.
    ...(rule === 'same-effect' && {
      notCarriedOut: {
        ends: 'refused',
        says: /does not support authentication|has no authentication/,
        harm: 'it is ignored',
      },
    }),
  }),
);
