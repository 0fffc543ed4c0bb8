// A short run of each example that needs no data from the user, and a check of what it must leave
// behind.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { visitBuiltPage } from './browser-page.js';
import { chromiumAdvice, chromiumForTests } from './chromium.js';
import { root, run } from './run.js';

/** What `metrics.json` of an example holds at least. */
interface Metrics {
  teacher: Record<string, { endpointRmse: number }>;
  student: Record<string, { endpointRmse: number }>;
  instruments: {
    velocityDrift: { rms: number }[];
    byLength: { mapError: number; tangentNorm: number; tangentShare: number }[];
  };
  distances?: { student: Record<string, number>; recall?: { student: Record<string, number> } };
  trainStep: { gflops: number };
  matmul: { gflops: number };
  wallSeconds: number;
}

const examples = [
  { name: 'checkerboard', options: ['--teacher-iterations', '20'], files: ['index.html'] },
  {
    name: 'emoji',
    options: ['--evaluate', '4'],
    files: ['index.html', 'teacher.png', 'samples-1.png', 'samples-2.png'],
  },
];

/** Examples whose metrics.json is checked number by number. */
const comparisons = [
  {
    name: 'multistep-theorem',
    options: ['--objectives', 'ayf-emd', '--seeds', '1', '--points', '51', '--steps', '1,4'],
    files: ['tables.md', 'distances.svg'],
  },
  {
    name: 'methods-2d',
    options: ['--methods', 'ayf-emd,scd', '--teacher-iterations', '4', '--samples', '200'],
    files: ['tables.md', 'checkerboard.svg'],
  },
  {
    name: 'adversarial-2d',
    options: ['--seeds', '1', '--teacher-iterations', '4', '--further', '4', '--points', '200'],
    files: ['table.md', 'picture.png'],
  },
];

const stepCounts = ['1', '2', '4', '8', '16'];

const assert = (condition: boolean, message: string): void => {
  if (!condition) throw new Error(message);
};

/** Runs an example for four training steps; returns what its metrics.json holds. */
function runExample(name: string, options: readonly string[], files: readonly string[]): unknown {
  const out = join(scratch, name);
  const example = ['-w', `@flowmap/example-${name}`, '--', '--iterations', '4'];
  run(root, 'show', 'npm', 'start', '--silent', ...example, ...options, '--out', out);
  for (const file of files) assert(existsSync(join(out, file)), `${name} left no ${file}.`);
  return JSON.parse(readFileSync(join(out, 'metrics.json'), 'utf8'));
}

/** The places of values that are no finite numbers; JSON has null for those. */
function nulls(value: unknown, place: string): string[] {
  if (value === null) return [place];
  return Object.entries(Object(value) as object).flatMap(([key, part]) =>
    typeof part === 'object' ? nulls(part, `${place}.${key}`) : [],
  );
}

const chromium = chromiumForTests();
const scratch = mkdtempSync(join(tmpdir(), 'flowmap-e2e-'));
try {
  for (const { name, options, files } of examples) {
    const metrics = runExample(name, options, files) as Metrics;
    const figures = {
      ...Object.fromEntries(stepCounts.map((n) => [`teacher.${n}`, metrics.teacher[n]?.endpointRmse])),
      ...Object.fromEntries(stepCounts.map((n) => [`student.${n}`, metrics.student[n]?.endpointRmse])),
      ...Object.fromEntries(
        metrics.instruments.velocityDrift.map(({ rms }, i) => [`instruments.velocityDrift.${String(i)}.rms`, rms]),
      ),
      ...Object.fromEntries(
        metrics.instruments.byLength.flatMap((reading, i) =>
          (['mapError', 'tangentNorm', 'tangentShare'] as const).map((name) => [
            `instruments.byLength.${String(i)}.${name}`,
            reading[name],
          ]),
        ),
      ),
      ...Object.fromEntries(
        Object.entries(metrics.distances?.student ?? {}).map(([n, value]) => [`distances.student.${n}`, value]),
      ),
      'trainStep.gflops': metrics.trainStep.gflops,
      'matmul.gflops': metrics.matmul.gflops,
      wallSeconds: metrics.wallSeconds,
    };
    assert(name !== 'emoji' || 'distances.student.4' in figures, 'emoji measured no distance from the data.');
    for (const [key, value] of Object.entries(figures)) {
      assert(Number.isFinite(value), `${name}: ${key} of metrics.json is ${String(value)}, not a finite number.`);
    }
  }
  for (const { name, options, files } of comparisons) {
    const metrics = runExample(name, options, files) as Record<string, unknown>;
    const wrong = nulls({ ...metrics, options: {} }, name); // an option that is not given is null too
    assert(wrong.length === 0, `${wrong.join(', ')} of metrics.json is no finite number.`);
  }
  console.log(`${String(examples.length + comparisons.length)} examples ran end to end.`);

  if (chromium === undefined) {
    console.warn(`Left out: the built page of examples/browser. There is no Chromium here; ${chromiumAdvice}.`);
  } else {
    const query = '?start&device=cpu&teacherSteps=6&studentSteps=4&batchSize=32&width=16&depth=1&points=100';
    await visitBuiltPage(chromium, query, async (page) => {
      const drawn = await page.locator('canvas[data-points="100"]').count();
      assert(drawn === 8, `the page drew ${String(drawn)} pictures in place of 8.`);
    });
    console.log('The built page of examples/browser ran end to end.');
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
