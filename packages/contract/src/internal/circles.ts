/**
 * Files that import each other in a circle.
 *
 * @param imports what each file imports; what is not itself among the files is left out of account
 * @returns a circle, its first file repeated at the end; undefined where there is none
 */
export function circleIn(imports: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const left = new Map(imports);
  const onward = (file: string): string | undefined => left.get(file)?.find((target) => left.has(target));
  for (let before = Infinity; left.size < before;) {
    before = left.size;
    for (const file of left.keys()) if (onward(file) === undefined) left.delete(file);
  }
  // Every file that is left imports one that is left, so a walk among them must come back to where it has been.
  const [start] = left.keys();
  if (start === undefined) return undefined;
  const walk = [start];
  for (;;) {
    const next = onward(walk.at(-1)!)!;
    const seen = walk.indexOf(next);
    walk.push(next);
    if (seen >= 0) return walk.slice(seen);
  }
}
