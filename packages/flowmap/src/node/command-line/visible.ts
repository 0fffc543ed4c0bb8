/** Control characters, writing directions, unpaired surrogates and line separators, but not line feed and tab. */
const UNPRINTABLE = /(?![\n\t])\p{C}|\p{Zl}|\p{Zp}/gu;

/**
 * Text for a terminal, in which unprintable characters, as in the name of a file, are escaped as `\u001b`. JSON keeps
 * its meaning.
 */
export function visible(text: string): string {
  return text.replace(UNPRINTABLE, (character) => character.split('').map(escaped).join(''));
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
