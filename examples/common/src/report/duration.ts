/** Seconds formatted for reading: 4.2 s, 42 s, 3 min 05 s, 1 h 12 min. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toPrecision(2)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  const two = (value: number): string => String(value % 60).padStart(2, '0');
  return minutes < 60 ? `${minutes} min ${two(whole)} s` : `${Math.floor(minutes / 60)} h ${two(minutes)} min`;
}
