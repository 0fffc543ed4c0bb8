/** The report's style sheet: one column of text, wide figures, light or dark following the reader's system. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #fbfaf8; --card: #ffffff; --ink: #1d1c1a; --soft: #6d6a65; --rule: #e4e1db;
  --student: #d9480f; --teacher: #8f9bab; --faint: #d9480f40;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #151413; --card: #1e1d1b; --ink: #efece6; --soft: #a19c93; --rule: #35322e;
    --student: #ff8a4c; --teacher: #7d8998; --faint: #ff8a4c40;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 4rem 1.5rem 5rem; max-width: 70rem; background: var(--page); color: var(--ink);
  font: 1rem/1.55 ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif;
  font-variant-numeric: tabular-nums;
}
h1, h2 { font-family: 'Iowan Old Style', 'Palatino Linotype', Palatino, Charter, Georgia, serif; font-weight: 600; line-height: 1.15; text-wrap: balance; }
h1 { margin: 0 0 .75rem; font-size: clamp(2rem, 5vw, 3.1rem); letter-spacing: -.015em; }
h2 { margin: 4rem 0 .5rem; font-size: 1.6rem; }
p { max-width: 44rem; margin: .4rem 0 1.2rem; text-wrap: pretty; }
.lead { font-size: 1.2rem; color: var(--soft); }
a { color: inherit; text-underline-offset: .2em; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem 3rem; margin: 2.2rem 0 0; padding: 1.4rem 0; border-block: 1px solid var(--rule); }
.figures div { display: flex; flex-direction: column; }
.figures dt { order: 2; font-size: .85rem; color: var(--soft); }
.figures dd { margin: 0; font-size: 1.75rem; font-weight: 600; letter-spacing: -.02em; }
.figures dd small { font-size: 1rem; font-weight: 400; color: var(--soft); letter-spacing: 0; }
figure { margin: 0; }
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
.student figcaption strong { color: var(--student); }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 2rem; align-items: center; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(19rem, 100%), 1fr)); gap: 1rem; }
.chart { padding: 1rem 1rem .4rem; background: var(--card); border: 1px solid var(--rule); border-radius: .6rem; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font-size: 10.5px; fill: var(--soft); }
svg .grid { stroke: var(--rule); }
svg .line, svg .raw { fill: none; stroke: var(--student); stroke-width: 1.8; stroke-linejoin: round; }
svg .raw { stroke: var(--faint); stroke-width: 1.2; }
svg rect.student { fill: var(--student); }
svg rect.teacher { fill: var(--teacher); }
svg .value { fill: var(--ink); }
.bars { max-width: 34rem; }
table { width: 100%; border-collapse: collapse; font-size: .92rem; }
th, td { padding: .45rem .6rem .45rem 0; border-bottom: 1px solid var(--rule); text-align: left; vertical-align: top; font-weight: 400; overflow-wrap: anywhere; }
th { color: var(--soft); }
thead th { font-size: .85rem; }
.numbers td, .numbers thead th + th { text-align: right; }
.numbers td.better { font-weight: 650; color: var(--student); }
.key { display: inline-block; width: .7rem; height: .7rem; margin-right: .35rem; border-radius: 2px; }
.key.student { background: var(--student); }
.key.teacher { background: var(--teacher); }
footer { margin-top: 4rem; font-size: .85rem; color: var(--soft); }
@media (max-width: 40rem) {
  body { padding-top: 2rem; }
  .strips figure { grid-template-columns: 1fr; gap: .3rem; }
  .strips figcaption { text-align: left; }
  .tiles { grid-template-columns: repeat(2, 1fr); }
}
`;
