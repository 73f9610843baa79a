import type { Problem } from '../base/problem.ts';

/** What forbids a plan. */
export const block = (code: Problem['code'], message: string, hint?: string): Problem => ({
  code,
  severity: 'error',
  message,
  ...(hint !== undefined && { hint }),
});
