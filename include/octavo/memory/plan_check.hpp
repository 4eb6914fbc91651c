// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/memory/memory_plan.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

/// Checks copies that lie inside other buffers: each is inside its host, aligned to 64 bytes, and
/// shares no byte with another copy.
template <typename Label>
std::string overlay_defect(const MemoryPlan& plan, Label label) {
  struct Place {
    int id;
    std::size_t begin, end;
  };
  std::vector<Place> taken;
  for (int id = 0; id < plan.size(); ++id) {
    const MemoryRequest& request = plan.request(id);
    if (!request.overlays()) continue;
    const int host = request.overlay.host;
    const std::size_t first = plan.offset(host);
    const std::size_t last = first + MemoryPlan::footprint(plan.request(host));
    for (Index copy = 1; copy < request.copies; ++copy) {
      const std::size_t begin = plan.offset(id, copy), end = begin + request.bytes;
      if (begin % alignment_bytes != 0) return detail::concat({label(id), " is not aligned"});
      if (begin < first || end > last)
        return detail::concat({label(id), " ends after ", label(host)});
      for (const Place& other : taken) {
        const bool share = begin < other.end && other.begin < end;
        if (share && request.lifetime.overlaps(plan.request(other.id).lifetime)) {
          return detail::concat({label(id), " overlaps ", label(other.id)});
        }
      }
      taken.push_back({id, begin, end});
    }
  }
  return {};
}

}  // namespace detail

/// Checks a placed plan: every buffer is aligned and inside the total, and no two buffers that live
/// at the same time share a byte, except copies and the hosts that they were booked into. Returns
/// the first defect in words; empty if there is none.
OCTAVO_INLINE std::string plan_defect(const MemoryPlan& plan);

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE std::string plan_defect(const MemoryPlan& plan) {
  const auto label = [&](int id) {
    return detail::concat({plan.request(id).part, ".", plan.request(id).name});
  };
  for (int a = 0; a < plan.size(); ++a) {
    const std::size_t begin = plan.offset(a);
    const std::size_t end = begin + MemoryPlan::footprint(plan.request(a));
    if (begin % alignment_bytes != 0) return detail::concat({label(a), " is not aligned"});
    if (end > plan.total_bytes()) return detail::concat({label(a), " ends after the total"});
    for (int b = 0; b < a; ++b) {
      const std::size_t other_begin = plan.offset(b);
      const std::size_t other_end = other_begin + MemoryPlan::footprint(plan.request(b));
      const bool share = begin < other_end && other_begin < end;
      if (share && plan.request(a).lifetime.overlaps(plan.request(b).lifetime)) {
        return detail::concat({label(a), " overlaps ", label(b)});
      }
    }
  }
  return detail::overlay_defect(plan, label);
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
