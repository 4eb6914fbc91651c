// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/parallel/ranks.hpp>
#include <octavo/training/rank_shards.hpp>

// The optimizer's state of a run as one process has it, as files do, whether processes have shares
// of it (TrainingOptions::zero) or not. `Step` is a TrainingStep.
namespace OCTAVO_NAMESPACE {

namespace detail {

/// What the first process asks the others for; no bytes: for nothing any more.
struct StateRequest {
  std::uint64_t first = 0;
  std::uint64_t bytes = 0;
};

/// Calls visit(rank, first, first in the share, bytes) for what processes have of `request`.
template <typename Step, typename Visit>
void for_each_share(const Step& step, StateRequest request, Visit visit) {
  using T = typename Step::Model::Value;
  const std::size_t begin = request.first, end = begin + request.bytes;
  step.shards().for_each_state_range(
      step.options().optimizer, step.parameters().span(), step.parameters().trained(), sizeof(T),
      [&](Index rank, std::size_t there, std::size_t here, std::size_t bytes) {
        const std::size_t from = std::max(begin, there), to = std::min(end, there + bytes);
        if (from < to) visit(rank, from, here + (from - there), to - from);
      });
}

inline void ask_all(Ranks& ranks, const StateRequest& request) {
  for (Index other = 1; other < ranks.count(); ++other) {
    ranks.send(other, std::as_bytes(std::span(&request, 1)));
  }
}

/// Sends the first process what it asks for.
template <typename Step>
void serve_state(const Step& step) {
  Ranks& ranks = *step.ranks();
  for (;;) {
    StateRequest request;
    ranks.receive(0, std::as_writable_bytes(std::span(&request, 1)));
    ranks.wait();
    if (request.bytes == 0) return;
    for_each_share(step, request,
                   [&](Index rank, std::size_t, std::size_t here, std::size_t bytes) {
                     if (rank != ranks.rank()) return;
                     ranks.send(0, step.optimizer_state().subspan(here, bytes));
                   });
    ranks.wait();
  }
}

}  // namespace detail

/// Copies bytes of the whole state, from byte `first` on. If processes have shares: on the first
/// process, within on_first_rank().
template <typename Step>
void read_whole_state(const Step& step, std::size_t first, std::span<std::byte> bytes) {
  if (bytes.empty()) return;
  if (!step.shards().divided()) {
    const std::span<const std::byte> there = step.optimizer_state().subspan(first, bytes.size());
    std::copy(there.begin(), there.end(), bytes.begin());
    return;
  }
  require(step.ranks() != nullptr && step.ranks()->rank() == 0,
          "the optimizer's state is divided among processes: save it on the first one, within "
          "on_first_rank()");
  Ranks& ranks = *step.ranks();
  const detail::StateRequest request{first, bytes.size()};
  detail::ask_all(ranks, request);
  std::fill(bytes.begin(), bytes.end(), std::byte{0});
  detail::for_each_share(
      step, request, [&](Index rank, std::size_t there, std::size_t here, std::size_t count) {
        const auto range = bytes.subspan(there - first, count);
        if (rank != 0) return ranks.receive(rank, range);
        const std::span<const std::byte> own = step.optimizer_state().subspan(here, count);
        std::copy(own.begin(), own.end(), range.begin());
      });
  ranks.wait();
}

namespace detail {

/// Reads the whole state from its beginning on, asking other processes for large pieces.
template <typename Step>
class WholeStateReader {
 public:
  explicit WholeStateReader(const Step& step) : step_(step) {
    if (step.shards().divided()) piece_.resize(most);
  }

  void read(std::size_t first, std::span<std::byte> bytes) {
    if (bytes.size() > piece_.size()) return read_whole_state(step_, first, bytes);
    if (first < first_ || first + bytes.size() > first_ + here_) {
      using T = typename Step::Model::Value;
      const std::size_t all =
          optimizer_state_bytes<T>(step_.options().optimizer, step_.parameters().trained());
      first_ = first;
      here_ = std::min(piece_.size(), all - first);
      read_whole_state(step_, first, std::span(piece_).first(here_));
    }
    std::copy_n(piece_.begin() + static_cast<std::ptrdiff_t>(first - first_), bytes.size(),
                bytes.begin());
  }

 private:
  static constexpr std::size_t most = std::size_t{1} << 20;

  const Step& step_;
  std::vector<std::byte> piece_;
  std::size_t first_ = 0;
  std::size_t here_ = 0;
};

}  // namespace detail

/// Calls body() on the first process, where it may save the run, while the others send it their
/// shares of the state. All processes call it together. Without shares only the first one has
/// anything to do.
template <typename Step, typename Body>
void on_first_rank(const Step& step, Body body) {
  const bool shared = step.shards().divided() && step.ranks() != nullptr;
  if (step.ranks() != nullptr && step.ranks()->rank() > 0) {
    if (shared) detail::serve_state(step);
    return;
  }
  const detail::StateRequest nothing_more;  // must live until wait()
  const auto end = [&] {
    if (!shared) return;
    detail::ask_all(*step.ranks(), nothing_more);
    step.ranks()->wait();
  };
  try {
    body();
  } catch (...) {
    end();
    throw;
  }
  end();
}

/// Replaces this process's state, the whole or a share: read(first, bytes) fills `bytes` with those
/// of the whole state from byte `first` on.
template <typename Step, typename Read>
void set_state_here(const Step& step, Read read) {
  const std::span<std::byte> state = step.optimizer_state();
  if (!step.shards().divided()) return read(std::size_t{0}, state);
  require(step.ranks() != nullptr, "the step is shared by several processes: call set_ranks()");
  const detail::StateRequest all{0, ~std::uint64_t{0}};
  detail::for_each_share(step, all,
                         [&](Index rank, std::size_t there, std::size_t here, std::size_t bytes) {
                           if (rank == step.ranks()->rank())
                             read(there, state.subspan(here, bytes));
                         });
}

}  // namespace OCTAVO_NAMESPACE
