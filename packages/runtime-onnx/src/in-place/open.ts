import { filesOfOrt } from '../ort-files.js';
import { openCApi, type CApi } from './c-api.js';

/** onnxruntime's C API, through the package `koffi`; undefined where that or the library does not load. */
export async function findCApi(): Promise<CApi | undefined> {
  const path = filesOfOrt().find((file) => /[/\\](lib)?onnxruntime\.(so\.\d+|\d+\.dylib|dll)$/.test(file));
  if (path === undefined) return undefined;
  try {
    const { default: koffi } = await import('koffi');
    return openCApi(koffi, path);
  } catch {
    return undefined;
  }
}
