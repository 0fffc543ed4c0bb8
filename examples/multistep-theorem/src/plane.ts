import type { PathName } from '@flowmap/core';
import { factorsAt, spreadAt } from './factors.js';

/** A matrix of two rows, `[a, b, c, d]` for `(a b; c d)`. */
export type Matrix = readonly [number, number, number, number];

/** Centred normal data in the plane, with another deviation along each of its two axes. */
export interface Ellipse {
  /** Standard deviations along the axes, > 0. */
  readonly stds: readonly [number, number];
  /** Angle of the first axis, in radians. */
  readonly angle: number;
  /** `linear` unless given. */
  readonly path?: PathName;
}

/** Its covariance. */
export function covarianceOf({ stds, angle }: Ellipse): Matrix {
  return onAxes(angle, (axis) => stds[axis] ** 2);
}

/**
 * Covariance of the samples of a consistency model with a relative error, `f(x, t) = (1 + K) f*(x, t)`, where K is a matrix
 * that need not share the axes of the data: `C_(i+1) = A (alpha^2 C_i + sigma^2) A^T` with `A = (1 + K) f*`.
 *
 * @param times the grid, from 1 to 0
 */
export function consistencyCovariance(data: Ellipse, times: readonly number[], error: Matrix): Matrix {
  const { stds, angle, path = 'linear' } = data;
  let covariance: Matrix = [0, 0, 0, 0];
  for (const t of times.slice(0, -1)) {
    const { alpha, sigma } = factorsAt(path, t);
    const exact = onAxes(angle, (axis) => stds[axis] / spreadAt(path, stds[axis], t));
    const noised = sum(scaled(covariance, alpha ** 2), scaled(ONE, sigma ** 2));
    covariance = congruence(product(sum(ONE, error), exact), noised);
  }
  return covariance;
}

/** Covariance of the samples of a flow map with a relative error, `F = (1 + K) F*`. */
export function flowMapCovariance(data: Ellipse, times: readonly number[], error: Matrix): Matrix {
  const { stds, angle, path = 'linear' } = data;
  let covariance = ONE;
  for (let i = 1; i < times.length; i++) {
    const [t, s] = [times[i - 1]!, times[i]!];
    const change = onAxes(angle, (axis) => spreadAt(path, stds[axis], s) / spreadAt(path, stds[axis], t) - 1);
    covariance = congruence(sum(ONE, product(sum(ONE, error), change)), covariance);
  }
  return covariance;
}

/**
 * Wasserstein-2 distance of two centred normal laws, `tr A + tr B - 2 tr (A^(1/2) B A^(1/2))^(1/2)` squared; a matrix of two
 * rows has the root's trace `sqrt(tr + 2 sqrt(det))`.
 */
export function normalDistance(a: Matrix, b: Matrix): number {
  const root = Math.sqrt(trace(product(a, b)) + 2 * Math.sqrt(Math.max(0, determinant(a) * determinant(b))));
  return Math.sqrt(Math.max(0, trace(a) + trace(b) - 2 * root));
}

const ONE: Matrix = [1, 0, 0, 1];

/** The symmetric matrix with a value along each of two axes. */
function onAxes(angle: number, along: (axis: 0 | 1) => number): Matrix {
  const [c, s, first, second] = [Math.cos(angle), Math.sin(angle), along(0), along(1)];
  const mixed = c * s * (first - second);
  return [c * c * first + s * s * second, mixed, mixed, s * s * first + c * c * second];
}

/** `(a b; c d)` times a number. */
export function scaled(matrix: Matrix, by: number): Matrix {
  const [a, b, c, d] = matrix;
  return [by * a, by * b, by * c, by * d];
}

function sum([a, b, c, d]: Matrix, [e, f, g, h]: Matrix): Matrix {
  return [a + e, b + f, c + g, d + h];
}

function product([a, b, c, d]: Matrix, [e, f, g, h]: Matrix): Matrix {
  return [a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h];
}

/** `A C A^T` */
function congruence(by: Matrix, covariance: Matrix): Matrix {
  const [a, b, c, d] = by;
  return product(product(by, covariance), [a, c, b, d]);
}

function trace([a, , , d]: Matrix): number {
  return a + d;
}

function determinant([a, b, c, d]: Matrix): number {
  return a * d - b * c;
}
