import { requireKnownOptions } from '@flowmap/tensor';
import { drawBars, type BarChart } from './bar-chart.js';
import type { ChartRole } from './chart.js';
import { html, pictureUrl, type Html } from './html.js';
import { drawLines, type LineChart } from './line-chart.js';
import { PAGE_STYLE } from './page-style.js';

/** A picture in a report. */
export interface ReportPicture {
  readonly title: string;
  readonly note?: string;
  /** What it shows; no samples of a model unless given. */
  readonly role?: ChartRole | 'reference';
  /** PNG, which becomes part of the page; or an address, such as a data URL or a file beside the report. */
  readonly image: Uint8Array | string;
}

/** Numbers in rows and columns. */
export interface ReportTable {
  /** Headings of the columns after the first; a heading with a role is marked in the role's colour. */
  readonly columns: readonly { readonly title: string; readonly role?: ChartRole }[];
  /** The rows from top to bottom, each with a text for each column; `best` is the index of the one to emphasise. */
  readonly rows: readonly { readonly label: string; readonly cells: readonly string[]; readonly best?: number }[];
}

/** Names and values side by side. */
export type Facts = Readonly<Record<string, string | number>>;

/** A part of a report: a heading, a text, and then the following in this order, each optional. */
export interface ReportSection {
  readonly title: string;
  readonly text?: string;
  readonly pictures?: {
    /** `strips` are wide, stacked and enlarged; `tiles` are square, four in a row; `grids` are large. */
    readonly layout: 'strips' | 'tiles' | 'grids';
    readonly items: readonly ReportPicture[];
  };
  readonly charts?: readonly (LineChart | BarChart)[];
  /** Beside the chart if there is only one. */
  readonly table?: ReportTable;
  readonly facts?: readonly Facts[];
}

/** A number that matters. */
export interface ReportFigure {
  readonly label: string;
  readonly value: string;
  /** Beside the value in small print. */
  readonly note?: string;
}

/** Contents of a report: plain data. */
export interface Report {
  readonly title: string;
  /** What was done, in a few sentences. */
  readonly lead: string;
  /** The few numbers that matter most. */
  readonly figures?: readonly ReportFigure[];
  readonly sections: readonly ReportSection[];
  /** Files beside the report, by name, with what each of them holds. */
  readonly files?: Readonly<Record<string, string>>;
}

/**
 * Writes a report as a page in one file that contains its styles, charts and pictures: light or dark as in the reader's
 * system, and readable on screens as narrow as a phone's. It runs no scripts and loads nothing except pictures given by
 * address. All text is escaped.
 *
 * @returns the HTML document
 */
export function renderReport(report: Report): string {
  requireKnownOptions('renderReport', report, { title: true, lead: true, figures: true, sections: true, files: true });
  const { title, lead, figures = [], sections, files } = report;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <link rel="icon" href="data:," />
        <title>${title}</title>
        <style>
          ${{ markup: PAGE_STYLE }}
        </style>
      </head>
      <body>
        <header>
          <h1>${title}</h1>
          <p class="lead">${lead}</p>
          ${figures.length > 0 && html`<dl class="figures">${figures.map(figure)}</dl>`}
        </header>
        <main>${sections.map(section)}</main>
        <footer><p>Written by Flowmap.${files && filesText(files)}</p></footer>
      </body>
    </html> `;
  return page.markup.replace(/^ {4}/gm, '');
}

function figure({ label, value, note }: ReportFigure): Html {
  return html`<div>
    <dt>${label}</dt>
    <dd>${value}${note !== undefined && html` <small>${note}</small>`}</dd>
  </div>`;
}

function section({ title, text, pictures, charts, table, facts }: ReportSection): Html {
  const drawn = charts && html`<div class="charts">${charts.map(drawChart)}</div>`;
  const numbers = table && numberTable(table);
  return html`<section>
    <h2>${title}</h2>
    ${text !== undefined && html`<p>${text}</p>`}
    ${pictures && html`<div class="${pictures.layout}">${pictures.items.map((item) => picture(item, pictures.layout))}</div>`}
    ${charts?.length === 1 && numbers ? html`<div class="columns">${drawn}${numbers}</div>` : html`${drawn}${numbers}`}
    ${facts && html`<div class="columns">${facts.map(factTable)}</div>`}
  </section>`;
}

function drawChart(chart: LineChart | BarChart): Html {
  return 'lines' in chart ? drawLines(chart) : drawBars(chart);
}

function picture({ title, note, role, image }: ReportPicture, layout: string): Html {
  const caption = html`<figcaption><strong>${title}</strong> ${note}</figcaption>`;
  const shown = html`<img src="${pictureUrl(image)}" alt="${title}" />`;
  return html`<figure class="${role}">
    ${layout === 'strips' ? html`${caption}${shown}` : html`${shown}${caption}`}
  </figure>`;
}

function numberTable({ columns, rows }: ReportTable): Html {
  return html`<table class="numbers">
    <thead>
      <tr>
        <th></th>
        ${columns.map(({ title, role }) => html`<th>${role && html`<span class="key ${role}"></span>`}${title}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        ({ label, cells, best }) =>
          html`<tr>
            <th>${label}</th>
            ${cells.map((cell, i) => html`<td class="${i === best && 'best'}">${cell}</td>`)}
          </tr>`,
      )}
    </tbody>
  </table>`;
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

function filesText(files: Readonly<Record<string, string>>): Html {
  const last = Object.keys(files).length - 1;
  const items = Object.entries(files).map(([name, holds], i) => {
    return html`${holds} in <a href="${encodeURI(name)}">${name}</a>${i < last && ','}`;
  });
  return html` Beside this page are ${items}.`;
}
