/** Whoever reads a FIFO that a daemon writes to, without ever waiting. */
import assert from 'node:assert/strict';
import { closeSync, constants, openSync, readSync } from 'node:fs';

export class FifoReader implements Disposable {
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(1 << 20);
  #text = '';
  #wasLeft = false;

  constructor(path: string) {
    this.#fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  }

  /** What has come since it was last asked. */
  read(): string {
    try {
      const bytes = readSync(this.#fd, this.#buffer, 0, this.#buffer.length, null);
      const text = this.#buffer.toString('utf8', 0, bytes);
      // Made, and not opened by the daemon yet, it has nobody at its other end as well.
      if (bytes === 0 && this.#text !== '') this.#wasLeft = true;
      this.#text += text;
      return text;
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
      return '';
    }
  }

  /** All that has come. */
  text(): string {
    this.read();
    return this.#text;
  }

  /** Nobody had its other end open at a look, after something had come. */
  get wasLeft(): boolean {
    return this.#wasLeft;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
