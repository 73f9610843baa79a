/** `tandem validate`: everything that can be said about the tree without a router, all problems in one run. */
import { Command } from 'commander';
import { hasErrors } from '../base/problem.ts';
import { EXIT } from './exit.ts';
import { countProblems, loadAndReport } from './fleet.ts';
import type { Io } from './io.ts';

export function validateCommand(io: Io): Command {
  return new Command('validate')
    .description('check inventory/ and pairs/: all problems in one run, with their places')
    .addHelpText('after', '\nExamples:\n  tandem validate\n  tandem -C fleet validate --json | jq .problems')
    .action(async () => {
      const { value, problems } = await loadAndReport(io);
      const valid = value !== undefined && !hasErrors(problems);
      const pairs = value?.pairs.length ?? 0;
      io.out.document('tandem.validate', 1, { valid, pairs, routers: 2 * pairs });
      const found = countProblems(problems);
      if (!valid) {
        io.out.event(`not valid: ${found}`);
        io.exit(EXIT.error);
        return;
      }
      const size = `${pairs} ${pairs === 1 ? 'pair' : 'pairs'}, ${2 * pairs} routers`;
      io.out.result(`${io.out.paint('good', 'valid')}: ${size}${found ? `; ${found}` : ''}`);
    });
}
