// Packs the published packages into `tarballs/`, to be installed by file.
import { join } from 'node:path';
import { packPublished } from './published.js';
import { root } from './run.js';

const folder = join(root, 'tarballs');
for (const name of packPublished(folder)) console.log(join('tarballs', name));
