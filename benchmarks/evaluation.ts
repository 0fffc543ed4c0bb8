import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { imageBatches } from '@flowmap/data/node';
import { weights } from '@flowmap/efficientnet-lite0';
import {
  efficientNetLite0,
  features,
  frechetDistance,
  frechetReference,
  inceptionNetwork,
  moduleExtractor,
  momentsOf,
  plainLinearAlgebra,
  precisionRecallOnRuntime,
  resizeImages,
  type Extractor,
  type Features,
  type LinearAlgebra,
  type Moments,
} from '@flowmap/eval';
import { nativeLinearAlgebra } from '@flowmap/eval/node';
import { median } from '@flowmap/example-common';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { hostTensor, normals, uniforms, type HostTensor, type Runtime } from '@flowmap/tensor';
import sharp from 'sharp';
import { shareInRuntime, timedRuntime } from './evaluation-share.js';
import { PeerError, startPeer, type Peer } from './peer-process.js';

/** How evaluation is timed. */
export interface EvaluationBenchmark {
  /** The interpreter that has PyTorch, torch-fidelity, SciPy and Pillow; without them there are only our numbers. */
  readonly python: string;
  readonly rounds: number;
  /** True takes few samples, to try the benchmark. */
  readonly small: boolean;
}

/** Something that is timed, ours and a peer's. */
interface Work {
  readonly name: string;
  /** What is counted per second, if a rate says more than seconds. */
  readonly images?: number;
  /** Name of the peer's; none unless given. */
  readonly peer?: string;
  readonly run: () => unknown;
  /** The most rounds, for what takes long; a single one has no warm-up. */
  readonly rounds?: number;
}

const FEATURES = 2048;

/**
 * Times evaluation on one thread beside PyTorch, torch-fidelity, SciPy and Pillow, in turn and in processor time, which
 * other processes hardly affect; prints a table in Markdown.
 */
export async function timeEvaluation({ python, rounds, small }: EvaluationBenchmark): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'flowmap-evaluation-'));
  const samples = small ? 1000 : 10_000;
  process.env['OPENBLAS_NUM_THREADS'] ??= '1'; // read when the library is loaded
  sharp.concurrency(1);
  let peer: Peer | undefined;
  try {
    const images = small ? 32 : 1000;
    await writeImages(folder, images);
    peer = await openPeer([python, script('peers/evaluation_peer.py'), String(samples), folder]);
    const runtime = await onnxRuntime({ device: 'cpu', threads: 1 });
    const work = await workOf(runtime, samples, folder, images, small);
    const model = cpus()[0]?.model ?? 'processor';
    console.log(
      `${model}, one thread each, Node ${process.versions.node}, ${runtime.name}; ${peer?.ready.runtime ?? 'no peers'}`,
    );
    console.log(`medians of ${rounds} rounds at most, in turns; processor time\n`);
    console.log('| work | ours | peers | ours is faster by |');
    console.log('| --- | ---: | ---: | ---: |');
    for (const one of work) console.log(await rowOf(one, peer, rounds));
    await printShares(runtime, join(folder, 'png'), { images, rounds, small });
    const megabytes = Math.round(process.resourceUsage().maxRSS / 1024);
    console.log(`\npeak memory of all of ours: ${megabytes} MiB`);
  } finally {
    await peer?.end();
    await rm(folder, { recursive: true });
  }
}

async function openPeer(command: readonly string[]): Promise<Peer | undefined> {
  try {
    return await startPeer(command);
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    console.log(`no peers: ${error.reason.trim().split('\n').at(-1)}`);
    return undefined;
  }
}

async function rowOf(work: Work, peer: Peer | undefined, rounds: number): Promise<string> {
  const [ours, theirs]: [number[], number[]] = [[], []];
  const last = Math.min(rounds, work.rounds ?? Infinity);
  const warmUps = last > 1 || work.rounds === undefined ? 1 : 0;
  for (let round = 0; round < warmUps + last; round++) {
    process.stderr.write(`${work.name}: round ${round + 1} of ${warmUps + last}\n`);
    const start = process.cpuUsage();
    await work.run();
    const { user, system } = process.cpuUsage(start);
    const their = work.peer === undefined ? undefined : await peer?.time(work.peer, 1);
    if (round < warmUps) continue;
    ours.push((user + system) / 1e6);
    if (their) theirs.push(their.ms[0]! / 1000);
  }
  const text = (times: readonly number[]): string => {
    if (times.length === 0) return '';
    const seconds = median(times);
    return work.images === undefined ? `${seconds.toFixed(2)} s` : `${(work.images / seconds).toFixed(1)} images/s`;
  };
  const ratio = theirs.length === 0 ? '' : `${(median(theirs) / median(ours)).toFixed(2)} x`;
  return `| ${[work.name, text(ours), text(theirs), ratio].join(' | ')} |`;
}

/** Prints the share that the networks have in the wall-clock time of evaluating images of 32 x 32 pixels. */
async function printShares(
  runtime: Runtime,
  folder: string,
  { images, rounds, small }: { images: number; rounds: number; small: boolean },
): Promise<void> {
  const timed = timedRuntime(runtime);
  const efficient = await efficientNetLite0({ runtime: timed.runtime, weights: await weights(), batchSize: 32 });
  const share = async (name: string, extractor: Extractor, size: number, most: number): Promise<void> => {
    const batch = noiseImages(size, 32);
    const options = { extractor, seconds: timed.seconds, folder, count: images, batch, rounds: Math.min(rounds, most) };
    const result = await shareInRuntime(options);
    const percent = `${(100 * result.share).toFixed(0)} %`;
    console.log(`| ${name} | ${percent} | ${result.imagesPerSecond.toFixed(1)} images/s |`);
  };
  console.log(`\n${images} PNG files of 32 x 32: share of the wall-clock time that the runtime's runs need\n`);
  console.log('| network | share | all in all |');
  console.log('| --- | ---: | ---: |');
  await share('EfficientNet-Lite0', efficient, 32, 5);
  await efficient.dispose();
  const inception = await untrainedInception(timed.runtime);
  await share('Inception', inception, 8, small ? 1 : 2);
  await inception.dispose();
}

/** Inception with random weights. */
function untrainedInception(runtime: Runtime): ReturnType<typeof moduleExtractor> {
  const network = inceptionNetwork();
  return moduleExtractor({
    name: 'inception',
    runtime,
    module: { ...network, apply: (params, x) => network.apply(params, x).pool },
    params: network.init(0),
    shape: [3, 299, 299],
    prepare: (images) => resizeImages(images, 299, 'tf1-bilinear'),
    batchSize: 8,
  });
}

async function workOf(
  runtime: Runtime,
  samples: number,
  folder: string,
  images: number,
  small: boolean,
): Promise<readonly Work[]> {
  const inception = await untrainedInception(runtime);
  const efficient = await efficientNetLite0({ runtime, weights: await weights(), batchSize: 32 });
  const [large, tiny] = [noiseImages(8, 299), noiseImages(32, 32)];
  const [generated, reference] = [1, 2].map((seed) => normalFeatures(seed, samples)) as [Features, Features];
  const native = await nativeLinearAlgebra().catch(() => undefined);
  const [a, b] = [3, 4].map((seed) => momentsOf(decaying(seed, small ? 256 : FEATURES))) as [Moments, Moments];
  const besideSciPy = small ? {} : { peer: 'frechet' }; // the peer always uses all features
  const distance = (linearAlgebra: LinearAlgebra) => () => frechetDistance(a, frechetReference(b, { linearAlgebra }));
  const decode = (kind: string) => async (): Promise<void> => {
    const { read } = await imageBatches(join(folder, kind));
    for await (const batch of read()) resizeImages(batch, 224, 'pillow-bicubic');
  };
  return [
    { name: 'Inception, 299 x 299', images: 8, peer: 'inception', run: () => inception.extract(large) },
    { name: 'EfficientNet-Lite0, 32 x 32 resized to 224 x 224', images: 32, run: () => efficient.extract(tiny) },
    ...['png', 'jpg'].map((kind) => ({
      name: `decode ${kind.toUpperCase()} of 32 x 32, resize to 224 x 224`,
      images,
      peer: `decode-${kind}`,
      run: decode(kind),
    })),
    { name: `Fréchet distance, ${a.width} features`, ...besideSciPy, run: distance(plainLinearAlgebra), rounds: 3 },
    ...(native === undefined
      ? []
      : [{ name: `the same by ${native.name}`, ...besideSciPy, run: distance(native), rounds: 3 }]),
    {
      name: `precision and recall, ${samples} and ${samples} of ${FEATURES} features`,
      peer: 'precision-recall',
      run: () => precisionRecallOnRuntime(runtime, generated, reference),
      rounds: 2,
    },
  ];
}

function script(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

function noiseImages(count: number, side: number): HostTensor {
  const values = uniforms({ seed: 0, purpose: 'images' }, count * 3 * side * side);
  return hostTensor(
    [count, 3, side, side],
    Float32Array.from(values, (u) => 2 * u - 1),
  );
}

function normalFeatures(seed: number, count: number): Features {
  const values = Float32Array.from(normals({ seed, purpose: 'benchmark' }, count * FEATURES));
  return features(hostTensor([count, FEATURES], values));
}

/** Features of decaying size, of full rank. */
function decaying(seed: number, width: number): Features {
  const count = width + width / 4;
  const values = normals({ seed, purpose: 'benchmark' }, count * width);
  for (let i = 0; i < values.length; i++) values[i]! *= 1 / (1 + (i % width) / 64);
  return features(hostTensor([count, width], Float32Array.from(values)));
}

/** Smooth images of 32 x 32 pixels, as PNG and as JPEG. */
async function writeImages(folder: string, count: number): Promise<void> {
  await Promise.all(['png', 'jpg'].map((kind) => mkdir(join(folder, kind))));
  for (let i = 0; i < count; i++) {
    const small = Uint8Array.from(uniforms({ seed: i, purpose: 'picture' }, 192), (u) => 256 * u);
    const image = sharp(small, { raw: { width: 8, height: 8, channels: 3 } }).resize(32, 32);
    await writeFile(join(folder, 'png', `${i}.png`), await image.clone().png().toBuffer());
    await writeFile(join(folder, 'jpg', `${i}.jpg`), await image.clone().jpeg({ quality: 95 }).toBuffer());
  }
}
