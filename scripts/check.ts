/**
 * `npm run check`: everything that can be said about the tree without running it. The steps run side by side;
 * each prints one line, and its whole output where it failed.
 */
import { endAll, runProgram } from './process.ts';

const BIN = 'node_modules/.bin';

const STEPS: readonly { readonly name: string; readonly argv: readonly [string, ...string[]] }[] = [
  { name: 'types', argv: [`${BIN}/tsc`, '-p', 'tsconfig.json'] },
  { name: "types of the pure folders, without Node's", argv: [`${BIN}/tsc`, '-p', 'tsconfig.pure.json'] },
  { name: 'lint and format', argv: [`${BIN}/biome`, 'check', '--error-on-warnings'] },
  { name: 'nothing unused', argv: [`${BIN}/knip`] },
  { name: 'architecture', argv: [process.execPath, '--test', 'test/architecture.test.ts'] },
];

/** Each takes seconds; on a machine that is busy with other things, perhaps a minute. */
const STEP_MS_MAX = 180_000;

process.on('SIGINT', () => {
  endAll();
  process.exit(130);
});

const results = await Promise.all(
  STEPS.map(async ({ name, argv }) => {
    const ended = await runProgram(argv, { timeoutMs: STEP_MS_MAX });
    const ok = ended.code === 0 && !ended.timedOut;
    const seconds = (ended.elapsedMs / 1000).toFixed(1);
    console.log(`${ok ? 'ok  ' : 'FAIL'} ${name}  ${seconds} s${ended.timedOut ? '  (took too long)' : ''}`);
    if (!ok) console.log(ended.output.trimEnd());
    return ok;
  }),
);
process.exitCode = results.every(Boolean) ? 0 : 1;
