import { quoted } from '@flowmap/tensor';
import { duplicateKey, nestingOf } from './scan-json.js';

/** What JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** What {@link parseJson} found: a value, or what is wrong with the text. */
export type ParsedJson = { readonly value: unknown } | { readonly fault: string; readonly limit?: 'maxNesting' };

/**
 * Parses JSON, as UTF-8 bytes or text, from an untrusted source: text that is nested too deeply, or repeats a key in
 * one object, is refused.
 *
 * @param maxNesting maximum number of lists and objects around a value
 */
export function parseJson(json: Uint8Array | string, maxNesting: number): ParsedJson {
  try {
    const text =
      typeof json === 'string' ? json : new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json);
    if (nestingOf(text) > maxNesting) {
      return { fault: `is nested more than ${maxNesting} deep, the limit maxNesting`, limit: 'maxNesting' };
    }
    const value: unknown = JSON.parse(text);
    const twice = duplicateKey(text);
    return twice === undefined ? { value } : { fault: `gives the key ${quoted(twice)} twice` };
  } catch {
    return { fault: 'is not JSON' };
  }
}

/** True for a JSON object, as opposed to a list or a plain value. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** True for a list, whatever the static type says: configurations come from files. */
export function isList(value: unknown): boolean {
  return Array.isArray(value);
}
