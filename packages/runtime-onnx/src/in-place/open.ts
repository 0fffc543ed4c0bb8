import { reasonOf } from '../advice.js';
import { filesOfOrt } from '../ort-files.js';
import { openCApi, type CApi } from './c-api.js';

/** onnxruntime's C API, or why there is none. */
export type FoundCApi = { readonly api: CApi } | { readonly api: undefined; readonly reason: string };

let found: Promise<FoundCApi> | undefined;

/** Loads onnxruntime's C API through the package `koffi`, once. */
export function findCApi(): Promise<FoundCApi> {
  return (found ??= open());
}

async function open(): Promise<FoundCApi> {
  const path = filesOfOrt().find((file) => /[/\\](lib)?onnxruntime\.(so\.\d+|\d+\.dylib|dll)$/.test(file));
  if (path === undefined) return { api: undefined, reason: 'onnxruntime-node has no library for this machine' };
  try {
    const { default: koffi } = await import('koffi');
    return { api: openCApi(koffi, path) };
  } catch (cause) {
    return { api: undefined, reason: reasonOf(cause) };
  }
}
