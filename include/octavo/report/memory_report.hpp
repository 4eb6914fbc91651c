// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/memory/bytes.hpp>
#include <octavo/memory/memory_plan.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

/// ", 3 in gradients": the number of a buffer's copies that lie in another buffer.
inline std::string overlay_note(const MemoryPlan& plan, int id) {
  const MemoryRequest& request = plan.request(id);
  if (!request.overlays()) return "";
  return std::string(", ")
      .append(std::to_string(request.copies - request.own_copies()))
      .append(" in ")
      .append(plan.request(request.overlay.host).name);
}

}  // namespace detail

/// A placed plan as a table, one line per request in the order of booking: offset, bytes (of all
/// copies with their own memory), kind and phases. Buffers that never live at the same time share
/// memory, so the bytes add up to more than the total in the last line.
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
    if (request.copies > 1)
      text += detail::concat({" (x ", request.copies, detail::overlay_note(plan, id), ")"});
    text += '\n';
  }
  return detail::concat(
      {text, "total ", plan.total_bytes(), " bytes (", readable_bytes(plan.total_bytes()), ")\n"});
}

/// The phases from the first to the last with a live buffer; 0 to -1 for an empty plan.
constexpr Lifetime phases_of(const MemoryPlan& plan) {
  if (plan.size() == 0) return {0, -1};
  Lifetime phases = plan.request(0).lifetime;
  for (int id = 1; id < plan.size(); ++id) {
    phases.first = std::min(phases.first, plan.request(id).lifetime.first);
    phases.last = std::max(phases.last, plan.request(id).lifetime.last);
  }
  return phases;
}

/// The bytes of all buffers of a kind, shared or not.
constexpr std::size_t kind_bytes(const MemoryPlan& plan, MemoryKind kind) {
  std::size_t bytes = 0;
  for (int id = 0; id < plan.size(); ++id) {
    const MemoryRequest& request = plan.request(id);
    if (request.kind == kind) bytes = checked_add(bytes, MemoryPlan::footprint(request));
  }
  return bytes;
}

/// A phase's name, `names[phase]`, or "phase 9" if it has none.
inline std::string phase_name(int phase, std::span<const std::string_view> names) {
  if (phase >= 0 && static_cast<std::size_t>(phase) < names.size()) {
    return std::string(names[static_cast<std::size_t>(phase)]);
  }
  return std::string("phase ").append(std::to_string(phase));
}

namespace detail {

inline std::string bytes_line(std::size_t bytes, std::string_view what) {
  return concat({FormattedNumber("%14zu  ", bytes), what, "\n"});
}

/// The line that leads from the sum of all buffers to the bytes of the block.
inline std::string reconciliation(const MemoryPlan& plan) {
  std::size_t sum = 0;
  for (int id = 0; id < plan.size(); ++id) {
    sum = checked_add(sum, MemoryPlan::footprint(plan.request(id)));
  }
  const std::size_t total = plan.total_bytes();
  return bytes_line(sum, "sum of all buffers") +
         bytes_line(sum - total, "less: shared by buffers that never live together") +
         bytes_line(total, detail::concat({"total (", readable_bytes(total), ")"}));
}

}  // namespace detail

/// The bytes of each kind, and how their sum relates to the plan's total.
inline std::string memory_by_kind(const MemoryPlan& plan) {
  std::string text = "         bytes  kind\n";
  for (const MemoryKind kind : memory_kinds) {
    const std::size_t bytes = kind_bytes(plan, kind);
    if (bytes > 0) text += detail::bytes_line(bytes, name_of(kind));
  }
  return text + detail::reconciliation(plan);
}

/// The bytes of each part, in the order of booking. A part with several copies shows their number,
/// "(up to x 4)" if some of its buffers have fewer.
inline std::string memory_by_part(const MemoryPlan& plan) {
  struct Part {
    std::string_view name;
    std::size_t bytes;
    Index fewest, most;
  };
  std::vector<Part> parts;
  for (int id = 0; id < plan.size(); ++id) {
    const MemoryRequest& request = plan.request(id);
    auto part = std::find_if(parts.begin(), parts.end(),
                             [&](const Part& other) { return other.name == request.part; });
    if (part == parts.end()) {
      part = parts.insert(part, {request.part, 0, request.copies, request.copies});
    }
    part->bytes += MemoryPlan::footprint(request);
    part->fewest = std::min(part->fewest, request.copies);
    part->most = std::max(part->most, request.copies);
  }
  std::string text = "         bytes  part\n";
  for (const Part& part : parts) {
    std::string what(part.name);
    if (part.most > 1) {
      what += part.fewest == part.most ? " (x " : " (up to x ";
      what += detail::concat({part.most, ")"});
    }
    text += detail::bytes_line(part.bytes, what);
  }
  return text + detail::reconciliation(plan);
}

/// The live bytes of each phase and their share of the total; the fullest phase is marked.
inline std::string memory_by_phase(const MemoryPlan& plan,
                                   std::span<const std::string_view> phase_names) {
  const std::size_t total = plan.total_bytes();
  const Lifetime phases = phases_of(plan);
  std::string text = "         bytes   share  phase\n";
  for (int phase = phases.first; phase <= phases.last; ++phase) {
    const std::size_t bytes = plan.live_bytes(phase);
    const double share = 100 * static_cast<double>(bytes) / static_cast<double>(total);
    const FormattedNumber digits = FormattedNumber::fixed(share, 1);
    const auto padding = static_cast<std::size_t>(std::max<Index>(5 - digits.size(), 0));
    text.append(FormattedNumber("%14zu  ", bytes)).append(padding, ' ');
    text.append(digits).append("%  ").append(phase_name(phase, phase_names));
    text += bytes == plan.peak_live_bytes() ? " <- peak\n" : "\n";
  }
  return text +
         detail::bytes_line(total, detail::concat({"        total (", readable_bytes(total), ")"}));
}

}  // namespace OCTAVO_NAMESPACE
