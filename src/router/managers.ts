/**
 * Who gives a device its addresses: NetworkManager, systemd-networkd or ifupdown, by what they noted at run time,
 * and which addresses the router's own files configure, in Debian's and RHEL's places.
 */
import { load } from 'js-yaml';
import type { IpPrefix } from '../base/address.ts';
import type { InterfaceFact, Manager } from '../change/observed.ts';
import { parseConfigured } from './network-facts.ts';

export interface ManagerFacts {
  /** Of the daemons that manage devices, those that run, by process name. */
  readonly running: ReadonlySet<string>;
  /** `/run/NetworkManager/devices/INDEX:key=value` a line. */
  readonly networkManager: string;
  /** `/run/systemd/netif/links/INDEX:KEY=value` a line. */
  readonly networkd: string;
  /** ifupdown's state: `eth0=eth0` a line. */
  readonly ifstate: string;
  readonly files: readonly { readonly path: string; readonly text: string }[];
}

type Device = Pick<InterfaceFact, 'name' | 'index' | 'mac'>;
type Configured = InterfaceFact['configured'];

export function managerOf(device: Device, facts: ManagerFacts): Manager {
  const note = (text: string, folder: string, key: string) =>
    text
      .split('\n')
      .find((line) => line.startsWith(`${folder}/${device.index}:${key}=`))
      ?.split('=')[1];
  if (facts.running.has('NetworkManager')) {
    const managed = note(facts.networkManager, '/run/NetworkManager/devices', 'managed');
    if (managed === 'full' || managed === 'true' || managed === '1') return 'NetworkManager';
    // Nothing noted about a device that it may well manage: newer versions note less.
    if (managed === undefined && facts.networkManager === '') return 'unknown';
  }
  if (facts.running.has('systemd-network')) {
    const state = note(facts.networkd, '/run/systemd/netif/links', 'ADMIN_STATE');
    if (state !== undefined && state !== 'unmanaged') return 'systemd-networkd';
  }
  const ifupdown = facts.ifstate.split('\n').some((line) => line.split('=')[0] === device.name);
  return ifupdown ? 'ifupdown' : 'none';
}

/** The addresses that configuration files give to devices, each with its file. */
export function configuredAddresses(devices: readonly Device[], facts: ManagerFacts): Map<string, Configured> {
  const found = new Map<string, { address: IpPrefix; file: string }[]>();
  for (const { path, text } of facts.files) {
    for (const { device, address } of readFile(path, text, facts.files)) {
      for (const { name } of devices.filter((each) => isMeant(device, each))) {
        found.set(name, [...(found.get(name) ?? []), { address, file: path }]);
      }
    }
  }
  return found;
}

/** Which devices a file means: those that match every list that is not empty. */
interface Match {
  /** Names, or patterns of systemd.network(5). */
  readonly names?: readonly string[];
  readonly macs?: readonly string[];
}

interface Line {
  readonly device: Match;
  readonly address: IpPrefix;
}

function isMeant({ names = [], macs = [] }: Match, { name, mac }: Device): boolean {
  if (names.length === 0 && macs.length === 0) return false;
  const named = names.length === 0 || names.some((pattern) => globMatches(withoutAlias(pattern), name));
  return named && (macs.length === 0 || macs.some((each) => each.toLowerCase().replaceAll('-', ':') === mac));
}

/** `eth0:1` is a label on eth0. */
const withoutAlias = (name: string): string => name.replace(/:.*$/, '');

function readFile(path: string, text: string, files: ManagerFacts['files']): readonly Line[] {
  if (path.startsWith('/etc/network/interfaces')) return readInterfaces(text);
  if (path.endsWith('.network')) return readNetworkd(text, text);
  const [, base] = /([^/]+\.network)\.d\/[^/]+\.conf$/.exec(path) ?? [];
  if (base !== undefined) {
    const main = files.find((file) => file.path.endsWith(`/${base}`));
    return readNetworkd(`${main?.text ?? ''}\n${text}`, text);
  }
  if (path.includes('/system-connections/')) return readKeyfile(text);
  if (path.includes('/ifcfg-')) return readIfcfg(path, text);
  if (path.endsWith('.yaml')) return readNetplan(text);
  return [];
}

const line = (device: Match, address: string, mask?: string): Line[] => {
  const parsed = parseConfigured(address, mask);
  return parsed === undefined ? [] : [{ device, address: parsed }];
};

/** interfaces(5): `iface NAME inet static`, then `address` and perhaps `netmask`; also `ip addr add` in a hook. */
function readInterfaces(text: string): Line[] {
  const lines: Line[] = [];
  for (const block of text.split(/^[ \t]*(?=(?:iface|auto|allow-|mapping|source)\b)/m)) {
    const device = /^iface[ \t]+(\S+)/.exec(block)?.[1];
    if (device === undefined) continue;
    const mask = /^[ \t]*netmask[ \t]+(\S+)/m.exec(block)?.[1];
    for (const [, address] of block.matchAll(/^[ \t]*address[ \t]+(\S+)/gm))
      lines.push(...line({ names: [device] }, address!, mask));
    for (const [, address, dev] of block.matchAll(/\bip (?:-\S+ )*a(?:ddr|ddress)? add (\S+) .*?dev (\S+)/g)) {
      lines.push(...line({ names: [dev === '$IFACE' ? device : dev!] }, address!));
    }
  }
  return lines;
}

/**
 * systemd.network(5): [Match] Name=, [Network] Address=, [Address] Address=.
 * @param matching what says which devices are meant: of a drop-in the file beside it too
 */
function readNetworkd(matching: string, text: string): Line[] {
  const words = (key: string | RegExp) => values(matching, 'Match', key).flatMap((value) => value.split(/\s+/));
  const device = { names: words('Name'), macs: words(/^(Permanent)?MACAddress$/) };
  const addresses = [...values(text, 'Network', 'Address'), ...values(text, 'Address', 'Address')];
  return addresses.flatMap((address) => line(device, address));
}

/** nm-settings-keyfile(5): address1=10.0.0.1/24,10.0.0.254 in [ipv4] and [ipv6]. */
function readKeyfile(text: string): Line[] {
  const device = {
    names: [
      ...values(text, 'connection', 'interface-name'),
      ...values(text, 'match', 'interface-name').flatMap((value) => value.split(';').filter(Boolean)),
    ],
    macs: ['ethernet', '802-3-ethernet'].flatMap((section) => values(text, section, 'mac-address')),
  };
  const addresses = ['ipv4', 'ipv6'].flatMap((section) => values(text, section, /^address(es)?\d*$/));
  return addresses.flatMap((value) => line(device, value.split(/[,;]/)[0]!));
}

/** RHEL's ifcfg files: IPADDR[n] with PREFIX[n] or NETMASK[n], IPV6ADDR and its secondaries. */
function readIfcfg(path: string, text: string): Line[] {
  const set = new Map<string, string>();
  for (const [, key, value] of text.matchAll(/^[ \t]*([A-Z0-9_]+)=["']?([^"'\n]*)["']?/gm))
    set.set(key!, value!.trim());
  const [name, mac] = [set.get('DEVICE'), set.get('HWADDR')];
  const names = [name ?? path.slice(path.indexOf('/ifcfg-') + '/ifcfg-'.length)];
  const device = name === undefined && mac !== undefined ? { macs: [mac] } : { names };
  const lines: Line[] = [];
  for (const [key, value] of set) {
    const number = /^IPADDR(\d*)$/.exec(key)?.[1];
    if (number !== undefined)
      lines.push(...line(device, value, set.get(`PREFIX${number}`) ?? set.get(`NETMASK${number}`)));
    if (/^IPV6ADDR(_SECONDARIES)?$/.test(key)) lines.push(...value.split(/\s+/).flatMap((each) => line(device, each)));
  }
  return lines;
}

/** netplan: network.KIND.ID.addresses, each a string or `{ADDRESS: {label: ...}}`; `match:` says what ID stands for. */
function readNetplan(text: string): Line[] {
  const lines: Line[] = [];
  for (const devices of Object.values(record(record(safeLoad(text)).network))) {
    for (const [id, settings] of Object.entries(record(devices))) {
      const { addresses, match, 'set-name': name } = record(settings);
      const { name: pattern, macaddress } = record(match);
      const device =
        match === undefined || typeof name === 'string'
          ? { names: [typeof name === 'string' ? name : id] }
          : { names: [pattern].filter(isText), macs: [macaddress].filter(isText) };
      for (const each of Array.isArray(addresses) ? addresses : []) {
        const texts = typeof each === 'string' ? [each] : Object.keys(record(each));
        lines.push(...texts.flatMap((address) => line(device, address)));
      }
    }
  }
  return lines;
}

const isText = (value: unknown): value is string => typeof value === 'string';

function safeLoad(text: string): unknown {
  try {
    return load(text);
  } catch {
    // A file that netplan itself could not read configures nothing.
    return undefined;
  }
}

const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};

/** The values of a key in every section of that name of an ini-like file. */
function values(text: string, section: string, key: string | RegExp): string[] {
  let here = '';
  const found: string[] = [];
  for (const raw of text.split('\n')) {
    const each = raw.trim();
    if (/^\[.*\]$/.test(each)) here = each.slice(1, -1);
    else if (here === section && !/^[#;]/.test(each)) {
      const equals = each.indexOf('=');
      const name = each.slice(0, Math.max(equals, 0)).trim();
      if (typeof key === 'string' ? name === key : key.test(name)) found.push(each.slice(equals + 1).trim());
    }
  }
  return found;
}

/** `*`, `?` and `[...]` of systemd.network(5); anything else stands for itself. */
function globMatches(pattern: string, name: string): boolean {
  if (!/[*?[]/.test(pattern)) return pattern === name;
  const source = pattern
    .replace(/[.+^$(){}|\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
    .replaceAll('[!', '[^');
  try {
    return new RegExp(`^${source}$`).test(name);
  } catch {
    return false;
  }
}
