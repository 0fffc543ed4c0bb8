import { fromBinary } from '@bufbuild/protobuf';
import { causeText, cut } from '@flowmap/tensor';
import { ModelProtoSchema, type GraphProto, type ModelProto } from 'onnx-buf';
import { OnnxImportError } from './import-error.js';

/** The operator sets that can be imported, from ONNX 1.8 to 1.17. */
const SETS = { first: 13, last: 22 } as const;

/** The domain of the standard operators, by its two names. */
export function isStandard(domain: string): boolean {
  return domain === '' || domain === 'ai.onnx';
}

/** A model with a graph, and the version of its standard operators. */
export interface ReadModel {
  readonly model: ModelProto;
  readonly graph: GraphProto;
  readonly opset: number;
}

/**
 * Reads the binary form of a model; its numbers stay where they are in the bytes.
 *
 * @throws {OnnxImportError} for bytes that are not an ONNX model, or one of another operator set
 */
export function readModel(bytes: Uint8Array, source: string): ReadModel {
  const refuse = (problem: string, options?: ErrorOptions): never => {
    throw new OnnxImportError(source, problem, undefined, options);
  };
  if (bytes.byteLength === 0) return refuse('it is empty');
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false });
  } catch (cause) {
    const reason = cut(causeText(cause), 200);
    return refuse(`it is no ONNX model, or one that was cut off or damaged (${reason})`, { cause });
  }
  const { graph } = model;
  if (graph === undefined || graph.output.length === 0)
    return refuse('it is no ONNX model: it has no graph with outputs');
  return { model, graph, opset: standardSet(model, refuse) };
}

/** The version of the standard operators in which a model or a function is written. */
export function standardSet(
  { opsetImport }: Pick<ModelProto, 'opsetImport'>,
  refuse: (problem: string) => never,
): number {
  const standard = opsetImport.filter(({ domain }) => isStandard(domain));
  const versions = new Set(standard.map(({ version }) => Number(version)));
  const [version] = versions;
  if (version === undefined || versions.size > 1) return refuse('it does not say which operator set it is written in');
  if (version >= SETS.first && version <= SETS.last) return version;
  return refuse(
    `it is written in operator set ${version}, and sets ${SETS.first} to ${SETS.last} can be imported: ` +
      'export it again for one of those, or convert it with onnx.version_converter',
  );
}
