/**
 * The style sheet of charts: their colours, light or dark as in the reader's system, as custom properties that the
 * rest of a page may use too.
 */
export const CHART_STYLE = `
:root {
  color-scheme: light dark;
  --page: #fbfaf8; --card: #ffffff; --ink: #1d1c1a; --soft: #6d6a65; --rule: #e4e1db;
  --student: #c2410c; --teacher: #6b7a8f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #151413; --card: #1e1d1b; --ink: #efece6; --soft: #a19c93; --rule: #35322e;
    --student: #ff8a4c; --teacher: #8796a9;
  }
}
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(19rem, 100%), 1fr)); gap: 1rem; }
.chart {
  display: flex; flex-direction: column; justify-content: space-between; min-width: 0; margin: 0; padding: .9rem 1rem .7rem;
  background: var(--card); border: 1px solid var(--rule); border-radius: .6rem;
}
.chart figcaption { font-size: .85rem; line-height: 1.4; color: var(--soft); }
.chart figcaption strong { color: var(--ink); font-weight: 600; }
.chart .keys { display: flex; flex-wrap: wrap; gap: .1rem 1rem; margin: .4rem 0 .2rem; font-size: .8rem; color: var(--soft); }
.chart .keys > span { display: inline-flex; align-items: center; }
.chart > svg { display: block; width: 100%; height: auto; margin-top: .5rem; overflow: visible; }
.chart text { font-size: 11px; fill: var(--soft); }
.chart .axis { font-style: italic; }
.chart .grid { stroke: var(--rule); }
.chart path { fill: none; stroke: var(--student); stroke-width: 1.8; stroke-linejoin: round; }
.chart path.teacher { stroke: var(--teacher); }
.chart path.raw { stroke-width: 1.2; opacity: .3; }
.chart circle { fill: var(--student); }
.chart circle.teacher { fill: var(--teacher); }
.chart rect { fill: var(--student); }
.chart rect.teacher { fill: var(--teacher); }
.key { display: inline-block; flex: none; width: .7rem; height: .7rem; margin-right: .35rem; border-radius: 2px; background: var(--student); }
.key.teacher { background: var(--teacher); }
svg.key { width: 1.5rem; background: none; }
@media (max-width: 40rem) { .chart { padding: .75rem .75rem .5rem; } }
`;
