import { specialProgramLimits, specialRules } from '../packages/contract/src/random/special-rules.js';

const introduction = `Random programs of rank 0 to 6 get these among ordinary numbers, in float32 and on onnxruntime also in float16 and bfloat16; their
values and their first and second derivatives in every mix of modes are compared with the reference's element by element, those of
smooth functions up to the sixth. NaN must be NaN, an infinity that one, a result beyond the range of its dtype not finite, and any
other within some roundings, of each number or of the largest ordinary one that is wanted. Denormal numbers may count as zeros.
"open" are NaN, infinities and zeros; "largest" a quarter of the largest number; "smallest" the smallest normal ones and below.`;

const properties = `What functions make of special numbers on the reference, onnxruntime, and TensorFlow.js's cpu and wasm; the first two are tested in
\`packages/contract/src/edges.test.ts\`:

- \`silu\` is NaN at minus infinity, and its derivatives are at both infinities, as PyTorch's formulas have it: what would make them 0
  and 1 costs 3 to 4 % of a training step.
- \`resize2d\` is a product with weights: a NaN or an infinity makes its plane NaN, but by \`nearest\` to a whole multiple only the pixels
  that repeat it. Other planes stay as they are. By gathering pixels it would take 2 to 28 times as long.
- \`mean\`, \`averagePool2d\` and the norms overflow where a sum (of squares) does, the adjoint of a quotient where the cotangent over the
  divisor does.
- The derivative of a maximum is a mask times the cotangent: an infinite cotangent makes NaN of what was not chosen.`;

/** The section on special numbers in random programs: what the test of runtimes gives them and accepts. */
export function specialPrograms(): string {
  const rows = specialRules.map(
    ({ families, kinds, relativeTo, reason }) =>
      `- ${families.join(', ')}: ${kinds.join(', ')}; relative to ${relativeTo === 'each' ? 'each number' : 'the largest'}. ${reason}`,
  );
  return [
    '## Special numbers in programs',
    introduction,
    `Which programs get which of them, what errors are relative to, and why:\n\n${rows.join('\n')}`,
    'Left open:',
    specialProgramLimits.map(({ runtime, reason }) => `- \`${runtime.source}\`: ${reason}`).join('\n'),
    properties,
  ].join('\n\n');
}
