/** Seconds formatted for reading: 4.2 s, 42 s, 3 min 05 s, 1 h 12 min. */
export function durationText(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toPrecision(2)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  const two = (value: number): string => String(value % 60).padStart(2, '0');
  return minutes < 60 ? `${minutes} min ${two(whole)} s` : `${Math.floor(minutes / 60)} h ${two(minutes)} min`;
}

/** A number formatted for reading: 12,500 · 0.35 · 5e-4. */
export function numberText(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && size < 1e-3) return value.toExponential(1).replace('.0e', 'e');
  return value.toLocaleString('en-GB', { maximumSignificantDigits: size >= 1000 ? 6 : 3 });
}

/** An identifier as words: `tangentNorm` becomes `tangent norm`. */
export function wordsOf(name: string): string {
  return name.replace(/(?<=[a-z\d])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** A text with its first letter capitalised. */
export function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
