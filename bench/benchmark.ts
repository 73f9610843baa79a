/** What a file of this folder gives to run.ts. */
export interface Benchmark {
  readonly title: string;
  /** What is measured and how, for the document. */
  readonly about: string;
  readonly figures: readonly Figure[];
  readonly runs: number;
  /** Makes what the runs need; disposing takes it away again. */
  readonly prepare: () => Promise<AsyncDisposable & { readonly run: () => Promise<Readonly<Record<string, number>>> }>;
}

export interface Figure {
  readonly name: string;
  readonly unit: string;
  /** In the figure's unit: more than this is a failure. */
  readonly limit?: number;
}
