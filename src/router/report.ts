/** What `tandemd -t`, or a tandemd that refuses a reload, says of a file: problems in the form of `docs/errors.md`. */

export interface ReportedProblem {
  readonly severity: 'error' | 'warning';
  /** On one line: `/etc/keepalived/keepalived.conf:11:9: "192.0.2.300/24" is no IP address [conf-value]`. */
  readonly text: string;
}

/** As many are shown as a person will read; the rest is counted. */
const SHOWN_MAX = 20;

/**
 * Excerpts and hints are left out: what is read here comes from a router, and the place says enough.
 * @param staged where the file lay when it was tested, and where it shall be
 */
export function readReport(text: string, staged?: { readonly path: string; readonly target: string }) {
  const problems: ReportedProblem[] = [];
  for (const block of text.split(/^(?=(?:error|warning)\[)/m)) {
    const [, severity, code, message] = /^(error|warning)\[([a-z-]+)\]: (.*)$/m.exec(block) ?? [];
    if (severity !== 'error' && severity !== 'warning') continue;
    const [, path, place] = /^ {2}--> (.+?)(:\d+:\d+)$/m.exec(block) ?? [];
    const file = path === staged?.path ? staged?.target : path;
    problems.push({ severity, text: `${file === undefined ? '' : `${file}${place}: `}${message} [${code}]` });
  }
  return problems;
}

/** The errors, one a line; the report as it came where none is understood. */
export function errorsOf(report: string): string[] {
  const errors = readReport(report).filter(({ severity }) => severity === 'error');
  if (errors.length === 0) return [report.trim() || 'it does not say why'];
  const more = errors.length - SHOWN_MAX;
  const shown = errors.slice(0, SHOWN_MAX).map(({ text }) => text);
  return more > 0 ? [...shown, `and ${more} more`] : shown;
}
