import type { Objective } from '@flowmap/core';

/**
 * The description of an objective that another one changes, with one more sentence; nothing if it has none.
 *
 * @param sentence what is changed
 * @param metrics what is logged besides, by name
 */
export function told(
  { about }: Objective,
  sentence: string,
  metrics: Readonly<Record<string, string>> = {},
): Pick<Objective, 'about'> {
  if (about === undefined) return {};
  return { about: { ...about, text: `${about.text} ${sentence}`, metrics: { ...about.metrics, ...metrics } } };
}
