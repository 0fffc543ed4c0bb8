import { ConfigError, type ConditionSpecs, type Model } from '@flowmap/core';
import { sameShape, specText } from '@flowmap/tensor';

/**
 * Checks that a weak model can guide a strong one.
 *
 * @throws {ConfigError} naming what differs: the shape of samples, a condition, a class, or the path
 */
export function requireSameKind(option: string, strong: Model, weak: Model): void {
  const [shape, other] = [strong.network.config.shape, weak.network.config.shape];
  const fail = (property: string, wanted: string, got: string): never => {
    throw new ConfigError(option, `the weak model differs in ${property}: the strong one has ${wanted}, it has ${got}`);
  };
  if (!sameShape(shape, other)) fail('the shape of samples', `[${shape.join(', ')}]`, `[${other.join(', ')}]`);
  const count = Math.max(strong.classes.length, weak.classes.length);
  for (let i = 0; i < count; i++) {
    const [wanted, got] = [className(strong, i), className(weak, i)];
    if (wanted !== got) fail(`class ${i}`, wanted, got);
  }
  const [ours, theirs] = [strong.network.conditions, weak.network.conditions];
  for (const name of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
    const [wanted, got] = [conditionText(ours, name), conditionText(theirs, name)];
    if (wanted !== got) fail(`the condition '${name}'`, wanted, got);
  }
  const [path, otherPath] = [strong, weak].map((model) => model.path ?? 'linear') as [string, string];
  if (path !== otherPath) fail('the path', path, otherPath);
}

function className({ classes }: Model, i: number): string {
  return classes[i] === undefined ? 'none' : `'${classes[i]}'`;
}

function conditionText(specs: ConditionSpecs, name: string): string {
  if (!Object.hasOwn(specs, name)) return 'none';
  const spec = specs[name]!;
  return spec.categories === undefined ? specText(spec) : `${specText(spec)} of ${spec.categories} categories`;
}
