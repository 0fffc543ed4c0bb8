import { measureInBrowser } from './tools/browser/measure.js';
const { results } = await measureInBrowser(process.argv.slice(2));
for (const [n, rows] of results) for (const x of rows) if (x.failures.length) console.log(n, x.name, x.failures.length, x.failures.slice(0, 4));
