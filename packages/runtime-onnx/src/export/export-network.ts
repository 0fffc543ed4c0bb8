import { batchSpecs, checkedModel, flowMap, parametrizationOf, prefixed, withPrefix, type Model } from '@flowmap/core';
import { freeze, program, requireKnownOptions, type Program, type SpecLike } from '@flowmap/tensor';
import { fileOf, graphOf, requireStorage, type ExportedOnnx, type StorageOptions } from './assemble.js';
import { metadataOf } from './metadata.js';

/** Options of {@link exportNetwork}. */
export type ExportNetworkOptions = StorageOptions;

/** Time steps from data to noise in the convention of diffusers. */
const TIMESTEPS = 1000;

/**
 * A model's network alone as an ONNX file, one evaluation of the velocity in the convention of diffusers, for its
 * schedulers to step with: `sample [batch, ...shape]`, `timestep [batch]` from 0 = data to 1000 = noise, for a flow map
 * also the target `r_timestep [batch]`, and the conditions under their names, `class_labels` for `label`. The output
 * `out_sample` is the velocity, or a flow map's mean velocity between the two times.
 *
 * @throws {ConfigError | UnsupportedError} as `exportOnnx` does
 *
 * @example
 * const { model } = exportNetwork(teacher, { precision: 'float16' });
 */
export function exportNetwork(given: Model, options: ExportNetworkOptions = {}): ExportedOnnx {
  const model = checkedModel('model', given);
  requireKnownOptions('exportNetwork', options, {
    precision: true,
    fileName: true,
    externalAbove: true,
    mostBytesPerFile: true,
  });
  requireStorage(options);
  const programAt = (batchSize: number): Program => networkProgram(model, batchSize);
  const graph = graphOf({ programAt, nameOf, source: { rowsOf: 'sample' } }, undefined);
  const metadata = {
    ...metadataOf(model, options),
    'flowmap.time_convention': `timesteps run from ${TIMESTEPS} = noise to 0 = data; dx/d(timestep / ${TIMESTEPS}) = out_sample`,
  };
  return fileOf(graph, options, metadata);
}

function networkProgram(model: Model, batchSize: number): Program {
  const { network, params, kind } = model;
  const inputs: Record<string, SpecLike> = {
    sample: [batchSize, ...network.config.shape],
    timestep: [batchSize],
    ...(kind === 'flowMap' ? { r_timestep: [batchSize] } : {}),
    ...withPrefix('conditions', batchSpecs(network.conditions, batchSize)),
  };
  const traced = program<string, string>('network', { inputs, state: network.parameters }, (tensors, symbols) => {
    const field = flowMap(network, symbols, {
      conditions: prefixed('conditions', tensors),
      parametrization: parametrizationOf(model),
    });
    const t = tensors['timestep']!.div(TIMESTEPS);
    const s = tensors['r_timestep']?.div(TIMESTEPS) ?? t;
    return { outputs: { out_sample: field.averageVelocity(tensors['sample']!, t, s) } };
  });
  return freeze(traced, params, { copy: false });
}

function nameOf(name: string): string {
  return name === 'conditions.label' ? 'class_labels' : name.replace(/^conditions\./, '');
}
