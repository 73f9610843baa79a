/** Whether a SIGHUP came before there was anyone to carry it out. */
export interface Hangup {
  readonly came: boolean;
}

/**
 * These would end a process that does not take them, and a start takes its time. Dumps are not owed yet; a SIGHUP may
 * be for what was written after the file was read.
 */
export function takeEarlySignals(): Hangup {
  const hangup = { came: false };
  process.on('SIGHUP', () => {
    hangup.came = true;
  });
  process.on('SIGUSR2', () => {});
  return hangup;
}
