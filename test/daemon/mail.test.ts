import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { hostname, userInfo } from 'node:os';
import { createInterface } from 'node:readline';
import { text as readAll } from 'node:stream/consumers';
import { after, describe, test } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { seconds } from '../../src/base/units.ts';
import type { Happening, HappeningKind } from '../../src/daemon/happening.ts';
import { Mailer, mailFor } from '../../src/daemon/mail.ts';
import type { GlobalDefs } from '../../src/keepalived/model.ts';
import { parse } from '../../src/keepalived/parser.ts';
import { steady } from '../support/steady.ts';
import { until } from '../support/until.ts';

const closing: (() => void)[] = [];
after(() => {
  for (const close of closing) close();
});

const happening = (name: string, what: HappeningKind): Happening => ({
  type: name === 'G' ? 'GROUP' : 'INSTANCE',
  name,
  what,
  priority: 100,
});

describe('which mails are sent', () => {
  const conf = (globals: string, own = '') =>
    parse(
      `global_defs {
  router_id R1
  notification_email { a@example.com }
  smtp_server 127.0.0.1
  ${globals}
}
vrrp_sync_group G {
  group { V }
}
vrrp_instance V {
  interface lan
  virtual_router_id 1
  virtual_ipaddress { 10.0.0.1 }
  ${own}
}
`,
      'k.conf',
      {},
    ).config;
  const noServer = { ...conf('smtp_alert'), global_defs: { smtp_alert: true } };
  const now = '=> VRRP Instance is now owning VRRP VIPs <=\n';
  const noLonger = '=> VRRP Instance is no longer owning VRRP VIPs <=\n';
  const all = (state: string) => `=> All VRRP group instances are now in ${state} state <=\n`;

  for (const [name, what, text] of [
    ['V', 'MASTER', now],
    ['V', 'BACKUP', noLonger],
    ['V', 'FAULT', noLonger],
    ['V', 'DELETED', '=> VRRP Deleted at reload <=\n'],
    ['V', 'STOP', undefined],
    ['V', 'MASTER_RX_LOWER_PRI', undefined],
    ['V', 'MASTER_PRIORITY', undefined],
    ['G', 'MASTER', all('MASTER')],
    ['G', 'FAULT', all('FAULT')],
  ] as const) {
    test(`for ${what} of ${name}: ${text?.trim() ?? 'none'}`, () => {
      const mail = mailFor(conf('smtp_alert'), happening(name, what));
      const who = name === 'G' ? 'VRRP Group G' : 'VRRP Instance V';
      const event = what === 'DELETED' ? 'Deleted' : `Entering ${what} state`;
      assert.deepEqual(mail, text && { subject: `[R1] ${who} - ${event}`, text });
    });
  }

  for (const [what, config, wanted] of [
    ['nothing is said', conf(''), false],
    ['smtp_alert is off', conf('smtp_alert off'), false],
    ['smtp_alert_vrrp is on', conf('smtp_alert off\nsmtp_alert_vrrp on'), true],
    ['smtp_alert_vrrp is off', conf('smtp_alert on\nsmtp_alert_vrrp off'), false],
    ['the instance wants it', conf('smtp_alert off', 'smtp_alert on'), true],
    ['the instance does not', conf('smtp_alert on', 'smtp_alert off'), false],
    ['no server is named', noServer, false],
    ['there is no_email_faults', conf('smtp_alert\nno_email_faults'), false],
  ] as const) {
    test(`a fault is ${wanted ? '' : 'not '}told where ${what}`, () => {
      assert.equal(mailFor(config, happening('V', 'FAULT')) !== undefined, wanted);
    });
  }

  test('the router is its host name where the file has no router_id', () => {
    const { router_id: _, ...globals } = conf('smtp_alert').global_defs;
    const mail = mailFor({ ...conf(''), global_defs: globals }, happening('V', 'MASTER'));
    assert.ok(mail?.subject.startsWith(`[${hostname()}] `));
  });
});

interface Received {
  readonly from: string;
  readonly to: readonly string[];
  readonly helo: string;
  readonly message: string;
}

async function smtpServer(): Promise<{ readonly port: number; readonly received: readonly Received[] }> {
  const received: Received[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    onData(stream, session, done) {
      void readAll(stream).then((message) => {
        const { mailFrom, rcptTo } = session.envelope;
        const from = mailFrom === false ? '' : mailFrom.address;
        const to = rcptTo.map(({ address }) => address);
        received.push({ from, to, helo: String(session.hostNameAppearsAs), message });
        done();
      });
    },
  });
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  closing.push(() => server.close());
  return { port: (server.server.address() as AddressInfo).port, received };
}

/** Accepts, and does with the connection what it is told to. */
async function tcpServer(serve: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** As much of SMTP as it takes to be sent a mail; smtp-server lets every client wait 100 ms for its greeting. */
function takeMail(socket: Socket, subject: (line: string) => void): void {
  let data = false;
  socket.write('220 here\r\n');
  createInterface(socket).on('line', (line) => {
    if (line.startsWith('Subject: ')) subject(line);
    if (data && line !== '.') return;
    const answer = line === 'DATA' ? '354 go on' : line === 'QUIT' ? '221 bye' : '250 yes';
    data = line === 'DATA';
    socket.write(`${answer}\r\n`);
  });
}

function mailer(port: number, globals: GlobalDefs = {}) {
  const lines: string[] = [];
  const all: GlobalDefs = {
    notification_email: ['a@example.com', 'b@example.com'],
    smtp_server: { host: '127.0.0.1', port },
    smtp_connect_timeout: seconds(1),
    ...globals,
  };
  return { one: new Mailer(all, (_priority, line) => void lines.push(line)), lines };
}

const mail = { subject: '[R1] VRRP Instance V - Entering MASTER state', text: '=> now <=\n' };

describe('the mailer', () => {
  test('sends one mail after another to everyone named, with the names of the file', async () => {
    const { port, received } = await smtpServer();
    const { one, lines } = mailer(port, {
      notification_email_from: 'Router One <r1@example.com>',
      smtp_helo_name: 'helo.example.com',
    });
    one.send(mail);
    one.send({ ...mail, subject: 'second' });
    await one.idle();
    assert.equal(received.length, 2);
    const { from, to, helo, message } = received[0]!;
    assert.deepEqual(
      { from, to, helo },
      {
        from: 'r1@example.com',
        to: ['a@example.com', 'b@example.com'],
        helo: 'helo.example.com',
      },
    );
    assert.match(message, /^Subject: \[R1\] VRRP Instance V - Entering MASTER state\r?$/m);
    assert.match(message, /^From: Router One <r1@example.com>\r?$/m);
    assert.match(message, /^To: a@example.com, b@example.com\r?$/m);
    assert.match(message, /^X-Mailer: tandemd\r?$/m);
    assert.match(message, /^=> now <=\r?$/m);
    assert.match(received[1]!.message, /^Subject: second\r?$/m);
    assert.deepEqual(lines, ['SMTP alert successfully sent.', 'SMTP alert successfully sent.']);
  });

  test('without notification_email_from is our user at this host', async () => {
    const { port, received } = await smtpServer();
    const { one } = mailer(port);
    one.send(mail);
    await one.idle();
    assert.equal(received[0]?.from, `${userInfo().username}@${hostname()}`);
  });

  for (const [what, serve] of [
    ['accepts and says nothing', () => {}],
    ['greets and says nothing more', (socket: Socket) => void socket.write('220 here\r\n')],
    ['hangs up at once', (socket: Socket) => void socket.destroy()],
    ['refuses everyone', (socket: Socket) => void socket.end('554 no\r\n')],
  ] as const) {
    test(
      `a server that ${what} holds up nothing, and the next mail goes through another`,
      steady(async () => {
        const { port, received } = await smtpServer();
        const { one, lines } = mailer(await tcpServer(serve));
        const begun = performance.now();
        one.send(mail);
        assert.ok(performance.now() - begun < 500, 'sending waits for nobody');
        await one.idle();
        assert.match(lines[0] ?? '', /^SMTP alert ".*" not sent through 127.0.0.1:\d+: /);
        one.configure({ notification_email: ['a@example.com'], smtp_server: { host: '127.0.0.1', port } });
        one.send(mail);
        await one.idle();
        assert.equal(received.length, 1);
      }),
    );
  }

  test('where nobody listens says so', async () => {
    const { one, lines } = mailer(1);
    one.send(mail);
    await one.idle();
    assert.match(lines[0] ?? '', /not sent through 127.0.0.1:1: .*ECONNREFUSED/);
  });

  test('keeps the newest hundred while the server is slow, and says once that some are lost', async () => {
    const gate: (() => void)[] = [];
    const numbers: number[] = [];
    const note = (line: string): void => void numbers.push(Number(/number (\d+)/.exec(line)?.[1]));
    const port = await tcpServer((socket) => takeMail(socket, note));
    const slow = await tcpServer((socket) => void gate.push(() => socket.end('554 no\r\n')));
    const { one, lines } = mailer(slow, { smtp_connect_timeout: seconds(20) });
    for (let i = 0; i < 150; i += 1) one.send({ ...mail, subject: `number ${i}` });
    await until(() => gate.length === 1, 'the first mail to be tried');
    assert.deepEqual(lines, ['the SMTP server is too slow: the oldest alerts are dropped']);
    one.configure({ notification_email: ['a@example.com'], smtp_server: { host: '127.0.0.1', port } });
    gate[0]!();
    await one.idle();
    assert.deepEqual(
      numbers,
      Array.from({ length: 100 }, (_, i) => 50 + i),
    );
  });

  test('that is closed drops what waits', async () => {
    const { port, received } = await smtpServer();
    const { one } = mailer(port);
    for (let i = 0; i < 5; i += 1) one.send(mail);
    one.close();
    await one.idle();
    one.send(mail);
    await one.idle();
    assert.equal(received.length, 1);
  });
});
