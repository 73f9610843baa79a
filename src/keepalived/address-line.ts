/** One line of virtual_ipaddress, virtual_ipaddress_excluded or static_ipaddress. */
import { formatIpPrefix, parseIp, parseIpPrefix } from '../base/address.ts';
import type { Args } from './args.ts';
import type { Word } from './lexer.ts';
import type { AddressLine } from './model.ts';
import { quote } from './quote.ts';
import { isInterfaceName } from './shapes.ts';

export const ADDRESS_FLAGS: readonly string[] = [
  'home',
  '-nodad',
  'mngtmpaddr',
  'noprefixroute',
  'autojoin',
  'no_track',
  'use_vmac',
];

const OPTIONS = [...ADDRESS_FLAGS, 'dev', 'brd', 'broadcast', 'label', 'scope', 'peer', 'preferred_lft', 'track_group'];

export const SCOPES: readonly string[] = ['global', 'site', 'link', 'host', 'nowhere'];

/** The kernel's IFNAMSIZ less its ending zero. */
export const LABEL_LENGTH_MAX = 15;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Reads the line; undefined where it has no address. Wrong options are reported one by one. */
export function readAddress(args: Args): AddressLine | undefined {
  const first = args.next()!;
  const address = parseIpPrefix(first.text) ?? args.notAnAddress(first);
  const line: Mutable<Partial<AddressLine>> = address ? { address } : {};
  args.places.note(line, undefined, first);
  const flags: string[] = [];
  for (let option = args.next(); option; option = args.next()) {
    if (ADDRESS_FLAGS.includes(option.text)) flags.push(option.text);
    else if (OPTIONS.includes(option.text)) readOption(args, option, line);
    else args.unknownOption(option, 'an address', OPTIONS);
  }
  if (flags.length > 0) line.flags = flags;
  return line.address && (line as AddressLine);
}

function readOption(args: Args, option: Word, line: Mutable<Partial<AddressLine>>): void {
  const key = option.text === 'brd' ? 'broadcast' : option.text;
  const value = args.need(`the value of "${option.text}"`);
  if (!value) return;
  const { text } = value;
  if (key in line) args.fail(option, `"${option.text}" stands twice on the line`, { code: 'conf-duplicate' });
  args.places.note(line, key, value);
  switch (key) {
    case 'dev':
      if (isInterfaceName(text)) line.dev = text;
      else args.fail(value, `"${text}" cannot be an interface's name`);
      break;
    case 'broadcast': {
      const broadcast = text === '+' || text === '-' ? text : parseIp(text);
      if (!broadcast) args.notAnAddress(value);
      else if (typeof broadcast === 'object' && broadcast.family === 6) args.fail(value, 'IPv6 has no broadcast');
      else line.broadcast = broadcast;
      break;
    }
    case 'label':
      readLabel(args, value, line);
      break;
    case 'scope':
      if (SCOPES.includes(text) || isByte(text)) line.scope = text;
      else args.unknownOption(value, 'scope', SCOPES);
      break;
    case 'peer':
      readPeer(args, value, line);
      break;
    case 'preferred_lft':
      if (text === 'forever') line.preferred_lft = text;
      else if (/^\d{1,10}$/.test(text) && Number(text) <= 0xffff_ffff) line.preferred_lft = Number(text);
      else args.fail(value, `preferred_lft must be seconds or "forever", not "${text}"`);
      break;
    default:
      line.track_group = text;
  }
}

/** keepalived takes a peer only between two addresses without a prefix. */
function readPeer(args: Args, value: Word, line: Mutable<Partial<AddressLine>>): void {
  const peer = parseIp(value.text);
  if (!peer) args.notAnAddress(value);
  else if (line.address && line.address.family !== peer.family) args.fail(value, 'the peer is of the other IP version');
  else if (args.statement.words[0]!.text.includes('/')) {
    args.fail(args.statement.words[0]!, 'an address with a peer takes no prefix length');
  } else line.peer = { ...peer, prefix: peer.family === 4 ? 32 : 128 };
}

function readLabel(args: Args, value: Word, line: Mutable<Partial<AddressLine>>): void {
  const { text } = value;
  if (text.length > LABEL_LENGTH_MAX) {
    args.fail(value, `the label "${text}" has ${text.length} characters; the kernel takes ${LABEL_LENGTH_MAX}`);
  } else if (isInterfaceName(text)) line.label = text;
  else args.fail(value, `"${text}" cannot be a label: no blanks, slashes or quotes`);
}

const isByte = (text: string): boolean => /^\d{1,3}$/.test(text) && Number(text) <= 255;

/** The line as it stands in its block. */
export function printAddress(line: AddressLine): string {
  const out = [line.peer ? line.address.text : formatIpPrefix(line.address)];
  if (line.broadcast !== undefined)
    out.push('brd', typeof line.broadcast === 'string' ? line.broadcast : line.broadcast.text);
  if (line.dev !== undefined) out.push('dev', quote(line.dev));
  if (line.scope !== undefined) out.push('scope', line.scope);
  if (line.label !== undefined) out.push('label', quote(line.label));
  if (line.peer) out.push('peer', line.peer.text);
  out.push(...(line.flags ?? []));
  if (line.preferred_lft !== undefined) out.push('preferred_lft', String(line.preferred_lft));
  if (line.track_group !== undefined) out.push('track_group', quote(line.track_group));
  return out.join(' ');
}
