/** A scale whose ends are round numbers. */
export interface Axis {
  readonly low: number;
  readonly high: number;
  /** Round numbers from `low` to `high`, inclusive. */
  readonly ticks: readonly number[];
  /** The position of a value between the ends: 0 at `low`, 1 at `high`; NaN for what a logarithmic axis cannot show. */
  readonly place: (value: number) => number;
}

/**
 * The axis that contains all values, divided into about `count` parts of 1, 2, 2.5 or 5 times a power of ten.
 *
 * @param values the values to show; those that are not finite are ignored
 */
export function axisOf(values: readonly number[], count: number): Axis {
  const finite = values.filter(Number.isFinite);
  const [least, most] = finite.length > 0 ? bounds(finite) : [0, 1];
  const span = most > least ? most - least : Math.abs(most) || 1;
  const power = 10 ** Math.floor(Math.log10(span / count));
  const step = power * ([1, 2, 2.5, 5].find((factor) => factor * power >= span / count) ?? 10);
  const first = Math.floor(least / step);
  const last = Math.max(Math.ceil(most / step), first + 1);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  const [low, high] = [ticks[0]!, ticks.at(-1)!];
  return { low, high, ticks, place: (value) => (value - low) / (high - low) };
}

/**
 * The logarithmic axis that contains all positive values. Its ticks are powers of ten, as few as `count` allows, and
 * also 2 and 5 times these if the axis spans at most two powers.
 *
 * @param values the values to show; those that are not finite and positive are ignored
 */
export function logAxisOf(values: readonly number[], count: number): Axis {
  const shown = values.filter((value) => Number.isFinite(value) && value > 0);
  const [least, most] = shown.length > 0 ? bounds(shown) : [1, 10];
  const fine = Math.log10(most / least) < 2;
  const factors = fine ? [1, 2, 5] : [1];
  const from = Math.floor(Math.log10(least));
  const to = Math.ceil(Math.log10(most)) + 1;
  const stride = fine ? 1 : Math.max(1, Math.ceil((to - 1 - from) / count));
  const all: number[] = [];
  for (let power = from; power <= to + stride; power += stride) {
    for (const factor of factors) all.push(Number((factor * 10 ** power).toPrecision(12)));
  }
  const first = all.findLastIndex((tick) => tick <= least * (1 + 1e-12));
  const last = Math.max(
    all.findIndex((tick) => tick >= most * (1 - 1e-12)),
    first + 1,
  );
  const ticks = all.slice(first, last + 1);
  const [low, high] = [ticks[0]!, ticks.at(-1)!];
  const place = (value: number): number => (value > 0 ? Math.log(value / low) / Math.log(high / low) : NaN);
  return { low, high, ticks, place };
}

function bounds(values: readonly number[]): [least: number, most: number] {
  return [values.reduce((a, b) => Math.min(a, b), Infinity), values.reduce((a, b) => Math.max(a, b), -Infinity)];
}
