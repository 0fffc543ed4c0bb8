import { create } from '@bufbuild/protobuf';
import { UnsupportedError } from '@flowmap/tensor';
import { TensorProto_DataLocation as DataLocation, TensorProtoSchema, type GraphProto } from 'onnx-buf';

/** A file of weights beside a model, in the pieces of which it consists, one after another. */
export interface OnnxDataFile {
  /** Its name; the file belongs in the folder of the model. */
  readonly path: string;
  readonly byteLength: number;
  readonly pieces: readonly Uint8Array[];
}

/** Size in bytes from which a constant goes into such a file. */
const LEAST = 1024;

/** Constants start at multiples of this, so that a reader can map them into memory. */
const ALIGNMENT = 4096;

/**
 * The graph with its large constants in files beside the model, the first `<name>_data`, the others `<name>_data_1` and
 * so on.
 *
 * @param name the model's file name
 * @param mostBytes the most bytes of a file
 * @throws {UnsupportedError} for a constant with more bytes than that
 */
export function withExternalData(
  graph: GraphProto,
  name: string,
  mostBytes: number,
): { readonly graph: GraphProto; readonly files: OnnxDataFile[] } {
  const files: { path: string; byteLength: number; pieces: Uint8Array[] }[] = [];
  const initializer = graph.initializer.map((tensor) => {
    const { rawData } = tensor;
    if (rawData.byteLength < LEAST) return tensor;
    if (rawData.byteLength > mostBytes) {
      const feature = `a weight of ${rawData.byteLength} bytes in files of at most ${mostBytes}`;
      throw new UnsupportedError('exportOnnx', feature, 'allow larger files, or fewer bits for each weight');
    }
    let file = files.at(-1);
    let padding = file === undefined ? 0 : -file.byteLength & (ALIGNMENT - 1);
    if (file === undefined || file.byteLength + padding + rawData.byteLength > mostBytes) {
      file = { path: `${name}_data${files.length === 0 ? '' : `_${files.length}`}`, byteLength: 0, pieces: [] };
      padding = 0;
      files.push(file);
    }
    const offset = file.byteLength + padding;
    if (padding > 0) file.pieces.push(new Uint8Array(padding));
    file.pieces.push(rawData);
    file.byteLength = offset + rawData.byteLength;
    return create(TensorProtoSchema, {
      name: tensor.name,
      dataType: tensor.dataType,
      dims: tensor.dims,
      dataLocation: DataLocation.EXTERNAL,
      externalData: [
        { key: 'location', value: file.path },
        { key: 'offset', value: String(offset) },
        { key: 'length', value: String(rawData.byteLength) },
      ],
    });
  });
  return { graph: { ...graph, initializer }, files };
}

/** Size in bytes of all constants of a graph. */
export function weightBytes({ initializer }: GraphProto): number {
  return initializer.reduce((sum, { rawData }) => sum + rawData.byteLength, 0);
}
