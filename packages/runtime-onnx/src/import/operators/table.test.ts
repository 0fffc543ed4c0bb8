import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { families } from './table.js';

/** The rows of the table in docs/onnx.md. */
function documented(): string[] {
  return Object.entries(families).map(([family, operators]) => {
    const names = Object.entries(operators).map(([name, { since }]) => `\`${name}\`${since ? ` (${since})` : ''}`);
    const missing = Object.entries(operators).flatMap(([name, { without }]) =>
      without ? [`${name}: ${without}`] : [],
    );
    return `| ${family} | ${names.join(' ')} | ${missing.join('. ')} |`;
  });
}

it('is the table of the documentation', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../../../docs/onnx.md'), 'utf8');
  const rows = text.split('\n').map((line) => line.replaceAll(/\s+/g, ' ').trim());
  for (const row of documented()) expect(rows).toContain(row.replaceAll(/\s+/g, ' '));
});
