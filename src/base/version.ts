/** Whether a version such as `2.2.7` is `least` or newer; what is no version is older than everything. */
export function isAtLeast(version: string, least: string): boolean {
  const [have, want] = [version, least].map((text) => /^(\d+)\.(\d+)\.(\d+)/.exec(text)?.slice(1).map(Number));
  if (!have || !want) return false;
  const differs = have.findIndex((part, i) => part !== want[i]);
  return differs < 0 || have[differs]! > want[differs]!;
}
