/**
 * known_hosts as sshd(8) "SSH_KNOWN_HOSTS FILE FORMAT" defines it, read strictly: ssh2 would take any key.
 * Only the lookup hashes; nothing here reads a file or asks anybody.
 */
import { createHash, createHmac } from 'node:crypto';

/** One line that names a key. */
export interface KnownKey {
  readonly marker?: 'revoked' | 'cert-authority';
  /** The first field as it stands. */
  readonly hosts: string;
  /** `ssh-ed25519` */
  readonly type: string;
  /** The key as it goes over the wire. */
  readonly key: Buffer;
  readonly file: string;
  readonly line: number;
}

export interface KnownHosts {
  readonly keys: readonly KnownKey[];
  /** Lines that are no entry, with the reason; they never make a key known. */
  readonly skipped: readonly { readonly file: string; readonly line: number; readonly reason: string }[];
}

export type HostKeyVerdict =
  | { readonly kind: 'known'; readonly by: KnownKey }
  | { readonly kind: 'revoked'; readonly by: KnownKey }
  /** Other keys are known for this name, this one is not. */
  | { readonly kind: 'changed'; readonly known: readonly [KnownKey, ...KnownKey[]] }
  /** Only a certificate authority is known for this name; no transport here can check certificates. */
  | { readonly kind: 'authority'; readonly by: KnownKey }
  | { readonly kind: 'unknown' };

/** A key of 8192-bit RSA has 1,400 characters and hosts lists are short: what is longer is no entry. */
const lineLengthMax = 65_536;

export function parseKnownHosts(text: string, file: string): KnownHosts {
  const keys: KnownKey[] = [];
  const skipped: { file: string; line: number; reason: string }[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const entry = raw.length > lineLengthMax ? 'the line is too long' : parseLine(line);
    if (typeof entry === 'string') skipped.push({ file, line: index + 1, reason: entry });
    else keys.push({ ...entry, file, line: index + 1 });
  }
  return { keys, skipped };
}

/**
 * The name that stands for a host in known_hosts: `name`, or `[name]:port` for any port but 22.
 * Lower case, as ssh(1) looks it up.
 */
export function knownHostsName(host: string, port: number): string {
  return port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
}

/** The entries for a name, with their markers, in the order of the files. */
export function entriesFor(keys: readonly KnownKey[], name: string): readonly KnownKey[] {
  return keys.filter((entry) => matchesHosts(entry.hosts, name));
}

/** What the known entries of one name say about the key that a server shows. */
export function judgeHostKey(entries: readonly KnownKey[], key: Buffer): HostKeyVerdict {
  const same = entries.filter((entry) => entry.key.equals(key));
  const revoked = same.find((entry) => entry.marker === 'revoked');
  if (revoked) return { kind: 'revoked', by: revoked };
  const known = same.find((entry) => entry.marker === undefined);
  if (known) return { kind: 'known', by: known };
  const [first, ...others] = entries.filter((entry) => entry.marker === undefined);
  if (first) return { kind: 'changed', known: [first, ...others] };
  const authority = entries.find((entry) => entry.marker === 'cert-authority');
  return authority ? { kind: 'authority', by: authority } : { kind: 'unknown' };
}

/** The signature algorithms to ask a server for: those of the key types that are known come first. */
export function hostKeyAlgorithms(entries: readonly KnownKey[], offered: readonly string[]): string[] {
  const known = new Set(entries.filter((entry) => entry.marker === undefined).map((entry) => entry.type));
  const isKnown = (algorithm: string) => known.has(algorithm.startsWith('rsa-sha2-') ? 'ssh-rsa' : algorithm);
  return [...offered.filter(isKnown), ...offered.filter((algorithm) => !isKnown(algorithm))];
}

/** `SHA256:...`, as ssh-keygen -l prints it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** The type that a key names itself: RFC 4253 section 6.6. Empty where the bytes are no key. */
export function keyType(key: Buffer): string {
  const length = key.length >= 4 ? key.readUInt32BE(0) : 0;
  return length > 0 && length <= 64 && key.length >= 4 + length ? key.toString('latin1', 4, 4 + length) : '';
}

function parseLine(line: string): Omit<KnownKey, 'file' | 'line'> | string {
  const fields = line.split(/[ \t]+/);
  const marker = fields[0]!.startsWith('@') ? fields.shift()! : undefined;
  if (marker !== undefined && marker !== '@revoked' && marker !== '@cert-authority') return `unknown marker ${marker}`;
  const [hosts, type, encoded] = fields;
  if (hosts === undefined || type === undefined || encoded === undefined) return 'host, key type and key are needed';
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return 'the key is not base64';
  const key = Buffer.from(encoded, 'base64');
  if (keyType(key) !== type) return `the key is not of type ${type}`;
  const kind = marker === '@revoked' ? 'revoked' : 'cert-authority';
  return { ...(marker === undefined ? {} : { marker: kind }), hosts, type, key };
}

function matchesHosts(hosts: string, name: string): boolean {
  if (hosts.startsWith('|')) return matchesHashed(hosts, name);
  let matched = false;
  for (const pattern of hosts.split(',')) {
    const negated = pattern.startsWith('!');
    if (!matchesPattern(negated ? pattern.slice(1) : pattern, name)) continue;
    // A negated match refuses the line, wherever in it it stands.
    if (negated) return false;
    matched = true;
  }
  return matched;
}

/** `|1|SALT|HASH`: HMAC-SHA1 of the name, keyed with the salt. */
function matchesHashed(hosts: string, name: string): boolean {
  const [, version, salt, hash, ...rest] = hosts.split('|');
  if (version !== '1' || salt === undefined || hash === undefined || rest.length > 0) return false;
  const digest = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  return digest.equals(Buffer.from(hash, 'base64'));
}

/** `*` and `?` of ssh_config(5) PATTERNS, without a regular expression: a line cannot make this slow. */
function matchesPattern(pattern: string, name: string): boolean {
  const lower = pattern.toLowerCase();
  let [at, star, mark] = [0, -1, 0];
  let position = 0;
  while (position < name.length) {
    if (lower[at] === '*') {
      star = at++;
      mark = position;
    } else if (at < lower.length && (lower[at] === '?' || lower[at] === name[position])) {
      at++;
      position++;
    } else if (star >= 0) {
      at = star + 1;
      position = ++mark;
    } else return false;
  }
  while (lower[at] === '*') at++;
  return at === lower.length;
}
