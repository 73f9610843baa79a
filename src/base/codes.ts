/**
 * Every code that a Problem may carry, with the sentence that `tandem help CODE` starts from.
 * Codes are stable: users, tests and scripts name them. Sorted by area.
 */
export const CODES = {
  // the keepalived.conf language
  'conf-unknown-keyword': 'The keyword does not exist at this place of keepalived.conf.',
  'conf-syntax': 'The text is not keepalived.conf: a brace, a quote or a block is wrong.',
  'conf-value': 'The value of a keepalived.conf keyword is missing, malformed or out of range.',
  'conf-ignored': 'keepalived.conf has a block that belongs to LVS or another part; it is skipped.',
  'conf-unsupported': 'A rare keyword is kept and printed, but Tandem does not act on it.',
  'conf-duplicate': 'A name, a VRID or an address stands twice where it must be unique.',
  'conf-missing': 'A keyword that the block needs is absent.',
  'conf-unknown-name': 'A name refers to a script, file or instance that is not defined.',
  'conf-unknown-interface': 'An interface of the file does not exist on the router.',
  'conf-include': 'An included file cannot be read, or includes run in a circle.',
} as const;

export type ProblemCode = keyof typeof CODES;
