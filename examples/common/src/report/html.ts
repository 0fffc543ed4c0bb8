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
