/** Whole files generated from the keyword table: for each keyword what the daemon shall accept, and refuse. */
import { type BlockName, KEYWORDS, type Keyword } from '../../src/keepalived/keywords.ts';

export interface Sample {
  readonly row: Keyword;
  readonly expected: 'accepted' | 'refused';
  /** `vrrp_instance priority 300` */
  readonly title: string;
  readonly text: string;
}

type Lines = readonly string[];

/** A file that is accepted, by block; a sample takes the place of the line with its keyword. */
const BASE: Readonly<Record<Exclude<BlockName, 'root'>, Lines>> = {
  global_defs: ['script_user root', 'enable_script_security'],
  vrrp_instance: ['interface eth0', 'virtual_router_id 51', 'virtual_ipaddress {\n10.99.0.1/24\n}'],
  authentication: ['auth_type PASS', 'auth_pass secret'],
  vrrp_sync_group: ['group {\nVI_1\nVI_2\n}'],
  vrrp_script: ['script /bin/true'],
  track_file: ['file /run/tracked', 'init_file 0'],
  track_process: ['process sshd'],
  track_group: ['group {\nVI_1\n}'],
};

/** What else must stand in the block, or at the root, for a sample to be accepted. */
const NEEDS: Readonly<Record<string, { readonly block?: Lines; readonly root?: Lines }>> = {
  'vrrp_instance.unicast_src_ip': { block: ['unicast_peer {\n192.0.2.7\n}'] },
  'vrrp_instance.check_unicast_src': { block: ['unicast_peer {\n192.0.2.7\n}'] },
  'vrrp_instance.unicast_ttl': { block: ['unicast_peer {\n192.0.2.7\n}'] },
  'vrrp_instance.vmac_xmit_base': { block: ['use_vmac'] },
  'vrrp_instance.auth_pass': { block: [] },
};

/** Definitions that tracks and references need; harmless where nothing refers to them. */
const DEFINITIONS = `vrrp_script script_1 {
script /bin/true
}
track_file file_1 {
file /run/tracked-1
}
vrrp_track_process process_1 {
process sshd
}
bfd_instance bfd_1 {
neighbor_ip 192.0.2.9
source_ip 192.0.2.1
}
`;

export function samplesOf(row: Keyword): readonly Sample[] {
  const { form } = row;
  if (form.kind === 'other' || form.kind === 'skipped') return [];
  const make = (expected: Sample['expected'], line: string): Sample => ({
    row,
    expected,
    title: `${row.in} ${line.replaceAll('\n', ' ')}`,
    text: fileWith(row, line),
  });
  const misspelt = make('refused', form.kind === 'value' ? `${row.name}x 1` : `${row.name}x {\n}`);
  if (form.kind === 'block') {
    const body = blockBody(form.block, undefined, '');
    return [
      make('accepted', `${row.name} ${form.named ? `${SAMPLE_NAMES[form.block]} ` : ''}{\n${body}\n}`),
      misspelt,
      ...(form.named ? [make('refused', `${row.name} {\n${body}\n}`)] : []),
    ];
  }
  const line = (text: string) => (form.kind === 'lines' ? `${row.name} {\n${text}\n}` : `${row.name} ${text}`.trim());
  return [
    ...form.shape.good.map((text) => make('accepted', line(text))),
    ...form.shape.bad.map((text) => make('refused', line(text))),
    misspelt,
  ];
}

const SAMPLE_NAMES: Partial<Record<BlockName, string>> = {
  vrrp_instance: 'VI_1',
  vrrp_sync_group: 'VG_1',
  vrrp_script: 'script_2',
  track_file: 'file_2',
  track_process: 'process_2',
  track_group: 'TG_1',
};

function blockBody(block: BlockName, row: Keyword | undefined, line: string): string {
  if (block === 'root') return '';
  const first = (text: string) => text.split(/\s/)[0];
  const own = row ? [line, ...(NEEDS[`${row.in}.${row.name}`]?.block ?? [])] : [];
  const replaced = new Set([...own.map(first), row?.name]);
  const base = BASE[block].filter((text) => !replaced.has(first(text)));
  return [...base, ...own].join('\n');
}

function fileWith(row: Keyword, line: string): string {
  const within = (block: BlockName) =>
    blockBody(block, row.in === block ? row : undefined, row.in === block ? line : '');
  const auth = row.in === 'authentication' ? `\nauthentication {\n${within('authentication')}\n}` : '';
  const parts = [
    row.name === 'global_defs' ? '' : `global_defs {\n${within('global_defs')}\n}`,
    DEFINITIONS,
    row.name === 'vrrp_instance' ? '' : `vrrp_instance VI_1 {\n${within('vrrp_instance')}${auth}\n}`,
  ];
  if (row.in === 'root') parts.push(line);
  if (row.in === 'vrrp_sync_group' || row.name === 'vrrp_sync_group') {
    parts.push('vrrp_instance VI_2 {\ninterface eth2\nvirtual_router_id 52\nvirtual_ipaddress {\n10.99.2.1/24\n}\n}');
  }
  for (const block of ['vrrp_sync_group', 'vrrp_script', 'track_file', 'track_group'] as const) {
    if (row.in === block) parts.push(`${block} ${SAMPLE_NAMES[block]} {\n${within(block)}\n}`);
  }
  return `${parts.filter((part) => part !== '').join('\n')}\n`;
}

export const SAMPLES: readonly Sample[] = KEYWORDS.filter((row) => row.tier < 3 && !row.engine).flatMap(samplesOf);
