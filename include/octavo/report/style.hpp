// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include <octavo/base/abi.hpp>

// What the page about a run looks like, and what it does when it is pointed at.
namespace OCTAVO_NAMESPACE::detail {

/// Letters have a contrast of 4.5 and more to what is behind them in either scheme (WCAG AA).
inline constexpr std::string_view report_style = R"css(
:root {
  color-scheme: light dark;
  --page: #f4f5f7; --card: #ffffff; --ink: #1b2128; --quiet: #56606c; --rule: #dfe3e8;
  --training: #0a5cb0; --raw: #a9c8ea; --validation: #b04a00; --reference: #6a4c9c;
  --notice: #fff4e0; --notice-rule: #b04a00;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #101418; --card: #1a2027; --ink: #e7eaee; --quiet: #a5b0bc; --rule: #343d47;
    --training: #74b4ff; --raw: #36587f; --validation: #ffac62; --reference: #c3a6f2;
    --notice: #33260f; --notice-rule: #ffac62;
  }
  .drawing svg { filter: invert(.9) hue-rotate(180deg); }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
}
main, header, footer { max-width: 1480px; margin: 0 auto; padding: 0 16px; }
header { padding-top: 20px; }
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 28px 0 10px; }
h3 { font-size: .95rem; margin: 0 0 6px; }
p { margin: 6px 0 12px; }
.unit, .stage, footer, dt, figcaption { color: var(--quiet); }
footer { padding: 16px 16px 28px; font-size: .85rem; }
progress { width: 100%; height: 8px; accent-color: var(--training); }
.notice {
  background: var(--notice); border-left: 4px solid var(--notice-rule); border-radius: 6px;
  padding: 10px 14px; margin: 14px 0; overflow-wrap: anywhere;
}
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 14px; }
.glance { display: grid; gap: 10px; grid-template-columns: repeat(auto-fill, minmax(148px, 1fr)); }
.glance div { padding: 10px 14px; }
dl, dd, dt { margin: 0; }
dt { font-size: .82rem; }
.glance dd { font-size: 1.25rem; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.glance small { display: block; font-size: .8rem; color: var(--quiet); }
.charts, .samples { display: grid; gap: 14px; }
.charts { grid-template-columns: repeat(auto-fit, minmax(min(100%, 330px), 1fr)); }
.charts { margin-top: 14px; }
.groups { columns: 300px; column-gap: 14px; }
.groups .card { break-inside: avoid; margin-bottom: 14px; }
.samples { grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); }
figure { margin: 0; }
.chart { min-width: 0; }
figcaption {
  display: flex; flex-wrap: wrap; column-gap: 14px; align-items: baseline; font-size: .85rem;
}
figcaption b { font-size: .95rem; color: var(--ink); }
figcaption output {
  margin-left: auto; color: var(--ink); font-variant-numeric: tabular-nums; min-height: 1.45em;
}
.key::before { content: ""; display: inline-block; width: 18px; height: 3px; margin: 0 6px 3px 0; }
.key.raw::before { background: var(--raw); }
.key.smooth::before { background: var(--training); }
.key.validation::before { background: var(--validation); }
.plot { padding: 10px 22px 26px 52px; touch-action: pan-y; }
.plot svg { display: block; overflow: visible; }
.plot svg svg { overflow: hidden; }
.plot text { font-size: 12px; fill: var(--quiet); }
.plot text.y, .plot text.reference { text-anchor: end; }
.plot text.x { text-anchor: middle; }
.plot text.reference {
  fill: var(--reference); paint-order: stroke; stroke: var(--card); stroke-width: 4px;
}
.plot .grid { stroke: var(--rule); }
.plot line.reference { stroke: var(--reference); stroke-dasharray: 6 4; }
.plot .cursor { stroke: var(--quiet); }
.plot path {
  fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round;
  vector-effect: non-scaling-stroke;
}
path.raw { stroke: var(--raw); }
path.smooth { stroke: var(--training); }
path.validation { stroke: var(--validation); }
circle.validation { fill: var(--validation); stroke: var(--card); }
pre {
  margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate;
  font: 13px/1.45 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
}
.scroll { overflow: auto; max-width: 100%; }
.drawing svg { display: block; width: 100%; min-width: 860px; max-width: 1160px; height: auto; }
details .scroll { max-height: 480px; }
summary { cursor: pointer; padding: 4px 0; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--quiet); padding: 4px 0; }
th, td { padding: 3px 14px 3px 0; text-align: right; vertical-align: top; }
th { font-weight: 600; }
.groups table { width: 100%; table-layout: fixed; }
.groups th {
  text-align: left; font-weight: 400; color: var(--quiet); width: 44%; overflow-wrap: anywhere;
}
.groups td { text-align: left; overflow-wrap: anywhere; unicode-bidi: isolate; padding-right: 0; }
@media print {
  :root { --page: #ffffff; }
  body { font-size: 10pt; }
  .card { break-inside: avoid; }
  output, progress, details { display: none; }
  .drawing svg { min-width: 0; }
  @page { margin: 14mm; }
}
)css";

/// Where the pointer is, a chart tells the numbers of the nearest point, out of the page's tables.
inline constexpr std::string_view report_script = R"js(
for (const chart of document.querySelectorAll('.chart')) {
  const rows = id => [...document.querySelectorAll(`#${id} tbody tr`)];
  const nearest = (list, step) => {
    let low = 0, high = list.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (+list[middle].cells[0].textContent < step) low = middle; else high = middle;
    }
    const far = i => Math.abs(+list[i].cells[0].textContent - step);
    return high < 0 ? null : list[far(high) < far(low) ? high : low];
  };
  const points = rows('points'), evaluations = chart.id === 'loss' ? rows('evaluations') : [];
  const names = [...document.querySelectorAll('#points thead th')].map(cell => cell.textContent);
  const plot = chart.querySelector('.plot'), svg = plot.querySelector('svg');
  const output = chart.querySelector('output'), steps = +chart.dataset.steps;
  const cursor = document.createElementNS(svg.namespaceURI, 'line');
  cursor.setAttribute('class', 'cursor');
  cursor.setAttribute('y2', svg.getAttribute('height'));
  plot.addEventListener('pointermove', event => {
    const box = svg.getBoundingClientRect();
    const row = nearest(points, steps * (event.clientX - box.left) / box.width);
    if (!row) return;
    const step = row.cells[0].textContent, at = `${100 * step / steps}%`;
    cursor.setAttribute('x1', at);
    cursor.setAttribute('x2', at);
    svg.append(cursor);
    const told = [`step ${step}`];
    const column = chart.dataset.column;
    told.push(`${names[column]} ${row.cells[column].textContent}`);
    const evaluation = nearest(evaluations, +step);
    if (evaluation) {
      const [when, , loss] = [...evaluation.cells].map(cell => cell.textContent);
      told.push(`validation ${loss} at ${when}`);
    }
    output.textContent = told.join(', ');
  });
  plot.addEventListener('pointerleave', () => { cursor.remove(); output.textContent = ''; });
}
)js";

/// SHA-256 of the script, in base 64: a browser runs nothing else on the page. After a change it
/// says in its console what to put here.
inline constexpr std::string_view report_script_hash =
    "6F+rtCOf4utCnRREEduEBf9EN5z+5uVK+qBJnL7goA0=";

}  // namespace OCTAVO_NAMESPACE::detail
