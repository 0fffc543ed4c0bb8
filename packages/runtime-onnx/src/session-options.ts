import type { InferenceSession } from 'onnxruntime-node';
import type { Device } from './devices.js';
import type { Memory } from './memory.js';

/** Settings for every session of a runtime. */
export interface SessionSettings {
  readonly threads?: number | undefined;
  readonly profile?: string | undefined;
}

/**
 * Optimizers of onnxruntime that look for patterns no program lowers to: quantized weights, dropout, and exported
 * attention blocks of language models. Each passes over the whole graph several times, and together they take a third
 * of the time needed to create a session of 10,000 nodes.
 */
const idleOptimizers = [
  'AttentionFusion',
  'BiasDropoutFusion',
  'BiasSkipLayerNormFusion',
  'DoubleQDQPairsRemover',
  'DynamicQuantizeMatMulFusion',
  'EmbedLayerNormFusion',
  'EnsureUniqueDQForNodeUnit',
  'GroupQueryAttentionFusion',
  'GroupQueryAttentionPreNormFusion',
  'MatMulIntegerToFloatFusion',
  'MatMulNBitsFusion',
  'QDQFinalCleanupTransformer',
  'QDQPropagationTransformer',
  'QDQS8ToU8Transformer',
  'QDQSelectorActionTransformer',
  'SkipLayerNormFusion',
  'SliceConcatToSpaceToDepthFusion',
  'WeightBiasQuantization',
  'WhereDummyDq',
];

/**
 * Optimizers that move a factor past a product: the product may then overflow, or vanish, although the factor would
 * have kept it in range.
 */
const inexactOptimizers = ['ConvMulFusion', 'MatMulScaleFusion'];

/** Options with which sessions are created on a device; `location` is where their results go. */
export function sessionOptions(
  device: Device,
  location: Memory['location'],
  { threads, profile }: SessionSettings = {},
): InferenceSession.SessionOptions {
  return {
    executionProviders: [device],
    graphOptimizationLevel: 'all',
    extra: {
      optimization: { disable_specified_optimizers: [...idleOptimizers, ...inexactOptimizers].join(';') },
      // The threads of a session otherwise spin for a while after a run, and take the cores from whatever runs next.
      session: { force_spinning_stop: '1' },
    },
    // A memory pattern plans one block for a whole run: no faster for these graphs, and almost twice the memory.
    enableMemPattern: false,
    // The default of onnxruntime-node, not of onnxruntime-web; without it a step on the CPU takes longer.
    enableCpuMemArena: true,
    // With other devices, onnxruntime warns about every graph with nodes on the CPU, which are intended.
    ...(device === 'cpu' ? {} : { logSeverityLevel: 3 as const }),
    ...(location === 'cpu' ? {} : { preferredOutputLocation: location }),
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
  };
}
