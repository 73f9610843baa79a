/**
 * smtp_alert: a mail for every new state, in keepalived's words, to the file's smtp_server. Mails are sent one after
 * another, and a server that is slow or dead holds up nothing but mails: they wait in a queue with a limit, and every
 * wait on the server ends after smtp_connect_timeout.
 */
import { hostname, userInfo } from 'node:os';
import { type Millis, ms, seconds } from '../base/units.ts';
import type { Config, GlobalDefs } from '../keepalived/model.ts';
import { type Happening, isState, type NotifyState } from './happening.ts';
import type { Log } from './log.ts';
import { endsWithin } from './timers.ts';

export interface Mail {
  readonly subject: string;
  readonly text: string;
}

/** More waiting than this is a server that is gone: the newest tell how things stand. */
const MAILS_MAX = 100;
/** keepalived's smtp_connect_timeout. */
const SERVER_TIMEOUT: Millis = seconds(30);
/**
 * A mail takes some ten answers of the server, each of which may take a whole timeout; what takes longer is a server
 * that dribbles, and is left.
 */
const ANSWERS = 10;

export class Mailer {
  readonly #log: Log;
  #globals: GlobalDefs;
  readonly #waiting: { readonly mail: Mail; readonly date: Date }[] = [];
  #sending: Promise<void> | undefined;
  #lost = 0;
  #closed = false;

  constructor(globals: GlobalDefs, log: Log) {
    this.#globals = globals;
    this.#log = log;
  }

  /** A reload: what waits goes to the new server. */
  configure(globals: GlobalDefs): void {
    this.#globals = globals;
  }

  send(mail: Mail): void {
    if (this.#closed) return;
    this.#waiting.push({ mail, date: new Date() });
    if (this.#waiting.length > MAILS_MAX) {
      this.#waiting.shift();
      this.#lost += 1;
      if (this.#lost === 1) this.#log('warning', 'the SMTP server is too slow: the oldest alerts are dropped');
    }
    this.#sending ??= this.#work();
  }

  /** Resolves when all are sent or given up; the caller sets the limit. */
  async idle(): Promise<void> {
    await this.#sending;
  }

  /** What waits is dropped. */
  close(): void {
    this.#closed = true;
    this.#waiting.length = 0;
  }

  async #work(): Promise<void> {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      try {
        await deliver(this.#globals, next.mail, next.date);
        this.#log('debug', 'SMTP alert successfully sent.');
        this.#lost = 0;
      } catch (error) {
        const { smtp_server: server } = this.#globals;
        const where = `${server?.host}:${server?.port ?? SMTP_PORT}`;
        this.#log(
          'warning',
          `SMTP alert "${next.mail.subject}" not sent through ${where}: ${(error as Error).message}`,
        );
      }
    }
    // Here and not behind an await: the next mail must find nobody at work.
    this.#sending = undefined;
  }
}

const SMTP_PORT = 25;

async function deliver(globals: GlobalDefs, { subject, text }: Mail, date: Date): Promise<void> {
  const { smtp_server: server, smtp_helo_name: name, notification_email_from, notification_email = [] } = globals;
  const timeout = globals.smtp_connect_timeout ?? SERVER_TIMEOUT;
  // Only now: it takes 8 MB, and most routers never send a mail.
  const { createTransport } = await import('nodemailer');
  const transport = createTransport({
    host: server?.host ?? '',
    port: server?.port ?? SMTP_PORT,
    name: name ?? hostname(),
    // As keepalived: the file has no word about certificates, and the server is mostly the machine's own.
    secure: false,
    ignoreTLS: true,
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    socketTimeout: timeout,
    dnsTimeout: timeout,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const from = notification_email_from ?? `${userInfo().username}@${hostname()}`;
  const sent = transport.sendMail({ from, to: [...notification_email], subject, text, date, xMailer: 'tandemd' });
  try {
    const limit = ms(timeout * ANSWERS);
    if (!(await endsWithin(sent, limit))) throw new Error(`the server took more than ${limit / 1000} s`);
  } finally {
    transport.close();
  }
}

/** The mail of a new state, where the file wants one. Nothing is sent of STOP, as keepalived does. */
export function mailFor(config: Config, { type, name, what, deleted }: Happening): Mail | undefined {
  const { global_defs: globals, vrrp_instance, vrrp_sync_group } = config;
  const owners = type === 'INSTANCE' ? vrrp_instance : vrrp_sync_group;
  const owner = deleted ?? owners.find((one) => one.name === name);
  const wanted = owner?.smtp_alert ?? globals.smtp_alert_vrrp ?? globals.smtp_alert ?? false;
  if (!wanted || !hasServer(globals) || !isState(what) || what === 'STOP') return undefined;
  if (what === 'FAULT' && globals.no_email_faults) return undefined;
  const router = globals.router_id ?? hostname();
  const who = type === 'INSTANCE' ? `VRRP Instance ${name}` : `VRRP Group ${name}`;
  if (what === 'DELETED') return { subject: `[${router}] ${who} - Deleted`, text: '=> VRRP Deleted at reload <=\n' };
  return { subject: `[${router}] ${who} - Entering ${what} state`, text: `=> ${bodyOf(type, what)} <=\n` };
}

const hasServer = ({ smtp_server, notification_email = [] }: GlobalDefs): boolean =>
  smtp_server !== undefined && notification_email.length > 0;

function bodyOf(type: Happening['type'], what: NotifyState): string {
  if (type === 'GROUP') return `All VRRP group instances are now in ${what} state`;
  return `VRRP Instance is ${what === 'MASTER' ? 'now' : 'no longer'} owning VRRP VIPs`;
}
