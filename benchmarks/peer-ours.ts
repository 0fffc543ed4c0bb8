// Flowmap as a separate program beside the peers, driven by JSON lines like them: see peers/README.md.
import { createRequire } from 'node:module';
import { flowMapSampler, samplerProgram } from '@flowmap/core';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { tfjsRuntime } from '@flowmap/runtime-tfjs';
import { freeze, hostTensor, type Executable, type HostTensor, type HostTensors, type Runtime } from '@flowmap/tensor';
import { initialState, phasePrograms } from '@flowmap/train';
import { choice, flag, pathOr, runCommand, whole, type CommandContext, type Config } from 'flowmap/node';
import { initialParams, parameterCount, peerTasks, stepFeeds, taskBatch, taskTraining, times } from './peer-tasks.js';
import { servePeer } from './serve-peer.js';

const OPTIONS = {
  task: choice('what to compute', Object.keys(peerTasks(true)), 'mlp'),
  runtime: choice('where to compute', ['onnx', 'wasm', 'tensorflow'], 'onnx'),
  threads: whole('threads on the CPU', 1),
  tfjsNode: pathOr('folder of a built @tensorflow/tfjs-node', 'DIR', null),
  small: flag('small networks'),
};
type Options = Config<typeof OPTIONS>;

process.exitCode = await runCommand(
  { name: 'peer-ours', description: 'Flowmap, driven by JSON lines.', options: OPTIONS, run: serve, resumes: false },
  process.argv.slice(2),
);

async function serve(options: Options, { signal }: CommandContext): Promise<void> {
  const task = peerTasks(options.small)[options.task]!;
  const { network, batchSize } = task;
  const { runtime, name } = await openRuntime(options);
  const batch = taskBatch(task);
  const params = initialParams(task);
  const own = taskTraining(task);
  const { student, phase } = own;
  const training = await runtime.compile(phasePrograms(phase, { student }, { flushDenormals: false }).update);
  await training.writeState(initialState({ student }));
  const sampler = samplerProgram(flowMapSampler(), { network, batchSize, steps: times.length - 1 });
  const sampling = await runtime.compile(freeze(sampler, params));

  let step = 0;
  const runs = {
    train: () => run(training, stepFeeds(own, batch, step++)),
    sample: () => run(sampling, samplerFeeds(stepFeeds(own, batch, step++))),
  };

  await servePeer({ runtime: name, parameters: parameterCount(network) }, { check, runs }, signal);
  await training.dispose();
  await sampling.dispose();

  /** Samples, then two training steps, all from the noise that the peers were given. */
  async function check(): Promise<Record<string, number[]>> {
    const given = stepFeeds(own, batch, 0);
    const { x } = await run(sampling, samplerFeeds(given));
    const values: Record<string, number[]> = { samples: Array.from(x!.data.slice(0, 64)) };
    for (step = 0; step < 2; step++) {
      const scalars = Object.entries(stepFeeds(own, batch, step)).filter(([name]) => name.startsWith('optimizer.'));
      const results = await run(training, { ...given, ...Object.fromEntries(scalars) });
      for (const [name, { data }] of Object.entries(results)) values[`${name} of step ${step + 1}`] = Array.from(data);
    }
    const state = await training.readState();
    return { ...values, moved: [distance(state, 'student.params')], emaMoved: [distance(state, 'student.ema')] };
  }

  /** L2 distance of the parameters, or of their average, from the initial ones. */
  function distance(state: Readonly<Record<string, HostTensor>>, group: string): number {
    let total = 0;
    for (const [name, { data }] of Object.entries(params)) {
      state[`${group}.${name}`]!.data.forEach((value, i) => (total += (value - data[i]!) ** 2));
    }
    return Math.sqrt(total);
  }
}

async function openRuntime(options: Options): Promise<{ runtime: Runtime; name: string }> {
  const tfjs = `Flowmap, TensorFlow.js ${version('@tensorflow/tfjs-core')}`;
  if (options.runtime === 'wasm') return { runtime: await tfjsRuntime({ backend: 'wasm' }), name: `${tfjs} wasm` };
  if (options.runtime === 'tensorflow') {
    // TensorFlow reads its number of threads when it is loaded, and reports its processor.
    Object.assign(process.env, { TF_NUM_INTRAOP_THREADS: String(options.threads), TF_CPP_MIN_LOG_LEVEL: '1' });
    const tfjsNode = options.tfjsNode;
    return {
      runtime: await tfjsRuntime({ backend: 'tensorflow', ...(tfjsNode ? { tfjsNode } : {}) }),
      name: `${tfjs} tfjs-node`,
    };
  }
  const runtime = await onnxRuntime({ device: 'cpu', threads: options.threads });
  return { runtime, name: `Flowmap, onnxruntime-node ${version('onnxruntime-node')}` };
}

/** Runs a program and reads all its results. */
async function run(executable: Executable, feeds: HostTensors): Promise<Record<string, HostTensor>> {
  const results: Record<string, HostTensor> = {};
  for (const [name, tensor] of Object.entries(await executable.run(feeds))) {
    results[name] = await tensor.read();
    tensor.dispose();
  }
  return results;
}

function samplerFeeds(feeds: HostTensors): HostTensors {
  const conditions = Object.entries(feeds).filter(([name]) => name.startsWith('conditions.'));
  return { x: feeds['noise']!, times: hostTensor([times.length], times), ...Object.fromEntries(conditions) };
}

function version(name: string): string {
  return (createRequire(import.meta.url)(`${name}/package.json`) as { version: string }).version;
}
