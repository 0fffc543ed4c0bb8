/**
 * Error function to double precision. Below 2.5 it is the series of positive terms
 * `erf(x) = 2/sqrt(pi) exp(-x^2) sum_n 2^n x^(2n+1) / (2n+1)!!` (Abramowitz and Stegun 7.1.6); from there on
 * `1 - erfc(x)` with the continued fraction 7.1.14, which converges faster for larger x.
 */
export function erf(x: number): number {
  const z = Math.abs(x);
  if (z < 2.5) return series(x);
  // erfc(6) = 2e-17 is below half the spacing of doubles at 1.
  return z < 6 ? Math.sign(x) * (1 - complement(z)) : z >= 6 ? Math.sign(x) : NaN;
}

/** `1 - erf(x)` with a relative error of 1e-12. */
export function erfc(x: number): number {
  return x < 2.5 ? 1 - erf(x) : complement(x);
}

function series(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** `sqrt(pi) exp(x^2) erfc(x) = 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + ...))))`, evaluated from the inside. */
function complement(x: number): number {
  let denominator = x;
  for (let n = 60; n > 0; n--) denominator = x + n / 2 / denominator;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * denominator);
}
