/** The parts of a page's `fetch` that this package uses. */
interface Page {
  fetch(url: URL): Promise<{ ok: boolean; status: number; arrayBuffer(): Promise<ArrayBuffer> }>;
}

/** The bytes at an address. */
export async function read(url: URL): Promise<Uint8Array> {
  const response = await (globalThis as unknown as Page).fetch(url);
  if (!response.ok) throw new Error(`${url.href} cannot be read: the server answers ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
