/** What a rollout says as it goes on, for people. */
import type { Executable, UploadWatch } from '../router/install.ts';

export interface Telling {
  /** One event, a sentence or less. */
  readonly tell: (line: string) => void;
  /** How far something is that takes a while; undefined: it is over. */
  readonly progress?: (what: string, text: string | undefined) => void;
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)}`;

/** The upload of an executable: seconds to compress and check it, and minutes over a slow line. */
export function uploadWatch(router: string, { version, size }: Executable, telling: Telling): UploadWatch {
  return {
    begins: () => telling.tell(`${router} gets tandemd ${version} (${megabytes(size)} MB)`),
    sent: (bytes, of) => {
      const checked = bytes === of ? ', is checked there' : '';
      telling.progress?.(router, `${megabytes(bytes)} of ${megabytes(of)} MB${checked}`);
    },
    ends: () => telling.progress?.(router, undefined),
  };
}
