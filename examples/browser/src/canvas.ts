/** A canvas ready to be drawn on: cleared, in CSS pixels, and as sharp as the screen. */
export interface Sheet {
  readonly context: CanvasRenderingContext2D;
  readonly width: number;
  readonly height: number;
  /** The value of one of the page's custom properties, light or dark as the reader's system is. */
  readonly style: (name: string) => string;
}

/** Clears a canvas; undefined while it has no size. */
export function sheetOf(canvas: HTMLCanvasElement): Sheet | undefined {
  const { clientWidth: width, clientHeight: height } = canvas;
  const context = canvas.getContext('2d');
  if (context === null || width === 0 || height === 0) return undefined;
  const ratio = window.devicePixelRatio;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  context.scale(ratio, ratio);
  const styles = getComputedStyle(canvas);
  return { context, width, height, style: (name) => styles.getPropertyValue(name).trim() };
}
