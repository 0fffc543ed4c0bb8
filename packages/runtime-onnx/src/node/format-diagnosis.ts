import { devices } from '../devices.js';
import type { Diagnosis } from './diagnose.js';

/** The diagnosis as a table for a terminal, followed by what to do about each device that does not work. */
export function formatDiagnosis(diagnosis: Diagnosis): string {
  const { system, node, onnxruntime, notInPlace, probes, chosen, advice } = diagnosis;
  const version = onnxruntime === undefined ? 'onnxruntime-node is not installed' : `onnxruntime-node ${onnxruntime}`;
  const rows = devices.map((device) => {
    const probe = probes[device];
    const speed = probe.works ? `${probe.gflops.toPrecision(3)} GFLOP/s` : '-';
    return [device, probe.works ? 'yes' : 'no', speed, device === chosen ? "chosen by 'auto'" : whyNot(device)];
  });

  const copies =
    notInPlace === undefined
      ? ['on the CPU, results are written in place']
      : [
          `on the CPU, each result is copied once: ${notInPlace}.`,
          ...wrapped('`npm install koffi` saves that, and lets memory be limited.', 100),
        ];

  return [
    `${version} on ${system.platform} ${system.arch}, Node ${node}`,
    '',
    ...table([['device', 'works', '256^3 product', ''], ...rows]),
    ...(probes.cpu.works ? ['', ...copies] : []),
    ...devices.flatMap((device) => {
      const probe = probes[device];
      return probe.works ? [] : ['', `${device}: ${probe.reason}.`, ...wrapped(`${advice[device] ?? ''}.`, 100)];
    }),
  ].join('\n');

  function whyNot(device: keyof typeof probes): string {
    if (!probes[device].works) return 'see below';
    if (device === 'webgpu' && chosen !== 'cuda') return "computes on the CPU, so 'auto' passes it over";
    return `slower in general than ${chosen ?? 'others'}`;
  }
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => {
    const cells = row.map((cell, column) => cell.padEnd(widths[column]!));
    return cells.join('  ').trimEnd();
  });
}

/** Lines of at most `width` characters, indented by two, broken between words. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(`  ${word}`);
  }
  return lines;
}
