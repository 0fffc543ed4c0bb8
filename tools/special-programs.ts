import { specialProgramLimits, specialRules } from '../packages/contract/src/random/special-rules.js';

const introduction = `Random programs of rank 0 to 6 get special numbers among ordinary ones, in float32 and on onnxruntime also in float16 and bfloat16.
Their values and their first and second derivatives in every combination of modes are compared with the reference's element by element;
for smooth functions, derivatives up to the sixth. NaN must be NaN, an infinity the same infinity, a result beyond the range of its dtype
not finite, and every other result must agree within some roundings, of each number or of the largest ordinary one expected. Denormal
numbers may count as zeros. "open" stands for NaN, infinities and zeros; "largest" for a quarter of the largest number; "smallest" for the
smallest normal numbers and below.`;

const properties = `What functions return for special numbers on the reference, onnxruntime, and TensorFlow.js's cpu and wasm; the first two are tested in
\`packages/contract/src/edges.test.ts\`:

- \`silu\` is NaN at minus infinity, and its derivatives are NaN at both infinities, as in PyTorch: making them 0 and 1 would cost 3 to
  4 % of a training step.
- \`resize2d\` is a product with weights: a NaN or an infinity makes its whole plane NaN; with \`nearest\` to a whole multiple, only the
  pixels that repeat it. Other planes are not affected. Gathering pixels instead would take 2 to 28 times as long.
- \`mean\`, \`averagePool2d\` and the norms overflow where a sum (of squares) does; the adjoint of a quotient, where the cotangent divided by
  the divisor does.
- The derivative of a maximum is a mask times the cotangent: an infinite cotangent gives NaN for elements that were not chosen.`;

/** The section on special numbers in random programs: what the test of runtimes gives them and accepts. */
export function specialPrograms(): string {
  const rows = specialRules.map(
    ({ families, kinds, relativeTo, reason }) =>
      `- ${families.join(', ')}: ${kinds.join(', ')}; relative to ${relativeTo === 'each' ? 'each number' : 'the largest'}. ${reason}`,
  );
  return [
    '## Special numbers in programs',
    introduction,
    `Which programs get which of them, to what errors are relative, and why:\n\n${rows.join('\n')}`,
    'Not specified:',
    specialProgramLimits.map(({ runtimesInWords, reason }) => `- On ${runtimesInWords}: ${reason}`).join('\n'),
    properties,
  ].join('\n\n');
}
