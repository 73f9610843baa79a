/**
 * `tandem validate`: everything that can be said about the tree without a router. A tree that is valid renders:
 * the files are made and read back by the daemon's own parser, and thrown away.
 */
import { Command } from 'commander';
import { EXIT } from './exit.ts';
import { countProblems, loadAndReport } from './fleet.ts';
import type { Io } from './io.ts';
import { renderAndReport, templatesAndReport } from './rendering.ts';

export function validateCommand(io: Io): Command {
  return new Command('validate')
    .description('check inventory/, pairs/ and templates/: all problems in one run, with their places')
    .addHelpText('after', '\nExamples:\n  tandem validate\n  tandem -C fleet validate --json | jq .problems')
    .action(async () => {
      const loaded = await loadAndReport(io);
      // Without a fleet nothing is rendered; what is wrong with the templates themselves is told all the same.
      const rendered = loaded.value ? renderAndReport(io, loaded.value.pairs) : templatesAndReport(io);
      const valid = loaded.value !== undefined && rendered.value !== undefined;
      const pairs = loaded.value?.pairs.length ?? 0;
      const found = countProblems([...loaded.problems, ...rendered.problems]);
      io.out.document('tandem.validate', 1, { valid, pairs, routers: 2 * pairs });
      if (!valid) {
        io.out.event(`not valid: ${found}`);
        io.exit(EXIT.error);
        return;
      }
      const size = `${pairs} ${pairs === 1 ? 'pair' : 'pairs'}, ${2 * pairs} routers`;
      io.out.result(`${io.out.paint('good', 'valid')}: ${size}${found ? `; ${found}` : ''}`);
    });
}
