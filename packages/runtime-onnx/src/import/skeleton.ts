import { create, toBinary } from '@bufbuild/protobuf';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  TensorProto_DataLocation as Location,
  TensorProtoSchema,
  type TensorProto,
} from 'onnx-buf';
import { OnnxImportError } from './import-error.js';
import type { Contents } from './import-onnx.js';
import { described } from './read-tensor.js';
import type { Known } from './value.js';

/** The name that a skeleton gives as the file of its parameters. */
export const ABSENT = 'parameters';

/**
 * The binary form of a model with only the shapes of its parameters and without texts for people: what a checkpoint
 * needs besides the parameters.
 */
export function skeletonOf({ model, parameters, read }: Contents): Uint8Array<ArrayBuffer> {
  const graph = model.graph!;
  const node = graph.node.filter(({ output }) => !output.some((name) => parameters.has(name)));
  const { input, output } = graph;
  const isRead = new Set([...namesIn(node), ...output.map(({ name }) => name)]);
  const others = graph.initializer.filter(({ name }) => !parameters.has(name) && isRead.has(name));
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: model.irVersion,
      opsetImport: model.opsetImport,
      functions: model.functions,
      graph: create(GraphProtoSchema, {
        name: graph.name,
        node: node.map((one) => ({ ...one, docString: '', metadataProps: [] })),
        input: input.filter(({ name }) => !parameters.has(name)),
        output,
        initializer: [
          ...others.map((tensor) => inlined(tensor, read)),
          ...Array.from(parameters, ([name, value]) => absent(name, value)),
        ],
      }),
    }),
  );
}

type Nodes = NonNullable<Contents['model']['graph']>['node'];

/** Names that nodes and the graphs within them read. */
function namesIn(nodes: Nodes): string[] {
  return nodes.flatMap(({ input, attribute }) => [
    ...input,
    ...attribute.flatMap(({ g }) => (g ? [...namesIn(g.node), ...g.output.map(({ name }) => name)] : [])),
  ]);
}

function absent(name: string, { type, shape }: Known): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType: type.number,
    dims: shape.map(BigInt),
    dataLocation: Location.EXTERNAL,
    externalData: [{ key: 'location', value: ABSENT }],
  });
}

/** A tensor with its numbers inside. */
function inlined(tensor: TensorProto, read: Contents['read']): TensorProto {
  const { external } = described(tensor, (problem) => {
    throw new OnnxImportError('imported before', problem);
  });
  const rawData = external && read(external);
  if (!(rawData instanceof Uint8Array)) return tensor;
  const { name, dataType, dims } = tensor;
  return create(TensorProtoSchema, { name, dataType, dims, rawData: Uint8Array.from(rawData) });
}
