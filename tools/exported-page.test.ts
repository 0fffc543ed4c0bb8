import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { unet, type Model } from '@flowmap/core';
import { exportOnnx } from '@flowmap/runtime-onnx';
import { hostTensor, normals, sizeOf } from '@flowmap/tensor';
import { chromium, type Page, type Route } from 'playwright';
import { expect, test } from 'vitest';
import { chromiumFlags, chromiumForTests } from './chromium.js';
import { root } from './run.js';

const executablePath = chromiumForTests();
const side = 8;
const size = 4 * side; // four pictures in a row

/** A flow map of small pictures, whose parameters are all drawn at random. */
function student(): Model {
  const network = unet({ shape: [3, side, side], classes: 9, interval: true, channels: [4], groupSize: 4, heads: 0 });
  const params = Object.entries(network.parameters).map(([name, { shape }]) => {
    const values = Float32Array.from(normals({ seed: 0, purpose: name }, sizeOf(shape)), (value) => value / 4);
    return [name, hostTensor(shape, values)] as const;
  });
  const classes = Array.from({ length: 9 }, (_, i) => String(i));
  return { kind: 'flowMap', network, params: Object.fromEntries(params), classes };
}

/** Serves the page, the model, and the installed onnxruntime-web. */
async function serve(route: Route, model: Uint8Array): Promise<void> {
  const { host, pathname } = new URL(route.request().url());
  const name = basename(pathname);
  if (name === 'student.onnx') return route.fulfill({ body: Buffer.from(model) });
  if (host === 'page.test') {
    const body = readFileSync(join(root, 'examples/browser/exported.html'));
    return route.fulfill({ body, contentType: 'text/html' });
  }
  const body = readFileSync(join(root, 'node_modules/onnxruntime-web/dist', name));
  const contentType = name.endsWith('.wasm') ? 'application/wasm' : 'text/javascript';
  return route.fulfill({ body, contentType, headers: { 'Access-Control-Allow-Origin': '*' } });
}

/** The colours of the page's canvas, a number for each pixel. */
const pixelsOf = (page: Page): Promise<number[]> =>
  page.evaluate<number[]>(`{
    const canvas = document.querySelector('canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    Array.from(new Uint32Array(data.buffer));
  }`);

test.skipIf(executablePath === undefined)(
  'the page draws samples of an exported file with onnxruntime-web alone, and others when asked',
  async () => {
    const { model } = exportOnnx(student(), { steps: 2 });
    const browser = await chromium.launch({ executablePath: executablePath!, args: chromiumFlags });
    try {
      const page = await browser.newPage();
      const errors: string[] = [];
      page.on('pageerror', ({ message }) => errors.push(message));
      await page.route('**/*', (route) => serve(route, model));
      await page.goto('http://page.test/exported.html');
      await page.waitForFunction(`document.querySelector('canvas').width === ${size}`);
      const first = await pixelsOf(page);
      expect(first).toHaveLength(size ** 2);
      expect(new Set(first).size).toBeGreaterThan(500);
      await page.click('button');
      await expect.poll(() => pixelsOf(page), { timeout: 60_000 }).not.toEqual(first);
      expect(errors).toEqual([]);
    } finally {
      await browser.close();
    }
  },
);
