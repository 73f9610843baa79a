/** Questions to a person: yes or no, passphrases, one-time codes. Only where a person sits at both ends. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { ConnectOptions } from '../router/ssh.ts';
import { EXIT, Stop } from './exit.ts';
import type { Io } from './io.ts';

/** How a command connects: warnings are told once, questions are asked where somebody can answer. */
export function connectOptions(io: Io): ConnectOptions {
  const warn = (sentence: string) => {
    const told = toldOnce(io);
    if (told.has(sentence)) return;
    told.add(sentence);
    io.out.event(`warning: ${sentence}`);
  };
  if (!io.interactive) return { warn };
  return {
    warn,
    passphrase: askPassphrase,
    answer: async ({ router, title, instructions, prompts }) => {
      for (const line of [title, instructions]) if (line) io.out.event(`${router}: ${line}`);
      const answers: string[] = [];
      for (const { text, hidden } of prompts) answers.push((await ask(`${router}: ${text}`, hidden)) ?? '');
      return answers;
    },
  };
}

/** One function for all connections: what it was told is remembered with it. */
const askPassphrase = (keyFile: string) => ask(`Passphrase for ${keyFile}: `, true);

const TOLD = new WeakMap<Io, Set<string>>();

function toldOnce(io: Io): Set<string> {
  const told = TOLD.get(io) ?? new Set<string>();
  TOLD.set(io, told);
  return told;
}

/** Whether the user agrees. Without a terminal a Stop that names the option which says so beforehand. */
export async function confirm(io: Io, question: string): Promise<boolean> {
  if (!io.interactive) throw new Stop(EXIT.error, 'there is no terminal to ask at', { hint: 'add --yes' });
  const answer = await ask(`${question} [y/N] `, false);
  return answer !== undefined && /^y(es)?$/i.test(answer.trim());
}

/** One question at a time, whoever asks. */
let last: Promise<unknown> = Promise.resolve();

function ask(question: string, hidden: boolean): Promise<string | undefined> {
  const answer = last.then(() => askNow(question, hidden));
  last = answer.catch(() => undefined);
  return answer;
}

async function askNow(question: string, hidden: boolean): Promise<string | undefined> {
  let muted = false;
  const output = new Writable({
    write(chunk, _encoding, done) {
      if (!muted) process.stderr.write(chunk as Buffer);
      done();
    },
  });
  const reader = createInterface({ input: process.stdin, output, terminal: true });
  try {
    const answer = reader.question(question);
    muted = hidden;
    return await answer;
  } catch {
    // The end of input, or Ctrl-C at the question: nobody answers.
    return undefined;
  } finally {
    reader.close();
    if (hidden) process.stderr.write('\n');
  }
}
