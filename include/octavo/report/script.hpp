// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include <octavo/base/abi.hpp>

// The script of the page about a run.
namespace OCTAVO_NAMESPACE::detail {

/// A chart shows the numbers of the point nearest to the pointer, from the page's tables.
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

/// SHA-256 of the script, in base 64: browsers run no other script on the page. After a change, the
/// browser's console shows the new value.
inline constexpr std::string_view report_script_hash =
    "6F+rtCOf4utCnRREEduEBf9EN5z+5uVK+qBJnL7goA0=";

}  // namespace OCTAVO_NAMESPACE::detail
