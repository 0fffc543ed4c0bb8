import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Example } from './examples.js';
import { root } from './workspace.js';

/** A fenced TypeScript example in a README or in CONTRIBUTING.md. */
export interface Fence extends Example {
  /** False for a fence opened by `ts no-run`, which is type-checked only. */
  run: boolean;
}

/** The TypeScript fences of `file`, a path from the root; none if the file is missing. */
export function fencesOf(file: string): Fence[] {
  const path = join(root, file);
  if (!existsSync(path)) return [];
  return parseFences(file, readFileSync(path, 'utf8'));
}

/** The TypeScript fences in the Markdown `text`. */
export function parseFences(file: string, text: string): Fence[] {
  const fences: Fence[] = [];
  let open: (Omit<Fence, 'code'> & { lines: string[]; typescript: boolean }) | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const mark = /^```\s*(.*?)\s*$/.exec(line);
    if (open === undefined) {
      if (mark === null) continue;
      const [language = '', ...flags] = (mark[1] ?? '').split(/\s+/);
      const run = !flags.includes('no-run');
      open = { file, line: index + 1, run, lines: [], typescript: language === 'ts' || language === 'typescript' };
    } else if (mark !== null && mark[1] === '') {
      if (open.typescript) fences.push({ file, line: open.line, run: open.run, code: open.lines.join('\n') });
      open = undefined;
    } else {
      open.lines.push(line);
    }
  }
  return fences;
}
