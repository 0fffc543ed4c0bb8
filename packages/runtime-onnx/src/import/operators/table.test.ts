import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { families } from './table.js';

/** The table in docs/onnx.md, and the list below it of what is refused. */
function documented(): string[] {
  const rows = Object.entries(families).map(([family, operators]) => {
    const names = Object.entries(operators).map(([name, { since }]) => `\`${name}\`${since ? ` (${since})` : ''}`);
    return `| ${family} | ${names.join(' ')} |`;
  });
  const refused = new Map<string, string[]>();
  for (const [name, { without }] of Object.values(families).flatMap((operators) => Object.entries(operators))) {
    if (without) refused.set(without, [...(refused.get(without) ?? []), `\`${name}\``]);
  }
  return [...rows, ...[...refused].map(([without, names]) => `- ${names.join(', ')}: ${without}`)];
}

it('is the table of the documentation', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../../../docs/onnx.md'), 'utf8');
  const lines = text.split('\n').map((line) => line.replaceAll(/\s+/g, ' ').trim());
  for (const line of documented()) expect(lines).toContain(line);
});
