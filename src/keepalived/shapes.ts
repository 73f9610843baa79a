/**
 * The shapes that values of keepalived.conf keywords have: how each is read, written, and two samples of each kind
 * for the tests against the real daemon. A shape knows nothing of the keyword it stands behind.
 */
import { type Ip, parseIp } from '../base/address.ts';
import { type Millis, ms } from '../base/units.ts';
import type { Args } from './args.ts';
import { isCommandPrintable, isPlainName, printCommand, shellWords } from './command.ts';
import type { Command } from './model.ts';
import { isPrintable, quote } from './quote.ts';

export interface Shape<T> {
  /** As docs write it: `1-255`, `IP`, `[BOOL]`. */
  readonly usage: string;
  /** Reads the words after the keyword; undefined after a problem. */
  read(args: Args): T | undefined;
  /** What stands after the keyword; '' where nothing does. */
  write(value: T): string;
  /** Texts after the keyword that keepalived accepts, and that it refuses. */
  readonly good: readonly string[];
  readonly bad: readonly string[];
}

/** A keyword that says everything by being there. */
export const flag: Shape<true> = { usage: '', read: () => true, write: () => '', good: [''], bad: [] };

const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  on: true,
  yes: true,
  false: false,
  off: false,
  no: false,
};

export const boolean: Shape<boolean> = {
  usage: '[on|off]',
  read(args) {
    const word = args.next();
    if (!word) return true;
    return BOOLEANS[word.text] ?? args.fail(word, `"${word.text}" is neither on nor off`, BOOLEAN_HINT);
  },
  write: (value) => (value ? 'on' : 'off'),
  good: ['', 'on', 'false'],
  bad: ['maybe'],
};

const BOOLEAN_HINT = { hint: 'on, true and yes are one value; off, false and no the other' };

export const integer = (min: number, max: number): Shape<number> => ({
  usage: `${min}-${max}`,
  read: (args) => args.integer(args.head.text, min, max),
  write: String,
  good: [String(Math.max(min, Math.min(max, 1))), String(max)],
  bad: [String(min - 1), String(max + 1), 'x', '0x1'],
});

/** Seconds with at most six decimals; `min` and `max` in seconds. */
export const seconds = (min: number, max: number, whole = false): Shape<Millis> => ({
  usage: `${whole ? 'whole ' : ''}seconds ${min}-${max}`,
  read: (args) => readSeconds(args, { min, max, whole }),
  write: writeSeconds,
  good: [String(Math.max(min, 1))],
  bad: [String(max + 1), 'x', ...(min > 0 ? [String(whole ? min - 1 : 0)] : [])],
});

export function readSeconds(
  args: Args,
  { min, max, whole }: { min: number; max: number; whole: boolean },
): Millis | undefined {
  const what = args.head.text;
  const word = args.need(what);
  if (!word) return undefined;
  if (!(whole ? /^\+?\d{1,10}$/ : /^\+?(\d{1,10}(\.\d{0,6})?|\.\d{1,6})$/).test(word.text)) {
    return args.fail(word, `${what} must be ${whole ? 'whole seconds' : 'seconds'}, not "${word.text}"`);
  }
  const value = Number(word.text);
  if (value < min || value > max) return args.fail(word, `${what} is ${word.text} s; it must be ${min} to ${max}`);
  return ms(Math.round(value * 1e6) / 1e3);
}

/** Milliseconds as seconds without an exponent: `1`, `0.25`, `0.000001`. */
export const writeSeconds = (value: Millis): string => (value / 1000).toFixed(6).replace(/\.?0+$/, '');

export const word: Shape<string> = {
  usage: 'TEXT',
  read: (args) => args.need(args.head.text)?.text,
  write: quote,
  good: ['name', '"two words"'],
  bad: [''],
};

/** Up to 15 characters, no slash or blank: what the kernel takes as an interface's name. */
export const isInterfaceName = (text: string): boolean => /^[^\s/"\p{Cc}]{1,15}$/u.test(text) && isPrintable(text);

export const interfaceName: Shape<string> = {
  usage: 'INTERFACE',
  read: (args) => {
    const found = args.need(args.head.text);
    if (!found || isInterfaceName(found.text)) return found?.text;
    return args.fail(found, `"${found.text}" cannot be an interface's name: 1 to 15 characters, no blank or slash`);
  },
  write: quote,
  good: ['eth0'],
  bad: ['interface-name-of-21c'],
};

export const ip = (family?: 4 | 6): Shape<Ip> => ({
  usage: family ? `IPv${family}` : 'IP',
  read: (args) => args.ip(args.head.text, family),
  write: (value) => value.text,
  good: [family === 6 ? 'ff02::12' : '224.0.0.18'],
  bad: ['10.0.0.300', 'x'],
});

export const choice = <T extends string | number>(...values: readonly T[]): Shape<T> => ({
  usage: values.join('|'),
  read(args) {
    const found = args.need(args.head.text);
    if (!found) return undefined;
    const value = values.find((v) => String(v) === found.text);
    return value ?? args.fail(found, `${args.head.text} must be ${values.join(' or ')}, not "${found.text}"`);
  },
  write: String,
  good: values.map(String),
  bad: ['x', ''],
});

export const command: Shape<Command> = {
  usage: 'COMMAND [USER [GROUP]]',
  read(args) {
    const first = args.peek();
    if (!first) return args.fail(args.head, `the command is missing after "${args.head.text}"`);
    const end = args.rest().at(-1)!;
    const words = shellWords(first.line.text.slice(first.from, end.to));
    if (!words) return args.fail(first, 'a quote in the command is never closed');
    const [text, user, group, more] = words;
    const argv = shellWords(text ?? '');
    if (!argv) return args.fail(first, 'a quote inside the command is never closed');
    if (argv.length === 0 || argv[0] === '') return args.fail(first, 'the command is empty');
    if (more !== undefined) {
      return args.fail(end, `"${more}" is one word too many: ${FOLLOWS}`, IN_QUOTES);
    }
    const stranger = [user, group].find((name) => name !== undefined && !isPlainName(name));
    if (stranger !== undefined) return args.fail(end, `"${stranger}" is no user or group: ${FOLLOWS}`, IN_QUOTES);
    const value = { argv, ...(user === undefined ? {} : { user }), ...(group === undefined ? {} : { group }) };
    if (!isCommandPrintable(value))
      return args.fail(
        first,
        'the command holds a control character, a double quote or a lone brace, and cannot be kept',
      );
    return value;
  },
  write: printCommand,
  good: ['/bin/true', '"/bin/true \'a b\' c" root root'],
  bad: ['', '"/bin/true \'a"'],
};

const FOLLOWS = 'the words after the command are its user and group';
const IN_QUOTES = { hint: 'put the command and its arguments together in double quotes' };

export const userGroup: Shape<{ readonly user: string; readonly group?: string }> = {
  usage: 'USER [GROUP]',
  read(args) {
    const user = args.need('the user');
    const group = args.next();
    return user && { user: user.text, ...(group ? { group: group.text } : {}) };
  },
  write: ({ user, group }) => [user, ...(group === undefined ? [] : [group])].map(quote).join(' '),
  good: ['root', 'root root'],
  bad: [''],
};

export const hostPort: Shape<{ readonly host: string; readonly port?: number }> = {
  usage: 'HOST [PORT]',
  read(args) {
    const host = args.need('the host');
    if (!host) return undefined;
    if (/^\d+(\.\d+){3}$|:/.test(host.text) && !parseIp(host.text)) return args.notAnAddress(host);
    if (!/^[A-Za-z0-9_.:-]{1,253}$/.test(host.text)) return args.fail(host, `"${host.text}" is no host name`);
    if (!args.peek()) return { host: host.text };
    const port = args.integer('the port', 1, 65_535);
    return port === undefined ? undefined : { host: host.text, port };
  },
  write: ({ host, port }) => (port === undefined ? host : `${host} ${port}`),
  good: ['127.0.0.1', '127.0.0.1 2525'],
  bad: ['127.0.0.1 70000'],
};
