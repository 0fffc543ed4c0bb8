/** A canvas ready to be drawn on: cleared, in CSS pixels, and at the screen's resolution. */
export interface Sheet {
  readonly context: CanvasRenderingContext2D;
  readonly width: number;
  readonly height: number;
  /** The value of one of the page's custom properties, for light or dark mode as the reader's system has it. */
  readonly style: (name: string) => string;
}

/** Clears a canvas and prepares it for drawing; undefined while it has no size. */
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
