import {
  adversarialGuard,
  differentiableAugmentation,
  discriminatorTrainee,
  finetune,
  mlpDiscriminator,
  modelFeatures,
  projectedDiscriminator,
  residualDiscriminator,
  smallDiscriminator,
} from '@flowmap/adversarial';
import {
  alignTimeEmbedding,
  ConfigError,
  convolution,
  cosineNoise,
  decodeSafetensors,
  defineNetwork,
  dense,
  edmDenoiser,
  encodeSafetensors,
  flowMap,
  gaussianFlowMap,
  gaussianVelocity,
  opaqueField,
  velocityFromDenoiser,
  velocityFromNoisePrediction,
  velocityFromVPrediction,
  velocityOnPath,
  veNoise,
  vpNoise,
} from '@flowmap/core';
import { readTextFile } from '@flowmap/core/node';
import { parseCifar10, parseIdx, sampleStatistics } from '@flowmap/data';
import {
  barChart,
  clip,
  compare,
  datasetBatches,
  decodeNpz,
  decodeTorchFile,
  densityCoverage,
  dinov2,
  dinov2Parameters,
  distanceChart,
  efficientNetLite0,
  evaluation,
  fdInfinity,
  frechetDistance,
  frechetDistanceOfFeatures,
  frechetReference,
  inception,
  inceptionScore,
  instrumentCharts,
  kernelDistance,
  lineChart,
  mapErrorByLength,
  mind,
  moduleExtractor,
  momentsFromNpz,
  objectiveSection,
  opaqueExtractor,
  precisionRecall,
  precisionRecallOnRuntime,
  randomConvolution,
  renderReport,
  resizeImages,
  slicedWasserstein,
  velocityDrift,
} from '@flowmap/eval';
import { fetchWeights, folderMoments, loadClipMerges, loadWeights, nativeLinearAlgebra } from '@flowmap/eval/node';
import {
  autoguidance,
  classifierFree,
  droppedWeights,
  guidedModel,
  noisyWeights,
  rankWeakModels,
  withGuidance,
  withLabelDropout,
} from '@flowmap/guidance';
import {
  alphaFlow,
  cmt,
  consistencyDistillation,
  consistencyTraining,
  ctm,
  decoupledMeanFlow,
  discreteEmd,
  discreteLmd,
  eulerianSelfDistillation,
  facm,
  improvedMeanFlow,
  lagrangianSelfDistillation,
  logitNormalEnds,
  meanFlow,
  objectiveNamed,
  progressiveSelfDistillation,
  scm,
  shortcut,
  soFlow,
  terminalVelocity,
} from '@flowmap/objectives';
import { importedModel, importedPredictor, importedVelocity, importOnnx, openOnnx } from '@flowmap/runtime-onnx';
import { importOnnxFile } from '@flowmap/runtime-onnx/node';
import { averagePool2d, conv2d, convTranspose2d, freeze, maxPool2d } from '@flowmap/tensor';
import {
  averageCoefficients,
  checkpoints,
  earlyStop,
  initialState,
  lossByLength,
  objectivePhase,
  phasePrograms,
  previewSamples,
  reconstructAverage,
  requireTeacherFit,
  snapshots,
  teacherFit,
  train,
  trainee,
  validationLoss,
} from '@flowmap/train';
import { loadAverage, loadTrained, openFolderStore, tensorboard } from '@flowmap/train/node';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { expect, test } from 'vitest';

type Call = (...args: never[]) => unknown;

/** Functions by the place of their options among their arguments; they check these first. */
const functions: readonly (readonly Call[])[] = [
  [
    mlpDiscriminator,
    residualDiscriminator,
    smallDiscriminator,
    projectedDiscriminator,
    differentiableAugmentation,
    adversarialGuard,
    opaqueExtractor,
    moduleExtractor,
    randomConvolution,
    evaluation,
    mapErrorByLength,
    velocityDrift,
    efficientNetLite0,
    inception,
    dinov2,
    clip,
    barChart,
    distanceChart,
    instrumentCharts,
    lineChart,
    objectiveSection,
    renderReport,
    loadClipMerges,
    nativeLinearAlgebra,
    cosineNoise,
    veNoise,
    vpNoise,
    gaussianFlowMap,
    gaussianVelocity,
    classifierFree,
    guidedModel,
    rankWeakModels,
    earlyStop,
    previewSamples,
    snapshots,
    validationLoss,
    lossByLength,
    objectivePhase,
    averageCoefficients,
    reconstructAverage,
    requireTeacherFit,
    teacherFit,
    train,
    trainee,
    autoguidance,
    finetune,
    alignTimeEmbedding,
    alphaFlow,
    cmt,
    consistencyDistillation,
    consistencyTraining,
    ctm,
    decoupledMeanFlow,
    discreteEmd,
    discreteLmd,
    eulerianSelfDistillation,
    facm,
    improvedMeanFlow,
    lagrangianSelfDistillation,
    logitNormalEnds,
    meanFlow,
    progressiveSelfDistillation,
    scm,
    shortcut,
    soFlow,
    terminalVelocity,
  ],
  [
    discriminatorTrainee,
    modelFeatures,
    parseCifar10,
    sampleStatistics,
    checkpoints,
    parseIdx,
    momentsFromNpz,
    frechetReference,
    inceptionScore,
    datasetBatches,
    fetchWeights,
    loadWeights,
    velocityFromDenoiser,
    velocityFromNoisePrediction,
    velocityFromVPrediction,
    opaqueField,
    droppedWeights,
    noisyWeights,
    openOnnx,
    importOnnx,
    importOnnxFile,
    importedPredictor,
    importedVelocity,
    importedModel,
    loadTrained,
    loadAverage,
    tensorboard,
    withGuidance,
    withLabelDropout,
    velocityOnPath,
    edmDenoiser,
    objectiveNamed,
  ],
  [
    encodeSafetensors,
    decodeNpz,
    compare,
    frechetDistance,
    frechetDistanceOfFeatures,
    fdInfinity,
    kernelDistance,
    precisionRecall,
    densityCoverage,
    slicedWasserstein,
    mind,
    dinov2Parameters,
    decodeTorchFile,
    folderMoments,
    flowMap,
    conv2d,
    convTranspose2d,
    averagePool2d,
    maxPool2d,
    freeze,
    phasePrograms,
    initialState,
    openFolderStore,
  ],
  [precisionRecallOnRuntime, resizeImages, defineNetwork, dense],
  [convolution],
];
const rows = functions.flatMap((calls, place) => calls.map((call) => [call.name, call, place] as const));

test.each(rows)('%s refuses an unknown option', async (name, call, place) => {
  const args = [...Array<undefined>(place).fill(undefined), { unheardOf: 1 }];
  const failing = (async () => {
    const result = call(...(args as never[]));
    // A generator starts when its first value is requested.
    await (isGenerator(result) ? result.next() : result);
  })();
  await expect(failing).rejects.toBeInstanceOf(ConfigError);
  await expect(failing).rejects.toThrow(`${name}.unheardOf: is no option; there are: `);
});

test('limits on files are known by name', async () => {
  const limits = { maxTensor: 1 } as object;
  expect(() => decodeSafetensors(new Uint8Array(8), 'bytes', limits)).toThrow('did you mean maxTensors?');
  await expect(readTextFile('none', limits)).rejects.toThrow('maxTensor: is no option');
});

test('so does the compiler of a runtime', async () => {
  const compiled = referenceRuntime().compile(undefined as never, { stepPerRun: 8 } as object);
  await expect(compiled).rejects.toThrow('compile.stepPerRun: is no option; did you mean stepsPerRun?');
});

function isGenerator(value: unknown): value is AsyncGenerator {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
