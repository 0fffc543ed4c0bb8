import { html, pictureUrl, type Html } from './html.js';

/** A strip of samples with its label. */
export interface LabelledStrip {
  readonly label: string;
  /** PNG. */
  readonly strip: Uint8Array;
}

const WIDTH = 880;
const LABEL = 150;
const GAP = 6;

/**
 * Strips stacked vertically, each with its label on the left, as an SVG that embeds the pictures: for a README, which
 * cannot lay out pictures itself.
 *
 * @param strips strips, all of the same size
 */
export function stripComparison(strips: readonly LabelledStrip[]): string {
  const width = WIDTH - LABEL - GAP;
  const size = sizeOfPng(strips[0]!.strip);
  const height = (width * size.height) / size.width;
  const row = ({ label, strip }: LabelledStrip, i: number): Html => {
    const y = GAP + i * (height + GAP);
    return html`<text x="${LABEL - 12}" y="${y + height / 2 + 5}" text-anchor="end">${label}</text>
      <image x="${LABEL}" y="${y}" width="${width}" height="${height}" href="${pictureUrl(strip)}" />`;
  };
  const total = GAP + strips.length * (height + GAP);
  const picture = html`<svg
    xmlns="http://www.w3.org/2000/svg"
    viewBox="0 0 ${WIDTH} ${total}"
    width="${WIDTH}"
    height="${total}"
  >
    <style>
      image {
        image-rendering: pixelated;
      }
      text {
        font:
          15px system-ui,
          sans-serif;
        fill: #222;
      }
    </style>
    <rect width="100%" height="100%" fill="#fff" />
    ${strips.map(row)}
  </svg> `;
  return picture.markup.replace(/^ {2}/gm, '');
}

/** Width and height from the header of a PNG (PNG specification, section 11.2.2). */
function sizeOfPng(png: Uint8Array): { width: number; height: number } {
  const header = new DataView(png.buffer, png.byteOffset);
  return { width: header.getUint32(16), height: header.getUint32(20) };
}
