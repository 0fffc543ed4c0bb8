import { homedir } from 'node:os';

/** The user's home folder; undefined if there is none, as in some containers and services. */
export function homeFolder(): string | undefined {
  try {
    return homedir() || undefined;
  } catch {
    return undefined; // neither HOME nor an entry for the user
  }
}
