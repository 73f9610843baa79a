/** What a command prints, passed on line by line while it runs; what the command before it had printed is not repeated. */
export interface Transcript {
  /** A piece of output, wherever it was cut. One of these for each stream: lines of two streams never mix. */
  stream(): (text: string) => void;
  /** @returns all lines, those that were held back included */
  end(): readonly string[];
}

/** @param before the lines of the command before: where this one begins with all of them, they are not shown again */
export function transcript(before: readonly string[], show: (line: string) => void): Transcript {
  const lines: string[] = [];
  const rests: { text: string }[] = [];
  let known = before.length > 0;
  const decide = (): void => {
    known = false;
    const repeated = lines.length >= before.length && before.every((line, index) => line === lines[index]);
    if (repeated) show('(as above)');
    for (const line of lines.slice(repeated ? before.length : 0)) show(line);
  };
  const take = (line: string): void => {
    lines.push(line);
    if (!known) show(line);
    else if (line !== before[lines.length - 1]) decide();
  };
  return {
    stream() {
      const rest = { text: '' };
      rests.push(rest);
      return (text) => {
        const parts = (rest.text + text).split('\n');
        rest.text = parts.pop() ?? '';
        for (const line of parts) take(line);
      };
    },
    end() {
      for (const { text } of rests) if (text !== '') take(text);
      if (known) decide();
      return lines;
    },
  };
}
