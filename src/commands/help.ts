/** `tandem help CODE`: what a problem means, with its section of docs/errors.md. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { CODES, type ProblemCode } from '../base/codes.ts';
import { didYouMean } from '../base/suggest.ts';
import { EXIT, Stop } from './exit.ts';
import type { Io } from './io.ts';

export function helpCommand(io: Io): Command {
  return new Command('help')
    .description('what a problem code means and how to solve it, or how a command is used')
    .argument('[topic]', 'a problem code or a command')
    .action((topic: string | undefined, _options: unknown, self: Command) => {
      const root = self.parent!;
      const command = topic === undefined ? root : root.commands.find((c) => c.name() === topic);
      if (command) command.outputHelp();
      else explainCode(io, topic!, root);
    });
}

function explainCode(io: Io, topic: string, root: Command): void {
  if (!Object.hasOwn(CODES, topic)) {
    const known = [...Object.keys(CODES), ...root.commands.map((command) => command.name())];
    const hint = didYouMean(topic, known) ?? 'codes stand in brackets: error[vip-outside-subnet]';
    throw new Stop(EXIT.error, `there is no problem code and no command "${topic}"`, { hint });
  }
  const code = topic as ProblemCode;
  const text = errorSection(readFileSync(join(io.packageRoot, 'docs/errors.md'), 'utf8'), code);
  io.out.result(`${io.out.paint('bold', code)}: ${CODES[code]}${text ? `\n\n${text}` : ''}`);
  io.out.document('tandem.help', 1, { code, summary: CODES[code], text });
}

/** The text below `### CODE` up to the next heading; empty where the document has no such section. */
function errorSection(document: string, code: string): string {
  const lines = document.split('\n');
  const start = lines.indexOf(`### ${code}`);
  if (start < 0) return '';
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => line.startsWith('#'));
  return rest
    .slice(0, end < 0 ? undefined : end)
    .join('\n')
    .trim();
}
