/**
 * nodemailer inside the one executable, in the package's place (scripts/executable.ts puts it there): a text of its own,
 * so that its 300 kB are in memory only where mail is sent.
 */
import { getAsset } from 'node:sea';
import { compileFunction } from 'node:vm';
import type * as Nodemailer from 'nodemailer';

/** CommonJS's own; the executable's knows the runtime's modules, which is all that nodemailer asks for. */
declare const require: (name: string) => unknown;

export const { createTransport } = loadMailer();

function loadMailer(): typeof Nodemailer {
  const filename = 'nodemailer.js';
  const module = { exports: {} };
  compileFunction(getAsset(filename, 'utf8'), ['module', 'exports', 'require'], { filename })(
    module,
    module.exports,
    require,
  );
  return module.exports as typeof Nodemailer;
}
