import { classConditions, classCount } from '../conditions.js';
import { ConfigError } from '../errors.js';
import type { Model } from '../models/model.js';
import type { Dataset } from '../plugins.js';
import { checkConditions } from './check-batch.js';

/** A dataset whose labels are those of a teacher. */
export interface MatchedClasses {
  /** The same samples; `classes` are the teacher's, and so are the labels. */
  readonly data: Dataset;
  /** True when the dataset had the classes in another order, so that its labels are changed. */
  readonly reordered: boolean;
}

/** Names listed in a message. */
const SHOWN = 5;

/**
 * A dataset with the labels of a teacher. Classes are matched by name, compared in Unicode normal form C.
 *
 * Classes in the teacher's order are left as they are; if the same names are in another order, the labels are changed
 * to the teacher's. For a teacher without classes the labels do not matter, and the dataset is returned as it is.
 *
 * @param teacher the model that will be given the labels
 * @throws {ConfigError} when the dataset lacks a class of the teacher or has one that the teacher does not know; when
 *   the lists differ and a name occurs twice in one; when the teacher has more or fewer names than its network has
 *   classes
 */
export function matchClasses(data: Dataset, teacher: Model): MatchedClasses {
  const count = classCount(teacher.network);
  if (teacher.classes.length !== count) {
    throw new ConfigError('teacher', `${teacher.classes.length} class names for a network with ${count} classes`);
  }
  if (count === 0) return { data, reordered: false };
  const [known, ours] = [normalized(teacher.classes), normalized(data.classes)];
  if (known.length === ours.length && known.every((name, label) => name === ours[label])) {
    return { data: relabelled(data, teacher.classes), reordered: false };
  }
  requireSameNames(data.name, known, ours);
  const labels = new Map(known.map((name, label) => [name, label]));
  return {
    data: relabelled(
      data,
      teacher.classes,
      ours.map((name) => labels.get(name)!),
    ),
    reordered: true,
  };
}

function requireSameNames(name: string, known: readonly string[], ours: readonly string[]): void {
  const [teachers, datas] = [new Set(known), new Set(ours)];
  const lacking = known.filter((own) => !datas.has(own));
  const unknown = ours.filter((own) => !teachers.has(own));
  if (lacking.length > 0 || unknown.length > 0) {
    const differences = [
      ...(lacking.length > 0 ? [`the data lacks ${inWords(lacking)}`] : []),
      ...(unknown.length > 0 ? [`the teacher does not know ${inWords(unknown)}`] : []),
    ];
    throw new ConfigError(
      'data',
      `the teacher has ${known.length} classes, '${name}' has ${ours.length}: ${differences.join('; ')}. Names decide which ` +
        `class is which: rename the data's classes, or use a teacher that was trained on them`,
    );
  }
  for (const [whose, list] of [
    ['teacher', known],
    [`data '${name}'`, ours],
  ] as const) {
    const twice = list.find((own, label) => list.indexOf(own) !== label);
    if (twice === undefined) continue;
    throw new ConfigError(
      'data',
      `the ${whose} has the class ${inWords([twice])} more than once, and names decide which class is which: give every ` +
        `class a name of its own`,
    );
  }
}

/**
 * The same samples with other names for their classes.
 *
 * @param labels the new label for each old one; labels are unchanged unless given
 */
function relabelled(data: Dataset, classes: readonly string[], labels?: readonly number[]): Dataset {
  const { name, length, shape } = data;
  return {
    name,
    length,
    shape,
    classes: [...classes],
    conditions: { ...data.conditions, ...classConditions(classes.length) },
    ...(data.fingerprint && {
      fingerprint: async () => `${await data.fingerprint!()}, labels ${(labels ?? ['as they are']).join(' ')}`,
    }),
    async batch(indices) {
      const batch = await data.batch(indices);
      if (!labels) return batch;
      checkConditions(data, indices, batch.conditions);
      const label = Int32Array.from(batch.conditions['label']!, (label) => labels[label]!);
      return { x: batch.x, conditions: { ...batch.conditions, label } };
    },
  };
}

function normalized(names: readonly string[]): string[] {
  return names.map((name) => name.normalize('NFC'));
}

function inWords(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN).map((name) => `'${name}'`);
  const more = names.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
