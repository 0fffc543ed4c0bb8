import { FlowmapError } from '@flowmap/tensor';
import { expect, test, vi } from 'vitest';
import { workspaces } from './internal/workspace.js';

const entries = workspaces('packages').flatMap(({ manifest: { name, exports = {} } }) =>
  ['.', './node'].filter((path) => path in exports).map((path) => name + path.slice(1)),
);

type ErrorClass = new (...args: never[]) => Error;
const isErrorClass = (value: unknown): value is ErrorClass =>
  typeof value === 'function' && value.prototype instanceof Error;

/** Every error class that a package exports. */
const errorClasses = async (): Promise<ErrorClass[]> => {
  const modules = await Promise.all(entries.map(async (entry) => (await import(entry)) as Record<string, unknown>));
  return [...new Set(modules.flatMap((exported) => Object.values(exported)).filter(isErrorClass))];
};

const classes = await errorClasses();
const names = classes.map(({ name }) => name);

test('every error class belongs to the family, which is told by a name of its own', () => {
  expect(names).toEqual(expect.arrayContaining(['FlowmapError', 'SampleError', 'RuntimeLostError', 'ImageSizeError']));
  for (const { name, prototype } of classes) {
    expect(name).toMatch(/Error$/);
    expect(name === 'FlowmapError' || prototype instanceof FlowmapError, name).toBe(true);
  }
  expect(names.toSorted()).toEqual([...new Set(names)].toSorted());
});

test('errors are instances of the classes of another copy of all packages', async () => {
  vi.resetModules();
  const { SampleError } = await import('@flowmap/core');
  const { RuntimeUnavailableError } = await import('@flowmap/tensor');
  const { RuntimeLostError } = await import('@flowmap/train');
  const told = (error: Error): string[] =>
    classes
      .filter((errorClass) => error instanceof errorClass)
      .map(({ name }) => name)
      .sort();

  const sampleError = new SampleError('emoji', 3, 7, 'has label 7, but the dataset has 5 classes');
  expect(classes).not.toContain(SampleError);
  expect(told(sampleError)).toEqual(['DataError', 'FlowmapError', 'SampleError']);

  const lost = new RuntimeLostError(new RuntimeUnavailableError('onnx', 'the device was lost'), 5, undefined);
  expect(told(lost)).toEqual(['FlowmapError', 'RuntimeLostError', 'RuntimeUnavailableError']);
  expect(told(new Error('the device was lost'))).toEqual([]);
});
