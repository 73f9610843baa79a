/** What a file of this folder gives to run.ts: figures of one thing, or a comparison of two. */
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

export interface Comparison {
  readonly title: string;
  readonly about: string;
  /** `body`: what the document says; `kept`: no limit was missed. */
  readonly compare: (options: ComparisonOptions) => Promise<{ readonly body: string; readonly kept: boolean }>;
}

/** For a try; the document is not written then. */
export interface ComparisonOptions {
  readonly sizes?: readonly number[];
  readonly rounds?: number;
}
