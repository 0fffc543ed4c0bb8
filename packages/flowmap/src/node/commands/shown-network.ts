import type { Json } from '@flowmap/core';

/** A JSON object. */
export type Fields = Readonly<Record<string, Json | undefined>>;

/** A network's configuration for people: of an imported one, the size of its graph in place of it. */
export function shownNetwork(config: Fields): Fields {
  const { graph, parameters, ...rest } = config;
  if (config['type'] !== 'onnx' || typeof graph !== 'string') return config;
  return { ...rest, graph: `${graph.length} characters`, tensors: Object.keys(parameters ?? {}).length };
}
