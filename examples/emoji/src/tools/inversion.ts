import { flowMapSampler, heun, invert, type Model, type Walk } from '@flowmap/core';
import { firstRows, momentsOf } from './host-tensors.js';
import { choose, type Workshop } from './workshop.js';

/** Emoji that are inverted, evenly from all. */
const COUNT = 24;

/** Emoji in the picture. */
const SHOWN = 12;

/** A way there and back. */
interface Way {
  readonly name: string;
  readonly model: Model;
  readonly there: Walk;
  readonly back?: Walk;
  readonly isShown?: boolean;
}

/** The error of a round trip from emoji to noise and back, by several ways. */
export interface RoundTrip {
  readonly way: string;
  /** Root mean square error, in the units of [-1, 1], mean over the emoji. */
  readonly error: number;
  /** Standard deviation of the noises' values, 1 for emoji of the model's distribution. */
  readonly noiseStd: number;
}

/** Turns emoji into noise and back by teacher and students. */
export async function showInversion({
  runtime,
  data,
  teacher,
  student,
  both,
  picture,
  print,
}: Workshop): Promise<RoundTrip[]> {
  const map = (steps: number): Walk => ({ sampler: flowMapSampler(), steps });
  const solver: Walk = { sampler: heun(), steps: 16 };
  const ways: Way[] = [
    { name: 'teacher, Heun in 16 steps both ways', model: teacher, there: solver, isShown: true },
    { name: 'student, Heun on its velocity in 16 steps both ways', model: student, there: solver },
    ...[1, 4].map((steps) => ({
      name: `student, Heun in 16 steps there, its map in ${steps} back`,
      model: student,
      there: solver,
      back: map(steps),
      isShown: true,
    })),
    ...[1, 4].map((steps) => ({
      name: `student, its map in ${steps} both ways, though trained one way`,
      model: student,
      there: map(steps),
      isShown: steps === 4,
    })),
    ...(both === undefined ? [] : [1, 2, 4, 8]).map((steps) => ({
      name: `student of both orders, its map in ${steps} both ways`,
      model: both!,
      there: map(steps),
      isShown: steps === 1 || steps === 4,
    })),
  ];
  const indices = Array.from({ length: COUNT }, (_, i) => Math.floor((i * data.length) / COUNT));
  const { samples, labels } = await choose(data, indices);
  const rows = [firstRows(samples, SHOWN)];
  const trips: RoundTrip[] = [];
  for (const { name, model, there, back, isShown } of ways) {
    const trip = await invert(model, { runtime, samples, labels, ...there, ...(back ? { back } : {}) });
    const { mean } = momentsOf(trip.error);
    trips.push({ way: name, error: mean, noiseStd: momentsOf(trip.noise.data).std });
    print(`${name}: ${mean.toFixed(4)}`);
    if (isShown === true) rows.push(firstRows(trip.restored, SHOWN));
  }
  await picture('inversion', rows);
  return trips;
}
