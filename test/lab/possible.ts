/** Why no lab can be had here, or false: what `skip` of a test wants. */
import { inspectMachine } from '../../src/lab/machine.ts';

export async function labPossible(): Promise<string | false> {
  try {
    await inspectMachine();
    return false;
  } catch (error) {
    return (error as Error).message;
  }
}
