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
  { name: 'checkerboard', options: ['--teacher-iterations', '20'], files: ['metrics.json', 'index.html'] },
  {
    name: 'emoji',
    options: ['--evaluate', '4'],
    files: ['metrics.json', 'index.html', 'teacher.png', 'samples-1.png', 'samples-2.png'],
  },
];

const stepCounts = ['1', '2', '4', '8', '16'];

const assert = (condition: boolean, message: string): void => {
  if (!condition) throw new Error(message);
};

const chromium = chromiumForTests();
const scratch = mkdtempSync(join(tmpdir(), 'flowmap-e2e-'));
try {
  for (const { name, options, files } of examples) {
    const out = join(scratch, name);
    run(
      root,
      'show',
      'npm',
      'start',
      '--silent',
      '-w',
      `@flowmap/example-${name}`,
      '--',
      '--iterations',
      '4',
      ...options,
      '--out',
      out,
    );
    for (const file of files) assert(existsSync(join(out, file)), `${name} left no ${file}.`);
    const metrics = JSON.parse(readFileSync(join(out, 'metrics.json'), 'utf8')) as Metrics;
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
  console.log(`${String(examples.length)} examples ran end to end.`);

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
