/**
 * Ed25519 keys in OpenSSH's own format. ssh2 can make them too, but one of its private keys in some hundreds is
 * refused by OpenSSH ("error in libcrypto").
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';

export interface SshKey {
  /** PEM, `-----BEGIN OPENSSH PRIVATE KEY-----`. */
  readonly privateKey: string;
  /** `ssh-ed25519 AAAA...`, without a comment. */
  readonly publicKey: string;
}

const TYPE = 'ssh-ed25519';
/** The cipher `none` still pads to eight bytes. */
const BLOCK_BYTES = 8;

/** Source: OpenSSH's PROTOCOL.key; without a passphrase. */
export function makeSshKey(comment: string): SshKey {
  const { d = '', x = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const seed = Buffer.from(d, 'base64url');
  const point = Buffer.from(x, 'base64url');
  const publicBlob = Buffer.concat([text(TYPE), text(point)]);
  const check = randomBytes(4);
  const secret = Buffer.concat([check, check, publicBlob, text(Buffer.concat([seed, point])), text(comment)]);
  const padding = Buffer.from(Array.from({ length: -secret.length & (BLOCK_BYTES - 1) }, (_, index) => index + 1));
  const file = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    text('none'), // cipher
    text('none'), // key derivation
    text(''), // its options
    Buffer.from([0, 0, 0, 1]), // number of keys
    text(publicBlob),
    text(Buffer.concat([secret, padding])),
  ]);
  const lines = file.toString('base64').match(/.{1,70}/g) ?? [];
  return {
    privateKey: `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join('\n')}\n-----END OPENSSH PRIVATE KEY-----\n`,
    publicKey: `${TYPE} ${publicBlob.toString('base64')}`,
  };
}

/** RFC 4251 section 5, `string`: four bytes of length, then the bytes. */
function text(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
