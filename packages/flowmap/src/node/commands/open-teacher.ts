import type { Dataset, Model } from '@flowmap/core';
import type { Runtime } from '@flowmap/tensor';
import type { Talk } from './command.js';
import { isOnnx, openImported, requireNoMapping } from './open-imported.js';
import { openModel } from './open-model.js';

/** A teacher whose file has been read. */
export interface OpenedTeacher {
  /** Shape of one sample, if it is known without data. */
  readonly shape: readonly number[] | undefined;
  /**
   * The teacher of data.
   *
   * @throws {ConfigError} for an ONNX file that explains nothing of the data, or as much without its times, with the
   *   mapping that was tried
   */
  fitted(to: { readonly runtime: Runtime; readonly data: Dataset }, talk: Talk): Promise<Model>;
}

/** Samples that an ONNX file is tried on. */
const TRIED = 32;

/** A factor that makes all times the same for a network. */
const TIMELESS = 1e-6;

/** Share of the direction from data to noise that true times must explain beyond equal ones, at some time at least. */
const LEAST_BY_TIMES = 0.005;

/**
 * Reads a teacher: a checkpoint of a velocity field, or an ONNX file with its mapping.
 *
 * @throws {FlowmapError} for a file that is none, and a mapping that does not fit it
 */
export async function openTeacher(path: string, mapping: string | null): Promise<OpenedTeacher> {
  if (!isOnnx(path)) {
    await requireNoMapping(mapping);
    const model = await openModel(path, 'velocity');
    return { shape: model.network.config.shape, fitted: () => Promise.resolve(model) };
  }
  const { ConfigError, matchClasses } = await import('@flowmap/core');
  const imported = await openImported(path, mapping, 'velocity');
  return {
    shape: imported.shape,
    async fitted({ runtime, data }, { print, signal }) {
      const { requireTeacherFit, teacherFit } = await import('@flowmap/train');
      const mapping = { ...imported.mapping };
      const teacher = imported.model(data);
      const { shape } = teacher.network.config;
      if (shape.join() !== data.shape.join()) {
        const got = `it takes samples of [${shape.join(', ')}], the images are [${data.shape.join(', ')}]`;
        throw new ConfigError('--teacher', `${got}; ${hintFor(shape)} (tried ${JSON.stringify(mapping)})`);
      }
      const { data: labelled } = matchClasses(data, teacher);
      const tried = { runtime, data: labelled, count: Math.min(TRIED, data.length) };
      const fits = await requireTeacherFit({ ...tried, teacher, mapping });
      const blind = await teacherFit({ ...tried, teacher: imported.model(data, TIMELESS) });
      signal.throwIfAborted();
      if (fits.every(({ explained }, i) => Math.abs(explained - blind[i]!.explained) < LEAST_BY_TIMES)) {
        const wanted = 'its times have no effect: told equal ones, it explains as much; check timeScale';
        throw new ConfigError('--mapping', `${wanted}; tried ${JSON.stringify(mapping)}`);
      }
      const shares = fits.map(({ time, explained }) => `${(100 * explained).toFixed(0)} % at t = ${time}`);
      print(`teacher: explains ${shares.join(', ')} of the direction from data to noise`);
      return teacher;
    },
  };
}

/** What to do about samples of a shape that no images have, or not these. */
function hintFor(shape: readonly number[]): string {
  const isColour = (extent: number | undefined): boolean => extent === 1 || extent === 3;
  const isLast = shape.length === 3 && !isColour(shape[0]) && isColour(shape[2]);
  return isLast ? 'its channels come last: export it with them first' : 'leave out --size and --grey';
}
