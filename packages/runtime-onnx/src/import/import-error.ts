import { OnnxModelError } from '../onnx-model-error.js';

/** Where in a graph an error is. */
export interface Place {
  /** The operator: `Resize`, with its domain if that is not the standard one. */
  readonly operator: string;
  /** The node's position among the nodes of its graph, from 0. */
  readonly position: number;
  /** The node's name; may be empty. */
  readonly name: string;
}

/** An ONNX model that cannot be imported as a program: it is damaged, or has something that programs lack. */
export class OnnxImportError extends OnnxModelError {
  constructor(
    model: string,
    message: string,
    /** The node at fault; undefined if the fault is elsewhere. */
    readonly place?: Place,
    options?: ErrorOptions,
  ) {
    super(model, message, options);
  }
}
