import type { Objective } from '@flowmap/core';

/**
 * The description of an objective that is modified by another one, with one more sentence; nothing if it
 * has no description.
 *
 * @param sentence what is changed
 * @param metrics what is logged in addition, by name
 */
export function told(
  { about }: Objective,
  sentence: string,
  metrics: Readonly<Record<string, string>> = {},
): Pick<Objective, 'about'> {
  if (about === undefined) return {};
  return { about: { ...about, text: `${about.text} ${sentence}`, metrics: { ...about.metrics, ...metrics } } };
}
