import { appendFile } from 'node:fs/promises';
import { causeText, CheckpointError, WriteError, type LogRecord } from '@flowmap/core';
import { readTextFile, writeFileAtomic } from '@flowmap/core/node';
import { z } from 'zod';

const schema: z.ZodType<LogRecord> = z
  .object({
    step: z.number(),
    imagesPerSecond: z.number(),
    seconds: z.number(),
  })
  .catchall(z.number());

/** A file of JSON lines, one record each. */
export interface Log {
  readonly records: readonly LogRecord[];
  /** Truncates the file to these records; called before the first is appended. */
  begin(): Promise<void>;
  append(record: LogRecord): Promise<void>;
}

/**
 * Reads a run's log up to a step: steps after the checkpoint that a run resumes from will be logged again. Nothing is
 * written before `begin`.
 *
 * @throws {CheckpointError} when the records cannot be read
 */
export async function openLog(path: string, step: number): Promise<Log> {
  const records = step === 0 ? [] : (await readRecords(path)).filter((record) => record.step <= step);
  return {
    records,
    begin: () => writeFileAtomic(path, records.map(toLine).join('')),
    async append(record) {
      records.push(record);
      try {
        await appendFile(path, toLine(record));
      } catch (cause) {
        throw new WriteError(path, `cannot be written (${causeText(cause)})`, { cause });
      }
    },
  };
}

/** The complete lines of a log, none if it does not exist; an incomplete last line is left out. */
async function readRecords(path: string): Promise<LogRecord[]> {
  const text = await readTextFile(path, { maxHeaderBytes: Infinity }).catch((error: unknown) => {
    const cause = error instanceof CheckpointError ? error.cause : undefined;
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return '';
    throw error;
  });
  return text.split('\n').flatMap((line) => {
    try {
      const record: unknown = JSON.parse(line);
      schema.parse(record);
      return [record as LogRecord]; // the record itself, which keeps the order of its numbers
    } catch {
      return [];
    }
  });
}

function toLine(record: LogRecord): string {
  return `${JSON.stringify(record)}\n`;
}
