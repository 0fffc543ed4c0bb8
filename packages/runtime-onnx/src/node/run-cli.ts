import { devices, type Device } from '../devices.js';
import { diagnose } from './diagnose.js';
import { formatDiagnosis } from './format-diagnosis.js';
import { probe } from './probe.js';

const usage = [
  'usage: npx @flowmap/runtime-onnx doctor',
  '',
  'Tries every device of onnxruntime on this machine and says which work, which one',
  "onnxRuntime({ device: 'auto' }) takes, why the others do not work and how to get them.",
].join('\n');

/**
 * The package's command.
 *
 * @param args arguments after the command's own name
 * @param file the command's own file, which it runs again to try each device
 * @returns the exit status: 0, even if some devices do not work; 1 if none does; 2 for unknown arguments
 */
export async function runCli(args: readonly string[], file: string): Promise<number> {
  const [command, device = ''] = args;
  if (command === 'doctor' && args.length === 1) {
    const diagnosis = await diagnose({ file, nodeOptions: process.execArgv });
    process.stdout.write(`${formatDiagnosis(diagnosis)}\n`);
    return diagnosis.chosen === undefined ? 1 : 0;
  }
  if (command === 'probe' && isDevice(device)) {
    process.stdout.write(`${JSON.stringify(await probe(device))}\n`);
    return 0;
  }
  if (command === undefined || command === 'help' || command === '--help') {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  process.stderr.write(
    `error: unknown arguments '${args.join(' ')}'; \`npx @flowmap/runtime-onnx --help\` shows the usage\n`,
  );
  return 2;
}

function isDevice(name: string): name is Device {
  return (devices as readonly string[]).includes(name);
}
