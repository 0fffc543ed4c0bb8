import type { InferenceSession } from 'onnxruntime-node';
import type { Device } from './devices.js';
import type { Memory } from './memory.js';

/** What can be set for every session of a runtime. */
export interface SessionSettings {
  readonly threads?: number | undefined;
  readonly profile?: string | undefined;
}

/**
 * Optimizers of onnxruntime that look for what no program lowers to: quantized weights, dropout, and the attention blocks of
 * language models as exporters write them. Each passes over the whole graph several times, and all of them together take a
 * third of the time that a session of 10,000 nodes takes.
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

/** How sessions are created on a device; `location` is where their results go. */
export function sessionOptions(
  device: Device,
  location: Memory['location'],
  { threads, profile }: SessionSettings = {},
): InferenceSession.SessionOptions {
  return {
    executionProviders: [device],
    graphOptimizationLevel: 'all',
    extra: {
      optimization: { disable_specified_optimizers: idleOptimizers.join(';') },
      // Between two runs the threads of a session otherwise spin for a while, and take the cores from whatever runs next.
      session: { force_spinning_stop: '1' },
    },
    // A memory pattern plans one block for all of a run: no faster for these graphs, and almost twice the memory.
    enableMemPattern: false,
    // The default of onnxruntime-node, not of onnxruntime-web; without it a step on the CPU takes longer.
    enableCpuMemArena: true,
    // With another device, onnxruntime warns about every graph of which nodes run on the CPU; they are meant to.
    ...(device === 'cpu' ? {} : { logSeverityLevel: 3 as const }),
    ...(location === 'cpu' ? {} : { preferredOutputLocation: location }),
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
  };
}
