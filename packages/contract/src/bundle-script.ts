import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join, parse } from 'node:path';
import { build } from 'esbuild';

/** The workspace of a script, such as `…/packages/train`. */
const WORKSPACE = /^.*[/\\](?:packages|examples)[/\\][^/\\]+/;

/**
 * Bundles a script with all sources of this repository that it imports, for tests that start it as a process again and
 * again: loading them one by one takes longer than most such processes.
 *
 * @param script a file in a workspace
 * @returns path of the bundle, two folders below the workspace's manifest, as its sources are
 */
export async function bundleScript(script: string): Promise<string> {
  const outfile = join(WORKSPACE.exec(script)![0], '.cache/scripts', `${parse(script).name}.mjs`);
  const { outputFiles } = await build({
    entryPoints: [script],
    outfile,
    write: false,
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['@flowmap/source'],
    plugins: [
      {
        name: 'own sources only',
        setup(bundler) {
          bundler.onResolve({ filter: /^[^./#]/ }, ({ path, kind }) =>
            kind === 'entry-point' || /^(@flowmap\/|flowmap(\/|$))/.test(path) ? undefined : { path, external: true },
          );
        },
      },
    ],
  });
  await mkdir(dirname(outfile), { recursive: true });
  // Another process may be starting the one before.
  const written = `${outfile}.${process.pid}`;
  await writeFile(written, outputFiles[0]!.contents);
  await rename(written, outfile);
  return outfile;
}
