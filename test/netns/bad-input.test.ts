/**
 * Bad input of every kind in the reload matrix, against a live pair of real daemons: it is refused before anything on
 * either router is touched. Loaded, each of these ends a keepalived 2.2.7, takes its VIPs away or splits the pair.
 * First through the command line, where mostly our own parser refuses; then with our own checks passed by, where the
 * router's own test must.
 */
// needs: kernel keepalived ssh
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { requirePairs } from '../../src/commands/fleet.ts';
import { createIo } from '../../src/commands/io.ts';
import { openSession, planSession } from '../../src/commands/pair-session.ts';
import { requireRendered } from '../../src/commands/rendering.ts';
import type { RenderedRouter } from '../../src/render/render.ts';
import { applyPlan } from '../../src/rollout/apply.ts';
import { B, CONFIG, LivePair, pairImpossible, pairText, ROOT, testsOnPair, VIPS } from './live-pair.ts';

const TEMPLATE = 'templates/etc/keepalived/keepalived.conf.hbs';
const ROUTE = '198.51.100.0/24 via 91.59.24.131 dev p1p2';
/** The shipped template's text with something done to it. */
const INSTANCES = '{{#each vrrp_instance}}\n{{> partials/vrrp_instance}}\n{{/each}}\n';

interface Bad {
  readonly what: string;
  /** pairs/core.yaml, where it is not the one that runs. */
  readonly pair?: string;
  readonly template?: string;
  readonly inventory?: string;
  readonly says: RegExp;
  readonly code: number;
}

const OFFLINE: readonly Bad[] = [
  {
    what: 'a bad address, in YAML',
    pair: pairText({ vips: [...VIPS, '192.168.1.300/24 dev p3p1'] }),
    says: /pairs\/core\.yaml:\d+:\d+[\s\S]*192\.168\.1\.300/,
    code: 1,
  },
  {
    what: 'a bad address, in a raw line',
    pair: pairText({ more: ['raw: ["virtual_ipaddress_excluded {", "10.0.0.300/24 dev p3p1", "}"]'] }),
    says: /10\.0\.0\.300/,
    code: 1,
  },
  {
    what: 'an unknown keyword, in YAML',
    pair: pairText({ more: ['virtual_routez: []'] }),
    says: /pairs\/core\.yaml:\d+:5[\s\S]*virtual_routez/,
    code: 1,
  },
  {
    what: 'an unknown keyword with a block, in raw lines',
    pair: pairText({ more: ['raw: ["virtual_routez {", "192.0.2.0/24 via 10.0.0.1", "}"]'] }),
    says: /virtual_routez/,
    code: 1,
  },
  {
    what: 'an unknown keyword on a line of its own, in a raw line',
    pair: pairText({ more: ['raw: ["garp_master_dely 2"]'] }),
    says: /garp_master_dely[\s\S]*did you mean "garp_master_delay"/,
    code: 1,
  },
  {
    what: 'a route with a bad address, in YAML',
    pair: pairText({ routes: ['198.51.100.0/24 via 91.59.24.331 dev p1p2'] }),
    says: /pairs\/core\.yaml:\d+:\d+[\s\S]*91\.59\.24\.331/,
    code: 1,
  },
  {
    what: 'an interface that the inventory does not know',
    pair: pairText({ vips: [...VIPS, '192.168.9.1/24 dev p9p9'] }),
    says: /pairs\/core\.yaml:\d+:\d+[\s\S]*p9p9/,
    code: 1,
  },
  {
    what: 'a brace that is missing, in a raw line',
    pair: pairText({ more: ['raw: ["virtual_rules {", "from 192.0.2.0/24 table 50"]'] }),
    says: /raw|brace|\{/,
    code: 1,
  },
  {
    what: "a brace that is missing, in a template of the user's own",
    template: `${INSTANCES}vrrp_instance VI_9 {\n  interface p3p1\n  virtual_router_id 9\n`,
    says: /keepalived\.conf.*:\d+:\d+/,
    code: 1,
  },
  {
    what: "an opening brace that is missing, in a template of the user's own",
    template: `${INSTANCES}vrrp_instance VI_9\n  interface p3p1\n  virtual_router_id 9\n}\n`,
    says: /keepalived\.conf.*:\d+:\d+/,
    code: 1,
  },
  {
    what: "an empty file, from a template of the user's own",
    template: '\n',
    says: /conf-missing[\s\S]*keepalived\.conf:1:1/,
    code: 1,
  },
  {
    what: 'a file of comments alone',
    template: '# nothing for {{router}} yet\n',
    says: /conf-missing[\s\S]*keepalived\.conf:1:1/,
    code: 1,
  },
];

const ON_THE_ROUTER: readonly Bad[] = [
  {
    what: 'an interface that the inventory knows and the router has not',
    pair: pairText({ vips: [...VIPS, '192.168.9.1/24 dev p9p9'] }),
    inventory: 'p9p9: 192.168.9.11/24',
    says: /has no interface p9p9/,
    code: 8,
  },
  {
    what: 'an interface of a static address, which only keepalived looks for',
    template: `static_ipaddress {\n  192.0.2.1/32 dev p9p9\n}\n${INSTANCES}`,
    says: /keepalived refuses it: .*p9p9/,
    code: 3,
  },
  {
    what: 'a keyword of a newer keepalived, which this one does not know',
    pair: pairText({ more: ['raw: ["timer_expired_backup", "unicast_fault_no_peer"]'] }),
    says: /keepalived refuses it: /,
    code: 3,
  },
];

/**
 * Texts for the router's own test alone: what our parser would have refused. Not an empty file: `keepalived -t` of 2.2.7
 * takes it, and only ours does not.
 */
const PASSED_BY: readonly { readonly what: string; readonly spoil: (text: string) => string; readonly says: RegExp }[] =
  [
    {
      what: 'a bad address',
      spoil: (text) => text.replace('192.168.1.2/24', '192.168.1.300/24'),
      says: new RegExp(`${CONFIG}:\\d+: .*192\\.168\\.1\\.300`),
    },
    {
      what: 'an unknown keyword',
      spoil: (text) => text.replace('virtual_ipaddress {', 'virtual_routez {'),
      says: /virtual_routez/,
    },
    {
      what: 'an unknown keyword on a line of its own',
      spoil: (text) => text.replace('advert_int', 'garp_master_dely 2\n    advert_int'),
      says: /garp_master_dely/,
    },
    {
      what: 'a route with a bad address',
      spoil: (text) => text.replace('via 91.59.24.131', 'via 91.59.24.331'),
      says: /91\.59\.24\.331/,
    },
    {
      what: 'a missing opening brace',
      spoil: (text) => text.replace('virtual_ipaddress {', 'virtual_ipaddress'),
      says: /./,
    },
    { what: 'a missing interface', spoil: (text) => text.replace('interface p4p1', 'interface p9p9'), says: /p9p9/ },
    { what: 'a missing closing brace', spoil: (text) => text.trimEnd().replace(/\}$/, ''), says: /brace|block|\{|\}/ },
  ];

const skip = await pairImpossible();
describe('bad input never reaches a live pair', { skip, timeout: 240_000 }, () => {
  let pair: LivePair;
  const test = testsOnPair(() => pair);
  before(async () => {
    pair = await LivePair.up();
    await pair.bringUp();
  });
  after(() => pair?.[Symbol.asyncDispose]());

  for (const bad of [...OFFLINE, ...ON_THE_ROUTER]) {
    test(`${bad.what}: exit ${bad.code}, both routers as before`, async () => {
      pair.write('pairs/core.yaml', bad.pair ?? pairText({ routes: [ROUTE] }));
      if (bad.template !== undefined) pair.write(TEMPLATE, bad.template);
      if (bad.inventory !== undefined) pair.addInterface(bad.inventory);
      try {
        const was = await pair.snapshots();
        const { code, output } = await pair.tandem('apply', '--yes', '--allow', 'failover,outage,withdraw');
        assert.match(output, bad.says);
        assert.equal(code, bad.code, output);
        assert.deepEqual(await pair.snapshots(), was);
      } finally {
        if (bad.template !== undefined) pair.remove('templates');
        pair.addInterface();
      }
    });
  }

  for (const { what, spoil, says } of PASSED_BY) {
    test(`past our own checks, ${what} on one router: its own test refuses, nobody is signalled`, async () => {
      pair.describe({ routes: [ROUTE] });
      const was = await pair.snapshots();
      const report = await applySpoiled(pair, spoil);
      assert.equal(report.outcome.kind, 'refused', JSON.stringify(report.outcome));
      const findings = report.outcome.kind === 'refused' ? report.outcome.findings : [];
      assert.ok(findings.every((finding) => finding.router === B));
      assert.match(findings.map((finding) => finding.message).join('\n'), says);
      assert.deepEqual(await pair.snapshots(), was);
    });
  }

  test('afterwards the good configuration is applied as ever', async () => {
    pair.describe({ routes: [ROUTE] });
    assert.match(await pair.apply(), /0 observed/);
  });
});

/** Plans what is described, and has the second router get another text than the one that was checked. */
async function applySpoiled(pair: LivePair, spoil: (text: string) => string) {
  const io = createIo(ROOT);
  io.configure({ dir: pair.fleet, sshConfig: pair.lab.sshConfig });
  const { pairs } = await requirePairs(io);
  const [first, second] = requireRendered(io, pairs);
  await using session = openSession(pairs[0]!, [first!, spoiled(second!, spoil)], io);
  const plan = await planSession(session, io);
  return applyPlan({
    plan,
    rendered: session.rendered,
    links: session.links,
    packages: session.packages,
    interrupted: new AbortController().signal,
    tell: () => {},
  });
}

function spoiled(rendered: RenderedRouter, spoil: (text: string) => string): RenderedRouter {
  const [config, ...others] = rendered.files;
  assert.ok(config);
  const was = new TextDecoder().decode(config.content);
  const text = spoil(was);
  assert.notEqual(text, was, 'the text was spoiled');
  return { ...rendered, files: [{ ...config, content: new TextEncoder().encode(text) }, ...others] };
}
