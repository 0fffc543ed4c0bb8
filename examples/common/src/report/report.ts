import { STEP_COUNTS, type StepCount } from '../evaluate.js';
import type { Metrics } from '../metrics.js';
import { barChart } from './bar-chart.js';
import { duration } from './duration.js';
import { html, type Html } from './html.js';
import { lineChart, type Curve } from './line-chart.js';
import { STYLE } from './style.js';

/** A picture in the report. */
export interface ReportPicture {
  readonly title: string;
  readonly note: string;
  readonly kind: 'reference' | 'teacher' | 'student';
  /** A file beside the report, or the PNG itself. */
  readonly source: string | Uint8Array;
}

/** Pictures with a heading. */
export interface PictureSection {
  readonly title: string;
  readonly text: string;
  /** `strips` are wide, stacked and enlarged; `tiles` are square, four in a row; `grids` are large. */
  readonly layout: 'strips' | 'tiles' | 'grids';
  readonly pictures: readonly ReportPicture[];
}

/** Training curves with a heading. */
export interface CurveSection {
  readonly title: string;
  readonly text: string;
  readonly curves: readonly Curve[];
}

/** Names and values side by side. */
export type Facts = Readonly<Record<string, string | number>>;

/** Contents of a report. */
export interface Report {
  readonly title: string;
  readonly lead: string;
  readonly metrics: Metrics;
  readonly sections: readonly PictureSection[];
  readonly curves: readonly CurveSection[];
  readonly settings: Facts;
  readonly timings: Facts;
}

/** The report as a single page that needs only the files it names. */
export function renderReport({ title, lead, metrics, sections, curves, settings, timings }: Report): string {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <style>
          ${{ markup: STYLE }}
        </style>
      </head>
      <body>
        <header>
          <h1>${title}</h1>
          <p class="lead">${lead}</p>
          ${figures(metrics)}
        </header>
        <main>
          ${sections.map(pictureSection)} ${errors(metrics)}
          ${curves.map(
            (group) =>
              html`<section>
                <h2>${group.title}</h2>
                <p>${group.text}</p>
                <div class="charts">${group.curves.map(lineChart)}</div>
              </section>`,
          )}
          <section>
            <h2>The run</h2>
            <div class="columns" style="align-items: start">${factTable(settings)}${factTable(timings)}</div>
          </section>
        </main>
        <footer>
          <p>
            Written by Flowmap. The numbers are in <a href="metrics.json">metrics.json</a>, the settings in
            <a href="config.json">config.json</a>, the training log in <a href="log.jsonl">log.jsonl</a>.
          </p>
        </footer>
      </body>
    </html> `;
  return page.markup.replace(/^ {4}/gm, '');
}

function figures({ teacher, student, trainStep, wallSeconds }: Metrics): Html {
  const ratio = (steps: StepCount): Html =>
    html`${student[steps].endpointRmse.toFixed(3)} <small>teacher ${teacher[steps].endpointRmse.toFixed(3)}</small>`;
  return html`<dl class="figures">
    <div>
      <dt>endpoint RMSE in 1 step</dt>
      <dd>${ratio(1)}</dd>
    </div>
    <div>
      <dt>endpoint RMSE in 2 steps</dt>
      <dd>${ratio(2)}</dd>
    </div>
    <div>
      <dt>a training step</dt>
      <dd>${trainStep.seconds.toPrecision(2)} <small>s, ${trainStep.gflops.toFixed(0)} GFLOP/s</small></dd>
    </div>
    <div>
      <dt>from start to report</dt>
      <dd>${duration(wallSeconds)}</dd>
    </div>
  </dl>`;
}

function pictureSection({ title, text, layout, pictures }: PictureSection): Html {
  return html`<section>
    <h2>${title}</h2>
    <p>${text}</p>
    <div class="${layout}">
      ${pictures.map(
        ({ title: name, note, kind, source }) =>
          html`<figure class="${kind}">
            ${layout === 'strips' ? html`${caption(name, note)}${image(name, source)}` : html`${image(name, source)}${caption(name, note)}`}
          </figure>`,
      )}
    </div>
  </section>`;
}

function caption(title: string, note: string): Html {
  return html`<figcaption><strong>${title}</strong> ${note}</figcaption>`;
}

function image(alt: string, source: string | Uint8Array): Html {
  const url = typeof source === 'string' ? source : `data:image/png;base64,${Buffer.from(source).toString('base64')}`;
  return html`<img src="${url}" alt="${alt}" />`;
}

function errors({ teacher, student }: Metrics): Html {
  const pairs = STEP_COUNTS.map((steps) => ({
    label: steps === 1 ? '1 step' : `${steps} steps`,
    teacher: teacher[steps].endpointRmse,
    student: student[steps].endpointRmse,
  }));
  return html`<section>
    <h2>How far from where the teacher leads</h2>
    <p>
      The endpoint RMSE at N steps is the root mean square distance, over 256 noises, between where N evaluations of the
      network lead and where the teacher's exact trajectory from the same noise ends (Heun's method in 64 steps): 0 for
      an exact flow map at every N, so it should fall, or stay, as N grows.
    </p>
    <div class="columns">
      ${barChart('Endpoint RMSE of teacher and student', pairs)}
      <table class="numbers">
        <thead>
          <tr>
            <th></th>
            <th><span class="key teacher"></span>Teacher, Euler</th>
            <th><span class="key student"></span>Student, flow map</th>
          </tr>
        </thead>
        <tbody>
          ${pairs.map(
            (pair) =>
              html`<tr>
                <th>${pair.label}</th>
                <td>${pair.teacher.toFixed(4)}</td>
                <td class="${pair.student < pair.teacher && 'better'}">${pair.student.toFixed(4)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

function factTable(facts: Facts): Html {
  return html`<table>
    <tbody>
      ${Object.entries(facts).map(
        ([name, value]) =>
          html`<tr>
            <th>${name}</th>
            <td>${value}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}
