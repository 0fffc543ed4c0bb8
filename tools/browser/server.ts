import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { isolationHeaders } from '../chromium.js';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

/** A server of folders, and how to stop it. */
export interface StaticServer {
  readonly url: string;
  close(): void;
}

/**
 * Serves the files directly in some folders, on a free port of this machine, as cross-origin isolated pages.
 *
 * @param folders folder by the path it is served under: `''` for the root
 */
export async function serve(folders: Readonly<Record<string, string>>): Promise<StaticServer> {
  const server = createServer(({ url = '/' }, response) => {
    const { pathname } = new URL(url, 'http://localhost');
    const end = pathname.lastIndexOf('/');
    const folder = folders[pathname.slice(1, Math.max(1, end))];
    const file = join(folder ?? '', pathname.slice(end + 1) || 'index.html');
    if (folder === undefined || !existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, {
      ...isolationHeaders,
      'Content-Type': types[extname(file)] ?? 'application/octet-stream',
    });
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://localhost:${port}/`, close: () => server.close() };
}
