import { flowmap } from '../flowmap.js';

/** What a run of the command leaves. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** Runs the command in this process. */
export async function runFlowmap(...args: string[]): Promise<Ran> {
  const shown = { out: '', error: '' };
  const code = await flowmap(args, {
    out: (text) => void (shown.out += text),
    error: (text) => void (shown.error += text),
  });
  return { code, ...shown };
}

/** The last line of its standard output as JSON, after a run without an error. */
export async function answerOf(...args: string[]): Promise<Record<string, unknown>> {
  const { code, out, error } = await runFlowmap(...args, '--json');
  if (code !== 0) throw new Error(`flowmap ${args.join(' ')} ended with ${code}: ${error}`);
  return JSON.parse(out.trimEnd().split('\n').at(-1)!) as Record<string, unknown>;
}
