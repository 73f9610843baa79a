import { createHash } from 'node:crypto';

/** As sha256sum(1) prints it. */
export const sha256Of = (content: Uint8Array | string): string => createHash('sha256').update(content).digest('hex');
