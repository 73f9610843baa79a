/** The real daemon's session on a kernel that is nothing but state. */
import { writeFileSync } from 'node:fs';
import { ms } from '../../src/base/units.ts';
import { type Loaded, load } from '../../src/daemon/load.ts';
import { Session } from '../../src/daemon/session.ts';
import { View } from '../../src/daemon/view.ts';
import { KnownLines } from '../../src/keepalived/known-lines.ts';
import type { FakeKernel } from './fake-kernel.ts';

export interface FakeSession {
  readonly session: Session;
  readonly log: readonly string[];
  /** `VI_0 MASTER`, a line a notice. */
  readonly told: readonly string[];
}

export async function startSession(kernel: FakeKernel, loaded: Loaded): Promise<FakeSession> {
  const log: string[] = [];
  const told: string[] = [];
  let session: Session | undefined;
  const snapshot = await kernel.watch((events) => {
    for (const event of events) if (view.apply(event)) session?.heard(event);
  });
  const view = new View(snapshot);
  session = new Session({
    kernel,
    view,
    loaded,
    log: (_priority, message) => log.push(message),
    hooks: {
      notify: ({ name }, what) => told.push(`${name} ${what}`),
      notifyGroup: (name, what) => told.push(`group ${name} ${what}`),
      priorityChanged: () => {},
    },
    keepOwned: false,
  });
  await session.start(snapshot, ms(0));
  return { session, log, told };
}

/**
 * Writes the text to the file and reads it from there, as a reload does.
 * @param known what the daemon remembers of its readings
 */
export async function loadText(
  file: string,
  text: string,
  interfaces: readonly string[],
  known = new KnownLines(),
): Promise<Loaded> {
  writeFileSync(file, text);
  const { loaded, report } = await load({ file, interfaces: new Set(interfaces), missingInterface: 'refuse', known });
  if (!loaded) throw new Error(report);
  return loaded;
}
