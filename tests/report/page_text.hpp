// SPDX-License-Identifier: MIT
// The page about a run as one text, for tests of its parts.
#pragma once

#include <string>
#include <string_view>

#include <octavo/report/page.hpp>

namespace page_text {

using octavo::RunHistory;
using octavo::RunReport;

inline std::string page_of(const RunReport& run, const RunHistory& history) {
  std::string text;
  octavo::write_report(run, history, [&](std::string_view piece) { text += piece; });
  return text;
}

/// What `write(page)` writes.
template <typename Write>
std::string written(Write write) {
  std::string text;
  octavo::PageWriter page([&](std::string_view piece) { text += piece; });
  write(page);
  page.flush();
  return text;
}

}  // namespace page_text
