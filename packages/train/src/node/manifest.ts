import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { causeText, CheckpointError, type ReadLimits } from '@flowmap/core';
import { z } from 'zod';
import { parseJsonFile } from './run-config.js';

/** File that ties the parts of a checkpoint together. */
export const MANIFEST = 'state.json';

/**
 * Layout of a checkpoint's files: 1 had separate files for one model, its average and its optimizer; 2 had no
 * checksums.
 */
const VERSION = 3;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const described = z.object({
  version: z.int().min(1).max(VERSION),
  step: z.int().min(0),
  seconds: z.number().min(0),
  /** Identity of the run that made it, as in its config.json. */
  run: z.string().optional(),
  /** The log when the checkpoint was made. */
  log: z.object({ records: z.int().min(0), sha256 }).optional(),
  /** Checksums of the checkpoint's other files. */
  files: z.record(z.string(), sha256).optional(),
});

/** What is known of a checkpoint besides its state. */
export type Manifest = z.infer<typeof described>;

/** Number of records in a log, and the SHA-256 of their lines. */
export type LogFacts = NonNullable<Manifest['log']>;

/** Name of the checkpoint of a step. */
export function checkpointName(step: number): string {
  return String(step).padStart(7, '0');
}

/** The text of a manifest, which ends with its own checksum. */
export function encodeManifest(manifest: Omit<Manifest, 'version'>): string {
  const content = described.parse({ version: VERSION, ...manifest });
  return JSON.stringify({ ...content, sha256: digestOf(JSON.stringify(content)) });
}

/**
 * Reads the manifest of a checkpoint, even of an earlier layout.
 *
 * @param path folder of the checkpoint
 * @throws {CheckpointError} when it is missing, damaged, exceeds a limit, or is of another step than the folder's name
 */
export async function readManifest(path: string, limits?: ReadLimits): Promise<Manifest> {
  const source = join(path, MANIFEST);
  const { sha256: sum, ...manifest } = await parseJsonFile(
    source,
    described.extend({ sha256: sha256.optional() }),
    limits,
  );
  const isWhole = manifest.version < 3 ? sum === undefined : sum === digestOf(JSON.stringify(manifest));
  if (!isWhole) throw new CheckpointError(source, `is damaged: its checksum does not fit; ${ADVICE}`);
  if (checkpointName(manifest.step) !== basename(path)) {
    throw new CheckpointError(source, `is of step ${manifest.step}, in the folder of another step`);
  }
  return manifest;
}

/**
 * Reads a file of a checkpoint.
 *
 * @throws {CheckpointError} when it is missing, or not the one that the manifest names
 */
export async function readPart(path: string, name: string, { version, files }: Manifest): Promise<Uint8Array> {
  const source = join(path, name);
  const bytes = await readFile(source).catch((cause: unknown) => {
    throw new CheckpointError(source, `cannot be read (${causeText(cause)})`, { cause });
  });
  if (version >= 3 && files?.[name] !== digestOf(bytes)) {
    throw new CheckpointError(source, `is damaged, or of another checkpoint: its checksum does not fit; ${ADVICE}`);
  }
  return bytes;
}

const ADVICE = 'restore it, or choose another folder';

/** SHA-256 in hexadecimal digits. */
export function digestOf(content: Uint8Array | string): string {
  return createHash('sha256').update(content).digest('hex');
}
