/** Paths of the native files that onnxruntime-node has for this machine; none if it is not installed. */
export function filesOfOrt(): string[] {
  // Browsers load this module too, so it cannot import Node's modules.
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
