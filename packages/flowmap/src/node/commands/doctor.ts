import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Program } from '../command-line/group.js';
import { hasBars } from '../command-line/progress.js';
import { answering, type Answer, type Talk } from './command.js';

/** `flowmap doctor`: says what works on this machine. Its exit code is 1 if no device does. */
export const doctor: Program = async (args, output) => {
  const found: { works: boolean } = { works: true };
  const examine = answering({
    name: 'flowmap doctor',
    description: 'Tries every device on this machine, and says what to install for those that do not work.',
    options: {},
    resumes: false,
    run: async (_, talk) => {
      const answer = await examineMachine(talk);
      found.works = answer['chosen'] !== null;
      return answer;
    },
  });
  const code = await examine(args, output);
  return code === 0 && !found.works ? 1 : code;
};

async function examineMachine({ print }: Talk): Promise<Answer> {
  const { diagnose, formatDiagnosis } = await import('@flowmap/runtime-onnx/node');
  const manifest = createRequire(import.meta.url).resolve('@flowmap/runtime-onnx/package.json');
  const prober = { file: join(dirname(manifest), 'bin/flowmap-onnx.js'), nodeOptions: process.execArgv };
  const diagnosis = await diagnose(prober);
  print(formatDiagnosis(diagnosis));
  const packages = { sharp: await hasSharp(), 'cli-progress': await hasBars() };
  print('');
  print(`sharp         ${packages.sharp ? 'yes' : 'no: `npm install sharp` to read and write images'}`);
  print(`cli-progress  ${packages['cli-progress'] ? 'yes' : 'no: `npm install cli-progress` for progress bars'}`);
  const { system, node, onnxruntime, notInPlace, probes, chosen, advice } = diagnosis;
  return {
    system,
    node,
    onnxruntime: onnxruntime ?? null,
    inPlace: notInPlace === undefined,
    devices: probes,
    chosen: chosen ?? null,
    advice,
    packages,
  };
}

async function hasSharp(): Promise<boolean> {
  const { encodeImageGrid, ImageCodecUnavailableError } = await import('@flowmap/data/node');
  try {
    await encodeImageGrid({ images: [0], shape: [1, 1, 1] });
    return true;
  } catch (error) {
    if (error instanceof ImageCodecUnavailableError) return false;
    throw error;
  }
}
