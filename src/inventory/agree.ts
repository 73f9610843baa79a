/** What both members of a pair must agree on, or neither hears the other. */
import type { Location, Problem } from '../base/problem.ts';
import { formatDuration } from '../base/units.ts';
import { printValue } from './explain.ts';
import type { BuiltInstance } from './instance.ts';
import { placeOf, saidAbout } from './layers.ts';
import type { VrrpIntent } from './model.ts';

/** Each value that must be equal: its key in the YAML, and what is compared. */
const EQUAL: readonly { readonly key: string; readonly of: (intent: VrrpIntent) => string; readonly secret?: true }[] =
  [
    { key: 'virtual_router_id', of: (i) => String(i.virtual_router_id) },
    { key: 'version', of: (i) => String(i.version) },
    { key: 'family', of: (i) => String(i.family) },
    { key: 'link', of: (i) => i.link },
    { key: 'advert_int', of: (i) => formatDuration(i.advert_int) },
    { key: 'auth_pass', of: (i) => i.auth_pass ?? '', secret: true },
    { key: 'unicast', of: (i) => (i.unicast ? 'unicast' : 'multicast') },
    { key: 'vips', of: (i) => addresses(i.vips) },
    { key: 'advertise', of: (i) => addresses(i.vips.filter((vip) => vip.advertised)) },
  ];

const addresses = (vips: VrrpIntent['vips']): string =>
  vips
    .map(({ line }) => `${line.address.text}/${line.address.prefix}`)
    .sort()
    .join(' ');

/** One problem for each value on which two members disagree, with the layer that each has it from. */
export function checkAgreement(first: BuiltInstance, second: BuiltInstance, problems: Problem[]): void {
  for (const { key, of, secret } of EQUAL) {
    if (key === 'vips' || key === 'advertise') {
      const [a, b] = [first.settings.merged, second.settings.merged];
      if (a.vips === b.vips && a.advertise === b.advertise) continue;
    }
    const [mine, others] = [of(first.intent), of(second.intent)];
    if (mine === others) continue;
    // A VIP that differs is told once, by the list it stands in.
    if (
      key === 'advertise' &&
      of(first.intent) !== of(second.intent) &&
      addresses(first.intent.vips) !== addresses(second.intent.vips)
    )
      continue;
    const { at, from } = source(first, key);
    const other = source(second, key);
    const shown = (side: { said: unknown }, value: string) =>
      secret ? '(sensitive)' : side.said === undefined ? value : printValue(side.said);
    problems.push({
      code: 'pair-disagrees',
      severity: 'error',
      message: `${key} of ${first.intent.name} must be equal on both members`,
      at: other.at,
      label: `${shown(other, others)} (${other.from})`,
      related: [{ at, message: `${shown(source(first, key), mine)} (${from})` }],
      hint: 'say it once for both: in the pair, or in a layer that both members have',
    });
  }
}

function source(
  { settings }: BuiltInstance,
  key: string,
): { readonly at: Location; readonly from: string; readonly said: unknown } {
  const said = saidAbout(settings.layers, [key]).at(-1);
  if (said) return { at: said.at, from: said.layer, said: said.value ?? undefined };
  const { document, path } = placeOf(settings.layers, [key]);
  return { at: document.at(path), from: 'built-in default', said: undefined };
}
