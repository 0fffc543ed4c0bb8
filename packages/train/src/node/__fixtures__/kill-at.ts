// Loaded before a script, kills its process when it writes the text of FLOWMAP_KILL_AT to stderr or stdout.
const text = process.env['FLOWMAP_KILL_AT']!;
for (const stream of [process.stderr, process.stdout]) {
  const write = stream.write.bind(stream) as (chunk: string | Uint8Array, ...rest: unknown[]) => boolean;
  stream.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    if (String(chunk).includes(text)) process.kill(process.pid, 'SIGKILL');
    return write(chunk, ...rest);
  };
}
