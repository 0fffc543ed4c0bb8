import type { Objective } from '@flowmap/core';
import { fieldsOf } from '../inspect-run.js';
import type { Fields } from '../shown-network.js';

/** What reports show of an objective. */
export type DescribedObjective = Pick<Objective, 'name' | 'config' | 'watch' | 'about'>;

/** The description of the objective that a run's settings record; for an unknown objective, its name. */
export async function describedObjective(recorded: unknown): Promise<DescribedObjective> {
  const { name, ...settings } = fieldsOf(recorded);
  const config = settings as Objective['config'];
  const known = typeof name === 'string' ? await knownObjective(name, settings) : undefined;
  return known ? { ...known, config } : { name: typeof name === 'string' ? name : 'an unknown objective', config };
}

async function knownObjective(name: string, settings: Fields): Promise<Objective | undefined> {
  const { OBJECTIVE_NAMES, objectiveNamed, teacherTrajectories, velocityAnchor } = await import('@flowmap/objectives');
  const known = OBJECTIVE_NAMES.find((one) => one === name);
  if (known === undefined) return undefined;
  const choice = objectiveNamed(known);
  const base =
    settings['teacher'] === false && choice.config['teacher'] === true
      ? objectiveNamed(known, { teacher: false })
      : choice;
  const { euler, heun } = await import('@flowmap/core');
  const sampler = [euler(), heun()].find((known) => known.name === settings['teacherTrajectories.sampler']);
  const steps = settings['teacherTrajectories.steps'];
  const share = settings['velocityAnchor.share'];
  const weight = settings['velocityAnchor.batch.weight'];
  const additions: readonly ((objective: Objective) => Objective)[] = [
    ...(sampler && typeof steps === 'number' ? [(of: Objective) => teacherTrajectories(of, { steps, sampler })] : []),
    ...(typeof share === 'number' ? [(of: Objective) => velocityAnchor(of, { share })] : []),
    ...(typeof weight === 'number' ? [(of: Objective) => velocityAnchor(of, { batch: { weight } })] : []),
  ];
  return additions.reduce((objective, add) => add(objective), base);
}
