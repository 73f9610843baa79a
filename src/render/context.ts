/**
 * What a template sees: the router's model, driven by the keyword table, with every value already the text that
 * stands in the file. A block has its keywords by name, so that a template can pick one out, and the same as lines
 * in canonical order, so that a template need not name them all. Every keyword is always there, null where the file
 * shall not have it: a template can ask `{{#if}}`, and a misspelt name is still an error.
 */
import type { Engine } from '../base/engine.ts';
import type { Link, Member } from '../inventory/model.ts';
import { type BlockName, type Keyword, keywordsOf } from '../keepalived/keywords.ts';
import type { Config } from '../keepalived/model.ts';
import { quote } from '../keepalived/quote.ts';

export interface Context {
  readonly pair: string;
  readonly router: string;
  /** The other router's name. */
  readonly peer: string;
  readonly engine: Engine;
  readonly global_defs: Block;
  readonly vrrp_script: readonly Block[];
  readonly track_file: readonly Block[];
  readonly vrrp_track_process: readonly Block[];
  readonly vrrp_sync_group: readonly Block[];
  /** Each also has `link`: the cabling, as the inventory says. */
  readonly vrrp_instance: readonly (Block & { readonly link: Link })[];
  /** Verbatim lines at the file's root. */
  readonly raw: readonly string[];
}

export interface Block {
  readonly keyword: string;
  /** Null where such a block has none. */
  readonly name: string | null;
  /** Its lines: `advert_int 1`, `nopreempt`. */
  readonly settings: readonly string[];
  /** The blocks inside it. */
  readonly blocks: readonly { readonly keyword: string; readonly lines: readonly string[] }[];
  /** Verbatim lines inside it. */
  readonly raw: readonly string[];
  /** Every keyword: what stands behind it, true where nothing does; of a block its lines. */
  readonly [keyword: string]: Value;
}

type Value = null | true | string | readonly string[] | Block['blocks'];

/** @param config what derive() made of the member */
export function context(pair: string, peer: string, member: Member, config: Config): Context {
  const raw = new Map(member.instances.map((intent) => [intent.name, intent.raw]));
  const named = (list: readonly { readonly name: string }[], keyword: string, at: BlockName) =>
    list.map((fields) => block(fields, keyword, at));
  return {
    pair,
    router: member.name,
    peer,
    engine: member.engine,
    global_defs: block(config.global_defs, 'global_defs', 'global_defs', member.global_raw),
    vrrp_script: named(config.vrrp_script, 'vrrp_script', 'vrrp_script'),
    track_file: named(config.track_file, 'track_file', 'track_file'),
    vrrp_track_process: named(config.track_process, 'vrrp_track_process', 'track_process'),
    vrrp_sync_group: named(config.vrrp_sync_group, 'vrrp_sync_group', 'vrrp_sync_group'),
    vrrp_instance: config.vrrp_instance.map((instance, index) => ({
      ...block(instance, 'vrrp_instance', 'vrrp_instance', raw.get(instance.name)),
      link: member.instances[index]!.link,
    })),
    raw: member.raw,
  };
}

/** A block of the model, whose fields are keywords. */
type Fields = Readonly<Record<string, unknown>>;

function block(model: object, keyword: string, at: BlockName, raw: readonly string[] = []): Block {
  const fields = model as Fields;
  const values: Record<string, Value> = {};
  const settings: string[] = [];
  const blocks: { keyword: string; lines: readonly string[] }[] = [];
  for (const row of keywordsOf(at).values()) {
    if (row.alias || row.form.kind === 'other' || row.form.kind === 'skipped') continue;
    const value = textOf(row, fields);
    values[row.name] = value;
    if (typeof value === 'string') settings.push(`${row.name} ${value}`);
    else if (value === true) settings.push(row.name);
    else if (value !== null) blocks.push({ keyword: row.name, lines: value });
  }
  const name = typeof fields.name === 'string' ? quote(fields.name) : null;
  return { ...values, keyword, name, settings, blocks, raw };
}

function textOf(row: Keyword, fields: Fields): null | true | string | readonly string[] {
  const field = fields[row.field];
  if (field === undefined) return null;
  switch (row.form.kind) {
    case 'value':
      return row.form.shape.write(field) || true;
    case 'fields':
      return row.form.shape.write(fields);
    case 'lines':
      return (field as readonly unknown[]).map(row.form.shape.write);
    case 'block':
      return block(field as object, row.name, row.form.block).settings;
    case 'other':
    case 'skipped':
      return null;
  }
}
