/** The values that the YAML is made of, as zod types, each with what it says when it refuses one. */
import * as z from 'zod';
import { parseIp, parseIpPrefix } from '../base/address.ts';
import type { ProblemCode } from '../base/codes.ts';
import { parseDuration } from '../base/units.ts';
import { isPlainName } from '../keepalived/command.ts';
import { isPrintable } from '../keepalived/quote.ts';

/** What a schema says when it refuses a value, beyond zod's own words. */
export interface Refusal {
  readonly code: ProblemCode;
  readonly message: string;
  readonly hint?: string;
}
/** Refusals by schema; looked up by path in `issues.ts`. */
export const refusals = z.registry<Refusal>();

const MISPLACED: Refusal = {
  code: 'secret-form',
  message: 'a reference to a secret is read in auth_pass and sudo_password only',
};

/** Free text of a line: the printer quotes it where it must. */
export const text = (description: string) =>
  z
    .string()
    .refine((value) => value !== '' && isPrintable(value))
    .refine((value) => !/\$\{(env|file|secret):/.test(value), { params: { refusal: MISPLACED } })
    .describe(description)
    .register(refusals, {
      code: 'text-unprintable',
      message:
        'the text is empty, or holds what keepalived.conf cannot carry: a double quote, a control character, ${_',
      hint: 'choose a text without it; there is no way to escape it',
    });
/** The name of an instance, script or group: one word of keepalived.conf. */
export const name = (description: string) => text(description);
export const device = (description: string) =>
  z
    .string()
    .regex(/^[^\s/"'{}#!\\]{1,15}$/)
    .refine(isPrintable)
    .describe(description)
    .register(refusals, {
      code: 'bad-interface',
      message: 'no interface can have this name: 1 to 15 characters, no blank or slash',
    });
const DURATION = /^\d+(\.\d+)?(ms|s|m|h)$/;
export const duration = (description: string) =>
  z.string().regex(DURATION).describe(description).register(refusals, {
    code: 'bad-duration',
    message: 'a duration is a number with its unit',
    hint: 'write 1s, 100ms, 5m or 2h',
  });
/** keepalived counts most times in microseconds, in 32 bits. */
const WHOLE_SECONDS_MAX = 4294;
/** Where keepalived.conf has no way to write parts of a second. */
export const wholeSeconds = (description: string, min: 0 | 1, max: number = WHOLE_SECONDS_MAX) =>
  z
    .string()
    .regex(DURATION)
    .refine((value) => {
      const time = parseDuration(value) ?? 0;
      return time % 1000 === 0 && time >= min * 1000 && time <= max * 1000;
    })
    .describe(description)
    .register(refusals, {
      code: 'bad-duration',
      message: `this takes whole seconds, ${min}s to ${max}s`,
      hint: 'write 1s or 5m',
    });
/** A name for the resolver or an address: what looks like one must be one. */
export const host = (description: string) =>
  z
    .string()
    .refine((value) => /^[\w.:-]+$/.test(value) && (!/^[\d.]+$|:/.test(value) || parseIp(value) !== undefined))
    .describe(description)
    .register(refusals, { code: 'bad-address', message: 'this is neither the name of a host nor an IP address' });
export const routerPath = (description: string) =>
  text(description)
    .refine((value) => value.startsWith('/'))
    .register(refusals, {
      code: 'inventory-value',
      message: 'this must be an absolute path on the router',
      hint: 'write /run/NAME',
    });
export const address = (description: string) =>
  z
    .string()
    .refine((value) => parseIp(value) !== undefined)
    .describe(description)
    .register(refusals, { code: 'bad-address', message: 'this is not an IP address' });
export const addressWithPrefix = z
  .string()
  .refine((value) => value.includes('/') && parseIpPrefix(value) !== undefined)
  .describe("The router's own address with the length of its network: 192.168.1.11/24.")
  .register(refusals, {
    code: 'bad-address',
    message: 'this is not an IP address with its prefix length',
    hint: 'write 192.0.2.1/24',
  });
export const vrid = z
  .int()
  .min(1)
  .max(255)
  .describe('VRRP group number, 1 to 255; equal on both members, unique on its segment.')
  .register(refusals, { code: 'vrid-out-of-range', message: 'virtual_router_id must be 1 to 255' });
export const priority = z
  .int()
  .min(1)
  .max(255)
  .describe('1 to 255; the higher one becomes MASTER.')
  .register(refusals, { code: 'priority-out-of-range', message: 'priority must be 1 to 255' });
export const weight = z
  .int()
  .min(-253)
  .max(253)
  .describe('Added to the priority while it is up (positive) or taken while it is down (negative); 0 or absent: FAULT.')
  .register(refusals, { code: 'weight-out-of-range', message: 'a weight must be -253 to 253' });
export const count = (description: string, min: 0 | 1) => z.int().min(min).max(65_535).describe(description);
export const secret = (description: string) =>
  z
    .string()
    .min(1)
    .describe(`${description} \${env:NAME} or \${file:PATH} keeps it out of the tree.`)
    .register(refusals, { code: 'inventory-value', message: 'the secret is empty' });
export const lines = (description: string) =>
  z
    .union([
      z.string().refine((value) => isRaw(value)),
      z.array(z.string().refine((value) => isRaw(value) && !value.includes('\n'))),
    ])
    .describe(description)
    .register(refusals, {
      code: 'text-unprintable',
      message: 'raw lines hold a control character, or one item more than one line',
    });
/** Tabs and line ends are the only control characters of a verbatim text. */
const isRaw = (value: string): boolean => !/\p{Cc}/u.test(value.replaceAll(/[\t\n]/g, ''));

const account = (description: string) =>
  z
    .string()
    .refine(isPlainName)
    .describe(description)
    .register(refusals, { code: 'bad-command', message: 'no user or group is called so' });

export const command = z
  .union([
    text('An absolute path on the router, or a relative one: a file of this tree, installed under /etc/keepalived.'),
    z.array(text('The path, then one argument an item.')).min(1),
    z.strictObject({
      run: z.union([text('Path.'), z.array(text('The path, then one argument an item.')).min(1)]),
      user: account('Whom it runs as; default: script_user.').nullish(),
      group: account('Its group; it needs a user.').nullish(),
    }),
  ])
  .describe('A command: a path, a list of path and arguments, or { run, user, group }.');
