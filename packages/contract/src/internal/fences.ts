import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './workspace.js';

/** A fenced TypeScript example in a README or in CONTRIBUTING.md. */
export interface Fence {
  /** The file, as a path from the root. */
  readme: string;
  /** The line of the opening fence, counted from 1. */
  line: number;
  /** False for a fence opened by `ts no-run`, which is type-checked only. */
  run: boolean;
  code: string;
}

/** The TypeScript fences of `readme`, a path from the root; none if the file is missing. */
export function fencesOf(readme: string): Fence[] {
  const path = join(root, readme);
  if (!existsSync(path)) return [];
  return parseFences(readme, readFileSync(path, 'utf8'));
}

/** The TypeScript fences in the Markdown `text`. */
export function parseFences(readme: string, text: string): Fence[] {
  const fences: Fence[] = [];
  let open: (Omit<Fence, 'code'> & { lines: string[]; typescript: boolean }) | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const mark = /^```\s*(.*?)\s*$/.exec(line);
    if (open === undefined) {
      if (mark === null) continue;
      const [language = '', ...flags] = (mark[1] ?? '').split(/\s+/);
      const run = !flags.includes('no-run');
      open = { readme, line: index + 1, run, lines: [], typescript: language === 'ts' || language === 'typescript' };
    } else if (mark !== null && mark[1] === '') {
      if (open.typescript) fences.push({ readme, line: open.line, run: open.run, code: open.lines.join('\n') });
      open = undefined;
    } else {
      open.lines.push(line);
    }
  }
  return fences;
}
