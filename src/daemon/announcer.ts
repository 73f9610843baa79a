/** Telling the neighbours where addresses live now: gratuitous ARP and unsolicited NA, in turns, without a jam. */
import { type Millis, ms } from '../base/units.ts';
import type { Address } from '../linux/address.ts';
import type { Kernel } from '../linux/kernel.ts';
import { announcementFrame } from '../vrrp/frames.ts';
import type { Log } from './log.ts';
import type { View } from './view.ts';

/** So many frames take about 2 ms; what else is due comes in between. */
const FRAMES_AT_ONCE = 256;
/** A device's queue that is full is tried again after so long, so often: then its neighbours learn by themselves. */
const RETRY_MS = 5;
const RETRIES_MAX = 200;

export interface AnnouncerOptions {
  readonly kernel: Kernel;
  readonly view: View;
  readonly log: Log;
  /** vrrp_garp_interval and vrrp_gna_interval: between two frames of a device; 0: none. */
  readonly interval: { readonly 4: Millis; readonly 6: Millis };
}

/** @param wanted asked before each batch: false ends it, for whoever is no longer MASTER */
export async function announce(
  options: AnnouncerOptions,
  addresses: readonly Address[],
  repeat: number,
  wanted: () => boolean,
): Promise<void> {
  const byDevice = new Map<string, Address[]>();
  for (const address of addresses) byDevice.set(address.dev, [...(byDevice.get(address.dev) ?? []), address]);
  for (const [dev, there] of byDevice) {
    const frames = framesOf(options, dev, there);
    const series = Array.from({ length: repeat }, () => frames).flat();
    const interval = Math.max(...there.map(({ address }) => options.interval[address.family]));
    try {
      await send(options.kernel, dev, series, ms(interval), wanted);
    } catch (error) {
      options.log('warning', `addresses on ${dev} cannot be announced: ${(error as Error).message}`);
    }
  }
}

/** None for a device without a hardware address: it has no neighbours that would care. */
function framesOf({ kernel, view }: AnnouncerOptions, dev: string, there: readonly Address[]): readonly Uint8Array[] {
  const mac = view.link(dev)?.mac;
  if (mac === undefined) return [];
  const router = kernel.setting(`ipv6/conf/${dev}/forwarding`) === '1';
  return there.map(({ address }) => announcementFrame({ address, mac, router }));
}

async function send(
  kernel: Kernel,
  dev: string,
  frames: readonly Uint8Array[],
  interval: Millis,
  wanted: () => boolean,
): Promise<void> {
  let retries = 0;
  for (let at = 0; at < frames.length && wanted(); ) {
    const batch = frames.slice(at, at + (interval > 0 ? 1 : FRAMES_AT_ONCE));
    const sent = kernel.sendFrames(dev, batch);
    at += sent;
    if (sent < batch.length && ++retries > RETRIES_MAX) throw new Error('its queue stays full');
    if (at < frames.length) await pause(sent < batch.length ? ms(RETRY_MS) : interval);
  }
}

const pause = (time: Millis): Promise<void> =>
  new Promise((resolve) => (time > 0 ? setTimeout(resolve, time) : setImmediate(resolve)));
