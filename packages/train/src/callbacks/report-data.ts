import { dataReport, type Callback, type DataReport, type Dataset } from '@flowmap/core';
import { requireMember } from '@flowmap/tensor';

/**
 * Reports before the first step what the data is like: one line, and a warning for images that do not fill [-1,
 * 1].
 *
 * @param data the source of the training's batches
 * @param onReport called with the report
 * @throws {ConfigError} for anything but a dataset
 *
 * @example
 * await train({ ...options, callbacks: [reportData(data, ({ line }) => console.log(line))] });
 */
export function reportData(data: Dataset, onReport: (report: DataReport) => void): Callback {
  requireMember('reportData.data', data, { member: 'batch', wanted: 'a dataset, such as `checkerboard()`' });
  return {
    name: 'data report',
    every: 'end',
    prepare: async () => onReport(await dataReport(data)),
    run: () => undefined,
  };
}
