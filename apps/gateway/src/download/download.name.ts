import { extname } from 'node:path';

/** A name that every file system takes, of these words and with the ending of the artefact at `path`; with `otherwise` in front where none of the words' letters can be kept. */
export function fileName(words: string, path: string, otherwise: string): string {
  const kept = words.normalize('NFKD').toLowerCase().replaceAll(/\p{M}/gu, '').split(/[^a-z0-9]+/).filter((word) => word !== '').join('-');
  const named = /[a-z]/.test(kept) ? kept : [otherwise, kept].filter((part) => part !== '').join('-');
  return `${named.slice(0, LONGEST)}${extname(path)}`;
}

const LONGEST = 80;
