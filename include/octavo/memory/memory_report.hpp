// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <octavo/memory/bytes.hpp>
#include <octavo/memory/memory_plan.hpp>

namespace octavo {

/// A placed plan as a table, one line per request in the order of booking: where it begins, its
/// bytes (all copies), what kind it is, in which phases it lives. Buffers that never live together
/// share memory, so the bytes add up to more than the total in the last line.
inline std::string memory_table(const MemoryPlan& plan) {
  std::string text = "      offset         bytes  phases  kind             buffer\n";
  char line[256];
  for (int id = 0; id < plan.size(); ++id) {
    const MemoryRequest& request = plan.request(id);
    const std::string_view kind = name_of(request.kind);
    std::snprintf(line, sizeof(line), "%12zu  %12zu  %d to %d  %-15.*s  %.*s: %.*s",
                  plan.offset(id), MemoryPlan::footprint(request), request.lifetime.first,
                  request.lifetime.last, static_cast<int>(kind.size()), kind.data(),
                  static_cast<int>(request.part.size()), request.part.data(),
                  static_cast<int>(request.name.size()), request.name.data());
    text += line;
    if (request.copies > 1) text += " (x " + std::to_string(request.copies) + ")";
    text += '\n';
  }
  return text + "total " + std::to_string(plan.total_bytes()) + " bytes (" +
         readable_bytes(plan.total_bytes()) + ")\n";
}

namespace detail {

/// Bytes summed under names, in the order in which the names first came.
class NamedBytes {
 public:
  void add(std::string_view name, std::size_t bytes) {
    for (auto& [known, total] : lines_) {
      if (known == name) return void(total += bytes);
    }
    lines_.emplace_back(name, bytes);
  }

  /// One line each; then why they add up to more than the plan.
  std::string table(const MemoryPlan& plan) const {
    std::string text;
    std::size_t sum = 0;
    for (const auto& [name, bytes] : lines_) {
      append(text, bytes, name);
      sum += bytes;
    }
    append(text, sum, "all buffers");
    append(text, sum - plan.total_bytes(), "of these share memory with others at other times");
    append(text, plan.total_bytes(), "planned");
    return text;
  }

 private:
  static void append(std::string& text, std::size_t bytes, std::string_view name) {
    char number[32];
    std::snprintf(number, sizeof(number), "%14zu  ", bytes);
    (text += number) += name;
    text += '\n';
  }

  std::vector<std::pair<std::string_view, std::size_t>> lines_;
};

}  // namespace detail

/// The bytes of all buffers by kind.
inline std::string memory_by_kind(const MemoryPlan& plan) {
  detail::NamedBytes bytes;
  for (int id = 0; id < plan.size(); ++id) {
    bytes.add(name_of(plan.request(id).kind), MemoryPlan::footprint(plan.request(id)));
  }
  return bytes.table(plan);
}

/// The bytes of all buffers by layer or other part of the run.
inline std::string memory_by_part(const MemoryPlan& plan) {
  detail::NamedBytes bytes;
  for (int id = 0; id < plan.size(); ++id) {
    bytes.add(plan.request(id).part, MemoryPlan::footprint(plan.request(id)));
  }
  return bytes.table(plan);
}

/// The bytes alive in each phase, `phases` naming them from 0 on; a mark where they are most.
inline std::string memory_by_phase(const MemoryPlan& plan,
                                   std::span<const std::string_view> phases) {
  std::string text;
  for (std::size_t phase = 0; phase < phases.size(); ++phase) {
    const std::size_t live = plan.live_bytes(static_cast<int>(phase));
    char line[128];
    std::snprintf(line, sizeof(line), "%14zu  %3.0f %%  %.*s%s\n", live,
                  100.0 * static_cast<double>(live) /
                      static_cast<double>(std::max<std::size_t>(plan.total_bytes(), 1)),
                  static_cast<int>(phases[phase].size()), phases[phase].data(),
                  live == plan.peak_live_bytes() ? "  <- the peak" : "");
    text += line;
  }
  return text;
}

}  // namespace octavo
