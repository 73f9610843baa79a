/**
 * What the build does to the Node binary, an ELF file of 64 bits and little-endian: reads what it needs of the system
 * it will run on, and makes of it an executable that carries our program. ADR 0014. Source: elf(5), and the gABI for
 * symbol versions.
 *
 * `carrying` keeps what is loaded at run time (the file up to the end of its last segment), leaves out what is not (symbols,
 * debugging information, the section table), and adds one segment behind everything else. That segment holds the new
 * program headers, which have no room at their old place, and the note in which Node looks for its program.
 */
import { assert } from '../src/base/assert.ts';

const EHDR_BYTES = 64;
const PHDR_BYTES = 56;
const NHDR_BYTES = 12;
/** The largest pages that either architecture uses (arm64), so that one layout is right everywhere. */
const PAGE = 0x10000;

const PT = { LOAD: 1, DYNAMIC: 2, INTERP: 3, NOTE: 4, PHDR: 6 } as const;
const PF_R = 4;
const DT = { NULL: 0, NEEDED: 1, STRTAB: 5, VERNEED: 0x6ffffffe, VERNEEDNUM: 0x6fffffff } as const;

/** Where Node looks: a note of this name, and only if the byte behind the fuse's colon is a 1. */
const NOTE_NAME = 'NODE_SEA_BLOB';
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:';

interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
  readonly align: number;
}

export interface Requirements {
  /** Libraries by their names, in the file's order: `libc.so.6`. */
  readonly needed: readonly string[];
  /** Symbol versions that those must have: `GLIBC_2.28`. */
  readonly versions: readonly string[];
}

/** What the system's libraries must offer for this file to be loaded. */
export function requirements(file: Buffer): Requirements {
  const segments = readSegments(file);
  const dynamic = segments.find(({ type }) => type === PT.DYNAMIC);
  assert(dynamic, 'the ELF file is linked dynamically');
  const entries = readDynamic(file, dynamic);
  const valueAt = (tag: number): number | undefined => entries.find((entry) => entry.tag === tag)?.value;
  const strings = offsetOf(segments, valueAt(DT.STRTAB)!);
  const text = (at: number): string => file.toString('latin1', strings + at, file.indexOf(0, strings + at));
  const needed = entries.filter(({ tag }) => tag === DT.NEEDED).map(({ value }) => text(value));

  const versions: string[] = [];
  const first = valueAt(DT.VERNEED);
  let need = first === undefined ? 0 : offsetOf(segments, first);
  for (let i = 0; i < (valueAt(DT.VERNEEDNUM) ?? 0); i += 1) {
    // Verneed: version u16, count u16, file u32, first Vernaux u32, next u32.
    let auxiliary = need + file.readUInt32LE(need + 8);
    for (let j = 0; j < file.readUInt16LE(need + 2); j += 1) {
      // Vernaux: hash u32, flags u16, other u16, name u32, next u32.
      versions.push(text(file.readUInt32LE(auxiliary + 8)));
      auxiliary += file.readUInt32LE(auxiliary + 12);
    }
    need += file.readUInt32LE(need + 12);
  }
  return { needed, versions };
}

/** The highest version of a family among symbol versions: `2.28` of GLIBC; undefined: there is none. */
export function highest(versions: readonly string[], family: string): string | undefined {
  const numbers = versions.filter((version) => version.startsWith(`${family}_`)).map((v) => v.slice(family.length + 1));
  return numbers.toSorted(byVersion).at(-1);
}

/** `2.9` before `2.28`. */
export function byVersion(left: string, right: string): number {
  const [a, b] = [left.split('.').map(Number), right.split('.').map(Number)];
  const differs = Math.max(a.length, b.length);
  for (let i = 0; i < differs; i += 1) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The Node binary as an executable that runs the program in `blob` (of `node --experimental-sea-config`). */
export function carrying(node: Buffer, blob: Buffer): Buffer {
  const segments = readSegments(node);
  const loaded = segments.filter(({ type }) => type === PT.LOAD);
  const headers = segments.find(({ type }) => type === PT.PHDR);
  assert(loaded[0]?.offset === 0, "the first segment begins with the file's header");
  const base = loaded[0].address;
  const fileEnd = Math.max(...loaded.map(({ offset, fileBytes }) => offset + fileBytes));
  const memoryEnd = Math.max(...loaded.map(({ address, memoryBytes }) => address + memoryBytes));
  // As far from the file's begin as from the first segment's: kernels before 5.18 find the headers at that distance.
  const start = roundUp(Math.max(fileEnd, memoryEnd - base), PAGE);

  const count = segments.length + 2;
  const note = Buffer.concat([noteHead(blob.length), blob]);
  const noteAt = roundUp(start + count * PHDR_BYTES, 16);
  const end = noteAt + note.length;
  const placed = (type: number, offset: number, bytes: number, align: number): Segment => ({
    type,
    flags: PF_R,
    offset,
    address: base + offset,
    fileBytes: bytes,
    memoryBytes: bytes,
    align,
  });
  const table = segments
    .map((segment) => (segment === headers ? placed(PT.PHDR, start, count * PHDR_BYTES, 8) : segment))
    // PT_LOAD in the order of addresses: ours is the last of them.
    .toSpliced(segments.indexOf(loaded.at(-1)!) + 1, 0, placed(PT.LOAD, start, end - start, PAGE))
    .concat(placed(PT.NOTE, noteAt, note.length, 4));

  const out = Buffer.alloc(end);
  node.copy(out, 0, 0, fileEnd);
  table.forEach((segment, index) => {
    writeSegment(out, start + index * PHDR_BYTES, segment);
  });
  note.copy(out, noteAt);
  out.writeBigUInt64LE(BigInt(start), 32); // e_phoff
  out.writeBigUInt64LE(0n, 40); // e_shoff
  out.writeUInt16LE(count, 56); // e_phnum
  out.writeUInt16LE(0, 60); // e_shnum
  out.writeUInt16LE(0, 62); // e_shstrndx
  lightFuse(out.subarray(0, fileEnd));
  return out;
}

function noteHead(bytes: number): Buffer {
  const nameBytes = NOTE_NAME.length + 1;
  const head = Buffer.alloc(NHDR_BYTES + roundUp(nameBytes, 4));
  head.writeUInt32LE(nameBytes, 0);
  head.writeUInt32LE(bytes, 4);
  head.write(NOTE_NAME, NHDR_BYTES, 'latin1');
  return head;
}

function lightFuse(file: Buffer): void {
  const at = file.indexOf(`${FUSE}0`, 0, 'latin1');
  assert(at !== -1, 'this Node can carry a program');
  assert(file.indexOf(FUSE, at + 1, 'latin1') === -1, 'the fuse is there once');
  file.write('1', at + FUSE.length, 'latin1');
}

function readSegments(file: Buffer): readonly Segment[] {
  // Magic, 64 bits, little-endian, version 1.
  assert(file.length > EHDR_BYTES && file.readUInt32BE(0) === 0x7f454c46, 'this is an ELF file');
  assert(file.readUIntBE(4, 3) === 0x020101, 'the ELF file is one of 64 bits, little-endian');
  assert(file.readUInt16LE(54) === PHDR_BYTES, 'program headers have the size that we know');
  const at = Number(file.readBigUInt64LE(32));
  return Array.from({ length: file.readUInt16LE(56) }, (_, index) => readSegment(file, at + index * PHDR_BYTES));
}

// Elf64_Phdr: type u32, flags u32, then of 64 bits: offset, vaddr, paddr, filesz, memsz, align.
function readSegment(file: Buffer, at: number): Segment {
  const long = (offset: number): number => Number(file.readBigUInt64LE(at + offset));
  return {
    type: file.readUInt32LE(at),
    flags: file.readUInt32LE(at + 4),
    offset: long(8),
    address: long(16),
    fileBytes: long(32),
    memoryBytes: long(40),
    align: long(48),
  };
}

function writeSegment(file: Buffer, at: number, segment: Segment): void {
  const { offset, address, fileBytes, memoryBytes, align } = segment;
  file.writeUInt32LE(segment.type, at);
  file.writeUInt32LE(segment.flags, at + 4);
  [offset, address, address, fileBytes, memoryBytes, align].forEach((value, index) => {
    file.writeBigUInt64LE(BigInt(value), at + 8 + index * 8);
  });
}

function readDynamic(file: Buffer, { offset, fileBytes }: Segment): { readonly tag: number; readonly value: number }[] {
  const entries = [];
  for (let at = offset; at < offset + fileBytes; at += 16) {
    const tag = Number(file.readBigInt64LE(at));
    if (tag === DT.NULL) break;
    entries.push({ tag, value: Number(file.readBigUInt64LE(at + 8)) });
  }
  return entries;
}

/** Where in the file lies what is at this address in memory. */
function offsetOf(segments: readonly Segment[], address: number): number {
  const inside = segments.find((s) => s.type === PT.LOAD && s.address <= address && address < s.address + s.fileBytes);
  assert(inside, 'the address lies in a segment');
  return inside.offset + address - inside.address;
}

const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;
