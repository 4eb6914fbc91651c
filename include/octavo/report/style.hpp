// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include <octavo/base/abi.hpp>

// The style of the page about a run.
namespace OCTAVO_NAMESPACE::detail {

/// Text has a contrast of at least 4.5 to its background in both schemes (WCAG AA).
inline constexpr std::string_view report_style = R"css(
:root {
  color-scheme: light dark;
  --page: #f4f5f7; --card: #ffffff; --ink: #1b2128; --quiet: #56606c; --rule: #dfe3e8;
  --training: #0a5cb0; --raw: #a9c8ea; --validation: #b04a00; --reference: #6a4c9c;
  --notice: #fff4e0; --notice-rule: #b04a00; --mark: #dcebfb; --well: #f4f5f7;
  --good: #1a7f43; --bad: #c0281c;
  --kind0: #b9d3ec; --kind1: #f6cfa6; --kind2: #bfdfbc; --kind3: #eec3d0; --kind4: #d9dde2;
  --kind5: #d5c8ec; --kind6: #f3e6a8;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #101418; --card: #1a2027; --ink: #e7eaee; --quiet: #a5b0bc; --rule: #343d47;
    --training: #74b4ff; --raw: #36587f; --validation: #ffac62; --reference: #c3a6f2;
    --notice: #33260f; --notice-rule: #ffac62; --mark: #24415f; --well: #12171c;
    --good: #57c785; --bad: #ff8a7d;
    --kind0: #2c4f74; --kind1: #6d4a1f; --kind2: #2d5a35; --kind3: #6b3449; --kind4: #424b55;
    --kind5: #4c3f70; --kind6: #5b521d;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
}
main, header, footer { max-width: 1640px; margin: 0 auto; padding: 0 clamp(12px, 2vw, 32px); }
header {
  display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 18px; padding-top: 20px;
}
h1 { font-size: 1.25rem; margin: 0; overflow-wrap: anywhere; min-width: 0; }
h2 { font-size: 1.1rem; margin: 30px 0 10px; }
h3 { font-size: .95rem; margin: 0 0 6px; }
p { margin: 6px 0 12px; }
dl, dd, dt { margin: 0; }
dt, .unit, .when, footer, figcaption { color: var(--quiet); }
.stage, .when { margin: 0; }
.when { margin-left: auto; font-variant-numeric: tabular-nums; }
.stage::before {
  content: ""; display: inline-block; width: 9px; height: 9px; border-radius: 50%;
  margin-right: 7px; background: var(--quiet);
}
.stage[data-stage="Running"]::before { background: var(--training); }
.stage[data-stage="Finished"]::before { background: var(--good); }
.stage[data-stage="Diverged"]::before { background: var(--bad); }
footer { padding-top: 16px; padding-bottom: 28px; font-size: .85rem; }
progress { flex-basis: 100%; width: 100%; height: 8px; accent-color: var(--training); }
.card {
  background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 16px;
  min-width: 0;
}
.hero { display: flex; flex-wrap: wrap; gap: 14px 40px; align-items: center; margin: 14px 0; }
.hero { padding: 18px 22px; }
.best { display: flex; flex-wrap: wrap; gap: 2px 32px; }
.best dt { font-size: .85rem; flex-basis: 100%; }
.best dd { font-size: 2.7rem; line-height: 1.1; font-weight: 600; }
.best dd + dd { font-weight: 400; }
.best dd, .glance dd { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.best small { display: block; font-size: .85rem; line-height: 1.45; font-weight: 400; }
.verdict { flex: 1 1 420px; min-width: min(100%, 260px); }
.verdict p { font-size: 1.08rem; max-width: 86ch; margin: 0; }
.verdict .notice {
  background: var(--notice); border-left: 4px solid var(--notice-rule); border-radius: 6px;
  padding: 8px 14px; margin-top: 12px; overflow-wrap: anywhere; font-size: .95rem;
}
.glance { display: flex; flex-wrap: wrap; gap: 12px; }
.glance .card { flex: 1 1 148px; padding: 10px 14px; }
.glance dt, .settings dt { font-size: .82rem; }
.glance dd { font-size: 1.25rem; }
.glance small { display: block; font-size: .8rem; line-height: 1.35; color: var(--quiet); }
.settings { display: flex; flex-wrap: wrap; gap: 4px 24px; margin: 12px 2px 0; font-size: .9rem; }
.settings div { display: flex; gap: 6px; align-items: baseline; }
.pair { display: grid; gap: 14px; grid-template-columns: minmax(0, 1fr); }
@media (min-width: 1100px) {
  .pair { grid-template-columns: minmax(0, 17fr) minmax(0, 10fr); }
  .pair > :only-child { grid-column: 1 / -1; }
  .pair .samples { contain: size; overflow: auto; }
}
.charts { display: grid; gap: 14px; margin-top: 14px; grid-template-columns: minmax(0, 1fr); }
@media (min-width: 620px) {
  .charts { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .charts > :last-child { grid-column: 1 / -1; }
}
@media (min-width: 960px) {
  .charts { grid-template-columns: repeat(3, minmax(0, 1fr)); }
  .charts > :last-child { grid-column: auto; }
}
figure { margin: 0; height: 100%; display: flex; flex-direction: column; }
.chart { min-width: 0; }
figcaption { font-size: .85rem; flex: 1; }
figcaption b { font-size: .95rem; color: var(--ink); }
.head { display: flex; flex-wrap: wrap; gap: 0 10px; align-items: baseline; }
.head .unit + .unit { margin-left: auto; }
.readout { min-height: 1.5em; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.readout output { color: var(--ink); font-variant-numeric: tabular-nums; }
.readout span:has(+ output:not(:empty)) { display: none; }
.keys { display: flex; flex-wrap: wrap; gap: 0 16px; }
.key::before { content: ""; display: inline-block; width: 18px; height: 3px; margin: 0 6px 3px 0; }
.key.raw::before { background: var(--raw); }
.key.smooth::before { background: var(--training); }
.key.validation::before { background: var(--validation); }
.plot { padding: 10px 14px 42px 50px; touch-action: pan-y; }
.plot.two { padding-right: 36px; }
.plot svg, .map svg { display: block; overflow: visible; }
.plot svg svg { overflow: hidden; }
.plot text, .map text { font-size: 12px; fill: var(--quiet); }
.plot text.y, .map text.y, .plot text.reference { text-anchor: end; }
.plot text.x, .plot text.name { text-anchor: middle; }
.plot text.reference {
  fill: var(--reference); paint-order: stroke; stroke: var(--card); stroke-width: 4px;
}
.plot .grid, .map .grid { stroke: var(--rule); }
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
circle.best { stroke-width: 2; }
pre {
  margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate;
  font: 13px/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
}
mark { background: var(--mark); color: inherit; border-radius: 3px; padding: 0 2px; }
.samples h2 { margin: 0; font-size: .95rem; }
.samples p { font-size: .85rem; margin: 0 0 10px; }
.samples pre { font-size: 14px; }
.samples details { border-top: 1px solid var(--rule); font-size: .85rem; }
.samples pre + details { margin-top: 14px; }
.samples details pre { font-size: 13px; padding: 0 0 10px 16px; }
summary { cursor: pointer; padding: 5px 0; font-variant-numeric: tabular-nums; }
.command + .command { margin-top: 14px; }
.commands p { font-size: .85rem; margin: 0 0 10px; }
.command pre { background: var(--well); border-radius: 6px; padding: 9px 12px; }
.command code { display: block; font: inherit; user-select: all; -webkit-user-select: all; }
.kind0 { --kind: var(--kind0); } .kind1 { --kind: var(--kind1); } .kind2 { --kind: var(--kind2); }
.kind3 { --kind: var(--kind3); } .kind4 { --kind: var(--kind4); } .kind5 { --kind: var(--kind5); }
.kind6 { --kind: var(--kind6); }
.keys [class*="kind"]::before {
  width: 12px; height: 12px; margin-bottom: -1px; background: var(--kind);
  outline: 1px solid var(--quiet); outline-offset: -1px;
}
.map { padding: 12px 0 8px 66px; }
.map rect { fill: var(--kind); stroke: var(--quiet); stroke-width: .7; stroke-opacity: .6; }
.map rect:hover { stroke-width: 2; stroke-opacity: 1; }
.map text.box { fill: var(--ink); pointer-events: none; }
.map .total { stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 7 4; }
.phases {
  display: grid; grid-auto-flow: column; grid-auto-columns: minmax(0, 1fr); list-style: none;
  margin: 0 0 14px; padding: 0 0 0 66px; font-size: .8rem; text-align: center; line-height: 1.3;
}
.phases li { padding: 0 2px; }
.phases span, .phases b { display: block; color: var(--quiet); }
.phases b { color: var(--bad); }
@media (max-width: 760px) {
  .when { margin-left: 0; }
  .map text.box { display: none; }
  .phases { grid-auto-flow: row; padding: 0; gap: 2px; }
  .phases { list-style: decimal inside; text-align: left; }
  .phases span, .phases b { display: inline; float: right; font-weight: 400; }
  .phases li { border-bottom: 1px solid var(--rule); padding: 2px 0; }
}
.scroll { overflow: auto; max-width: 100%; max-height: 480px; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--quiet); padding: 4px 0; }
th, td { padding: 3px 14px 3px 0; text-align: right; vertical-align: top; }
th { font-weight: 600; }
.words { text-align: left; }
.groups { columns: 300px; column-gap: 14px; }
.groups .card { break-inside: avoid; margin-bottom: 14px; }
@media (min-width: 1400px) {
  .groups { columns: auto; display: grid; gap: 14px; align-items: start; }
  .groups { grid-template-columns: repeat(auto-fit, minmax(250px, 1fr)); }
  .groups .card { margin: 0; }
}
.groups table { width: 100%; table-layout: fixed; }
.groups th {
  text-align: left; font-weight: 400; color: var(--quiet); width: 44%; overflow-wrap: anywhere;
}
.groups td { text-align: left; overflow-wrap: anywhere; unicode-bidi: isolate; padding-right: 0; }
@media print {
  :root { --page: #ffffff; --well: #ffffff; }
  body { font-size: 10pt; }
  .card { break-inside: avoid; }
  h2 { break-after: avoid; }
  output, progress, details, .tables, .commands > p { display: none; }
  @page { margin: 14mm; }
}
)css";

}  // namespace OCTAVO_NAMESPACE::detail
