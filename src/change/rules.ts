/**
 * The table of impact: one row a rule, the first row whose test holds decides. docs/impact.md is printed from it.
 * keepalived's columns were measured where test/change/reload-matrix.ts has a row; tandemd's follow from its transaction: it keeps its role through
 * a reload, sends and accepts both wire forms, and puts back what the kernel takes along.
 */
import { classes, type Rule } from './rule.ts';
import { INSTANCE_RULES } from './rules-instance.ts';
import { LINE_RULES } from './rules-lines.ts';
import { ROLE_RULES } from './rules-roles.ts';
import { SETTING_RULES } from './rules-settings.ts';

/** In this order. The last one holds always, so every change has a class. */
export const RULES: readonly Rule[] = [
  ...INSTANCE_RULES,
  ...LINE_RULES,
  ...ROLE_RULES,
  ...SETTING_RULES,
  {
    id: 'unknown',
    what: 'a line that Tandem does not know, or a setting that nobody has measured',
    classes: classes('failover', 'failover', 'failover'),
    on: 'router',
    reason: 'what this does to a running daemon is not known',
    demote: true,
    test: () => true,
  },
];
