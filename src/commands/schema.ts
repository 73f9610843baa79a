/** `tandem schema`: the JSON Schemas of inventory/ and pairs/, for editors, and of plan and apply, for programs. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { schemaFiles as inventorySchemaFiles } from '../inventory/json-schema.ts';
import { planSchemaFile } from '../plan/document.ts';
import { applySchemaFile } from '../rollout/document.ts';
import { EXIT, Stop } from './exit.ts';
import type { Io } from './io.ts';

export function schemaCommand(io: Io): Command {
  return new Command('schema')
    .description('the JSON Schemas of the YAML files and of `plan --json` and `apply --json`')
    .argument('[name]', 'inventory, pair, plan or apply: print this one')
    .option('-o, --output <dir>', 'write them all into this folder')
    .addHelpText(
      'after',
      `
Examples:
  tandem schema -o schema/
  tandem schema pair > pair.schema.json

At the head of a file in pairs/:
  # yaml-language-server: $schema=../schema/pair.schema.json`,
    )
    .action((name: string | undefined, { output }: { output?: string }) => {
      const files = new Map([...inventorySchemaFiles(), planSchemaFile(), applySchemaFile()]);
      if (output !== undefined) writeAll(io, files, resolve(io.dir, output));
      else printOne(io, files, name);
    });
}

function writeAll(io: Io, files: ReadonlyMap<string, string>, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of files) {
    const path = join(folder, name);
    writeFileSync(path, text);
    io.out.result(`wrote ${path}`);
  }
  io.out.document('tandem.schema-files', 1, { folder, files: [...files.keys()] });
}

function printOne(io: Io, files: ReadonlyMap<string, string>, name: string | undefined): void {
  const text = files.get(`${name}.schema.json`);
  if (name === undefined || text === undefined) {
    const names = [...files.keys()].map((file) => file.replace('.schema.json', '')).join(', ');
    const message = name === undefined ? 'which schema?' : `there is no schema "${name}"`;
    throw new Stop(EXIT.error, message, { hint: `name one of ${names}, or write all with -o DIR` });
  }
  io.out.result(text.trimEnd());
  io.out.document('tandem.schema', 1, { name, schema: JSON.parse(text) as unknown });
}
