import {
  defineNetwork,
  gaussianFlowMap,
  linearPath,
  mixtureFlowMap,
  mixtureVelocity,
  pathOf,
  registerNetwork,
  velocityOnPath,
  type FlowMap,
  type Mixture,
  type Model,
  type Network,
  type NetworkConfig,
  type PathName,
} from '@flowmap/core';
import { STD } from './closed-forms.js';
import { MIXTURE } from './mixture.js';

/** The data that networks are trained on. */
export const LAWS = {
  gaussian: { law: { weights: [1], means: [0], stds: [STD] }, map: gaussianFlowMap({ std: STD }) },
  mixture: { law: MIXTURE, map: mixtureFlowMap(MIXTURE) },
} satisfies Record<string, { readonly law: Mixture; readonly map: FlowMap }>;

export type LawName = keyof typeof LAWS;

interface ExactVelocity extends NetworkConfig {
  readonly type: 'exact-velocity';
  readonly law: LawName;
  readonly path: PathName;
}

/** A network without parameters: the exact velocity of a law on a path. */
function exactVelocity({ law, path }: Pick<ExactVelocity, 'law' | 'path'>): Network<ExactVelocity> {
  const config = { type: 'exact-velocity', shape: [1], interval: false, law, path } as const;
  const linear = mixtureVelocity(LAWS[law].law);
  const field = path === 'linear' ? linear : velocityOnPath(linear, { from: linearPath, to: pathOf({ path }) });
  return defineNetwork(config, {}, (_, { x, t }) => field.velocity({}, { x, t }));
}

registerNetwork('exact-velocity', (config) => exactVelocity(config as ExactVelocity));

/** The exact velocity of a law as a teacher. */
export function exactTeacher(law: LawName, path: PathName): Model {
  return { kind: 'velocity', network: exactVelocity({ law, path }), params: {}, classes: [], path };
}
