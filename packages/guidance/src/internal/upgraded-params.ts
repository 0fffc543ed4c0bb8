import type { Model } from '@flowmap/core';

/** The parameters of a model in the current form of its network. */
export function upgradedParams({ network, params }: Model): Model['params'] {
  return network.upgrade ? network.upgrade(params) : params;
}
