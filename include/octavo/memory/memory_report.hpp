// SPDX-License-Identifier: MIT
#pragma once

#include <cstdio>
#include <string>

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

}  // namespace octavo
