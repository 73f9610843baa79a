/** Jobs one after another, in the order in which they were put in; one that throws ends itself alone. */
export class Serial {
  readonly #failed: (error: Error) => void;
  #tail: Promise<void> = Promise.resolve();

  constructor(failed: (error: Error) => void) {
    this.#failed = failed;
  }

  put(job: () => Promise<void> | void): void {
    this.#tail = this.#tail.then(job).catch((error: unknown) => {
      this.#failed(error instanceof Error ? error : new Error(String(error)));
    });
  }

  /** When everything put in so far is done. */
  idle(): Promise<void> {
    return this.#tail;
  }
}
