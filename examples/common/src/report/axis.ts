/** A linear scale whose ends are round numbers. */
export interface Axis {
  readonly low: number;
  readonly high: number;
  /** Round numbers from `low` to `high`, inclusive. */
  readonly ticks: readonly number[];
}

/**
 * The axis that contains all values, divided into about `count` parts of 1, 2, 2.5 or 5 times a power of ten.
 *
 * @param values the values to show; those that are not finite are ignored
 */
export function axisOf(values: readonly number[], count: number): Axis {
  const finite = values.filter(Number.isFinite);
  const [least, most] = finite.length > 0 ? [Math.min(...finite), Math.max(...finite)] : [0, 1];
  const span = most > least ? most - least : Math.abs(most) || 1;
  const power = 10 ** Math.floor(Math.log10(span / count));
  const step = power * ([1, 2, 2.5, 5].find((factor) => factor * power >= span / count) ?? 10);
  const first = Math.floor(least / step);
  const last = Math.max(Math.ceil(most / step), first + 1);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  return { low: ticks[0]!, high: ticks.at(-1)!, ticks };
}

/** A number formatted for reading: 12,500 · 0.35 · 5e-4. */
export function shortNumber(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && size < 1e-3) return value.toExponential(1).replace('.0e', 'e');
  return value.toLocaleString('en-GB', { maximumSignificantDigits: size >= 1000 ? 6 : 3 });
}
