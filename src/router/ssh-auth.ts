/** How a user proves who they are to one SSH server: the agent's keys, key files, then questions. */
import { readFile } from 'node:fs/promises';
import ssh2, {
  type AnyAuthMethod,
  type AuthHandlerMiddleware,
  type IdentityCallback,
  type ParsedKey,
  type SignCallback,
  type SigningRequestOptions,
} from 'ssh2';
import type { Endpoint } from './ssh-config.ts';

/** What only a person can answer; without a callback nobody is asked. */
export interface Prompts {
  /** The passphrase of an encrypted key file; undefined to go on without this key. */
  readonly passphrase?: (keyFile: string) => Promise<string | undefined>;
  /** The server's questions (one-time codes and the like); undefined to give up. */
  readonly answer?: (question: Question) => Promise<readonly string[] | undefined>;
}

export interface Question {
  readonly router: string;
  readonly title: string;
  readonly instructions: string;
  readonly prompts: readonly { readonly text: string; readonly hidden: boolean }[];
}

export interface Authentication {
  readonly handler: AuthHandlerMiddleware;
  /** What was tried or left out and why, for the error; filled while it goes on. */
  readonly notes: readonly string[];
}

/** A typing error is forgiven twice, as ssh(1) does. */
const passphraseTriesMax = 3;
/** Rounds of questions in one connection: a server that never stops asking is given up. */
const questionRoundsMax = 6;
/** A private key file has a few kilobytes. */
const keyFileMax = 65_536;

/** @param asking called around every question to a person, so that a time limit can stand still meanwhile */
export function authentication(
  router: string,
  endpoint: Endpoint,
  prompts: Prompts,
  asking: <T>(question: () => Promise<T>) => Promise<T>,
): Authentication {
  const notes: string[] = [];
  const attempts = methods({ router, endpoint, prompts, asking, notes });
  const handler: AuthHandlerMiddleware = (left, _partial, next) => {
    void nextAllowed(attempts, left).then(
      (method) => next(method ?? (false as never)),
      (error: Error) => {
        notes.push(error.message);
        next(false as never);
      },
    );
  };
  return { handler, notes };
}

/** The next method that the server still takes; it names none before the first try. */
async function nextAllowed(attempts: AsyncGenerator<AnyAuthMethod>, left: readonly string[] | null) {
  for (;;) {
    const { value, done } = await attempts.next();
    if (done) return undefined;
    const name = value.type === 'agent' ? 'publickey' : value.type;
    if (left === null || left.length === 0 || left.includes(name)) return value;
  }
}

interface Context {
  readonly router: string;
  readonly endpoint: Endpoint;
  readonly prompts: Prompts;
  readonly asking: <T>(question: () => Promise<T>) => Promise<T>;
  readonly notes: string[];
}

async function* methods(context: Context): AsyncGenerator<AnyAuthMethod> {
  const { endpoint, prompts, notes } = context;
  const username = endpoint.user;
  const files = await Promise.all(endpoint.identities.map(readIdentity));
  const inAgent = new Set<string>();
  if (endpoint.agent !== undefined) {
    const wanted = files.flatMap((file) => (file.publicKey === undefined ? [] : [file.publicKey]));
    const agent = new OrderedAgent(ssh2.createAgent(endpoint.agent), wanted, endpoint.identitiesOnly, inAgent, notes);
    yield { type: 'agent', username, agent };
  } else notes.push('no agent is set');
  for (const file of files) {
    if (file.publicKey !== undefined && inAgent.has(file.publicKey.toString('base64'))) continue;
    const key = await unlock(context, file);
    if (key === undefined) continue;
    notes.push(`${file.path}: refused`);
    yield { type: 'publickey', username, key };
  }
  if (prompts.answer === undefined || !endpoint.keyboardInteractive) return;
  yield { type: 'keyboard-interactive', username, prompt: asker(context, prompts.answer) };
}

interface Identity {
  readonly path: string;
  readonly text?: string;
  readonly publicKey?: Buffer;
  readonly hasCertificate: boolean;
}

async function readIdentity(path: string): Promise<Identity> {
  const read = async (file: string) => {
    const text = await readFile(file, 'latin1').catch(() => undefined);
    return text !== undefined && text.length <= keyFileMax ? text : undefined;
  };
  const [text, publicText, certificate] = await Promise.all([
    read(path),
    read(`${path}.pub`),
    read(`${path}-cert.pub`),
  ]);
  const publicKey = publicText === undefined ? undefined : parse(publicText);
  return {
    path,
    ...(text === undefined ? {} : { text }),
    ...(publicKey === undefined || publicKey instanceof Error ? {} : { publicKey: publicKey.getPublicSSH() }),
    hasCertificate: certificate !== undefined,
  };
}

/** The private key of a file, decrypted where somebody knows how; a note where it cannot be used. */
async function unlock(context: Context, file: Identity): Promise<ParsedKey | undefined> {
  const { notes, prompts, asking } = context;
  if (file.text === undefined) return undefined;
  if (file.hasCertificate) notes.push(`${file.path}-cert.pub: certificates cannot be offered, only the plain key`);
  const plain = parse(file.text);
  if (!(plain instanceof Error)) return plain;
  if (!/no passphrase given/i.test(plain.message)) {
    const securityKey = /sk-[a-z0-9-]+@openssh\.com/.exec(plain.message)?.[0];
    const reason = securityKey === undefined ? plain.message : `a security key (${securityKey}) cannot be used here`;
    notes.push(`${file.path}: ${reason}`);
    return undefined;
  }
  const key = prompts.passphrase && (await asking(() => opened(file.path, file.text!, prompts.passphrase!)));
  if (key !== undefined) return key;
  notes.push(
    `${file.path}: encrypted, and nobody gave the passphrase; \`ssh-add ${file.path}\` puts it into the agent`,
  );
  return undefined;
}

type AskPassphrase = NonNullable<Prompts['passphrase']>;

/** By who is asked: a key file opens many routers, and the way back from a change, and is asked for once. */
const OPENED = new WeakMap<AskPassphrase, Map<string, Promise<ParsedKey | undefined>>>();

function opened(path: string, text: string, ask: AskPassphrase): Promise<ParsedKey | undefined> {
  const known = OPENED.get(ask) ?? new Map<string, Promise<ParsedKey | undefined>>();
  OPENED.set(ask, known);
  const key = known.get(path) ?? open(path, text, ask);
  known.set(path, key);
  return key;
}

async function open(path: string, text: string, ask: AskPassphrase): Promise<ParsedKey | undefined> {
  for (let tries = 0; tries < passphraseTriesMax; tries++) {
    const passphrase = await ask(path);
    if (passphrase === undefined) return undefined;
    const key = parse(text, passphrase);
    if (!(key instanceof Error)) return key;
  }
  return undefined;
}

function parse(text: string, passphrase?: string): ParsedKey | Error {
  const parsed: ParsedKey | ParsedKey[] | Error = ssh2.utils.parseKey(text, passphrase);
  if (!Array.isArray(parsed)) return parsed;
  return parsed[0] ?? new Error('holds no key');
}

function asker(context: Context, answer: NonNullable<Prompts['answer']>) {
  let rounds = 0;
  return (
    title: string,
    instructions: string,
    _language: string,
    questions: readonly { prompt: string; echo?: boolean }[],
    finish: (answers: string[]) => void,
  ): void => {
    const prompts = questions.map(({ prompt, echo }) => ({ text: prompt, hidden: echo !== true }));
    const ask = async () =>
      ++rounds > questionRoundsMax
        ? undefined
        : context.asking(() => answer({ router: context.router, title, instructions, prompts }));
    void ask()
      .catch(() => undefined)
      .then((answers) => {
        if (answers === undefined) context.notes.push('keyboard-interactive: not answered');
        finish([...(answers ?? questions.map(() => ''))]);
      });
  };
}

/** The agent, with the configured keys first (servers count refusals), and only these where IdentitiesOnly says so. */
class OrderedAgent extends ssh2.BaseAgent<Buffer> {
  readonly #agent: ssh2.BaseAgent;
  readonly #wanted: readonly Buffer[];
  readonly #only: boolean;
  readonly #seen: Set<string>;
  readonly #notes: string[];

  constructor(agent: ssh2.BaseAgent, wanted: readonly Buffer[], only: boolean, seen: Set<string>, notes: string[]) {
    super();
    this.#agent = agent;
    this.#wanted = wanted;
    this.#only = only;
    this.#seen = seen;
    this.#notes = notes;
  }

  override getIdentities(done: IdentityCallback<Buffer>): void {
    this.#agent.getIdentities((error, keys) => {
      if (error) this.#notes.push(`agent: ${error.message}`);
      const all = (keys ?? []).flatMap((key) => {
        const parsed = ssh2.utils.parseKey(key as Buffer);
        return parsed instanceof Error ? [] : [(Array.isArray(parsed) ? parsed[0]! : parsed).getPublicSSH()];
      });
      const rank = (key: Buffer) => {
        const place = this.#wanted.findIndex((wanted) => wanted.equals(key));
        return place < 0 ? this.#wanted.length : place;
      };
      const offered = all.filter((key) => !this.#only || rank(key) < this.#wanted.length);
      offered.sort((one, other) => rank(one) - rank(other));
      for (const key of offered) this.#seen.add(key.toString('base64'));
      if (!error) this.#notes.push(`agent: ${offered.length} keys, none accepted`);
      done(undefined, offered);
    });
  }

  override sign(key: Buffer, data: Buffer, options: SigningRequestOptions | SignCallback, done?: SignCallback): void {
    if (typeof options === 'function') this.#agent.sign(key, data, options);
    else this.#agent.sign(key, data, options, done);
  }
}
