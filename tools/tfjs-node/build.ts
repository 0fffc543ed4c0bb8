// Builds the native package of TensorFlow.js where its own installation cannot: see README.md.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { FlowmapError } from '@flowmap/tensor';
import { flag, pathOr, runCommand, type Config } from 'flowmap/node';
import { root, run } from '../run.js';

/** The npm package, and the Python package whose library it is linked to. */
const versions = { package: '4.22.0', tensorflow: '2.15.1' };

/** The interpreter for which a wheel is chosen; what is taken out of it does not depend on one. */
const wheelPython = '3.11';

const libraries = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];

/** Folders of headers that the binding includes, directly or not. */
const headers = ['tensorflow/c', 'tensorflow/core/platform', 'tsl/c', 'tsl/platform'];

const OPTIONS = {
  gpu: flag('build @tensorflow/tfjs-node-gpu, whose library has CUDA kernels'),
  out: pathOr('folder for the package; .cache/tfjs-node or .cache/tfjs-node-gpu unless given', 'DIR', null),
  python: pathOr('a Python interpreter with pip', 'FILE', 'python3'),
  nodeHeaders: pathOr("folder of node_api.h; Node's own or that of node-gyp unless given", 'DIR', null),
};

/** What is built, and where. */
interface Build {
  readonly gpu: boolean;
  readonly python: string;
  readonly name: 'tfjs-node' | 'tfjs-node-gpu';
  readonly folder: string;
  /** Folder of the package. */
  readonly home: string;
  /** Folder of TensorFlow's library and headers. */
  readonly deps: string;
}

process.exitCode = await runCommand(
  {
    name: 'build',
    description: 'Builds the native package of TensorFlow.js from its sources and the library of a Python wheel.',
    options: OPTIONS,
    run(options) {
      build(options);
      return Promise.resolve();
    },
    resumes: false,
  },
  process.argv.slice(2),
);

function build({ gpu, python, out, nodeHeaders }: Config<typeof OPTIONS>): void {
  if (process.platform !== 'linux') {
    throw new FlowmapError('Only for Linux: the wheels of other systems hold other libraries');
  }
  const name = gpu ? 'tfjs-node-gpu' : 'tfjs-node';
  const folder = resolve(out ?? join(root, '.cache', name));
  const home = join(folder, 'node_modules/@tensorflow', name);
  const parts: Build = { gpu, python, name, folder, home, deps: join(home, 'deps') };
  const nodeApi = findNodeHeaders(nodeHeaders);
  installPackage(parts);
  takeLibrary(parts);
  compileBinding(parts, nodeApi);
  const attempt = `const tf = require('${home}'); tf.ones([2, 2]).matMul(tf.ones([2, 2])).print()`;
  run(folder, 'show', process.execPath, '-e', attempt);
  console.log(`\nThe package is ready: ${home}`);
}

/** The npm package and its dependencies, without their install scripts, one of which downloads and fails. */
function installPackage({ name, folder }: Build): void {
  mkdirSync(folder, { recursive: true });
  const dependencies = { [`@tensorflow/${name}`]: versions.package };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }));
  run(folder, 'on-failure', 'npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund');
}

/** Shared libraries and C headers, out of TensorFlow's wheel. */
function takeLibrary({ gpu, python, folder, deps }: Build): void {
  if (libraries.every((file) => existsSync(join(deps, 'lib', file)))) return;
  const wheels = join(folder, 'wheel');
  rmSync(wheels, { recursive: true, force: true });
  const wanted = `${gpu ? 'tensorflow' : 'tensorflow-cpu'}==${versions.tensorflow}`;
  const choice = ['--no-deps', '--no-cache-dir', '--only-binary=:all:', '--python-version', wheelPython];
  run(folder, 'on-failure', python, '-m', 'pip', 'download', ...choice, '--dest', wheels, wanted);
  const [wheel = ''] = readdirSync(wheels);
  const unpack = join(import.meta.dirname, 'unpack.py');
  run(folder, 'on-failure', python, unpack, join(wheels, wheel), deps, ...libraries, ...headers);
  rmSync(wheels, { recursive: true });
}

/** The package's own C++, linked to the libraries beside it, where the package looks for it. */
function compileBinding({ home, deps }: Build, nodeApi: string): void {
  const { binary } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as {
    binary: { module_name: string; napi_versions: number[] };
  };
  const napi = Math.max(...binary.napi_versions.filter((version) => version <= Number(process.versions.napi)));
  const target = join(home, 'lib', `napi-v${napi}`);
  mkdirSync(target, { recursive: true });
  const sources = readdirSync(join(home, 'binding'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.cc'))
    .map((file) => join(home, 'binding', file));
  const flags = ['-O2', '-std=c++17', '-fPIC', '-shared', '-w', `-DNAPI_VERSION=${napi}`];
  const includes = [`-I${nodeApi}`, `-I${join(deps, 'include')}`];
  const linked = libraries.map((file) => join(deps, 'lib', file));
  const output = join(target, `${binary.module_name}.node`);
  run(
    home,
    'on-failure',
    'g++',
    ...flags,
    ...includes,
    ...sources,
    ...linked,
    '-Wl,-rpath,$ORIGIN/../../deps/lib',
    '-o',
    output,
  );
}

/** The folder with `node_api.h`. */
function findNodeHeaders(given: string | null): string {
  const beside = join(dirname(process.execPath), '../include/node');
  const fetched = join(homedir(), '.cache/node-gyp', process.versions.node, 'include/node');
  const places = given === null ? [beside, fetched] : [resolve(given)];
  const found = places.find((path) => existsSync(join(path, 'node_api.h')));
  if (found !== undefined) return found;
  throw new FlowmapError(
    `No node_api.h in ${places.join(' or ')}: run 'npx node-gyp install', which fetches the headers, or pass --node-headers DIR`,
  );
}
