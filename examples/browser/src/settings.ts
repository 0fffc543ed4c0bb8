import { DEFAULTS, type Settings } from './messages.js';

const devices = ['auto', 'cpu', 'webgpu'] as const;

/** The page's settings with the changes in the query part of its address; invalid values are ignored. */
export function settingsOf(search: string): Settings {
  const query = new URLSearchParams(search);
  const numbers = Object.entries(DEFAULTS).flatMap(([name, value]) => {
    const given = Number(query.get(name) ?? NaN);
    const least = name === 'seed' ? 0 : 1;
    return typeof value === 'number' && Number.isInteger(given) && given >= least ? [[name, given]] : [];
  });
  const device = devices.find((name) => name === query.get('device')) ?? DEFAULTS.device;
  return { ...DEFAULTS, ...(Object.fromEntries(numbers) as Partial<Settings>), device };
}
