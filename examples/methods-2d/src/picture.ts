import { hostTensor } from '@flowmap/core';
import { scatterStrip } from '@flowmap/example-common';
import type { HostTensor } from '@flowmap/tensor';

/** Height and width of a set of points, in pixels, and the points of it that are shown. */
const [SIDE, SHOWN] = [88, 1000] as const;
const [LABEL, GAP, COLUMNS] = [18, 10, 2] as const;

/**
 * Sets of points side by side, with their name above them, in two columns: an SVG file that embeds them as PNG.
 *
 * @param points the sets of each name, as many for all of them
 */
export async function pictureOf(points: ReadonlyMap<string, readonly HostTensor[]>): Promise<string> {
  const [first] = points.values();
  const [width, height] = [SIDE * (first?.length ?? 0), SIDE];
  const rows = Math.ceil(points.size / COLUMNS);
  const parts: string[] = [];
  for (const [name, sets] of points) {
    const i = parts.length;
    const x = GAP + Math.floor(i / rows) * (width + 2 * GAP);
    const y = (i % rows) * (LABEL + height);
    const png = Buffer.from(await scatterStrip(sets.map(fewOf), SIDE)).toString('base64');
    const image = `<image x="${x}" y="${y + LABEL}" width="${width}" height="${height}" href="data:image/png;base64,${png}"/>`;
    parts.push(`<text x="${x}" y="${y + LABEL - 4}" font-size="13" fill="#1d1c1a">${name}</text>\n${image}`);
  }
  const size = [COLUMNS * (width + 2 * GAP), rows * (LABEL + height) + GAP];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.join(' ')}" width="${size[0]}" height="${size[1]}" font-family="system-ui, sans-serif">`,
    '<rect width="100%" height="100%" fill="#ffffff"/>',
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function fewOf({ data, shape }: HostTensor): HostTensor {
  const count = Math.min(SHOWN, shape[0]!);
  return hostTensor([count, 2], data.subarray(0, 2 * count));
}
