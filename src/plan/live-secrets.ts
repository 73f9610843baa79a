/**
 * The secrets in a router's own files, as they stand there: spelt wrong, commented out, behind a variable. What a
 * parser makes of such a line is nothing, and a text diff or a problem would show it all the same.
 */
import type { Observed } from '../change/observed.ts';

/** Passwords of a router that no inventory knows, by every text of keepalived's that was read there. */
export function liveSecrets({ config, files, daemon }: Observed): string[] {
  const loaded = daemon.kind === 'running' ? daemon.loaded?.text : undefined;
  const texts = [config?.text, loaded, ...files.map(({ text }) => text)].filter((text) => text !== undefined);
  const found = texts.map(secretsOfText);
  // A variable may be defined in another file than the one that uses it.
  const names = new Set(found.flatMap(({ variables }) => variables));
  const values = texts.flatMap((text) => (names.size === 0 ? [] : valuesOf(text, names)));
  return [...new Set([...found.flatMap(({ secrets }) => secrets), ...values])];
}

/** Words of the blocks that hold secrets, which are none themselves. */
const WORDS = new Set(
  'authentication auth_type auth_pass auth_hmac PASS AH key active_key time_window anti_replay mode strict'.split(' '),
);
/** As of a mask that is to leave other texts readable: what is shorter is a secret only right behind `auth_pass`. */
const LENGTH_MIN = 4;

/** `variables`: the names of those that stand where a secret is expected. */
function secretsOfText(text: string): { readonly secrets: string[]; readonly variables: string[] } {
  const [secrets, variables]: [string[], string[]] = [[], []];
  let inBlock = false;
  for (const raw of text.split('\n')) {
    if (!inBlock && !/auth|pass|secret|hmac/i.test(raw)) continue;
    const words = raw.replace(/^[\s#!]*(?:@\^?\S+\s+)?/, '').match(/\$\{\w+\}|[^\s"{}]+/g) ?? [];
    const opens = /^(?:authentication|auth_hmac)\b/.test(words[0] ?? '');
    if (inBlock && !opens && raw.includes('{')) inBlock = false;
    const isSecret = inBlock || opens || /pass|secret|hmac/i.test(words[0] ?? '');
    for (const [i, word] of (isSecret ? words : []).entries()) {
      const [, variable] = /^\$\{?(\w+)\}?$/.exec(word) ?? [];
      const isPassword = words[i - 1] === 'auth_pass';
      if (variable !== undefined) variables.push(variable);
      else if (isPassword || (i > 0 && word.length >= LENGTH_MIN && !WORDS.has(word))) secrets.push(word);
    }
    // What stands in quotes is one value to the daemon: `auth_pass "two words"`.
    const [, quoted] = /auth_pass\s+"([^"]+)"/.exec(raw) ?? [];
    if (quoted !== undefined) secrets.push(quoted);
    inBlock = (inBlock || opens) && !raw.includes('}');
  }
  return { secrets, variables };
}

/** `$NAME=VALUE`, keepalived.conf(5) "Parameter substitution". */
const valuesOf = (text: string, names: ReadonlySet<string>): string[] =>
  [...text.matchAll(/^\s*\$(\w+)\s*=\s*"?([^"\n]+?)"?\s*$/gm)].flatMap(([, name, value]) =>
    names.has(name!) ? [value!] : [],
  );
