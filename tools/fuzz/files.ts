import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = import.meta.dirname;

const namesIn = (path: string): string[] => (existsSync(path) ? readdirSync(path).sort() : []);

/** Files of a decoder's folder in `corpus` or `found`, by their paths. */
export function filesOf(collection: 'corpus' | 'found', decoder: string): string[] {
  const path = join(folder, collection, decoder);
  return namesIn(path).map((name) => join(path, name));
}

/** The inputs that a decoder starts from: the corpus, and earlier findings. */
export function readCorpus(decoder: string): Uint8Array[] {
  return [...filesOf('corpus', decoder), ...filesOf('found', decoder)].map((path) =>
    Uint8Array.from(readFileSync(path)),
  );
}

/**
 * Keeps an input in a file named after the reason and the input's digest.
 *
 * @param reason `corpus` keeps it in the corpus, the kind of its fault in `found`
 * @returns its path
 */
export function saveInput(decoder: string, reason: string, bytes: Uint8Array): string {
  const target = join(folder, reason === 'corpus' ? 'corpus' : 'found', decoder);
  mkdirSync(target, { recursive: true });
  const path = join(target, `${reason}-${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}`);
  writeFileSync(path, bytes);
  return path;
}
