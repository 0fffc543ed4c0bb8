import type { Decoder } from './decoders.js';
import { watchMemory } from './peak-memory.js';

/** Processor time that one input may take, in seconds over all threads. */
export const CPU_SECONDS = 1;

/** The effect of an input. */
export interface Outcome {
  readonly accepted: boolean;
  readonly cpuSeconds: number;
  /** How far the process's memory rose meanwhile, in MiB. */
  readonly rise: number;
  /** What it did that inputs must not do. */
  readonly fault?: { readonly kind: 'error' | 'message' | 'slow' | 'memory'; readonly message: string };
}

/** Largest length of a message: a path, two shortened quotations and words. */
const MESSAGE_LENGTH = 2000;

/**
 * Decodes an input and checks for what it must not do: throw an error other than the decoder's, produce an unprintable
 * message, or take too much time or memory.
 */
export async function check(decoder: Decoder, bytes: Uint8Array, scratch: string): Promise<Outcome> {
  const riseOfMemory = watchMemory();
  const start = process.cpuUsage();
  let thrown: unknown;
  let accepted = true;
  try {
    await decoder.decode(bytes, scratch);
  } catch (error) {
    accepted = false;
    thrown = error;
  }
  const { user, system } = process.cpuUsage(start);
  const cpuSeconds = (user + system) / 1e6;
  const rise = riseOfMemory();
  const fault =
    (accepted ? undefined : faultOf(thrown, decoder)) ??
    (cpuSeconds > CPU_SECONDS ? ({ kind: 'slow', message: `${cpuSeconds.toFixed(2)} s` } as const) : undefined) ??
    (rise > decoder.memory ? ({ kind: 'memory', message: `${rise.toFixed(0)} MiB` } as const) : undefined);
  return { accepted, cpuSeconds, rise, ...(fault && { fault }) };
}

function faultOf(thrown: unknown, { errors }: Decoder): Outcome['fault'] {
  if (!(thrown instanceof Error) || !errors.some((errorClass) => thrown instanceof errorClass)) {
    return { kind: 'error', message: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) };
  }
  const { message } = thrown;
  if (message.length <= MESSAGE_LENGTH && !/[\p{C}\p{Zl}\p{Zp}]/u.test(message)) return undefined;
  return { kind: 'message', message: JSON.stringify(message.slice(0, MESSAGE_LENGTH)) };
}
