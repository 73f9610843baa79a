/** A TCP connection through the pair that is watched: whether it stays open, and how long it ever was silent. */
import type { Lab } from './lab.ts';
import { startProgram } from './tree-program.ts';

export interface TalkOptions {
  readonly from: string;
  /** The node that has `address`. */
  readonly to: string;
  readonly address: string;
}

export interface TalkResult {
  /** Numbers that went out, one every 10 ms, and those that came back. */
  readonly sent: number;
  readonly back: number;
  readonly longestSilenceMs: number;
}

export interface Talk {
  /** Resolves when the first number came back; rejects when there is no connection. */
  readonly answered: Promise<void>;
  /** Rejects when the connection broke. */
  stop(): Promise<TalkResult>;
}

const PORT = 7000;
const INTERVAL_MS = 10;

export async function startTalk(lab: Lab, { from, to, address }: TalkOptions): Promise<Talk> {
  const program = 'lab/talker';
  const listener = startProgram(lab, to, { program, argv: ['listen', address, `${PORT}`] });
  await listener.begun;
  const talker = startProgram(lab, from, { program, argv: ['talk', address, `${PORT}`, `${INTERVAL_MS}`] });
  return {
    answered: talker.begun,
    stop: async () => {
      try {
        const [sent = 0, back = 0, longestSilenceMs = 0] = (await talker.stop()).map(Number);
        return { sent, back, longestSilenceMs };
      } finally {
        await listener.stop();
      }
    },
  };
}
