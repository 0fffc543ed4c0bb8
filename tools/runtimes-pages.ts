/** Errors of the value, the JVP, the VJP and the second derivatives; undefined if there is nothing to differentiate. */
export type Errors4 = readonly (number | undefined)[];

/** How exact a runtime is in a primitive, a function, or all of them in another dtype. */
export interface ErrorRow {
  readonly name: string;
  readonly isPrimitive: boolean;
  readonly relative: Errors4;
  readonly absolute: Errors4;
  /** Whether an error exceeds what the contract accepts. */
  readonly isBeyond: boolean;
}

/** How a runtime handles special numbers in a primitive: `yes`, or the numbers of limits. */
export interface SpecialRow {
  readonly name: string;
  readonly text: string;
}

/** A runtime and its results. */
export interface RuntimeResults {
  readonly title: string;
  readonly rows: readonly ErrorRow[];
  readonly special: readonly SpecialRow[];
}

/** Further contents of the overview. */
export interface OverviewTexts {
  /** How and when it was written. */
  readonly origin: string;
  /** Limits on special numbers, as items of a list to whose numbers the results refer. */
  readonly limits: string;
  /** The section on special numbers in programs. */
  readonly programs: string;
  /** The section on errors that exceed the contract's. */
  readonly beyond: string;
}

/** Name of the file of a runtime. */
export function fileOf(title: string): string {
  return `${title
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/-$/, '')}.md`;
}

/** `docs/runtimes.md`: the largest errors of each runtime, and links to all of them. */
export function overview(runtimes: readonly RuntimeResults[], texts: OverviewTexts): string {
  return `# Runtimes

How exact each runtime is: errors of every primitive, and of the functions made of primitives, over all cases of the contract
suite. The oracle is the float64 reference runtime, whose derivatives are themselves checked against central differences.
Errors are relative to the largest magnitude of each expected result, in float32, in units of 1e-8: one rounding is 6.

The contract accepts 500 for values, 2,000 for JVP and VJP, and 10,000 for second derivatives (the gradient of the JVP and the JVP
of the VJP), relative to the largest magnitude, or to 1 if that is less. Larger errors are listed [at the end](#beyond-what-the-contract-accepts) with
their reasons. TensorFlow.js in a browser was kept from computing small tensors on the CPU, as it otherwise does.

${texts.origin}

The page of each runtime has all errors, absolute ones too.

## Primitives

The largest error over all primitives:

${largest(runtimes, true)}

## Functions made of primitives

The largest error over all functions:

${largest(runtimes, false)}

## Special numbers

Every primitive was given NaN, infinities, zeros, the largest, the smallest and some ordinary numbers in each operand, in every
dtype that it and the runtime have, including integers up to the ends of int32 and indices out of range. The table says how many primitives
give the answer of the reference, that of IEEE arithmetic, and the limits of the others; "d" means that numbers below the smallest normal one
(denormals) may count as zeros or lose digits, which is not counted. The sign of a zero is left open.

${specialCounts(runtimes)}

${texts.limits}

${texts.programs}

${texts.beyond}
`;
}

/** `docs/runtimes/<runtime>.md`: all errors of a runtime. */
export function details({ title, rows, special }: RuntimeResults): string {
  const tables = (['relative', 'absolute'] as const).map((of) => {
    const parts = [true, false].map((isPrimitive) => {
      const own = rows.filter((row) => row.isPrimitive === isPrimitive && !isOtherDType(row));
      const lines = own.map((row) => [`${row.name}${row.isBeyond ? ' \\*' : ''}`, ...row[of].map(inUnits)]);
      return table([isPrimitive ? 'primitive' : 'function', ...KINDS], lines);
    });
    return [`## ${of === 'relative' ? 'Relative' : 'Absolute'} errors`, ...parts].join('\n\n');
  });
  const others = rows.filter(isOtherDType).map(({ name, relative, absolute }) => {
    if (relative.every((error) => error === undefined)) return `- ${name}: refused`;
    return `- ${name}: relative errors ${relative.map(plain).join(', ')}; absolute ones ${absolute.map(plain).join(', ')}`;
  });
  const differing = special.filter(({ text }) => text !== 'yes');
  const answers =
    differing.length === 0
      ? 'All primitives give the answers of IEEE arithmetic.'
      : `All primitives give the answers of IEEE arithmetic, except those with limits, which [the overview](../runtimes.md#special-numbers) lists:\n\n${table(
          ['primitive', 'limits'],
          differing.map(({ name, text }) => [name, text.replace('yes, ', '')]),
        )}`;
  return `# ${title}

Errors of the value, the JVP, the VJP and the second derivatives in units of 1e-8, as in [the overview](../runtimes.md). An en dash
means that there is nothing to differentiate, an asterisk that an error exceeds what the contract accepts.

${tables.join('\n\n')}

## Other dtypes

The contract accepts 8, 16, 16 and 32 roundings, which are 5e-4 in float16 and 4e-3 in bfloat16.

${others.join('\n')}

## Special numbers

${answers}
`;
}

const KINDS = ['value', 'JVP', 'VJP', '2nd'] as const;

/** The largest error of each runtime, with a link to all of its errors. */
function largest(runtimes: readonly RuntimeResults[], isPrimitive: boolean): string {
  const lines = runtimes.map(({ title, rows }) => {
    const own = rows.filter((row) => row.isPrimitive === isPrimitive && !isOtherDType(row));
    const errors = KINDS.map((_, kind) => Math.max(...own.map(({ relative }) => relative[kind] ?? 0)));
    return [linkTo(title), ...errors.map(inUnits)];
  });
  return table(['runtime', ...KINDS], lines);
}

function specialCounts(runtimes: readonly RuntimeResults[]): string {
  const lines = runtimes.map(({ title, special }) => {
    const exact = special.filter(({ text }) => text.startsWith('yes')).length;
    const limits = new Set(special.flatMap(({ text }) => text.replace(/^yes(, )?/, '').match(/\S+/g) ?? []));
    return [linkTo(title), `${exact} of ${special.length}`, [...limits].sort(inOrder).join(' ')];
  });
  return table(['runtime', 'as IEEE', 'limits'], lines);
}

/** Sorts by number, then by letters. */
function inOrder(a: string, b: string): number {
  const [first, second] = [a, b].map((text) => Number(/\d+/.exec(text)?.[0] ?? Infinity));
  return first === second ? 0 : first! - second!;
}

function isOtherDType({ name }: ErrorRow): boolean {
  return name.startsWith('all of these in ');
}

function linkTo(title: string): string {
  return `[${title}](runtimes/${fileOf(title)})`;
}

/** Units from which an error is written with an exponent. */
const MANY = 1e5;

/** An error in units of 1e-8, with one digit, and without a hyphen, at which a table cell would break. */
function inUnits(error: number | undefined): string {
  if (error === undefined) return '–';
  const units = Number(error.toExponential(0)) * 1e8;
  if (units >= MANY) return units.toExponential(0).replace('+', '');
  return units >= 1 ? Math.round(units).toLocaleString('en-GB') : String(Number(units.toPrecision(1)));
}

function plain(error: number | undefined): string {
  if (error === undefined) return '–';
  return error === 0 ? '0' : error.toExponential(0);
}

function table(header: readonly string[], lines: readonly (readonly string[])[]): string {
  const rule = header.map((_, column) => (column === 0 || header[column] === 'limits' ? '---' : '---:'));
  return [header, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
