import { classConditions, ConfigError, normals, uniforms, type Dataset } from '@flowmap/core';

/** A straight branch with a round cross-section: points are uniform along it, with normal noise across. */
export interface Branch {
  /** The class that it belongs to. */
  readonly label: number;
  readonly from: readonly [x: number, y: number];
  readonly to: readonly [x: number, y: number];
  /** Standard deviation of the noise. */
  readonly width: number;
  /** Its share of the class's points; those of a class add up to 1. */
  readonly share: number;
}

/** Two trees of thin branches, as classes. */
export interface Branches extends Dataset {
  readonly branches: readonly Branch[];
  /** The branch nearest to a point among those of a class, and the distance in its widths. */
  nearest(label: number, x: number, y: number): { readonly index: number; readonly widths: number };
}

const CLASSES = ['left', 'right'];

/** Levels of a tree: 1 + 2 + 4 branches, each level with the same share of the points. */
const LEVELS = 3;

/** Angle between a branch and each of its two successors. */
const SPREAD = 0.5;

/** Length of a branch relative to the one before it, and the same for its width. */
const [SHORTER, THINNER] = [0.72, 0.75];

/** Direction of each trunk: the trees lean to different sides, and their inner branches stand side by side. */
const DIRECTIONS = [Math.PI / 2 + 0.65, Math.PI / 2 - 0.65] as const;

/**
 * Two trees of thin branches that grow from one root: a distribution that a network fits only approximately, like
 * the fractal one with which autoguidance was introduced (Karras et al. 2024).
 */
export function branching(seed = 0): Branches {
  const branches = CLASSES.flatMap((_, label) => grown(label));
  const ofClass = CLASSES.map((_, label) => branches.filter((branch) => branch.label === label));
  return {
    name: 'branches',
    length: Infinity,
    shape: [2],
    classes: CLASSES,
    conditions: classConditions(CLASSES.length),
    branches,
    async batch(indices) {
      const x = new Float32Array(2 * indices.length);
      const label = new Int32Array(indices.length);
      for (const [i, sample] of Array.from(indices).entries()) {
        if (!(Number.isInteger(sample) && sample >= 0)) {
          throw new ConfigError('branches.batch.indices', `wanted whole numbers, got ${sample}`);
        }
        const [which, place, along] = uniforms({ seed, purpose: 'branch', sample }, 3) as unknown as Place;
        const [dx, dy] = normals({ seed, purpose: 'branch noise', sample }, 2) as unknown as Point;
        label[i] = Math.floor(which * CLASSES.length);
        const { from, to, width } = chosen(ofClass[label[i]]!, place);
        x[2 * i] = from[0] + along * (to[0] - from[0]) + width * dx;
        x[2 * i + 1] = from[1] + along * (to[1] - from[1]) + width * dy;
      }
      return Promise.resolve({ x, conditions: { label } });
    },
    nearest(label, x, y) {
      let best = { index: -1, widths: Infinity };
      for (const [index, branch] of branches.entries()) {
        if (branch.label !== label) continue;
        const widths = distance(branch, x, y) / branch.width;
        if (widths < best.widths) best = { index, widths };
      }
      return best;
    },
  };
}

type Point = readonly [x: number, y: number];
type Place = readonly [which: number, place: number, along: number];

function grown(label: number): Branch[] {
  let tips: { at: Point; direction: number }[] = [{ at: [0, -1.5], direction: DIRECTIONS[label]! }];
  const branches: Branch[] = [];
  for (let level = 0; level < LEVELS; level++) {
    const [length, width] = [1.15 * SHORTER ** level, 0.05 * THINNER ** level];
    const share = 1 / LEVELS / tips.length;
    tips = tips.flatMap(({ at: from, direction }) => {
      const to: Point = [from[0] + length * Math.cos(direction), from[1] + length * Math.sin(direction)];
      branches.push({ label, from, to, width, share });
      return [direction - SPREAD, direction + SPREAD].map((turned) => ({ at: to, direction: turned }));
    });
  }
  return branches;
}

/** The branch at a position from 0 to 1 in the shares of a class. */
function chosen(branches: readonly Branch[], place: number): Branch {
  let rest = place;
  return branches.find(({ share }) => (rest -= share) < 0) ?? branches.at(-1)!;
}

/** Distance of a point from the line of a branch. */
function distance({ from, to }: Branch, x: number, y: number): number {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const along = ((x - from[0]) * dx + (y - from[1]) * dy) / (dx * dx + dy * dy);
  const clamped = Math.min(1, Math.max(0, along));
  return Math.hypot(x - from[0] - clamped * dx, y - from[1] - clamped * dy);
}
