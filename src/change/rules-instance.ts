/** Rules about what an instance is and how it speaks on the wire. */
import { type Millis, ms, seconds } from '../base/units.ts';
import {
  type Case,
  changesAdvert,
  differs,
  disagreesAfter,
  hasKeyword,
  isMasterHere,
  isOfNew,
  isOfRemoved,
  isVip,
  peerOf,
  sideOf,
} from './case.ts';
import { other, type PairContext, type PairInstance } from './context.ts';
import type { Effective } from './effective.ts';
import { downTimer } from './order.ts';
import { returns } from './roles.ts';
import { classes, type Rule } from './rule.ts';

const ONCE = { count: 1, bound: 'exactly' } as const;

export const INSTANCE_RULES: readonly Rule[] = [
  {
    id: 'managed-file',
    what: 'contents of a managed script or file',
    classes: classes('none', 'none', 'none'),
    on: 'router',
    reason: 'the daemon runs the file when it needs it; nothing is signalled',
    test: ({ change }) => change.subject === 'file',
  },
  {
    id: 'same-effect',
    what: 'a keyword that says what held without it (`priority 100`, `advert_int 1`)',
    classes: classes('none', 'none', 'none'),
    on: 'router',
    reason: 'this held already; nothing is signalled',
    test: (c) => {
      const fields = MEANING[c.change.keyword];
      return fields !== undefined && hasKeyword(c, ...Object.keys(MEANING)) && !differs(c, ...fields) && isKept(c);
    },
  },
  {
    id: 'instance-joins',
    what: 'an instance that the other router already runs',
    classes: classes('hot', 'hot', 'hot'),
    on: 'router',
    reason: 'it starts as BACKUP of the instance that runs there',
    test: (c) => isOfNew(c) && runsOnPeer(c) && !wouldTakeOver(c),
  },
  {
    id: 'instance-joins-above',
    what: 'an instance that the other router already runs, with a higher priority and preemption',
    classes: classes('failover', 'failover', 'failover'),
    on: 'router',
    reason: 'it outranks the instance that runs there and takes over',
    test: (c) => isOfNew(c) && runsOnPeer(c),
  },
  {
    id: 'instance-added',
    what: 'a new instance, with all its lines',
    classes: classes('ordered', 'ordered', 'ordered'),
    on: 'router',
    reason: 'the router with the higher priority starts it first, so that it becomes MASTER once',
    first: 'higher',
    transitions: () => ONCE,
    test: isOfNew,
  },
  {
    id: 'instance-removed-here',
    what: 'an instance of a MASTER, while the other router keeps it',
    classes: classes('failover', 'failover', 'failover'),
    on: 'router',
    reason: 'the MASTER gives it up and the other router takes over',
    test: (c) => isOfRemoved(c) && c.instances.some((i) => isMasterHere(c, i) && peerOf(c, i)?.after),
  },
  {
    id: 'instance-removed',
    what: 'an instance, with all its lines',
    classes: classes('ordered', 'ordered', 'ordered'),
    on: 'router',
    reason: 'the backup goes first: it would take over what the MASTER gives up',
    first: 'backup',
    test: isOfRemoved,
  },
  {
    id: 'identity',
    what: 'VRID, interface, multicast <-> unicast, unicast source, multicast group, family',
    classes: classes('outage', 'outage', 'outage'),
    on: 'wire',
    reason: 'a reload takes it for another instance: the old one gives everything up, the new one waits a down timer',
    test: (c) =>
      (hasKeyword(c, ...IDENTITY) && differs(c, 'vrid', 'interface', 'mode')) ||
      (isVip(c.change) && differs(c, 'family')),
  },
  {
    id: 'vmac',
    what: 'use_vmac, use_vmac_addr, vmac_xmit_base',
    classes: classes('failover', 'failover', 'failover'),
    on: 'router',
    reason: 'a reload takes it for another instance, which starts as BACKUP',
    demote: true,
    test: (c) => hasKeyword(c, 'use_vmac', 'use_vmac_addr', 'vmac_xmit_base'),
  },
  {
    id: 'unicast-peers-kept',
    what: 'the list of unicast peers, with the other router in it before and after',
    classes: classes('failover', 'failover', 'hot'),
    on: 'router',
    reason: 'a peer that is no longer sent to takes over',
    hot: 'the other router is sent to as before',
    test: (c) => hasKeyword(c, 'unicast_peer') && c.instances.every((instance) => sendsToPeer(c, instance)),
  },
  {
    id: 'unicast-peers',
    what: 'the list of unicast peers',
    classes: classes('failover', 'failover', 'failover'),
    on: 'wire',
    reason: 'a peer that is no longer sent to takes over',
    test: (c) => hasKeyword(c, 'unicast_peer'),
  },
  {
    id: 'pair-disagrees',
    what: 'version, authentication or advert_int (v2) that will differ between the two routers',
    classes: classes('outage', 'outage', 'outage'),
    on: 'wire',
    reason: "the routers would refuse each other's adverts and both be MASTER for good",
    test: (c) =>
      (hasKeyword(c, ...VERSION) && disagreesAfter(c, 'version')) ||
      (hasKeyword(c, ...AUTHENTICATION) && disagreesAfter(c, 'authentication')) ||
      (hasKeyword(c, 'advert_int') && touchesV2(c) && disagreesAfter(c, 'advertInt')),
  },
  {
    id: 'pair-disagrees-vips',
    what: 'advertised VIPs that will differ between the two routers',
    classes: classes('outage', 'hot', 'hot'),
    on: 'wire',
    reason: 'keepalived up to 2.3.2 refuses adverts with other VIPs than its own: both would be MASTER for good',
    hot: 'adverts with other VIPs are taken and logged; each router keeps its own',
    test: (c) => changesAdvert(c) && disagreesAfter(c, 'advertised'),
  },
  {
    id: 'former-speech-too-short',
    what: 'version, authentication or advert_int (v2) on tandemd, where `tandem_grace` is shorter than the turn of a router may take',
    classes: classes('sync', 'sync', 'sync'),
    on: 'wire',
    reason:
      'the form before ends before the other router has followed, so both routers change within half a down timer',
    test: (c) =>
      c.pair.wire === 'tandemd' &&
      (hasKeyword(c, ...VERSION, ...AUTHENTICATION, 'v3_checksum_as_v2') ||
        (hasKeyword(c, 'advert_int') && touchesV2(c))) &&
      shortestGrace(c.pair) < longestTurn(c.pair),
  },
  {
    id: 'version',
    what: 'VRRP version',
    classes: classes('sync', 'sync', 'hot'),
    on: 'wire',
    reason: 'adverts of the other version are dropped, so both routers change within half a down timer',
    hot: 'the version before is sent and taken beside the new one, so the other router may follow later',
    test: (c) => hasKeyword(c, ...VERSION, 'v3_checksum_as_v2'),
  },
  {
    id: 'authentication',
    what: 'auth_type, auth_pass',
    classes: classes('sync', 'sync', 'hot'),
    on: 'wire',
    reason: 'adverts with the other password are dropped, so both routers change within half a down timer',
    hot: 'the password before is sent and taken beside the new one, so the other router may follow later',
    test: (c) => hasKeyword(c, ...AUTHENTICATION),
  },
  {
    id: 'advert-int-v2',
    what: 'advert_int in version 2',
    classes: classes('sync', 'sync', 'hot'),
    on: 'wire',
    reason: 'adverts with another interval are dropped in version 2, so both routers change within half a down timer',
    hot: 'the interval before is sent and taken beside the new one, so the other router may follow later',
    test: (c) => hasKeyword(c, 'advert_int') && touchesV2(c),
  },
  {
    id: 'advert-int-lowered',
    what: 'advert_int in version 3, lowered',
    classes: classes('ordered', 'ordered', 'hot'),
    on: 'wire',
    reason: 'a reload forgets the learned interval: a backup that goes first waits too short a time for the MASTER',
    hot: 'a reload keeps the interval that was learned',
    first: 'master',
    test: (c) => hasKeyword(c, 'advert_int') && c.instances.some((i) => isLowered(c, i)),
  },
  {
    id: 'advert-int-raised',
    what: 'advert_int in version 3, raised',
    classes: classes('hot', 'hot', 'hot'),
    on: 'wire',
    reason: 'the interval is learned from the adverts',
    test: (c) => hasKeyword(c, 'advert_int'),
  },
];

const VERSION = ['version', 'vrrp_version'] as const;
const AUTHENTICATION = ['authentication', 'auth_type', 'auth_pass'] as const;
const IDENTITY = [
  'virtual_router_id',
  'interface',
  'default_interface',
  'unicast_src_ip',
  'unicast_peer',
  'mcast_dst_ip',
  'vrrp_mcast_group4',
  'vrrp_mcast_group6',
] as const;

/** tandemd's, where the file does not say: docs/keepalived-conf.md. */
const GRACE_DEFAULT = seconds(120);

const shortestGrace = ({ routers }: PairContext): Millis =>
  ms(Math.min(...routers.map(({ after }) => after.global_defs.tandem_grace ?? GRACE_DEFAULT)));

/** Reloading a router and proving it: the proof alone is given up after five down timers and some 23 s. */
const longestTurn = ({ instances }: PairContext): Millis =>
  ms(5 * Math.max(0, ...instances.flatMap((i) => [...downTimer(i, 'before'), ...downTimer(i, 'after')])) + 30_000);

/** What a keyword means once defaults are applied: where that stays, the keyword has no effect. */
const MEANING: Readonly<Record<string, readonly (keyof Effective)[]>> = {
  version: ['version'],
  vrrp_version: ['version'],
  priority: ['priority'],
  advert_int: ['advertInt'],
  down_timer_adverts: ['downTimerAdverts'],
  vrrp_down_timer_adverts: ['downTimerAdverts'],
  nopreempt: ['preempts'],
  interface: ['interface'],
  default_interface: ['interface'],
  auth_type: ['authentication'],
  auth_pass: ['authentication'],
  unicast_src_ip: ['mode'],
  mcast_dst_ip: ['mode'],
  vrrp_mcast_group4: ['mode'],
  vrrp_mcast_group6: ['mode'],
};

/** Not of an instance that comes or goes: there every keyword counts. */
const isKept = (c: Case): boolean => c.instances.every((i) => sideOf(c, i)?.before && sideOf(c, i)?.after);

/** Whether the other router is among the unicast peers before and after, by its unicast source or any address of its. */
function sendsToPeer(c: Case, instance: PairInstance): boolean {
  const own = sideOf(c, instance);
  const router = c.pair.routers[other(c.place)];
  const source = peerOf(c, instance)?.after?.instance.unicast_src_ip?.text;
  const addresses = source === undefined ? router.facts.addresses.map(({ address }) => address.text) : [source];
  const lists = [own?.before, own?.after].map((at) => at?.instance.unicast_peer ?? []);
  return lists.every((peers) => peers.some((peer) => addresses.includes(peer.text)));
}

const runsOnPeer = (c: Case): boolean => c.instances.some((i) => peerOf(c, i)?.before);

const wouldTakeOver = (c: Case): boolean => c.instances.some((i) => returns(i, c.place, c.pair.routers));

const touchesV2 = (c: Case): boolean =>
  c.instances.some((i) => [sideOf(c, i)?.before, sideOf(c, i)?.after].some((at) => at?.effective.version === 2));

function isLowered(c: Case, instance: PairInstance): boolean {
  const side = sideOf(c, instance);
  return (
    side?.before !== undefined &&
    side.after !== undefined &&
    side.after.effective.advertInt < side.before.effective.advertInt
  );
}
