import { createHash } from 'node:crypto';
import { appendFile, open } from 'node:fs/promises';
import { causeText, CheckpointError, WriteError, type LogRecord } from '@flowmap/core';
import { readTextFile, writeFileAtomic } from '@flowmap/core/node';
import { z } from 'zod';
import { digestOf, type LogFacts } from './manifest.js';

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
  /** What differs from what the run wrote. */
  readonly notes: readonly string[];
  /** Truncates the file to these records; called before the first is appended. */
  begin(): Promise<void>;
  append(record: LogRecord): Promise<void>;
  /** Flushes the file to disk. */
  flush(): Promise<void>;
  /** Identifies the records so far. */
  facts(): LogFacts;
}

/**
 * Reads a run's log up to a step: steps after the checkpoint that a run resumes from will be logged again. Nothing is
 * written before `begin`. Lines that are not records, and any further records of the same step, are left out.
 *
 * @param wrote the log as it was at the checkpoint; not compared unless given
 * @throws {CheckpointError} when the records cannot be read
 */
export async function openLog(path: string, step: number, wrote?: LogFacts): Promise<Log> {
  const { records: found, others } = step === 0 ? { records: [], others: 0 } : await readRecords(path);
  const until = found.filter((record) => record.step <= step).sort((a, b) => a.step - b.step);
  const records = until.filter((record, i) => record.step !== until[i - 1]?.step);
  const hash = createHash('sha256');
  for (const record of records) hash.update(toLine(record));
  return {
    records,
    notes: [
      ...(others > 0 ? [`log.jsonl: left out ${others} lines that are not records`] : []),
      ...(until.length > records.length
        ? [`log.jsonl: left out ${until.length - records.length} records of steps that are there already`]
        : []),
      ...(wrote ? differencesFrom(wrote, records) : []),
    ],
    begin: () => writeFileAtomic(path, records.map(toLine).join('')),
    async append(record) {
      records.push(record);
      hash.update(toLine(record));
      try {
        await appendFile(path, toLine(record));
      } catch (cause) {
        throw new WriteError(path, `cannot be written (${causeText(cause)})`, { cause });
      }
    },
    async flush() {
      try {
        const file = await open(path, 'r+');
        await file.sync().finally(() => file.close());
      } catch (cause) {
        throw new WriteError(path, `cannot be written (${causeText(cause)})`, { cause });
      }
    },
    facts: () => ({ records: records.length, sha256: hash.copy().digest('hex') }),
  };
}

/** How a log differs from what a run wrote; further records may follow that. */
function differencesFrom(wrote: LogFacts, records: readonly LogRecord[]): string[] {
  if (records.length < wrote.records) {
    return [`log.jsonl: ${records.length} of the ${wrote.records} records before the checkpoint are there`];
  }
  const same = digestOf(records.slice(0, wrote.records).map(toLine).join('')) === wrote.sha256;
  return same ? [] : ['log.jsonl: the records before the checkpoint are not those that the run wrote'];
}

/**
 * The records in a log, none if it does not exist, and the number of lines that are not records; an
 * incomplete last line does not count.
 */
async function readRecords(path: string): Promise<{ readonly records: readonly LogRecord[]; readonly others: number }> {
  const text = await readTextFile(path, { maxHeaderBytes: Infinity }).catch((error: unknown) => {
    const cause = error instanceof CheckpointError ? error.cause : undefined;
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return '';
    throw error;
  });
  const lines = text.split('\n').slice(0, -1);
  const records = lines.flatMap((line) => {
    try {
      const record: unknown = JSON.parse(line);
      schema.parse(record);
      return [record as LogRecord]; // the record itself, which keeps the order of its numbers
    } catch {
      return [];
    }
  });
  return { records, others: lines.length - records.length };
}

function toLine(record: LogRecord): string {
  return `${JSON.stringify(record)}\n`;
}
