import { describe, expect, it } from 'vitest';
import { channelBlockOf } from './channel-block.js';
import { loadOrt, type Ort } from './load-ort.js';

describe('channelBlockOf', () => {
  it('is the length of a vector of the processor, or of two, if anything', async () => {
    expect([undefined, 8, 16]).toContain(await channelBlockOf(await loadOrt()));
  });

  it('is nothing where onnxruntime has no such layout', async () => {
    const without = { InferenceSession: { create: () => Promise.reject(new Error('no such operator')) } };
    expect(await channelBlockOf(without as unknown as Ort)).toBeUndefined();
  });
});
