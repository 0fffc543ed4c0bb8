import { imageDataset } from '@flowmap/data';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../errors.js';
import type { Model } from '../models/model.js';
import { mlp } from '../networks/mlp.js';
import type { Dataset } from '../plugins.js';
import { matchClasses } from './match-classes.js';

/** Images of one pixel, the brightness of image i being i: two of each class. */
const dataOf = (classes: readonly string[]): Dataset => {
  const labels = Array.from({ length: 2 * classes.length }, (_, i) => i % classes.length);
  const pixels = Uint8Array.from({ length: Math.max(labels.length, 1) }, (_, i) => i);
  return imageDataset({ name: 'photos', pixels, shape: [1, 1, 1], ...(classes.length > 0 ? { labels, classes } : {}) });
};
const teacherOf = (classes: readonly string[]): Model => {
  const network = mlp({ shape: [1], classes: classes.length, width: 4, depth: 1 });
  return { kind: 'velocity', network, params: network.init(0), classes };
};
/** The class of each sample by name. */
async function namesOf(data: Dataset): Promise<string[]> {
  const { conditions } = await data.batch(Array.from({ length: data.length }, (_, i) => i));
  return Array.from(conditions['label']!, (label) => data.classes[label]!);
}

/** Distinct names, and the same names in another order. */
const orders = fc
  .uniqueArray(fc.string(), { minLength: 1, maxLength: 12, selector: (name) => name.normalize('NFC') })
  .chain((names) => fc.tuple(fc.constant(names), fc.shuffledSubarray(names, { minLength: names.length })));

describe('names decide', () => {
  test('the same names in any order: every sample keeps its class, and a round trip changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(orders, async ([ours, theirs]) => {
        const data = dataOf(ours);
        const there = matchClasses(data, teacherOf(theirs));
        expect(there.data.classes).toEqual(theirs);
        expect(there.reordered).toBe(ours.some((name, label) => name !== theirs[label]));
        expect(await namesOf(there.data)).toEqual(await namesOf(data));
        const back = matchClasses(there.data, teacherOf(ours)).data;
        const all = Array.from({ length: data.length }, (_, i) => i);
        expect(await back.batch(all)).toEqual(await data.batch(all));
      }),
    );
  });

  test('labels count the classes of the teacher', async () => {
    const { data, reordered } = matchClasses(dataOf(['ant', 'bee', 'cat']), teacherOf(['cat', 'ant', 'bee']));
    expect(reordered).toBe(true);
    expect(data).toMatchObject({ name: 'photos', length: 6, shape: [1, 1, 1], classes: ['cat', 'ant', 'bee'] });
    expect([...(await data.batch([0, 1, 2, 5])).conditions['label']!]).toEqual([1, 2, 0, 0]);
  });

  test('the Unicode normal form does not matter; the names become those of the teacher', () => {
    const [composed, decomposed] = ['Äpfel'.normalize('NFC'), 'Äpfel'.normalize('NFD')];
    const same = matchClasses(dataOf([decomposed, 'b']), teacherOf([composed, 'b']));
    expect(same).toMatchObject({ reordered: false, data: { classes: [composed, 'b'] } });
    const other = matchClasses(dataOf(['b', composed]), teacherOf([decomposed, 'b']));
    expect(other).toMatchObject({ reordered: true, data: { classes: [decomposed, 'b'] } });
  });

  test('a teacher without classes takes any data', () => {
    const data = dataOf(['a', 'b']);
    expect(matchClasses(data, teacherOf([]))).toEqual({ data, reordered: false });
  });

  test('equal lists may have a name twice', () => {
    expect(matchClasses(dataOf(['a', 'a']), teacherOf(['a', 'a']))).toMatchObject({ reordered: false });
  });

  test('a label outside the classes is named, not given another class', async () => {
    const data = dataOf(['a', 'b']);
    const wrong: Dataset = {
      ...data,
      batch: async (indices) => {
        const label = new Int32Array(indices.length).fill(2);
        return { ...(await data.batch(indices)), conditions: { label } };
      },
    };
    await expect(matchClasses(wrong, teacherOf(['b', 'a'])).data.batch([3])).rejects.toMatchObject({
      name: 'SampleError',
      sample: 3,
      value: 2,
    });
  });
});

describe('what is refused', () => {
  const refusal = (ours: readonly string[], theirs: readonly string[]): string => {
    try {
      matchClasses(dataOf(ours), teacherOf(theirs));
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      return (error as ConfigError).message;
    }
    return 'nothing';
  };

  test('other names, saying what each has that the other lacks', () => {
    expect(refusal(['cat', 'fox'], ['cat', 'dog'])).toBe(
      "data: the teacher has 2 classes, 'photos' has 2: the data lacks 'dog'; the teacher does not know 'fox'. Names " +
        "decide which class is which: rename the data's classes, or use a teacher that was trained on them",
    );
    expect(refusal(['cat'], ['cat', 'dog'])).toContain("'photos' has 1: the data lacks 'dog'. Names");
    expect(refusal(['cat', 'dog', 'fox'], ['cat', 'dog'])).toContain("has 3: the teacher does not know 'fox'. Names");
    expect(refusal([], ['cat', 'dog'])).toContain("'photos' has 0: the data lacks 'cat', 'dog'. Names");
    expect(refusal(['Cat'], ['cat'])).toContain("the data lacks 'cat'; the teacher does not know 'Cat'");
  });

  test('many other names, in short', () => {
    const many = Array.from({ length: 12 }, (_, i) => String(i));
    expect(refusal(['a'], many)).toContain("the data lacks '0', '1', '2', '3', '4' and 7 more; the teacher does not");
  });

  test('a name that occurs twice, unless the lists are equal', () => {
    expect(refusal(['a', 'b'], ['b', 'a', 'a'])).toContain("the teacher has the class 'a' more than once");
    expect(refusal(['b', 'a', 'b'], ['a', 'b'])).toContain("the data 'photos' has the class 'b' more than once");
    expect(refusal(['a', 'Ä'.normalize('NFD'), 'Ä'.normalize('NFC')], ['Ä', 'a'])).toContain(
      "data 'photos' has the class",
    );
  });

  test('a teacher with more or fewer names than classes', () => {
    const teacher = { ...teacherOf(['a', 'b']), classes: ['a'] };
    expect(() => matchClasses(dataOf(['a']), teacher)).toThrow('teacher: 1 class names for a network with 2 classes');
  });
});
