import { drawPoints } from './draw-points.js';
import type { Points } from './messages.js';

/** The contents of a tile. */
interface Picture {
  readonly points: Points;
  /** Where the points started. */
  readonly noise?: Points;
  readonly distance?: number;
}

/** A picture with its caption. */
export interface Tile {
  /** Shows a picture, or none. */
  show(picture: Picture | undefined): void;
  /** Redraws it, for a new size or colour scheme. */
  draw(): void;
}

/**
 * Fills an element with empty tiles.
 *
 * @param names name of each tile: a number of steps, or a word
 */
export function tilesIn(parent: HTMLElement, names: readonly string[]): Tile[] {
  return names.map((name) => {
    const figure = document.createElement('figure');
    const canvas = document.createElement('canvas');
    const caption = document.createElement('figcaption');
    const title = document.createElement('strong');
    const note = document.createElement('span');
    title.textContent = /^\d+$/.test(name) ? `${name} ${name === '1' ? 'step' : 'steps'}` : `the ${name}`;
    caption.append(title, note);
    figure.append(canvas, caption);
    parent.append(figure);

    let shown: Picture | undefined;
    const draw = (): void => drawPoints(canvas, shown?.points ?? new Float32Array(), shown?.noise);
    return {
      draw,
      show(picture) {
        shown = picture;
        canvas.dataset['points'] = String((picture?.points.length ?? 0) / 2);
        note.textContent = picture?.distance === undefined ? '' : `off by ${picture.distance.toFixed(2)}`;
        draw();
      },
    };
  });
}
