import { crc32 } from 'node:zlib';

import type { VocabularySpec } from './feature.declaration.js';

/** Words as numbers: 0 is missing, then the words in order, then the buckets for all others. */
export class Vocabulary {
  private readonly known: ReadonlyMap<string, number>;

  constructor(private readonly spec: VocabularySpec) {
    this.known = new Map(spec.words.map((word, index) => [word, index + 1]));
  }

  index(word: string | null): number {
    if (word === null) return 0;
    const { words, buckets } = this.spec;
    return this.known.get(word) ?? (buckets === 0 ? 0 : 1 + words.length + (crc32(word) % buckets));
  }
}
