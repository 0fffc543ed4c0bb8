import type { Model } from '@flowmap/core';
import type { StorageOptions } from './assemble.js';

/** What an exported file says about its model, as texts; lists and objects are in JSON. */
export function metadataOf(model: Model, { precision = 'float32' }: StorageOptions): Record<string, string> {
  const { kind, network, classes, path = 'linear', parametrization = 'euler' } = model;
  const conditions = Object.entries(network.conditions).map(([name, { shape, dtype, categories }]) => {
    return [name, { dtype, shape, ...(categories === undefined ? {} : { categories }) }];
  });
  const { shape } = network.config;
  return {
    'flowmap.kind': kind,
    'flowmap.network': network.config.type,
    'flowmap.shape': JSON.stringify(shape),
    'flowmap.time_convention': 'times run from 1 = noise to 0 = data; dx/dt = velocity',
    'flowmap.path': path,
    'flowmap.parametrization': parametrization,
    'flowmap.conditions': JSON.stringify(Object.fromEntries(conditions)),
    'flowmap.classes': JSON.stringify(classes),
    ...(shape.length === 3 ? { 'flowmap.image_scale': '[-1, 1], channels first' } : {}),
    'flowmap.precision': precision,
  };
}
