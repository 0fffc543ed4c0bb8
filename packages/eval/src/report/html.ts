/** Markup that is safe to put into a page as is. */
export interface Html {
  readonly markup: string;
}

type Piece = string | number | false | undefined | Html | readonly Html[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Markup from a template: inserted text is escaped, markup is not, and `false` and `undefined` insert nothing. */
export function html(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
  return { markup: strings.map((text, i) => text + (i < pieces.length ? render(pieces[i]) : '')).join('') };
}

function render(piece: Piece): string {
  if (piece === undefined || piece === false) return '';
  if (typeof piece === 'number') return String(piece);
  if (typeof piece === 'string') return piece.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
  return 'markup' in piece ? piece.markup : piece.map(({ markup }) => markup).join('\n');
}

/** The address of a picture: PNG as a data URL, an address as it is. */
export function pictureUrl(picture: Uint8Array | string): string {
  if (typeof picture === 'string') return picture;
  let text = '';
  // In parts, as a function takes only so many arguments.
  for (let i = 0; i < picture.length; i += 8192) text += String.fromCharCode(...picture.subarray(i, i + 8192));
  return `data:image/png;base64,${btoa(text)}`;
}
