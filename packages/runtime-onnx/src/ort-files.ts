/** Paths of the native files that onnxruntime-node brings for this machine; none where it is not installed. */
export function filesOfOrt(): string[] {
  // This module is part of an entry that browsers load too, so Node's modules cannot be imported.
  const { process } = globalThis;
  const fs = process.getBuiltinModule('node:fs');
  const path = process.getBuiltinModule('node:path');
  const { createRequire } = process.getBuiltinModule('node:module');
  const within = (folder: string): string[] =>
    fs.existsSync(folder) ? fs.readdirSync(folder).map((name) => path.join(folder, name)) : [];
  try {
    const manifest = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
    const versions = within(path.join(path.dirname(manifest), 'bin'));
    return versions.flatMap((version) => within(path.join(version, process.platform, process.arch)));
  } catch {
    return [];
  }
}
