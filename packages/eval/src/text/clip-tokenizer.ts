import { CheckpointError, ConfigError, quoted } from '@flowmap/core';
import { hostTensor, type HostTensor } from '@flowmap/tensor';

/** The tokens that begin and end a text; the second also fills it up. */
const [START, END] = ['<|startoftext|>', '<|endoftext|>'];
/** Marks the end of a word. */
const WORD_END = '</w>';
/** Tokens of a text, in all sizes of CLIP. */
const LENGTH = 77;

const special = /(<\|startoftext\|>|<\|endoftext\|>)/;
const word = /'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\p{White_Space}\p{L}\p{N}]+/gu;

/** Turns texts, at least one, into tokens: int32 `[texts, 77]`. Throws a `ConfigError` if there are none. */
export type Tokenizer = (texts: readonly string[]) => HostTensor;

/**
 * CLIP's tokenizer: byte-pair encoding of words in lower case, as `transformers` does it. A text begins with one
 * special token and ends with another; a text longer than 77 tokens is cut off before the last, a shorter one is filled
 * up with it.
 *
 * @param merges the merges, one pair per line after the first line: `loadClipMerges` of
 *   `@flowmap/eval/node`
 * @throws {CheckpointError} for a line that is not a pair, or has a part that no earlier line makes
 *
 * @example
 * const tokens = clipTokenizer(await loadClipMerges())(['a red bicycle', 'a cat on a sofa']);
 */
export function clipTokenizer(merges: string): Tokenizer {
  const { ids, ranks } = vocabularyOf(merges);
  const known = new Map<string, readonly number[]>();
  const tokensOf = (text: string): number[] =>
    text.split(special).flatMap((part) => {
      if (part === START || part === END) return [ids.get(part)!];
      return [...normalized(part).matchAll(word)].flatMap(([found]) => {
        const tokens = known.get(found) ?? mergedPieces(piecesOf(found), ranks).map((piece) => ids.get(piece)!);
        known.set(found, tokens);
        return tokens;
      });
    });
  const [start, end] = [ids.get(START)!, ids.get(END)!];
  return (texts) => {
    if (texts.length === 0) throw new ConfigError('clipTokenizer.texts', 'wanted at least one text, got none');
    const rows = new Int32Array(texts.length * LENGTH).fill(end);
    texts.forEach((text, i) => rows.set([start, ...tokensOf(text).slice(0, LENGTH - 2)], i * LENGTH));
    return hostTensor([texts.length, LENGTH], rows);
  };
}

interface Vocabulary {
  /** Index of each token. */
  readonly ids: ReadonlyMap<string, number>;
  /** Index of each merge, by its two parts with a space between them. */
  readonly ranks: ReadonlyMap<string, number>;
}

/** Bytes, bytes that end a word, what the merges make, and the two special tokens. */
function vocabularyOf(merges: string): Vocabulary {
  const bytes = letters();
  const tokens = [...bytes.shown, ...bytes.shown.map((letter) => letter + WORD_END)];
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const ranks = new Map<string, number>();
  const lines = merges.trimEnd().split('\n').slice(1);
  for (const [i, line] of lines.entries()) {
    const [first, second, ...more] = line.trimEnd().split(' ');
    if (!ids.has(first!) || second === undefined || !ids.has(second) || more.length > 0) {
      const wanted = 'wanted two tokens that the lines before it make';
      throw new CheckpointError('merges of clip', `line ${i + 2}: ${wanted}, got ${quoted(line)}`);
    }
    ranks.set(`${first!} ${second}`, i);
    ids.set(first! + second, tokens.length + i);
  }
  const count = tokens.length + lines.length;
  return { ids: ids.set(START, count).set(END, count + 1), ranks };
}

/** A letter for each byte, since merges are text: the byte itself if it is visible, otherwise one from U+0100 on. */
function letters(): { readonly ofByte: readonly string[]; readonly shown: readonly string[] } {
  const isSeen = (byte: number): boolean => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  const all = Array.from({ length: 256 }, (_, byte) => byte);
  const hidden = all.filter((byte) => !isSeen(byte));
  const ofByte = all.map((byte) => String.fromCharCode(isSeen(byte) ? byte : 0x100 + hidden.indexOf(byte)));
  // The vocabulary lists the visible ones first.
  return { ofByte, shown: [...all.filter(isSeen), ...hidden].map((byte) => ofByte[byte]!) };
}

const { ofByte } = letters();

/** The text in composed form, with single spaces, and in lower case letter by letter. */
function normalized(text: string): string {
  const spaced = text.normalize('NFC').replace(/\p{White_Space}+/gu, ' ');
  return Array.from(spaced, (letter) => letter.toLowerCase()).join('');
}

/** A word's bytes as letters, the last one marked. */
function piecesOf(found: string): string[] {
  const pieces = Array.from(new TextEncoder().encode(found), (byte) => ofByte[byte]!);
  return [...pieces.slice(0, -1), pieces.at(-1)! + WORD_END];
}

/** Joins neighbours, the earliest merge first, until no merge applies. */
function mergedPieces(pieces: readonly string[], ranks: ReadonlyMap<string, number>): readonly string[] {
  const rankAt = (from: readonly string[], i: number): number => ranks.get(`${from[i]!} ${from[i + 1]!}`) ?? Infinity;
  let merged = pieces;
  for (;;) {
    const best = merged.reduce((least, _, i) => Math.min(least, rankAt(merged, i)), Infinity);
    if (best === Infinity) return merged;
    const joined: string[] = [];
    for (let i = 0; i < merged.length; i++) {
      joined.push(rankAt(merged, i) === best ? merged[i]! + merged[++i]! : merged[i]!);
    }
    merged = joined;
  }
}
