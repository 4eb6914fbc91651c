// SPDX-License-Identifier: MIT
#pragma once

#include <span>

#include <octavo/base/config.hpp>
#include <octavo/parallel/ranks.hpp>

namespace OCTAVO_NAMESPACE {

/// Windows of equal length that go through the model together.
struct WindowGroup {
  Index windows = 1;
  Index length = 1;  ///< targets of each
};

/// The sum of the losses of `windows` windows, added one by one in order, so that the sum depends
/// neither on how many are computed at a time nor on how many processes compute them: each has
/// every ranks-th group. group(first): the group that begins with a window. fill(first, group)
/// writes its inputs and targets to the first rows of `step`, a TrainingStep; every process fills
/// all groups.
template <typename Step, typename Group, typename Fill>
double sum_losses(Step& step, Index windows, Group group, Fill fill) {
  Ranks* const ranks = step.ranks();
  const Index count = ranks == nullptr ? 1 : ranks->count();
  const Index rank = ranks == nullptr ? 0 : ranks->rank();
  const Index part = step.options().pass_sequences() * step.options().sequence;
  double total = 0;
  for (Index first = 0; first < windows;) {
    Index next = first;
    for (Index of = 0; of < count && next < windows; ++of) {
      const WindowGroup now = group(next);
      fill(next, now);
      if (of == rank) step.compute_losses(now.windows, now.length, rank * part);
      next += now.windows;
    }
    const auto losses = step.losses().first(static_cast<std::size_t>(count * part));
    if (ranks != nullptr) {
      const auto bytes = std::as_writable_bytes(losses);
      gather_all(*ranks, bytes, bytes.size() / static_cast<std::size_t>(count));
    }
    for (Index of = 0; first < next; ++of) {
      const WindowGroup now = group(first);
      const auto those = losses.subspan(static_cast<std::size_t>(of * part),
                                        static_cast<std::size_t>(now.windows * now.length));
      for (const auto loss : those) total += static_cast<double>(loss);
      first += now.windows;
    }
  }
  return total;
}

}  // namespace OCTAVO_NAMESPACE
