// One pass over JSON text for what JSON.parse does not report: how deeply it is nested, and repeated keys.

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Maximum number of lists and objects around a value; for text that is not JSON, an arbitrary number. */
export function nestingOf(text: string): number {
  let depth = 0;
  let most = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === OPEN_LIST || code === OPEN_OBJECT) most = Math.max(most, ++depth);
    else if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth--;
  }
  return most;
}

/**
 * The first key that is repeated in one object, with escapes resolved; undefined if there is none.
 *
 * @param text valid JSON
 */
export function duplicateKey(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = []; // keys of the enclosing objects, undefined for a list
  let keys: Set<string> | undefined;
  let isKey = false; // whether a string here is a key
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = endOfString(text, at);
      if (isKey && keys) {
        const raw = text.slice(at + 1, end);
        const key = raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
        if (keys.has(key)) return key;
        keys.add(key);
        isKey = false;
      }
      at = end;
    } else if (code === OPEN_LIST || code === OPEN_OBJECT) {
      open.push(keys);
      keys = code === OPEN_OBJECT ? new Set() : undefined;
      isKey = code === OPEN_OBJECT;
    } else if (code === CLOSE_LIST || code === CLOSE_OBJECT) {
      keys = open.pop();
    } else if (code === COMMA) {
      isKey = keys !== undefined;
    }
  }
  return undefined;
}

/** Index of the closing quote of the string that starts at `at`, or of the end of the text. */
function endOfString(text: string, at: number): number {
  for (let end = at + 1; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (code === QUOTE) return end;
    if (code === BACKSLASH) end++;
  }
  return text.length;
}
