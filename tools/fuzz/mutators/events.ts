import { maskedChecksum } from '../../../packages/train/src/node/event-file.js';
import { mutateBytes, spliced } from './bytes.js';
import type { Mutator } from './mutator.js';

/** Changes in an event of TensorBoard, with corrected checksums, or anywhere in its file. */
export const mutateEvents: Mutator = (bytes, random, other) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytes.length < 16 ? 0 : view.getUint32(0, true);
  if (size === 0 || 16 + size > bytes.length || random.once(4)) return mutateBytes(bytes, random, other);
  const event = mutateBytes(bytes.subarray(12, 12 + size), random, other);
  const framed = new Uint8Array(16 + event.length);
  const frame = new DataView(framed.buffer);
  frame.setUint32(0, event.length, true);
  frame.setUint32(8, maskedChecksum(framed.subarray(0, 8)), true);
  framed.set(event, 12);
  frame.setUint32(12 + event.length, maskedChecksum(event), true);
  return spliced(bytes, 0, 16 + size, framed);
};
