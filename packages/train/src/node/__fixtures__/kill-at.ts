// Loaded before a script, this kills the process when it writes the text in FLOWMAP_KILL_AT to stderr or stdout;
// with FLOWMAP_KILL_LATER, in the middle of what the script does next, as soon as it waits for a file.
const kill = (): unknown => process.kill(process.pid, 'SIGKILL');
const later = process.env['FLOWMAP_KILL_LATER'] !== undefined;
const text = process.env['FLOWMAP_KILL_AT']!;
for (const stream of [process.stderr, process.stdout]) {
  const write = stream.write.bind(stream) as (chunk: string | Uint8Array, ...rest: unknown[]) => boolean;
  stream.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    if (String(chunk).includes(text)) {
      if (later) setImmediate(kill);
      else kill();
    }
    return write(chunk, ...rest);
  };
}
