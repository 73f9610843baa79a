/** Configurations of the VRRP core for tests: everything as keepalived defaults it, but for what a test names. */
import { type Ip, parseIp } from '../../src/base/address.ts';
import { ms } from '../../src/base/units.ts';
import type { InstanceConfig } from '../../src/vrrp/config.ts';

export const ip = (text: string): Ip => parseIp(text)!;

export function instanceConfig(overrides: Partial<InstanceConfig> = {}): InstanceConfig {
  const family = overrides.family ?? 4;
  return {
    name: 'V',
    family,
    version: 3,
    vrid: 51,
    interface: 'lan',
    device: 'lan',
    startState: 'Backup',
    priority: 100,
    advertisementInterval: ms(1000),
    downTimerAdverts: 3,
    preempt: true,
    preemptDelay: ms(0),
    addresses: family === 4 ? [ip('10.0.0.254')] : [ip('fe80::254'), ip('2001:db8::254')],
    trackSource: false,
    multicastGroup: ip(family === 4 ? '224.0.0.18' : 'ff02::12'),
    ttl: 255,
    checkUnicastSource: false,
    checksum: 'pseudo-header',
    skipAddressCheck: false,
    lowerPriorityNoAdvert: false,
    higherPrioritySendAdvert: false,
    ownerIgnoreAdverts: false,
    dontTrackPrimary: false,
    announce: {
      repeat: 5,
      delay: ms(5000),
      refresh: ms(0),
      refreshRepeat: 1,
      lowerPriorityRepeat: 5,
      lowerPriorityDelay: ms(5000),
    },
    trackers: [{ kind: 'interface', name: 'lan', weight: 0, reverse: false }],
    ...overrides,
  };
}
