/** JSON Schemas for editors, out of the same types that check the files. */
import * as z from 'zod';
import { inventorySchema, pairSchema } from './schema.ts';

/** By file name, as `tandem schema -o schema/` writes them: two spaces, one newline at the end. */
export function schemaFiles(): ReadonlyMap<string, string> {
  return new Map([
    ['inventory.schema.json', print(inventorySchema, 'A file under inventory/ of a Tandem tree')],
    ['pair.schema.json', print(pairSchema, 'A file under pairs/ of a Tandem tree')],
  ]);
}

function print(schema: z.ZodType, title: string): string {
  // What both sides of a refinement mean is the text of the file, so the input side is asked for.
  return `${JSON.stringify({ title, ...z.toJSONSchema(schema, { io: 'input', reused: 'ref' }) }, null, 2)}\n`;
}
