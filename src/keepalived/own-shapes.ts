/** Shapes that only one or two keywords have. */

import type { Ip } from '../base/address.ts';
import { utf8Length } from '../base/bytes.ts';
import type { Millis } from '../base/units.ts';
import type { Command, Fifo, TrackFile } from './model.ts';
import { quote } from './quote.ts';
import { boolean, command, isInterfaceName, readSeconds, type Shape, writeSeconds } from './shapes.ts';

/** keepalived 2.2.7 turns the keyword on even where `off` stands behind it. */
export const alwaysOn: Shape<true> = {
  usage: '',
  read(args) {
    const at = args.peek();
    const on = boolean.read(args);
    if (on !== false) return on;
    return args.fail(at!, `keepalived turns ${args.head.text} on whatever follows it`, { hint: 'remove the line' });
  },
  write: () => '',
  good: ['', 'on'],
  bad: ['maybe'],
};

/** `preempt` is the default; it takes back an earlier nopreempt. */
export const preempt: Shape<never> = {
  usage: '',
  read: () => undefined,
  write: () => '',
  good: [''],
  bad: [],
};

export const accept = (value: boolean): Shape<boolean> => ({
  usage: '',
  read: () => value,
  write: () => '',
  good: [''],
  bad: [],
});

/** keepalived keeps eight bytes, logs that, and runs with them. */
const PASSWORD_BYTES_MAX = 8;

export const password: Shape<string> = {
  usage: 'TEXT of 1-8 bytes',
  read(args) {
    const found = args.need('the password');
    if (!found) return undefined;
    // The words are part of a secret: no message may repeat them.
    if (args.rest().length > 0) {
      const hint = 'put it in double quotes; single quotes are part of the password';
      return args.fail(found, 'auth_pass ends at the first blank, and words follow', { hint });
    }
    const bytes = utf8Length(found.text);
    if (bytes === 0) return args.fail(found, 'auth_pass is empty');
    if (bytes > PASSWORD_BYTES_MAX) {
      const hint = 'shorten it to 8 bytes: the first 8 are all that was ever compared';
      args.fail(found, `auth_pass has ${bytes} bytes; a running keepalived cuts it to 8`, { hint });
    }
    return found.text;
  },
  write: quote,
  good: ['secret', '"p#a!s"'],
  bad: [''],
};

export const fifo: Shape<Fifo> = {
  usage: 'PATH [USER [GROUP]]',
  read(args) {
    const path = args.need('the path');
    const user = args.next();
    const group = args.next();
    return path && { path: path.text, ...(user ? { user: user.text } : {}), ...(group ? { group: group.text } : {}) };
  },
  write: ({ path, user, group }) =>
    [path, ...(user === undefined ? [] : [user]), ...(group === undefined ? [] : [group])].map(quote).join(' '),
  good: ['/run/fifo-1', '/run/fifo-1 root root'],
  bad: [''],
};

export const absolutePath: Shape<string> = {
  usage: '/PATH',
  read(args) {
    const path = args.need('the path');
    if (!path) return undefined;
    if (!path.text.startsWith('/')) return args.fail(path, `"${path.text}" must be an absolute path`);
    return path.text;
  },
  write: quote,
  good: ['/run/file-1'],
  bad: ['', 'file-1'],
};

/** A keyword that may stand alone or name a file, under the given key. */
export const optionalPath = <K extends string>(key: K): Shape<true | { readonly [P in K]: string }> => ({
  usage: '[/PATH]',
  read(args) {
    if (!args.peek()) return true;
    const path = absolutePath.read(args);
    return path === undefined ? undefined : ({ [key]: path } as { readonly [P in K]: string });
  },
  write: (value) => (value === true ? '' : quote(value[key])),
  good: ['', '/run/file-2'],
  bad: ['file-2'],
});

export const dynamicInterfaces: Shape<true | 'allow_if_changes'> = {
  usage: '[allow_if_changes]',
  read(args) {
    const found = args.next();
    if (!found || found.text === 'allow_if_changes') return found ? 'allow_if_changes' : true;
    return args.unknownOption(found, 'dynamic_interfaces', ['allow_if_changes']);
  },
  write: (value) => (value === true ? '' : value),
  good: ['', 'allow_if_changes'],
  bad: ['sometimes'],
};

export const garpExtraIf: Shape<{ readonly all?: true; readonly interval: Millis }> = {
  usage: '[all] SECONDS',
  read(args) {
    const all = args.accept('all');
    const interval = readSeconds(args, { min: 0, max: 86_400, whole: false });
    return interval === undefined ? undefined : { ...(all ? { all: true } : {}), interval };
  },
  write: ({ all, interval }) => (all ? 'all ' : '') + writeSeconds(interval),
  good: ['100', 'all 100'],
  bad: ['x'],
};

/** CPU numbers; the kernel's CPU_SETSIZE is 1024. */
export const cpuList: Shape<readonly number[]> = {
  usage: 'CPU...',
  read(args) {
    const cpus: number[] = [];
    do {
      const cpu = args.integer('the CPU', 0, 1023);
      if (cpu === undefined) return undefined;
      cpus.push(cpu);
    } while (args.peek());
    return cpus;
  },
  write: (cpus) => cpus.join(' '),
  good: ['0', '0 1'],
  bad: ['', 'x'],
};

/** Without a number: the highest there is. */
const AUTO_PRIORITY_MAX = 99;

export const maxAutoPriority: Shape<number> = {
  usage: '[-1-99]',
  read: (args) => (args.peek() ? args.integer('max_auto_priority', -1, AUTO_PRIORITY_MAX) : AUTO_PRIORITY_MAX),
  write: String,
  good: ['', '-1', '50'],
  bad: ['100'],
};

/** `weight N [reverse]`; the block's own `reverse` field takes the second word. */
export interface Weight {
  readonly weight: number;
  readonly reverse?: true;
}

export const weight = (max: number): Shape<Weight> => ({
  usage: `-${max}..${max} [reverse]`,
  read(args) {
    const value = args.integer('weight', -max, max);
    const reverse = args.accept('reverse');
    return value === undefined ? undefined : { weight: value, ...(reverse ? { reverse } : {}) };
  },
  write: (value) => `${value.weight}${value.reverse ? ' reverse' : ''}`,
  good: ['10', '-20 reverse'],
  bad: ['x'],
});

const MAC = /^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){4,5}$/;

/** keepalived takes what has a colon for a MAC address. */
const isVmacName = (text: string): boolean => isInterfaceName(text) && !text.includes(':');

export const vmac: Shape<{ readonly name?: string; readonly mac?: string }> = {
  usage: '[NAME] [MAC]',
  read(args) {
    const value: { name?: string; mac?: string } = {};
    for (let found = args.peek(); found; found = args.peek()) {
      if (value.mac === undefined && MAC.test(found.text)) value.mac = found.text;
      else if (value.name === undefined && value.mac === undefined && isVmacName(found.text)) {
        value.name = found.text;
      } else return args.fail(found, `"${found.text}" is neither an interface's name nor a MAC address`);
      args.next();
    }
    return value;
  },
  write: ({ name, mac }) =>
    [...(name === undefined ? [] : [quote(name)]), ...(mac === undefined ? [] : [mac])].join(' '),
  good: ['', 'vrrp.51', 'vrrp.51 02:00:00:00:00:51'],
  bad: ['02:00:00:00:51:zz'],
};

export const initFile: Shape<NonNullable<TrackFile['init_file']>> = {
  usage: '[VALUE] [overwrite]',
  read(args) {
    const found: { value?: number; overwrite?: true } = {};
    const first = args.peek();
    if (first && first.text !== 'overwrite') {
      const value = args.integer('the value', -2_147_483_648, 2_147_483_647);
      if (value === undefined) return undefined;
      found.value = value;
    }
    if (args.accept('overwrite')) found.overwrite = true;
    return found;
  },
  write: ({ value, overwrite }) =>
    [...(value === undefined ? [] : [String(value)]), ...(overwrite ? ['overwrite'] : [])].join(' '),
  good: ['', '5', '5 overwrite'],
  bad: ['x'],
};

export const processWords: Shape<readonly string[]> = {
  usage: 'COMMAND [ARGUMENT...]',
  read(args) {
    if (!args.need('the process')) return undefined;
    const words = [args.last.text];
    for (let word = args.next(); word; word = args.next()) words.push(word.text);
    return words;
  },
  write: (found) => found.map(quote).join(' '),
  good: ['sshd', '"/usr/sbin/a b" -x'],
  bad: [''],
};

/** A command, or nothing: the keyword alone says something. */
export const optionalCommand: Shape<true | Command> = {
  usage: '[COMMAND [USER [GROUP]]]',
  read: (args) => (args.peek() ? command.read(args) : true),
  write: (value) => (value === true ? '' : command.write(value)),
  good: ['', '"/bin/true \'a b\'" root root'],
  bad: ['"/bin/true \'a"'],
};

/** 224.0.0.0/4, ff00::/8. */
export const multicastGroup = (family?: 4 | 6): Shape<Ip> => ({
  usage: family ? `IPv${family}` : 'IP',
  read(args) {
    const word = args.peek();
    const found = args.ip(args.head.text, family);
    if (!found || /^(22[4-9]|23\d)\.|^ff/.test(found.text)) return found;
    return args.fail(word!, `${args.head.text} must be a multicast address, not "${found.text}"`);
  },
  write: ({ text }) => text,
  good: [family === 6 ? 'ff02::99' : '224.0.0.99'],
  bad: ['10.0.0.300', family === 6 ? 'fe80::1' : '10.0.0.1'],
});
