import { CHART_STYLE } from './chart-style.js';

/** A report's style sheet: one column of text, wide figures, light or dark as in the reader's system. */
export const PAGE_STYLE = `${CHART_STYLE}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 4rem 1.5rem 5rem; max-width: 70rem; background: var(--page); color: var(--ink);
  font: 1rem/1.55 ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: break-word;
}
h1, h2 { font-family: 'Iowan Old Style', 'Palatino Linotype', Palatino, Charter, Georgia, serif; font-weight: 600; line-height: 1.15; text-wrap: balance; }
h1 { margin: 0 0 .75rem; font-size: clamp(2rem, 5vw, 3.1rem); letter-spacing: -.015em; }
h2 { margin: 4rem 0 .5rem; font-size: 1.6rem; }
main p, header p, footer p { max-width: 44rem; margin: .4rem 0 1.2rem; text-wrap: pretty; }
header .lead { font-size: 1.2rem; color: var(--soft); }
a { color: inherit; text-underline-offset: .2em; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem 3rem; margin: 2.2rem 0 0; padding: 1.4rem 0; border-block: 1px solid var(--rule); }
.figures div { display: flex; flex-direction: column; }
.figures dt { order: 2; font-size: .85rem; color: var(--soft); }
.figures dd { margin: 0; font-size: 1.75rem; font-weight: 600; letter-spacing: -.02em; }
.figures dd small { font-size: 1rem; font-weight: 400; color: var(--soft); letter-spacing: 0; }
figure { margin: 0; min-width: 0; }
figcaption { font-size: .85rem; line-height: 1.4; color: var(--soft); }
figcaption strong { color: var(--ink); font-weight: 600; }
img { display: block; width: 100%; height: auto; border-radius: .5rem; background: #fff; }
.strips img { image-rendering: pixelated; }
.strips { display: grid; gap: .5rem; }
.strips figure { display: grid; grid-template-columns: 8.5rem 1fr; gap: 1rem; align-items: center; }
.strips figcaption { text-align: right; }
.strips figcaption strong { display: block; }
.strips .teacher + .student { margin-bottom: 1.1rem; }
.strips .reference { margin-bottom: 1.1rem; }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 1rem; }
.grids { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1.5rem; }
.tiles figcaption, .grids figcaption { margin-top: .4rem; }
figure.student > figcaption strong { color: var(--student); }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 2rem; align-items: start; }
.columns .charts { display: block; max-width: 26rem; }
table { width: 100%; border-collapse: collapse; font-size: .92rem; }
th, td { padding: .45rem .6rem .45rem 0; border-bottom: 1px solid var(--rule); text-align: left; vertical-align: top; font-weight: 400; }
td { overflow-wrap: anywhere; }
th { color: var(--soft); }
thead th { font-size: .85rem; }
.numbers { align-self: center; }
.numbers td, .numbers thead th + th { text-align: right; }
.numbers td.best { font-weight: 650; color: var(--student); }
footer { margin-top: 4rem; font-size: .85rem; color: var(--soft); }
@media (max-width: 40rem) {
  body { padding: 2rem 1rem 3rem; }
  h2 { margin-top: 3rem; }
  .figures { gap: 1rem 2rem; }
  .strips figure { grid-template-columns: 1fr; gap: .3rem; }
  .strips figcaption { text-align: left; }
  .tiles { grid-template-columns: repeat(2, 1fr); }
}
`;
