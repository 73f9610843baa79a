/** docs/impact.md, printed from the table of rules. */

import { IMPACT_CLASSES, type ImpactClass } from '../../src/change/impact-model.ts';
import { ROLLOUT_RULES } from '../../src/change/rollout-findings.ts';
import type { Rule } from '../../src/change/rule.ts';
import { RULES } from '../../src/change/rules.ts';

const MEANING: Readonly<Record<ImpactClass, string>> = {
  none: 'Text only. No daemon is signalled.',
  hot: 'Any order, and nobody notices. The router that is backup of more instances goes first.',
  ordered: 'Safe in one order of the routers, which the plan prints.',
  touch: 'An address or a route is deleted and added again within milliseconds. The role stays.',
  sync: 'Both routers within half a down timer, less what their clocks may be off.',
  staged: 'Several reloads in order, each proven before the next.',
  failover: 'The role moves. Needs `--allow failover`.',
  outage: 'Seconds without service. Needs `--allow outage`; what would lose addresses for good is refused.',
};

export function impactDoc(): string {
  return [
    '# What a change does to a running pair',
    '',
    'Every change that a plan shows ends with its class. The gravest one is the class of the plan.',
    '',
    '| class | what it means |',
    '|---|---|',
    ...IMPACT_CLASSES.map((name) => `| **${name}** | ${MEANING[name]} |`),
    '',
    'Apart from the class a change may **withdraw** something: a VIP, route, rule or instance stops being served. The',
    'plan counts that. The last VIP of an instance, a default route, over 20 % or more than 3 of the VIPs or routes of a',
    'router, or an instance need `--allow withdraw`. Starting VRRP on a router (`bring-up`), another engine (`engine`)',
    'and a VIP that goes to another pair (`move`) have steps and a word of `--allow` of their own.',
    '',
    '## The rules',
    '',
    'The first row that fits a change decides; the report of an apply names the row where what was seen differs from',
    'what was predicted. "wire" means that the router of the pair which forgives less decides for both: tandemd\'s column',
    "holds there only when both run it. keepalived's columns were measured with 2.2.7 and 2.4.3 where the reload",
    'matrix of the tests has a row ([carried out](reload-matrix.md) on a real pair); the others follow from its manual and',
    'from how it reloads.',
    '',
    '| rule | what changes | keepalived to 2.3.2 | keepalived from 2.3.3 | tandemd | on | why |',
    '|---|---|---|---|---|---|---|',
    ...RULES.map((rule) => row(rule, rule.on)),
    '',
    'These come with a rollout as a whole:',
    '',
    '| rule | what happens | keepalived to 2.3.2 | keepalived from 2.3.3 | tandemd | on | why |',
    '|---|---|---|---|---|---|---|',
    ...ROLLOUT_RULES.map((rule) => row(rule, 'router')),
    '',
    '<!-- Printed from src/change/rules.ts: UPDATE_DOCS=1 node --test test/change/impact-doc.test.ts writes it. -->',
    '',
  ].join('\n');
}

function row(rule: Pick<Rule, 'id' | 'what' | 'classes' | 'reason' | 'hot'>, on: Rule['on']): string {
  const { keepalived, keepalived233, tandemd } = rule.classes;
  const cells = [
    `\`${rule.id}\``,
    rule.what,
    keepalived,
    keepalived233,
    tandemd,
    on,
    `${rule.reason}${rule.hot === undefined ? '' : `; where it is hot: ${rule.hot}`}`,
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
