import type { Model } from '@flowmap/core';
import { interruptible } from '../command-line/interruptible.js';
import { pathArgument, pathOr, positive, whole, words, type Config } from '../command-line/options.js';
import { MAPPING_OPTIONS } from '../command-line/mapping.js';
import { showProgress } from '../command-line/progress.js';
import { openRuntime, RUNTIME_OPTIONS } from '../command-line/runtime.js';
import { answering, type Answer, type Talk } from './command.js';
import { guided } from './guided.js';
import { openEither } from './open-imported.js';
import { drawerOf } from './sample-drawer.js';
import { openSampleOutput } from './sample-output.js';
import { chosenGrid, GRID_OPTIONS } from './sample-grid.js';
import { chosenSampler, requireSampler, samplerOptions } from './samplers.js';

const SAMPLE_OPTIONS = {
  checkpoint: pathArgument('a model, .safetensors, or with --mapping an ONNX file of one'),
  ...MAPPING_OPTIONS,
  count: whole('number of samples', 64),
  class: words(
    'class of all samples, by its name, or its number where no name is one; sample i is of class i mod classes unless given',
    'NAME',
    null,
  ),
  guidance: positive(
    'scale of guidance, for a student that takes it as a condition, or with --weak or --null-class; 1, no guidance, unless given',
    null,
  ),
  weak: pathOr('a weaker model, .safetensors, for autoguidance', 'FILE', null),
  nullClass: words('class that stands for none, for classifier-free guidance', 'NAME', null),
  ...samplerOptions('flow-map for a flow map and heun for a velocity field'),
  ...GRID_OPTIONS,
  seed: whole('decides the noise; sample i is the same for every count', 0, 0),
  batchSize: whole('samples in one run of the network', 64),
  out: pathOr(
    'FILE.png for one picture of all samples, FILE.npz for their numbers, or a new folder for a picture of each',
    'FILE',
    'samples.png',
  ),
  ...RUNTIME_OPTIONS,
};

/** `flowmap sample`: draws samples from a checkpoint. */
export const sample = answering({
  name: 'flowmap sample',
  description: 'Draws samples from a checkpoint of a flow map or a velocity field.',
  options: SAMPLE_OPTIONS,
  resumes: false,
  run: drawSamples,
});

async function drawSamples(config: Config<typeof SAMPLE_OPTIONS>, talk: Talk): Promise<Answer> {
  const { checkpoint, count, seed, batchSize, signal } = { ...config, ...talk };
  const { hostTensor } = await import('@flowmap/core');
  const { normalBatch, sizeOf } = await import('@flowmap/tensor');
  await requireSampler(config);
  const gridOf = await chosenGrid(config);
  const { model, scale } = await guided(await openEither(checkpoint, config), config, talk.note);
  const { shape } = model.network.config;
  const label = await labelOf(model, config.class, config.nullClass);
  const isFlowMap = model.kind === 'flowMap';
  const chosen = await chosenSampler(config, isFlowMap ? 'flow-map' : 'heun');
  const times = gridOf(isFlowMap ? 4 : 32);
  const output = await openSampleOutput(config.out, { count, shape });
  try {
    const runtime = interruptible(await openRuntime(config), signal);
    const drawer = await drawerOf(runtime, model, { ...config, chosen, times, batchSize: Math.min(batchSize, count) });
    const progress = await showProgress(talk, 'samples');
    const start = performance.now();
    try {
      for (let first = 0; first < count; first += batchSize) {
        const size = Math.min(batchSize, count - first);
        const noise = normalBatch({ seed, purpose: 'sample' }, [size, ...shape], first);
        const conditions = {
          ...(model.classes.length > 0 ? { label: Int32Array.from({ length: size }, (_, i) => label(first + i)) } : {}),
          ...(scale === undefined ? {} : { guidance: new Float32Array(size).fill(scale) }),
        };
        const samples = await drawer.draw({ noise: hostTensor([size, ...shape], noise), conditions }, first);
        await output.add(first, samples.data.subarray(0, size * sizeOf(shape)) as Float32Array);
        progress.update(first + size, count);
      }
    } finally {
      progress.stop();
      await drawer.dispose();
    }
    const seconds = (performance.now() - start) / 1000;
    signal.throwIfAborted();
    await output.finish();
    const { facts, text } = drawer.how();
    talk.print(
      `${config.out}: ${count} samples of [${shape.join(', ')}] in ${text}, ` +
        `seed ${seed}; ${seconds.toPrecision(3)} s, ${(count / seconds).toPrecision(3)} samples/s`,
    );
    return {
      checkpoint,
      out: config.out,
      count,
      shape,
      class: config.class,
      guidance: config.guidance,
      ...facts,
      seed,
      seconds,
    };
  } finally {
    await output.close();
  }
}

/** The label of sample `i`. */
async function labelOf(
  { classes }: Model,
  wanted: string | null,
  nullClass: string | null,
): Promise<(i: number) => number> {
  const inTurn = [...classes.keys()].filter((label) => classes[label] !== nullClass);
  if (wanted === null) return (i) => inTurn[i % inTurn.length] ?? 0;
  const named = classes.indexOf(wanted);
  // If classes are named by digits, a number is always a name, whether it exists or not.
  const isNumber = /^\d+$/.test(wanted) && !classes.some((name) => /^\d+$/.test(name));
  const label = isNumber && Number(wanted) < classes.length ? Number(wanted) : named;
  if (label >= 0) return () => label;
  const { ConfigError } = await import('@flowmap/core');
  const known = classes.length === 0 ? 'the model has none: leave it out' : `the model has ${classes.join(', ')}`;
  throw new ConfigError('--class', `there is no class '${wanted}'; ${known}`);
}
