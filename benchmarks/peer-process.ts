import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { FlowmapError } from '@flowmap/tensor';

/** A request to a peer: one line of JSON. */
export type Request = { readonly run: 'check' } | { readonly run: 'train' | 'sample'; readonly steps: number };

/** What a peer reports about itself when it is ready. */
export interface Ready {
  readonly runtime: string;
  readonly parameters: number;
}

/** Results to compare between peers, by name. */
export interface Checked {
  readonly values: Readonly<Record<string, readonly number[]>>;
}

/** Milliseconds of each step, and the peak memory of the process so far, in bytes. */
export interface Timed {
  readonly ms: readonly number[];
  readonly peakMemory: number;
  /** The same for GPU memory, if the peer computes there. */
  readonly peakDeviceMemory?: number | null;
}

/** One line of JSON from a peer. */
export type Answer = Ready | Checked | Timed;

/** A program that is asked in turn with others and is idle in between. */
export interface Peer {
  readonly ready: Ready;
  check(): Promise<Checked>;
  /**
   * Times this many steps of what the peer does under this name: `train` or `sample`, unless it is another
   * kind of peer.
   */
  time(run: string, steps: number): Promise<Timed>;
  /** Ends the process. */
  end(): Promise<void>;
}

/** A peer could not answer; contains its message, or the end of its error output. */
export class PeerError extends FlowmapError {
  constructor(
    readonly command: string,
    readonly reason: string,
  ) {
    super(`${command}: ${reason}`);
  }
}

/**
 * Starts a peer and waits until it is ready.
 *
 * @param command the program and its arguments
 * @throws {PeerError} when it cannot be started, or fails
 */
export async function startPeer([program = '', ...args]: readonly string[]): Promise<Peer> {
  const shown = [program, ...args].join(' ');
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2000)));
  const failed = new Promise<never>((_, reject) => {
    child.on('error', (error) => reject(new PeerError(shown, error.message)));
    child.on('close', (code) => reject(new PeerError(shown, `ended with status ${String(code)}\n${errors}`)));
  });
  failed.catch(() => undefined);
  child.stdin.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

  async function next<T extends Answer>(): Promise<T> {
    const line = await Promise.race([lines.next(), failed]);
    if (line.done === true) return failed;
    const answer = JSON.parse(line.value) as T | { readonly error: string };
    if ('error' in answer) throw new PeerError(shown, answer.error);
    return answer;
  }
  const ask = <T extends Answer>(request: { readonly run: string; readonly steps?: number }): Promise<T> => {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    return next<T>();
  };
  return {
    ready: await next<Ready>(),
    check: () => ask<Checked>({ run: 'check' }),
    time: (run, steps) => ask<Timed>({ run, steps }),
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const closed = once(child, 'close');
      child.stdin.end();
      await closed;
    },
  };
}
