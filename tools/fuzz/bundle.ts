/** Files of a folder in one: a line `name length` before each. */
export function pack(files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  return Buffer.concat(
    Object.entries(files).flatMap(([name, bytes]) => [Buffer.from(`${name} ${bytes.length}\n`), bytes]),
  );
}

/** The files of {@link pack}, as far as they are complete. */
export function unpack(bytes: Uint8Array): Record<string, Uint8Array> {
  const files: Record<string, Uint8Array> = {};
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(0x0a, at);
    const [, name, length] = /^([a-z.]+) (\d+)$/.exec(Buffer.from(bytes.subarray(at, end)).toString()) ?? [];
    if (end < 0 || name === undefined) return files;
    files[name] = bytes.subarray(end + 1, end + 1 + Number(length));
    at = end + 1 + Number(length);
  }
  return files;
}
