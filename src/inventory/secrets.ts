/**
 * Secrets by reference: `${env:NAME}` and `${file:PATH}`. A value is resolved in memory and never printed;
 * the loader hands all of them to the filter that output goes through.
 */

/** Where secrets come from; the shell gives the real ones, a test its own. */
export interface SecretSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The text of a file, relative paths from the tree's root; throws with the reason where it cannot be had. */
  readonly file: (path: string) => string;
}

export type ResolvedSecret =
  | { readonly kind: 'value'; readonly value: string; readonly literal: boolean }
  | {
      readonly kind: 'refused';
      readonly code: 'secret-missing' | 'secret-form';
      readonly message: string;
      readonly hint: string;
    };

/** The value behind a reference, or the text itself where it is none. A file's last line end does not count. */
export function resolveSecret(text: string, sources: SecretSources): ResolvedSecret {
  const reference = /^\$\{([a-z]+):([^}]+)\}$/.exec(text);
  if (!reference) {
    // ${NAME} and ${ENV:NAME} are meant as references too: as a password they would go out as they stand.
    if (!text.includes('${')) return { kind: 'value', value: text, literal: true };
    return refused(
      'secret-form',
      'this is no reference to a secret, though it looks like one',
      `write \${env:NAME} or \${file:PATH}, and nothing else in the value`,
    );
  }
  const [, scheme, name = ''] = reference;
  switch (scheme) {
    case 'env': {
      const value = sources.env[name];
      if (value !== undefined && value !== '') return { kind: 'value', value, literal: false };
      return refused(
        'secret-missing',
        `the environment variable ${name} is ${value === '' ? 'empty' : 'not set'}`,
        `set ${name} before you run tandem`,
      );
    }
    case 'file':
      try {
        const value = sources.file(name).replace(/\r?\n$/, '');
        if (value !== '') return { kind: 'value', value, literal: false };
        return refused('secret-missing', `the file ${name} is empty`, 'write the secret into it');
      } catch (error) {
        return refused(
          'secret-missing',
          `the file ${name} cannot be read: ${(error as Error).message}`,
          'the path is relative to the tree',
        );
      }
    case 'secret':
      return refused('secret-form', `\${secret:...} is not there yet`, `use \${env:NAME} or \${file:PATH}`);
    default:
      return refused('secret-form', `there is no kind of secret "${scheme}"`, `use \${env:NAME} or \${file:PATH}`);
  }
}

const refused = (code: 'secret-missing' | 'secret-form', message: string, hint: string): ResolvedSecret => ({
  kind: 'refused',
  code,
  message,
  hint,
});
