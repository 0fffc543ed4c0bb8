/**
 * Files that import each other in a circle.
 *
 * @param imports what each file imports; imports that are not among the files are ignored
 * @returns a circle, with its first file repeated at the end; undefined if there is none
 */
export function circleIn(imports: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const left = new Map(imports);
  const onward = (file: string): string | undefined => left.get(file)?.find((target) => left.has(target));
  for (let before = Infinity; left.size < before;) {
    before = left.size;
    for (const file of left.keys()) if (onward(file) === undefined) left.delete(file);
  }
  // Every remaining file imports a remaining one, so a walk among them must return to a file it has visited.
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
