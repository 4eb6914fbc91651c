// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <octavo/memory/memory_plan.hpp>

namespace octavo {

/// Proof of a placed plan: every buffer is aligned and inside the total, and no two buffers that
/// live at the same time share a byte. Returns the first defect in words, empty when there is none.
inline std::string plan_defect(const MemoryPlan& plan) {
  const auto label = [&](int id) {
    return std::string(plan.request(id).part) + "." + std::string(plan.request(id).name);
  };
  for (int a = 0; a < plan.size(); ++a) {
    const std::size_t begin = plan.offset(a);
    const std::size_t end = begin + MemoryPlan::footprint(plan.request(a));
    if (begin % alignment_bytes != 0) return label(a) + " is not aligned";
    if (end > plan.total_bytes()) return label(a) + " ends behind the total";
    for (int b = 0; b < a; ++b) {
      const std::size_t other_begin = plan.offset(b);
      const std::size_t other_end = other_begin + MemoryPlan::footprint(plan.request(b));
      const bool share = begin < other_end && other_begin < end;
      if (share && plan.request(a).lifetime.overlaps(plan.request(b).lifetime)) {
        return label(a) + " overlaps " + label(b);
      }
    }
  }
  return {};
}

}  // namespace octavo
