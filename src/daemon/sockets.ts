/**
 * One raw socket a device, family and hop limit: opened when the device is there, opened again when it is another one
 * of the same name. What comes in goes to the instance whose VRID and mode it has.
 */
import type { Ip } from '../base/address.ts';
import type { Datagram, Kernel, VrrpSocket } from '../linux/kernel.ts';
import { advertisementBytes, destinationsOf } from '../vrrp/advertise.ts';
import type { InstanceConfig, RouterConfig } from '../vrrp/config.ts';
import { decodeIpv4, encodeIpv4 } from '../vrrp/ipv4.ts';
import { vridOf } from '../vrrp/packet.ts';
import type { Packet } from '../vrrp/receive.ts';
import type { Log } from './log.ts';
import type { View } from './view.ts';

interface Opened {
  readonly socket: VrrpSocket;
  /** The device's number: another one means another device. */
  readonly index: number;
}

/** A device has 255 VRIDs; whoever invents senders must not fill the log. */
const STRANGERS_MAX = 256;

export interface SocketsOptions {
  readonly kernel: Kernel;
  readonly config: RouterConfig;
  readonly log: Log;
  readonly received: (name: string, packet: Packet) => void;
}

export class Sockets {
  readonly #options: SocketsOptions;
  /** Instances that share a socket. */
  #groups: ReadonlyMap<string, readonly InstanceConfig[]>;
  readonly #opened = new Map<string, Opened>();
  /** Devices that are there and on which VRRP cannot be spoken, with the reason that was told. */
  readonly #broken = new Map<string, string>();
  /** What went wrong when an instance last sent, so that it is told once. */
  readonly #trouble = new Map<string, string>();
  #unknown = 0;
  /** Who sent for which VRID of nobody here, on which device: each is told once. */
  readonly #strangers = new Set<string>();
  #tellsUnknown: boolean;

  constructor(options: SocketsOptions) {
    this.#options = options;
    this.#groups = groupsOf(options.config);
    this.#tellsUnknown = options.config.tellsUnknown === true;
  }

  /** A socket that is needed still stays open, with what waits in it; `refresh` opens those that are new. */
  reconfigure(config: RouterConfig): void {
    this.#tellsUnknown = config.tellsUnknown === true;
    this.#strangers.clear();
    this.#groups = groupsOf(config);
    for (const [key, { socket }] of this.#opened) {
      const instances = this.#groups.get(key);
      if (instances) joinAll(socket, instances);
      else {
        socket.close();
        this.#opened.delete(key);
      }
    }
  }

  /** Packets for virtual routers that are not ours. */
  get unknown(): number {
    return this.#unknown;
  }

  /** Whoever cannot speak on a device must not be MASTER on it: it counts as down. */
  isBroken(dev: string): boolean {
    return this.#broken.has(dev);
  }

  /** Opens what can be had now, and closes what is of a device that is gone. False: to be tried again in a while. */
  refresh(view: View): boolean {
    const before = new Map(this.#broken);
    this.#broken.clear();
    for (const [key, instances] of this.#groups) {
      const { device: dev } = instances[0]!;
      const link = view.link(dev);
      const opened = this.#opened.get(key);
      if (opened !== undefined && opened.index === link?.index) continue;
      opened?.socket.close();
      this.#opened.delete(key);
      if (link === undefined) continue;
      try {
        this.#opened.set(key, { socket: this.#open(key, instances), index: link.index });
      } catch (error) {
        const { message } = error as Error;
        this.#broken.set(dev, message);
        if (before.get(dev) !== message) this.#options.log('error', `VRRP on ${dev} cannot be spoken: ${message}`);
      }
    }
    return this.#broken.size === 0;
  }

  /** Sends an advertisement to everyone whom it is for. */
  advertise(instance: InstanceConfig, source: Ip | undefined, priority: number, id: number): void {
    const socket = this.#opened.get(socketKey(instance))?.socket;
    const results = destinationsOf(instance).map((destination) => {
      if (socket === undefined) return `${instance.device} is not there`;
      if (source === undefined) return 'there is no address to send from';
      const message = advertisementBytes(instance, priority, source, destination);
      const bytes =
        instance.family === 6 ? message : encodeIpv4(message, { source, destination, id, ttl: instance.ttl });
      return socket.send({ bytes, source, destination });
    });
    this.#tell(instance, results.find((result) => result !== 'sent') ?? 'sent');
  }

  close(): void {
    for (const { socket } of this.#opened.values()) socket.close();
    this.#opened.clear();
  }

  #open(key: string, instances: readonly InstanceConfig[]): VrrpSocket {
    const { device: dev, family, ttl } = instances[0]!;
    const options = { dev, family, ...(family === 6 && { hopLimit: ttl }) };
    const socket = this.#options.kernel.openVrrp(options, (datagrams) => {
      for (const datagram of datagrams) this.#deliver(dev, this.#groups.get(key) ?? [], datagram);
    });
    try {
      joinAll(socket, instances);
    } catch (error) {
      socket.close();
      throw error;
    }
    return socket;
  }

  #deliver(dev: string, instances: readonly InstanceConfig[], datagram: Datagram): void {
    const packet = packetOf(datagram);
    const vrid = packet && vridOf(packet.payload);
    const candidates = packet === undefined ? [] : instances.filter((instance) => instance.vrid === vrid);
    const instance = candidates.length > 1 ? candidates.find((candidate) => isFor(candidate, packet!)) : candidates[0];
    if (instance) {
      this.#options.received(instance.name, packet!);
      return;
    }
    this.#unknown += 1;
    if (this.#tellsUnknown && packet && vrid !== undefined) this.#tellStranger(dev, vrid, packet.source);
  }

  #tellStranger(dev: string, vrid: number, source: Ip): void {
    const text = `Unknown VRID(${vrid}) received on interface(${dev}) from ${source.text}. ignoring...`;
    if (this.#strangers.size >= STRANGERS_MAX || this.#strangers.has(text)) return;
    this.#strangers.add(text);
    this.#options.log('info', text);
  }

  #tell(instance: InstanceConfig, result: string): void {
    if ((this.#trouble.get(instance.name) ?? 'sent') === result) return;
    this.#trouble.set(instance.name, result);
    const { log } = this.#options;
    const fields = { TANDEM_INSTANCE: instance.name };
    if (result === 'sent') log('info', `(${instance.name}) advertisements are sent again`, fields);
    else log('warning', `(${instance.name}) advertisements cannot be sent: ${result}`, fields);
  }
}

function groupsOf(config: RouterConfig): ReadonlyMap<string, readonly InstanceConfig[]> {
  const groups = new Map<string, InstanceConfig[]>();
  for (const instance of config.instances) {
    const key = socketKey(instance);
    groups.set(key, [...(groups.get(key) ?? []), instance]);
  }
  return groups;
}

function joinAll(socket: VrrpSocket, instances: readonly InstanceConfig[]): void {
  for (const { peers, multicastGroup } of instances) if (!peers) socket.join(multicastGroup);
}

const socketKey = ({ device: dev, family, ttl }: InstanceConfig): string =>
  `${dev} ${family} ${family === 6 ? ttl : ''}`;

/** Undefined for what has no whole IP header. */
function packetOf({ family, bytes, source, destination, hopLimit }: Datagram): Packet | undefined {
  if (family === 4) {
    const decoded = decodeIpv4(bytes);
    return decoded === 'length' ? undefined : decoded;
  }
  if (source === undefined || destination === undefined) return undefined;
  return { source, destination, ...(hopLimit !== undefined && { ttl: hopLimit }), payload: bytes };
}

/** Of several virtual routers with one VRID on a device: the multicast one, or the one whose peer it is from. */
function isFor({ peers, multicastGroup }: InstanceConfig, { source, destination }: Packet): boolean {
  if (peers === undefined) return destination.text === multicastGroup.text;
  return peers.some((peer) => peer.text === source.text);
}
