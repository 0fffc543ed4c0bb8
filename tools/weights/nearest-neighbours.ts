// How well features distinguish the classes of a folder of images: the share of images whose five nearest neighbours by
// cosine, excluding the image itself, mostly have its class.
//
//   npx tsx --conditions=@flowmap/source tools/weights/nearest-neighbours.ts cifar10/test --per-class 60
import { imageFolder } from '@flowmap/data/node';
import { weights } from '@flowmap/efficientnet-lite0';
import { efficientNetLite0, extractFeatures } from '@flowmap/eval';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { hostTensor } from '@flowmap/tensor';
import { pathArgument, runCommand, whole, type Config } from 'flowmap/node';

const NEIGHBOURS = 5;

const OPTIONS = {
  folder: pathArgument('folder of images with one sub-folder per class'),
  perClass: whole('images of each class', 60),
  size: whole('side that images are scaled and cropped to', 32),
};

process.exitCode = await runCommand(
  {
    name: 'nearest-neighbours',
    description: 'Says how well the features of EfficientNet-Lite0 tell the classes of images apart.',
    options: OPTIONS,
    run: classify,
    resumes: false,
  },
  process.argv.slice(2),
);

async function classify({ folder, perClass, size }: Config<typeof OPTIONS>): Promise<void> {
  const dataset = await imageFolder(folder, { size: [size, size] });

  const labels: number[] = [];
  const chosen: number[] = [];
  const all = await dataset.batch(Array.from({ length: dataset.length }, (_, i) => i));
  const { label } = all.conditions as { label: Int32Array };
  label.forEach((own, i) => {
    if (labels.filter((other) => other === own).length < perClass) {
      labels.push(own);
      chosen.push(i);
    }
  });
  const pixels = 3 * size ** 2;
  const x = new Float32Array(chosen.length * pixels);
  chosen.forEach((i, row) => x.set(all.x.subarray(i * pixels, (i + 1) * pixels), row * pixels));

  const extractor = await efficientNetLite0({ runtime: await onnxRuntime(), weights: await weights() });
  const start = performance.now();
  const { width, values } = await extractFeatures(extractor, [hostTensor([chosen.length, 3, size, size], x)]);
  const seconds = (performance.now() - start) / 1000;

  const rows = chosen.map((_, row) => {
    const own = values.subarray(row * width, (row + 1) * width);
    const norm = Math.hypot(...own);
    return Float64Array.from(own, (value) => value / norm);
  });
  const cosine = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const right = rows.filter((row, i) => {
    const others = rows.map((other, j) => ({ class: labels[j]!, likeness: j === i ? -Infinity : cosine(row, other) }));
    const nearest = others.sort((a, b) => b.likeness - a.likeness).slice(0, NEIGHBOURS);
    const votes = new Map<number, number>();
    for (const { class: other } of nearest) votes.set(other, (votes.get(other) ?? 0) + 1);
    const [winner] = [...votes].reduce((best, vote) => (vote[1] > best[1] ? vote : best));
    return winner === labels[i];
  });
  const accuracy = (right.length / rows.length).toFixed(3);
  console.log(
    `${accuracy} of ${rows.length} images; ${(rows.length / seconds).toFixed(1)} images/s, resizing included`,
  );
}
