import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ConfigError, DataError, type Dataset } from '@flowmap/core';
import { describeDataset } from '@flowmap/core/testing';
import sharp, { type Sharp } from 'sharp';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BadImagesError, ImageSizeError, type BadImage } from './errors.js';
import type { Crop } from './decode-images.js';
import { imageFolderSummary } from './image-folder-summary.js';
import { imageFolder, type ImageFolderDataset } from './image-folder.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flowmap-data-'));
});
afterEach(() => rm(folder, { recursive: true }));

const path = (name: string): string => join(folder, name);
const write = async (name: string, bytes: Uint8Array): Promise<void> => {
  await mkdir(dirname(path(name)), { recursive: true });
  await writeFile(path(name), bytes);
};

/** A picture of `[height, width, channels]` whose bytes are `value(i)`. */
const picture = (height: number, width: number, channels: 1 | 2 | 3 | 4, value: (i: number) => number): Sharp =>
  sharp(
    Uint8Array.from({ length: height * width * channels }, (_, i) => value(i)),
    { raw: { width, height, channels } },
  );
const flat = (value: number, height = 4, width = 4): Promise<Buffer> =>
  picture(height, width, 3, () => value)
    .png()
    .toBuffer();

/** All samples of a dataset as bytes, `[count, 3, height, width]`. */
async function bytesOf(data: Dataset): Promise<number[]> {
  const { x } = await data.batch(Array.from({ length: data.length }, (_, i) => i));
  return Array.from(x, (value) => Math.round((value + 1) * 127.5));
}
const read = async (options: Parameters<typeof imageFolder>[1] = {}): Promise<ImageFolderDataset> =>
  imageFolder(folder, { cache: false, ...options });

describeDataset('imageFolder', async () => {
  for (const [i, name] of ['ant/x.png', 'bee/a.png', 'bee/b.png'].entries()) await write(name, await flat(10 * i));
  return read();
});
describeDataset('imageFolder without classes, resized', async () => {
  await write('a.png', await flat(10, 5, 7));
  await write('b.png', await flat(20, 9, 6));
  return read({ size: [4, 4] });
});

describe('what is read', () => {
  test('class folders: the class is the sub-folder, in order of names', async () => {
    await write('zebra/b.png', await flat(30));
    await write('zebra/a.PNG', await flat(20));
    await write('ant/x.png', await flat(10));
    await write('ant/readme.txt', Buffer.from('no image'));
    await write('.hidden/x.png', await flat(99));
    await write('ant/._x.png', Buffer.from('resource fork'));
    await write('ant/deeper/still/x.png', await flat(15));
    const data = await read();
    expect(data).toMatchObject({ length: 4, shape: [3, 4, 4], classes: ['ant', 'zebra'] });
    expect([...(await data.batch([0, 1, 2, 3])).conditions['label']!]).toEqual([0, 0, 1, 1]);
    expect([...data.labels]).toEqual([0, 0, 1, 1]);
    expect((await bytesOf(data)).filter((_, i) => i % 48 === 0)).toEqual([15, 10, 20, 30]);
  });

  test('a flat folder is unconditional', async () => {
    await write('b.png', await flat(20));
    await write('a.png', await flat(10));
    const data = await read();
    expect(data).toMatchObject({ length: 2, classes: [] });
    expect((await bytesOf(data)).filter((_, i) => i % 48 === 0)).toEqual([10, 20]);
  });

  test('classes chooses and orders the sub-folders; [] takes the images beside them', async () => {
    for (const [i, name] of ['a/1.png', 'b/1.png', 'c/1.png', '1.png'].entries()) await write(name, await flat(i));
    const chosen = await read({ classes: ['c', 'a'] });
    expect(chosen.classes).toEqual(['c', 'a']);
    expect((await bytesOf(chosen)).filter((_, i) => i % 48 === 0)).toEqual([2, 0]);
    const beside = await read({ classes: [] });
    expect(beside.classes).toEqual([]);
    expect((await bytesOf(beside))[0]).toBe(3);
  });

  test('links are followed', async () => {
    await write('a/1.png', await flat(1));
    await symlink(path('a'), path('b'));
    await symlink(path('a/1.png'), path('a/2.png'));
    await symlink(path('nowhere.png'), path('a/3.png'));
    const data = await read();
    expect(data).toMatchObject({ length: 4, classes: ['a', 'b'] });
  });
});

describe('what is left out', () => {
  const text = Buffer.from('no image');

  test('is named and counted, at any depth', async () => {
    for (const name of ['cats/1.png', 'cats/2', 'dogs/raw/1.webp']) await write(name, await flat(1));
    for (const name of [
      'cats/a.svg',
      'cats/b.SVG',
      'cats/notes.txt',
      'dogs/README',
      'LICENSE',
      'dogs/raw/old/list.csv',
    ]) {
      await write(name, text);
    }
    for (const name of ['.DS_Store', 'cats/.hidden.gif', 'cats/.thumbs/1.png', 'dogs/more/.x.gif'])
      await write(name, text);
    const data = await read();
    expect(data.leftOut).toEqual({ '.svg': 2, '': 2, '.csv': 1, '.txt': 1 });
    expect(imageFolderSummary({ ...data, name: 'photos' })).toBe(
      'photos: 3 images read (3 PNG), 2 classes; 6 files left out (2 without extension, 2 .svg, 1 .csv, 1 .txt): ' +
        'LICENSE, cats/a.svg, cats/b.SVG, cats/notes.txt, dogs/README, …',
    );
  });

  test('beside images without classes are other kinds of file, and folders without images', async () => {
    await write('1.png', await flat(1));
    await write('notes.txt', text);
    await write('videos/cut/2.mp4', text);
    expect(await read()).toMatchObject({ length: 1, classes: [], leftOut: { '.txt': 1, '.mp4': 1 } });
    await write('originals/raw/1.png', await flat(1));
    expect(await read({ classes: [] })).toMatchObject({ length: 1, leftOut: { '.txt': 1 } });
  });

  test('beside chosen classes are the files that lie directly in the folder', async () => {
    for (const name of ['a/1.png', 'b/1.png', 'c/1.png', '1.png', '2.png']) await write(name, await flat(1));
    await write('b/b/2.txt', text);
    const data = await read({ classes: ['a', 'b'] });
    expect(data).toMatchObject({ length: 2, leftOut: { '.png': 2, '.txt': 1 } });
    expect(data.leftOutNames).toEqual(['1.png', '2.png', 'b/b/2.txt']);
  });

  test('are links that lead nowhere, and pipes; folders that links lead back to are read once', async () => {
    await write('a/1.png', await flat(1));
    await write('a/deep/2.png', await flat(1));
    await symlink(path('nowhere.png'), path('a/3.png'));
    await symlink(path('a'), path('a/deep/again'));
    await symlink(folder, path('a/deep/root'));
    await symlink(path('a/deep'), path('a/other'));
    if (process.platform !== 'win32') execFileSync('mkfifo', [path('a/pipe.png')]);
    const data = await read();
    expect(data).toMatchObject({ length: 2, leftOut: { '.png': process.platform === 'win32' ? 1 : 2 } });
  });

  test.each([
    [{ length: 1, formats: { png: 1 } }, 'photos: 1 image read (1 PNG); nothing left out'],
    [
      { length: 1234, formats: { jpeg: 1200, webp: 34 }, classes: ['a'] },
      'photos: 1,234 images read (1,200 JPEG, 34 WebP), 1 class; nothing left out',
    ],
    [
      { length: 2, formats: { gif: 2 }, leftOut: { '.txt': 1 }, leftOutNames: ['a.txt'], bad: [{} as BadImage] },
      'photos: 2 images read (2 GIF); 1 file left out (1 .txt): a.txt; 1 bad image skipped',
    ],
    [
      {
        ...{ length: 2, formats: { png: 2 }, leftOutNames: ['1.a', '2.a'] },
        leftOut: { '.a': 6000, '.b': 5, '.c': 4, '.d': 3, '.e': 2, '.f': 1 },
      },
      'photos: 2 images read (2 PNG); 6,015 files left out (6,000 .a, 5 .b, 4 .c, 3 .d, 3 others): 1.a, 2.a, …',
    ],
  ] satisfies [Partial<ImageFolderDataset>, string][])('in words: %j', (facts, words) => {
    const none = { name: 'photos', classes: [], leftOut: {}, leftOutNames: [], bad: [] };
    expect(imageFolderSummary({ ...none, ...facts } as unknown as ImageFolderDataset)).toBe(words);
  });
});

describe('what kind of file it is', () => {
  test('is told by the content, whatever the name, and never SVG or PDF', async () => {
    const png = await flat(77);
    const formats = ['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const;
    for (const format of formats) {
      const name = { png: 'a.txt', jpeg: 'b.jfif', webp: 'c.png', gif: 'd', tiff: 'e.dat', avif: 'f.jpg' }[format];
      await write(name, await sharp(png).toFormat(format, { quality: 100, lossless: true }).toBuffer());
    }
    await write('g.svg', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>'));
    await write('h.pdf', Buffer.from('%PDF-1.4'));
    const data = await read();
    expect(data.formats).toEqual(Object.fromEntries(formats.map((format) => [format, 1])));
    expect(data.leftOut).toEqual({ '.pdf': 1, '.svg': 1 });
    // JPEG and AVIF of a single grey are off by the rounding of colours
    expect((await bytesOf(data)).every((value) => Math.abs(value - 77) <= 1)).toBe(true);
  });

  test('of an animation the first frame is read', async () => {
    const frames = sharp(
      Uint8Array.from({ length: 2 * 48 }, (_, i) => (i < 48 ? 0 : 255)),
      { raw: { width: 4, height: 8, channels: 3, pageHeight: 4 } },
    );
    await write('a.gif', await frames.clone().gif().toBuffer());
    await write('b.webp', await frames.clone().webp({ lossless: true }).toBuffer());
    const data = await read();
    expect(data).toMatchObject({ length: 2, shape: [3, 4, 4] });
    expect(new Set(await bytesOf(data))).toEqual(new Set([0]));
  });
});

describe('bad images', () => {
  const bad = async (): Promise<void> => {
    const bytes = await picture(8, 8, 3, (i) => (i * i) % 251)
      .png()
      .toBuffer();
    await write('cats/a.png', await flat(1));
    await write('cats/b.png', Buffer.concat([bytes.subarray(0, 100)]));
    await write('cats/c.png', Buffer.from('version https://git-lfs.github.com/spec/v1'));
    await write('dogs/d.png', Buffer.alloc(0));
    await write('dogs/e.png', await flat(1, 9, 9));
    await write('dogs/f.png', await flat(2));
  };
  const names = ['cats/b.png', 'cats/c.png', 'dogs/d.png', 'dogs/e.png'];

  test('are refused, all of them named', async () => {
    await bad();
    const error: unknown = await read({ size: [4, 4], maxPixels: 64 }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BadImagesError);
    expect((error as BadImagesError).path).toBe(folder);
    expect((error as BadImagesError).bad.map((image) => image.path)).toEqual(names.map(path));
    for (const name of names) expect((error as Error).message).toContain(path(name));
    expect((error as Error).message).toMatch(
      /has 4 images that cannot be read .*onBad: 'skip'.*9 x 9 pixels, the limit/,
    );
  });

  test('are left out and listed on request, from memory and from the disk', async () => {
    await bad();
    const views: unknown[] = [];
    for (const maxMemory of [undefined, 0]) {
      const data = await read({
        size: [4, 4],
        maxPixels: 64,
        onBad: 'skip',
        ...(maxMemory === 0 ? { maxMemory } : {}),
      });
      expect(data).toMatchObject({ length: 2, classes: ['cats', 'dogs'], formats: { png: 2 } });
      expect(data.bad.map((image) => image.path)).toEqual(names.map(path));
      expect(data.bad.map(({ fault }) => fault.split(/[,:(]/)[0]!.trim())).toEqual([
        'is truncated',
        'is not an image',
        'is empty',
        'has 9 x 9 pixels',
      ]);
      views.push([await data.batch([1, 0, 1]), await data.fingerprint!()]);
    }
    expect(views[1]).toEqual(views[0]);
    expect(views[0]).toMatchObject([{ conditions: { label: Int32Array.of(1, 0, 1) } }, expect.any(String)]);
  });

  test('are refused if they are all of a class, or all there are', async () => {
    await bad();
    await rm(path('dogs/f.png'));
    await expect(read({ size: [4, 4], maxPixels: 64, onBad: 'skip' })).rejects.toThrow(
      /class 'dogs' has nothing that can be read: .*d\.png: is empty/,
    );
    await expect(read({ classes: ['dogs'], maxPixels: 64, onBad: 'skip' })).rejects.toThrow(BadImagesError);
  });

  test('many are named as far as they fit into a message', async () => {
    for (let i = 0; i < 60; i++) await write(`${String(i).padStart(2, '0')}.png`, Buffer.from('bad'));
    const error: unknown = await read().catch((reason: unknown) => reason);
    expect((error as BadImagesError).bad).toHaveLength(60);
    expect((error as Error).message.length).toBeLessThan(2000);
    expect((error as Error).message).toMatch(/has 60 images that cannot be read .*; and \d+ more$/);
  });
});

describe('how it is decoded', () => {
  test('PNG and lossless WebP pixels come back exactly, as RGB planes', async () => {
    const value = (i: number): number => (37 * i) % 256;
    await write('a.png', await picture(3, 5, 3, value).png().toBuffer());
    await write('b.webp', await picture(3, 5, 3, value).webp({ lossless: true }).toBuffer());
    const planes = [0, 1, 2].flatMap((channel) => Array.from({ length: 15 }, (_, i) => value(3 * i + channel)));
    const data = await read();
    expect(data.shape).toEqual([3, 3, 5]);
    expect(await bytesOf(data)).toEqual([...planes, ...planes]);
  });

  test('JPEG pixels come back nearly', async () => {
    await write(
      'a.jpeg',
      await picture(8, 8, 3, (i) => [200, 100, 50][i % 3]!)
        .jpeg({ quality: 95 })
        .toBuffer(),
    );
    const values = await bytesOf(await read());
    // a constant image is off only by the rounding of the colour conversion and of one quantised
    // coefficient
    expect(values.every((value, i) => Math.abs(value - [200, 100, 50][Math.floor(i / 64)]!) <= 3)).toBe(true);
  });

  test('grey and 16-bit images become 8-bit RGB', async () => {
    await write(
      'a.png',
      await picture(2, 2, 1, (i) => 50 * i)
        .toColourspace('b-w')
        .png()
        .toBuffer(),
    );
    await write(
      'b.png',
      await picture(2, 2, 3, (i) => 20 * i)
        .toColourspace('rgb16')
        .png()
        .toBuffer(),
    );
    const values = await bytesOf(await read());
    expect(values.slice(0, 12)).toEqual([0, 50, 100, 150, 0, 50, 100, 150, 0, 50, 100, 150]);
    expect(values.slice(12)).toEqual([0, 60, 120, 180, 20, 80, 140, 200, 40, 100, 160, 220]);
  });

  test('transparent pixels show the background, white unless given', async () => {
    await write(
      'a.png',
      await picture(1, 2, 4, (i) => [255, 0, 0, 0, 0, 0, 255, 255][i]!)
        .png()
        .toBuffer(),
    );
    expect(await bytesOf(await read())).toEqual([255, 0, 255, 0, 255, 255]);
    expect(await bytesOf(await read({ background: [1, 2, 3] }))).toEqual([1, 0, 2, 0, 3, 255]);
  });

  test('grey with transparency shows a background that has a colour', async () => {
    const grey = picture(1, 2, 2, (i) => [0, 0, 100, 255][i]!);
    await write('a.png', await grey.clone().toColourspace('b-w').png().toBuffer());
    await write('b.png', await grey.clone().toColourspace('grey16').png().toBuffer());
    expect((await sharp(path('a.png')).metadata()).channels).toBe(2);
    const values = await bytesOf(await read({ background: [10, 20, 200] }));
    expect(values).toEqual([10, 100, 20, 100, 200, 100, 10, 100, 20, 100, 200, 100]);
  });

  test('in one channel as grey', async () => {
    await write(
      'a.png',
      await picture(1, 2, 1, (i) => [7, 200][i]!)
        .toColourspace('b-w')
        .png()
        .toBuffer(),
    );
    await write(
      'b.png',
      await picture(1, 2, 3, (i) => (i < 3 ? 0 : 255))
        .png()
        .toBuffer(),
    );
    for (const maxMemory of [undefined, 0]) {
      const data = await read({ channels: 1, ...(maxMemory === 0 ? { maxMemory } : {}) });
      expect(data.shape).toEqual([1, 1, 2]);
      expect(await bytesOf(data)).toEqual([7, 200, 0, 255]);
    }
    await expect(read({ channels: 2 as 3 })).rejects.toThrow('imageFolder.channels: wanted one of 1, 3; got 2');
  });

  test('cropped as asked for', async () => {
    // 2 x 6 with columns of 0, 50, … 250: a square crop has two of them; without cropping, all are scaled into two rows
    await write(
      'a.png',
      await picture(2, 6, 3, (i) => 50 * (Math.floor(i / 3) % 6))
        .png()
        .toBuffer(),
    );
    const columns = async (crop: Crop): Promise<number[]> =>
      (await bytesOf(await read({ size: [2, 2], crop, background: [9, 9, 9] }))).slice(0, 2);
    expect(await columns('centre')).toEqual([100, 150]);
    expect(await columns('left')).toEqual([0, 50]);
    expect(await columns('right')).toEqual([200, 250]);
    const whole = await bytesOf(await read({ size: [6, 6], crop: 'none', background: [9, 8, 7] }));
    expect(whole.filter((_, i) => i % 6 === 2).slice(0, 6)).toEqual([9, 9, 100, 100, 9, 9]);
    expect(whole.slice(-1)).toEqual([7]);
    await expect(read({ crop: 'left' })).rejects.toThrow('imageFolder.crop: has no effect without size');
    await expect(read({ size: [2, 2], crop: 'middle' as Crop })).rejects.toThrow('wanted one of centre, top,');
  });

  test('an image is turned as its EXIF orientation says', async () => {
    const tall = picture(4, 2, 3, (i) => (i < 12 ? 250 : 10)); // light above dark; 6 = turn clockwise: dark on the left
    await write('a.png', await tall.withMetadata({ orientation: 6 }).png().toBuffer());
    const data = await read();
    expect(data.shape).toEqual([3, 2, 4]);
    expect((await bytesOf(data)).slice(0, 4)).toEqual([10, 10, 250, 250]);
  });

  test('size scales until the image covers it and crops at the centre', async () => {
    // 8 × 24 with three stripes of 8: scaled to 4 × 12, the middle stripe remains
    const stripes = picture(8, 24, 3, (i) => [0, 100, 200][Math.floor(((i / 3) % 24) / 8)]!);
    await write('a.png', await stripes.png().toBuffer());
    await write('b.png', await flat(77, 4, 4));
    const data = await read({ size: [4, 2] });
    expect(data.shape).toEqual([3, 4, 2]);
    const values = await bytesOf(data);
    // Lanczos filtering rings beside an edge by a few per cent of its height, here 100.
    expect(values.slice(0, 24).every((value) => Math.abs(value - 100) < 10)).toBe(true);
    expect(values.slice(24)).toEqual(Array<number>(24).fill(77));
  });

  test('progress is told once an image, and an abort stops the work', async () => {
    for (const name of ['a', 'b', 'c', 'd']) await write(`${name}.png`, await flat(1));
    const told: [number, number][] = [];
    await read({ onProgress: (done, total) => told.push([done, total]) });
    expect(told).toEqual([1, 2, 3, 4].map((done) => [done, 4]));

    const controller = new AbortController();
    const reason = new Error('enough');
    const aborted = read({ signal: controller.signal, onProgress: () => controller.abort(reason) });
    await expect(aborted).rejects.toBe(reason);
  });
});

describe('what is refused', () => {
  const failure = async (options?: Parameters<typeof imageFolder>[1]): Promise<DataError> => {
    const error: unknown = await read(options).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DataError);
    return error as DataError;
  };

  test('a missing folder, or a file in its place', async () => {
    await expect(imageFolder(path('gone'))).rejects.toThrow(`${path('gone')}: no such file or folder`);
    await write('file.png', await flat(1));
    await expect(imageFolder(path('file.png'))).rejects.toThrow(`${path('file.png')}: cannot be read`);
  });

  test('a folder without images', async () => {
    expect((await failure()).message).toMatch(
      /has no images: wanted PNG, JPEG, WebP, GIF, TIFF or AVIF files.*; it is empty$/,
    );
    await write('a.txt', Buffer.from('text'));
    await write('a/a.svg', Buffer.from('text'));
    await write('a/b/a.svg', Buffer.from('text'));
    const error = await failure();
    expect(error).toMatchObject({ path: folder });
    expect(error.message).toMatch(/; it holds 2 \.svg, 1 \.txt$/);
  });

  test('images both beside and in sub-folders', async () => {
    await write('a.png', await flat(1));
    await write('sub/b.png', await flat(1));
    expect((await failure()).message).toMatch(/\(a\.png\) and in sub-folders \(sub\/b\.png\): give 'classes'/);
  });

  test('classes outside the folder, listed twice, or one folder under two names', async () => {
    await write('a/1.png', await flat(1));
    await symlink(path('a'), path('b'));
    for (const name of ['..', '.', '', 'a/../../x', folder]) {
      await expect(read({ classes: ['a', name] })).rejects.toThrow(
        /imageFolder\.classes: wanted names of folders directly/,
      );
    }
    await expect(read({ classes: ['a', 'a'] })).rejects.toThrow(
      `imageFolder.classes: wanted each class once, got "a" twice`,
    );
    expect((await failure({ classes: ['a', 'b'] })).message).toMatch(/b: is the same folder as the class 'a'/);
  });

  test('a size of more pixels than an image may have', async () => {
    await write('a.png', await flat(1));
    await expect(read({ size: [2 ** 20, 2 ** 20] })).rejects.toThrow(
      /imageFolder\.size: wanted at most 67108864 pixels/,
    );
  });

  test('a class that is missing', async () => {
    await write('a/1.png', await flat(1));
    expect(await failure({ classes: ['a', 'c'] })).toMatchObject({ path: path('c') });
  });

  test('a class folder with nothing readable in it, saying what it holds', async () => {
    await write('a/1.png', await flat(1));
    const refusal = async (): Promise<string> => {
      const error = await failure();
      expect(error.path).toBe(path('b'));
      expect(await failure({ classes: ['a', 'b'] })).toEqual(error);
      expect(await read({ classes: ['a'] })).toMatchObject({ length: 1, classes: ['a'] });
      return error.message;
    };
    await mkdir(path('b'));
    expect(await refusal()).toBe(
      `${path('b')}: class 'b' has no images: it is empty. Remove it, put PNG, JPEG, WebP, GIF, TIFF or AVIF files into ` +
        `it, or give 'classes' or --classes, the sub-folders to use`,
    );
    await write('b/deeper/1.txt', Buffer.from('text'));
    expect(await refusal()).toContain(`it holds 1 .txt. Remove it`);
  });

  test('images of unequal size without size: the first such file, and both sizes', async () => {
    await write('a.png', await flat(1, 4, 4));
    await write('b.png', await flat(1, 4, 4));
    await write('c.png', await flat(1, 6, 5));
    await write('d.png', await flat(1, 7, 7));
    const error = await failure();
    expect(error).toBeInstanceOf(ImageSizeError);
    expect(error).toMatchObject({ path: path('c.png'), size: [6, 5], firstPath: path('a.png'), firstSize: [4, 4] });
    expect(error.message).toMatch(/6 pixels high and 5 wide, but .*a\.png is 4 pixels high and 4 wide: .*--size/);
    expect((await read({ size: [4, 4] })).length).toBe(4);
  });

  test.each(['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const)(
    'a truncated %s image, by name',
    async (format) => {
      const bytes = await picture(32, 32, 3, (i) => (i * i) % 251)
        .toFormat(format)
        .toBuffer();
      for (const name of ['a', 'c', 'd', 'e']) await write(`${name}.${format}`, bytes);
      await write(`b.${format}`, bytes.subarray(0, Math.floor(bytes.length / 2)));
      for (const size of [undefined, [8, 8]] as const) {
        const error = await failure(size && { size });
        expect(error.path).toBe(path(`b.${format}`));
        expect(error.message).toMatch(/is truncated, corrupt or not an image/);
        expect(error.cause).toBeInstanceOf(Error);
      }
    },
  );

  test('a corrupt PNG, an empty file and a text with an image name', async () => {
    const bytes = await picture(32, 32, 3, (i) => (i * i) % 251)
      .png()
      .toBuffer();
    const middle = Math.floor(bytes.length / 2);
    const corrupt = Buffer.from(bytes).fill(0xaa, middle, middle + 40);
    for (const [name, content] of [
      ['corrupt', corrupt],
      ['empty', Buffer.alloc(0)],
      ['text', Buffer.from('hello')],
    ] as const) {
      await write(`${name}/1.png`, bytes);
      await write(`${name}/2.png`, content);
      await expect(imageFolder(path(name), { cache: false })).rejects.toMatchObject({
        name: 'BadImagesError',
        path: path(`${name}/2.png`),
      });
    }
  });

  test('of more pixels than the limit, which can be raised', async () => {
    await write('a.png', await flat(1, 5, 4));
    expect((await read({ maxPixels: 20, size: [2, 2] })).length).toBe(1);
    await expect(read({ maxPixels: 19, size: [2, 2] })).rejects.toMatchObject({
      name: 'BadImagesError',
      message:
        `${path('a.png')}: has 4 x 5 pixels, the limit maxPixels is 19; ` +
        `remove or replace it, or leave it out with onBad: 'skip' or --on-bad skip`,
      limit: 'maxPixels',
    });
    await expect(read({ maxPixels: 0 })).rejects.toThrow(ConfigError);
  });

  test('of 8193 x 8192 pixels in 196 kB', async () => {
    const large = sharp(Buffer.alloc(8193 * 8192), { raw: { width: 8193, height: 8192, channels: 1 } });
    await write('a.png', await large.png().toBuffer());
    await expect(read({ size: [2, 2] })).rejects.toMatchObject({ limit: 'maxPixels' });
  });

  test('SVG or PPM with the name of a PNG, and PNG within them', async () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><rect width="4" height="4"/></svg>';
    const png = await flat(1);
    const others = [
      Buffer.from(svg),
      Buffer.from(`<?xml version="1.0"?>\n<!-- \x89PNG\r\n\x1a\n -->${svg}`),
      Buffer.concat([Buffer.from('GIF89'), Buffer.from(svg)]),
      Buffer.concat([Buffer.from('P6 4 4 255\n'), new Uint8Array(48)]),
      Buffer.concat([Buffer.from(' '), png]),
    ];
    for (const bytes of others) {
      await write('a.png', bytes);
      expect((await failure()).message).toContain(
        `${path('a.png')}: is not an image: its content is not PNG, JPEG, WebP, GIF, TIFF or AVIF; remove`,
      );
    }
  });

  test.skipIf(process.platform === 'win32')('with names that drive a terminal are told in one line', async () => {
    await write('a\n\u001b[2J.png', Buffer.from('bad'));
    expect((await failure()).message).toContain('a\\n\\u{1b}[2J.png: is not an image');
    const truncated = (await flat(1)).subarray(0, 60);
    await write('a\n\u001b[2J.png', truncated);
    expect((await failure()).message).toMatch(/: is truncated, corrupt or not an image \([^\n]+$/);
  });

  test('several bad images, in order, every time', async () => {
    for (let i = 0; i < 20; i++) await write(`${String(i).padStart(2, '0')}.png`, await flat(1));
    for (const name of ['07.png', '08.png', '09.png']) await write(name, Buffer.from('bad'));
    for (let run = 0; run < 5; run++) {
      expect((await failure()).message).toMatch(/has 3 images .*07\.png: .*08\.png: .*09\.png: /);
    }
  });

  test('options out of range', async () => {
    await write('a.png', await flat(1));
    await expect(read({ size: [4, 0] })).rejects.toThrow(ConfigError);
    await expect(read({ size: [4, 0] })).rejects.toThrow(
      /imageFolder\.size\[1\]: wanted an integer of at least 1, got 0/,
    );
    await expect(read({ background: [0, 0, 300] })).rejects.toThrow(/imageFolder\.background/);
  });

  test('reading leaves the folder as it was', async () => {
    const bytes = await flat(5);
    await write('a.png', bytes);
    await read();
    expect(Buffer.compare(await readFile(path('a.png')), bytes)).toBe(0);
  });
});
