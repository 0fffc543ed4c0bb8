import type { Model, Sampler } from '@flowmap/core';
import type { Precision } from './weights.js';

/** What a file is about besides its model. */
interface Facts {
  readonly steps: number;
  readonly times: Float32Array;
  readonly noise: 'input' | 'inside';
  readonly precision: Precision;
}

/** What an exported file says about itself: texts, those of lists and objects in JSON. */
export function metadataOf(model: Model, sampler: Sampler, facts: Facts): Record<string, string> {
  const { kind, network, classes, path = 'linear', parametrization = 'euler' } = model;
  const conditions = Object.entries(network.conditions).map(([name, { shape, dtype, categories }]) => {
    return [name, { dtype, shape, ...(categories === undefined ? {} : { categories }) }];
  });
  const { shape } = network.config;
  return {
    'flowmap.kind': kind,
    'flowmap.network': network.config.type,
    'flowmap.shape': JSON.stringify(shape),
    'flowmap.sampler': JSON.stringify({ name: sampler.name, ...sampler.config }),
    'flowmap.steps': String(facts.steps),
    // The decimals that a float32 has, not those of its value as a double.
    'flowmap.times': JSON.stringify(Array.from(facts.times, (time) => Number(time.toPrecision(8)))),
    'flowmap.time_convention': 'times run from 1 = noise to 0 = data; dx/dt = velocity',
    'flowmap.path': path,
    'flowmap.parametrization': parametrization,
    'flowmap.conditions': JSON.stringify(Object.fromEntries(conditions)),
    'flowmap.classes': JSON.stringify(classes),
    ...(shape.length === 3 ? { 'flowmap.image_scale': '[-1, 1], channels first' } : {}),
    'flowmap.noise': facts.noise === 'input' ? 'standard normal, an input' : "the runtime's own, drawn inside",
    'flowmap.precision': facts.precision,
  };
}
