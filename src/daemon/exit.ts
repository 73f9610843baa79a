/** keepalived's exit codes, as seen with 2.2.7. */
export const EXIT = {
  ok: 0,
  /** Wrong arguments, and whatever else stops it. */
  failed: 1,
  /** The configuration is refused at start. */
  config: 2,
  /** The configuration is refused by -t. */
  configTest: 5,
} as const;
