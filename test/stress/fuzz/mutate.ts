import { randomFrom } from "../../../src/testing/random.js";
import type { Specimen } from "./corpus.js";
import { partsOf, repairChecksums } from "./structure.js";

/** What becomes of a file, and how that came about. */
export interface Mutant {
  readonly name: string;
  readonly bytes: Buffer;
}

/** One case: what it is follows from the seed and its number alone, and from the files that it begins with. */
export function mutantOf(corpus: readonly Specimen[], seed: number, number: number): Mutant {
  const random = new Random(randomFrom(`fuzz ${seed} ${number}`));
  const { name, bytes } = random.of(corpus);
  let mutant: Buffer = Buffer.from(bytes);
  const applied: string[] = [];
  for (let left = random.of([1, 1, 1, 2, 3]); left > 0; left--) {
    const [kind, mutate] = random.of(MUTATIONS);
    mutant = mutate(mutant, random, corpus);
    applied.push(kind);
  }
  if (random.chance(0.6)) repairChecksums(mutant);
  return { name: `${name}: ${applied.join(", ")}`, bytes: mutant };
}

type Mutation = (file: Buffer, random: Random, corpus: readonly Specimen[]) => Buffer;

const MUTATIONS: readonly (readonly [kind: string, mutate: Mutation])[] = [
  ["bits flipped", change((file, at, random) => file.writeUInt8((file[at] ?? 0) ^ (1 << random.below(8)), at))],
  ["bytes overwritten", change((file, at, random) => file.writeUInt8(random.of(INTERESTING_BYTES), at))],
  ["bytes at random", change((file, at, random) => file.writeUInt8(random.below(256), at))],
  ["numbers overwritten", change(writeNumber)],
  ["cut off", (file, random) => file.subarray(0, random.place(file.length))],
  [
    "bytes removed",
    (file, random) => {
      const [start, end] = random.range(file.length);
      return Buffer.concat([file.subarray(0, start), file.subarray(end)]);
    },
  ],
  [
    "bytes inserted",
    (file, random) => {
      const at = random.place(file.length);
      const inserted = Buffer.from(Array.from({ length: 1 + random.below(40) }, () => random.below(256)));
      return Buffer.concat([file.subarray(0, at), inserted, file.subarray(at)]);
    },
  ],
  [
    "bytes repeated",
    (file, random) => {
      const [start, end] = random.range(file.length);
      const piece = file.subarray(start, end);
      return Buffer.concat([file.subarray(0, end), ...Array(1 + random.below(8)).fill(piece), file.subarray(end)]);
    },
  ],
  ["a part repeated", ofPart((file, { start, end }) => insert(file, end, file.subarray(start, end)))],
  ["a part removed", ofPart((file, { start, end }) => Buffer.concat([file.subarray(0, start), file.subarray(end)]))],
  [
    "a part moved",
    ofPart((file, { start, end }, random) => {
      const rest = Buffer.concat([file.subarray(0, start), file.subarray(end)]);
      return insert(rest, random.place(rest.length), file.subarray(start, end));
    }),
  ],
  [
    "a length changed",
    ofPart((file, { field }, random) => {
      const { at, bytes, littleEndian } = field;
      const most = 2 ** (8 * bytes) - 1;
      const was = file[littleEndian ? "readUIntLE" : "readUIntBE"](at, bytes);
      const value = random.of([0, 1, was + 1, was - 1, was * 2, most, most >>> 1, random.below(most)]);
      file[littleEndian ? "writeUIntLE" : "writeUIntBE"](Math.min(Math.max(value, 0), most), at, bytes);
      return file;
    }),
  ],
  [
    "a part of another file put in",
    (file, random, corpus) => {
      const other = random.of(corpus).bytes;
      const { start, end } = random.of(partsOf(other)) ?? { start: 0, end: Math.min(other.length, 1000) };
      return insert(file, random.of(partsOf(file))?.end ?? random.place(file.length), other.subarray(start, end));
    },
  ],
  [
    "spliced with another file",
    (file, random, corpus) => {
      const other = random.of(corpus).bytes;
      return Buffer.concat([file.subarray(0, random.place(file.length)), other.subarray(random.place(other.length))]);
    },
  ],
];

const INTERESTING_BYTES = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff, 0x20, 0x3c];
const INTERESTING_NUMBERS = [0, 1, 2, 255, 256, 9_999, 32_767, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];

function writeNumber(file: Buffer, at: number, random: Random): void {
  const bytes = random.of([2, 4]);
  if (at + bytes > file.length) return;
  const value = random.of(INTERESTING_NUMBERS) % 2 ** (8 * bytes);
  file[random.chance(0.5) ? "writeUIntBE" : "writeUIntLE"](value, at, bytes);
}

/** A change at a few places. */
function change(at: (file: Buffer, at: number, random: Random) => unknown): Mutation {
  return (file, random) => {
    for (let left = random.of([1, 1, 2, 4, 16]); left > 0 && file.length > 0; left--)
      at(file, random.place(file.length), random);
    return file;
  };
}

/** A change of one part; where there are none, of any piece. */
function ofPart(mutate: (file: Buffer, part: ReturnType<typeof partsOf>[number], random: Random) => Buffer): Mutation {
  return (file, random) => {
    const fitting = partsOf(file).filter(({ field }) => field.at + field.bytes <= file.length);
    if (fitting.length > 0) return mutate(file, random.of(fitting), random);
    if (file.length < 4) return file;
    const [start, end] = random.range(file.length);
    const field = { at: Math.min(start, file.length - 4), bytes: 4, littleEndian: random.chance(0.5) } as const;
    return mutate(file, { start, end, field }, random);
  };
}

function insert(file: Buffer, at: number, piece: Buffer): Buffer {
  return Buffer.concat([file.subarray(0, at), piece, file.subarray(at)]);
}

class Random {
  readonly #next: () => number;

  constructor(next: () => number) {
    this.#next = next;
  }

  below(limit: number): number {
    return Math.floor(this.#next() * limit);
  }

  chance(probability: number): boolean {
    return this.#next() < probability;
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  /** Half of them near the beginning, where the headers are. */
  place(length: number): number {
    return this.below(this.chance(0.5) ? length : Math.min(length, 200));
  }

  range(length: number): [start: number, end: number] {
    const start = this.place(length);
    return [start, Math.min(length, start + 1 + this.below(this.chance(0.5) ? 16 : 500))];
  }
}
