/** Something that is being tracked, from its start on. */
export interface Tracking {
  /** When its first status has been reported, if it is one that the instances should not start without. */
  readonly known: Promise<void>;
  /** Nothing is reported any more. */
  end(): void;
}
