/** vrrp_strict and strict_mode: what keepalived would reset, or its config test refuses. RFC 3768, RFC 5798. */
import { isLinkLocal } from '../base/address.ts';
import type { Findings } from './check.ts';
import { downTimerAdvertsOf, familyOf, priorityOf, versionOf } from './defaults.ts';
import type { Config, Instance } from './model.ts';

export function checkStrict(config: Config, instance: Instance, findings: Findings): void {
  const { global_defs: globals } = config;
  if (!(instance.strict_mode ?? globals.vrrp_strict)) return;
  const isOwner = priorityOf(instance) === 255;
  const rules: readonly (readonly [key: keyof Instance, broken: boolean, why: string])[] = [
    ['state', instance.state === 'MASTER' && !isOwner, 'wants priority 255 with state MASTER'],
    ['state', instance.state === 'BACKUP' && isOwner, 'wants state MASTER with priority 255'],
    ['preempt_delay', (instance.preempt_delay ?? 0) > 0, 'knows no preempt_delay'],
    [
      'accept',
      instance.accept === true && !isOwner && versionOf(globals, instance) === 2,
      'accepts nothing in version 2',
    ],
    ['lower_prio_no_advert', instance.lower_prio_no_advert === false, 'wants lower_prio_no_advert'],
    ['higher_prio_send_advert', instance.higher_prio_send_advert === true, 'knows no higher_prio_send_advert'],
    ['vmac_xmit_base', instance.vmac_xmit_base === true, 'knows no vmac_xmit_base'],
    ['down_timer_adverts', downTimerAdvertsOf(globals, instance) !== 3, 'wants three intervals of silence'],
    ['virtual_ipaddress', !beginsLinkLocal(instance), 'wants a link-local IPv6 address first'],
  ];
  for (const [key, broken, why] of rules) {
    if (broken) findings.add('conf-value', instance, key, `strict mode ${why}`);
  }
}

/** RFC 5798 section 5.2.9. */
function beginsLinkLocal(instance: Instance): boolean {
  const [first] = instance.virtual_ipaddress ?? [];
  return first === undefined || familyOf(instance) === 4 || isLinkLocal(first.address);
}
