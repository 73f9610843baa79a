/** Asking a daemon, over whatever carries bytes both ways: a unix socket here, a channel of SSH elsewhere. */
import { REPLY_BYTES_MAX, type Reply, type Request, replySchema } from './messages.ts';

/** What goes out: one line. */
export const requestLine = (request: Request): string => `${JSON.stringify(request)}\n`;

/** Collects a reply as its pieces come in. */
export class ReplyReader {
  #text = '';

  /** The reply once its line is whole; undefined before. Throws where it is none, or too long. */
  take(chunk: string): Reply | undefined {
    this.#text += chunk;
    if (this.#text.length > REPLY_BYTES_MAX) throw new Error('the reply of tandemd is too long');
    const end = this.#text.indexOf('\n');
    return end === -1 ? undefined : readReply(this.#text.slice(0, end));
  }
}

function readReply(line: string): Reply {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new Error('the reply of tandemd is not JSON', { cause });
  }
  const reply = replySchema.safeParse(value);
  if (!reply.success) throw new Error('the reply of tandemd is not understood: is it of another version?');
  return reply.data;
}
