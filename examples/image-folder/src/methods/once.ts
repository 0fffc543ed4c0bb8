import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { readJsonFile, writeFileAtomic } from '@flowmap/core/node';

/** What was computed before with the same settings, from its file; else computes it and writes it there. */
export async function once<T>(file: string, settings: object, compute: () => Promise<T>): Promise<T> {
  const wanted: unknown = JSON.parse(JSON.stringify(settings));
  if (existsSync(file)) {
    const there = (await readJsonFile(file)) as { settings: unknown; result: T };
    if (isDeepStrictEqual(there.settings, wanted)) return there.result;
  }
  const result = await compute();
  await writeFileAtomic(file, `${JSON.stringify({ settings: wanted, result })}\n`);
  return result;
}
