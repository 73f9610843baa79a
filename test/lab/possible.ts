/** Why no lab can be had here, or false: what `skip` of a test wants. */
import { inspectMachine, type Wishes } from '../../src/lab/machine.ts';

/** @param wishes a certain init, say */
export async function labPossible(wishes: Wishes = {}): Promise<string | false> {
  try {
    await inspectMachine(wishes);
    return false;
  } catch (error) {
    return (error as Error).message;
  }
}
