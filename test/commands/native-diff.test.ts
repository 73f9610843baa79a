import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nativeDiff } from '../../src/commands/native-diff.ts';
import { parse } from '../../src/keepalived/parser.ts';
import type { PairPlan } from '../../src/plan/plan.ts';
import type { RenderedRouter } from '../../src/render/render.ts';
import { conf, planOf, running, type Side } from '../plan/pair.ts';

const rendered = (router: string, text: string): RenderedRouter => ({
  pair: 'core',
  router,
  config: parse(text, 'x').config,
  files: [
    {
      path: '/etc/keepalived/keepalived.conf',
      mode: 0o600,
      owner: 'root',
      content: new TextEncoder().encode(text),
      sensitive: true,
    },
  ],
});

function diffOf(a: Side, reverse = false, change: (plan: PairPlan) => PairPlan = (plan) => plan): string {
  const b = { before: conf(100), after: conf(100) };
  return nativeDiff(change(planOf(a, b)), [rendered('a', a.after), rendered('b', b.after)], reverse);
}

test('the text of a file before and after, and the way back', () => {
  assert.match(diffOf(running), /^--- a:\S+conf\n\+\+\+ a:\S+ \(wanted\)\n[\s\S]*\n\+ {4}garp_master_delay 2\n/);
  assert.match(diffOf(running, true), /^--- a:\S+ \(wanted\)\n\+\+\+ a:\S+conf\n[\s\S]*\n- {4}garp_master_delay 2\n/);
});

test('of a file with the right text what else differs', () => {
  const idle = { before: conf(150), after: conf(150) };
  const { reading } = planOf(idle, idle).nodes[0];
  assert.ok(reading.kind === 'read' && reading.observed.config);
  const config = { ...reading.observed.config, mode: 0o644, owner: 'daemon:root' };
  const strange = { ...idle, observed: { config } };
  assert.equal(diffOf(strange), 'a:/etc/keepalived/keepalived.conf: mode 0644 becomes 0600, owner daemon becomes root');
  assert.match(diffOf(strange, true), /mode 0600 becomes 0644, owner root becomes daemon$/);
});

test('a file that the daemon reads elsewhere than it was rendered for', () => {
  const path = '/etc/keepalived/other.conf';
  const elsewhere = (plan: PairPlan): PairPlan => {
    const [node, peer] = plan.nodes;
    assert.ok(node.reading.kind === 'read' && node.reading.observed.config);
    const observed = { ...node.reading.observed, config: { ...node.reading.observed.config, path } };
    const files = node.desired.files.map((file) => ({ ...file, path }));
    const moved = {
      ...node,
      desired: { ...node.desired, files },
      writes: files,
      reading: { kind: 'read', observed },
    } as const;
    return { ...plan, nodes: [moved, peer] };
  };
  assert.match(diffOf(running, false, elsewhere), /^--- a:\/etc\/keepalived\/other\.conf\n[\s\S]*garp_master_delay 2/);
});
