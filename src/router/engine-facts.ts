/** What a change of engine stands on: what is installed, what systemd thinks of it, and where an executable can go. */
import type { Engine } from '../base/engine.ts';
import type { InstalledEngine, InstallFacts, InstallPlace, UnitFact } from '../change/observed.ts';
import type { Section } from './sections.ts';

/** Undefined where the script did not look. */
export function readInstall(sections: readonly Section[]): InstallFacts | undefined {
  const text = (name: string) => sections.find((section) => section.name === name)?.text;
  const glibc = text('glibc');
  if (glibc === undefined) return undefined;
  const version = readGlibc(glibc);
  const place = readPlace(text('place') ?? '', text('place-free') ?? '', text('mounts') ?? '');
  return {
    installed: readInstalled(sections),
    units: readUnits(text('units') ?? ''),
    ...(version !== undefined && { glibc: version }),
    ...(place && { place }),
  };
}

/** `Keepalived v2.2.7 (01/16,2022)` */
export const readVersion = (text: string | undefined): string | undefined =>
  /^\w+ v?(\d{1,3}\.\d{1,3}\.\d{1,3})\b/.exec(text ?? '')?.[1];

export function readInstalled(sections: readonly Section[]): InstalledEngine[] {
  return sections.flatMap((section, index) => {
    const [version, file] = [sections[index + 1], sections[index + 2]];
    if (section.name !== 'installed' || version?.name !== 'installed-version') return [];
    const binary = section.text.trim();
    const found = readVersion(version.text);
    if (found === undefined) return [];
    const engine: Engine = binary.endsWith('/tandemd') ? 'tandemd' : 'keepalived';
    const target = file?.name === 'installed-file' ? file.text.trim() : '';
    return [{ engine, version: found, binary, file: target === '' ? binary : target }];
  });
}

/** `systemctl show` of several units: `KEY=VALUE` lines, an empty line between two units. */
export function readUnits(text: string): UnitFact[] {
  return text.split(/\n\s*\n/).flatMap((part) => {
    const shown = new Map(
      part.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const),
    );
    const name = shown.get('Id');
    if (name !== 'keepalived.service' && name !== 'tandemd.service') return [];
    const mainPid = Number(shown.get('MainPID') ?? 0);
    return [
      {
        name,
        load: shown.get('LoadState') ?? '',
        active: shown.get('ActiveState') ?? '',
        file: shown.get('UnitFileState') ?? '',
        ...(mainPid > 0 && { mainPid }),
      },
    ];
  });
}

/** `glibc 2.36` of getconf(1), `ldd (Debian GLIBC 2.36-9+deb12u10) 2.36` or `ldd (GNU libc) 2.28` of ldd(1). */
export const readGlibc = (text: string): string | undefined =>
  /^glibc (\d{1,2}\.\d{1,3})\s*$/m.exec(text)?.[1] ??
  /^ldd \(.*(?:GLIBC|GNU libc).*\) (\d{1,2}\.\d{1,3})$/m.exec(text)?.[1];

/** What df(1) says under POSIX, and the options of the mount that it names: the last one there hides those before. */
function readPlace(path: string, df: string, mounts: string): InstallPlace | undefined {
  const [, free, mountPoint] = /\s(\d+)\s+\d+%\s+(\S.*)\s*$/.exec(df.trimEnd().split('\n').at(-1) ?? '') ?? [];
  if (path === '' || free === undefined) return undefined;
  const options = mounts
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, point]) => point === mountPoint?.trimEnd())
    .at(-1)?.[3]
    ?.split(',');
  if (options === undefined) return undefined;
  return {
    path,
    freeBytes: Number(free) * 1024,
    noexec: options.includes('noexec'),
    readOnly: options.includes('ro'),
  };
}
