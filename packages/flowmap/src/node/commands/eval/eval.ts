import { group } from '../../command-line/group.js';

/** `flowmap eval`: measures how good samples are. */
export const evaluate = group({
  name: 'flowmap eval',
  description: 'Measures how near samples are to data.',
  commands: {
    metrics: {
      summary: 'distances, precision and recall of generated images, each value with its protocol',
      load: async () => (await import('./metrics.js')).metrics,
    },
    fid: { summary: 'FID of generated images', load: async () => (await import('./fid.js')).fid },
    stats: { summary: 'statistics of a folder, as a reference', load: async () => (await import('./stats.js')).stats },
    report: {
      summary: 'a page of a run and of results side by side',
      load: async () => (await import('./report.js')).report,
    },
    compare: {
      summary: 'differences of two evaluations',
      load: async () => (await import('./compare.js')).compareResults,
    },
  },
});
