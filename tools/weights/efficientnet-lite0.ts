// Converts the published weights of EfficientNet-Lite0 to those of `@flowmap/efficientnet-lite0`: see its README for
// where they come from. Batch normalisation is folded into weights and biases, and numbers are rounded to float16.
//
//   npx tsx --conditions=@flowmap/source tools/weights/efficientnet-lite0.ts efficientnet-lite0-57934424.pth
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { DataError, encodeSafetensors } from '@flowmap/core';
import { decodeTorchFile, efficientNetLite0Features } from '@flowmap/eval';
import { causeText, hostTensor, type HostTensor } from '@flowmap/tensor';
import { pathArgument, runCommand } from 'flowmap/node';

/** Hash of the file that was converted. */
const SHA256 = '579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db';
const EPSILON = 1e-3;

process.exitCode = await runCommand(
  {
    name: 'efficientnet-lite0',
    description: 'Converts the published weights of EfficientNet-Lite0.',
    options: { file: pathArgument('efficientnet-lite0-57934424.pth') },
    run: convert,
    resumes: false,
  },
  process.argv.slice(2),
);

async function convert({ file: path }: { readonly file: string }): Promise<void> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new DataError(path, `cannot be read: ${causeText(cause)}`, { cause });
  });
  const hash = createHash('sha256').update(bytes).digest('hex');
  if (hash !== SHA256) throw new DataError(path, `another file: its SHA-256 is ${hash}, wanted ${SHA256}`);
  const given = decodeTorchFile(bytes, path);

  const module = efficientNetLite0Features();
  const converted: Record<string, HostTensor> = {};
  for (const name of Object.keys(module.parameters).filter((name) => name.endsWith('.weight'))) {
    const layer = name.slice(0, -'.weight'.length);
    const { convolution, norm } = namesOf(layer);
    const weight = given[`${convolution}.weight`]!;
    const [gain, shift, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map(
      (part) => given[`${norm}.${part}`]!.data,
    ) as [HostTensor['data'], HostTensor['data'], HostTensor['data'], HostTensor['data']];
    // norm(conv(x)) = gain (conv(x) - mean) / sqrt(variance + epsilon) + shift
    const factors = Float64Array.from(gain, (g, channel) => g / Math.sqrt(variance[channel]! + EPSILON));
    const perChannel = weight.data.length / factors.length;
    const scaled = Float32Array.from(weight.data, (w, i) => w * factors[Math.floor(i / perChannel)]!);
    const bias = Float32Array.from(factors, (factor, channel) => shift[channel]! - factor * mean[channel]!);
    converted[name] = half(hostTensor(weight.shape, scaled));
    converted[`${layer}.bias`] = half(hostTensor([bias.length], bias));
  }
  const made = { source: basename(path), sha256: hash, license: 'Apache-2.0' };
  const out = new URL('../../packages/efficientnet-lite0/efficientnet-lite0.safetensors', import.meta.url);
  await writeFile(out, encodeSafetensors(converted, made));
}

/** Where a convolution and its normalisation are in the file. */
function namesOf(layer: string): { convolution: string; norm: string } {
  if (layer === 'stem') return { convolution: '_conv_stem', norm: '_bn0' };
  if (layer === 'head') return { convolution: '_conv_head', norm: '_bn1' };
  const [, block, part] = layer.split('.');
  const norm = { expand: '_bn0', depthwise: '_bn1', project: '_bn2' }[part!]!;
  return { convolution: `_blocks.${block}._${part}_conv`, norm: `_blocks.${block}.${norm}` };
}

function half({ shape, data }: HostTensor): HostTensor {
  return { shape, dtype: 'float16', data: Float32Array.from(data, Math.fround) };
}
