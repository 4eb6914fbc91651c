// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include <octavo/base/config.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/ranks.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/training/diloco_options.hpp>

namespace OCTAVO_NAMESPACE {

/// Memory of an outer step.
template <Scalar T>
struct OuterMemory {
  std::span<T> begin;             ///< [trained] the weights with which the round began
  std::span<T> momentum;          ///< [trained]
  std::span<std::byte> exchange;  ///< outer_exchange_bytes
};

namespace detail {

inline constexpr Index outer_block = 256;  ///< numbers
inline constexpr Index most_outer_blocks = 4096;

template <Scalar T>
constexpr Index outer_block_bytes(bool eight_bit) noexcept {
  return eight_bit ? outer_block + static_cast<Index>(sizeof(float))
                   : outer_block * static_cast<Index>(sizeof(T));
}

/// Blocks that are exchanged at a time, at least one for each process.
constexpr Index outer_blocks(Index trained, Index workers) noexcept {
  const Index all = (trained + outer_block - 1) / outer_block;
  return std::max(std::min(all, most_outer_blocks), workers);
}

}  // namespace detail

/// For blocks of this process, and as many of others.
template <Scalar T>
constexpr Index outer_exchange_bytes(Index trained, const DilocoOptions& options) noexcept {
  return 2 * detail::outer_blocks(trained, options.workers) *
         detail::outer_block_bytes<T>(options.eight_bit);
}

/// Ends a round of a DiLoCo run, in which processes have trained the same weights without each
/// other: all get the mean of their weights m, and with the weights a of the round's beginning
///
///   d = a - m,  v = momentum v + d,  weights = a - learning_rate (d + momentum v).
///
/// Every process adds up a share of the blocks, in the order of processes, so that all have the
/// same bits. It sends 2 (n-1)/n of the bytes of the trained weights, n the number of processes.
template <Scalar T>
class OuterStep {
 public:
  OuterStep(std::span<const Parameter> parameters, std::span<T> weights,
            const OuterMemory<T>& memory, const DilocoOptions& options)
      : parameters_(parameters), weights_(weights), memory_(memory), options_(options) {}

  /// Notes the weights with which a round begins.
  OCTAVO_SETUP void begin() const {
    for_each_tensor([&](std::span<T> weights, std::span<T> noted) {
      std::copy(weights.begin(), weights.end(), noted.begin());
    });
  }

  /// Ends the round, and begins the next. present: the processes that take part, in order, this one
  /// among them, at most `workers`; all of them call it. ranks null: this process alone.
  OCTAVO_SETUP void finish(Ranks* ranks, std::span<const Index> present) const {
    const Index blocks = (std::ssize(memory_.begin) + block - 1) / block;
    const Index count = ranks == nullptr ? 1 : std::ssize(present);
    const Index most = detail::outer_blocks(std::ssize(memory_.begin), options_.workers);
    for (Index first = 0; first < blocks;) {
      // A multiple of the processes: what they send to one of them then fits into its memory.
      const Index size = std::min(blocks - first, most / count * count);
      exchange(ranks, present, first, size);
      first += size;
    }
    for_each_tensor([&](std::span<T> weights, std::span<T> noted) {
      std::copy(noted.begin(), noted.end(), weights.begin());
    });
  }

  /// Sends what finish() has left to a process that did not take part, which calls receive().
  OCTAVO_SETUP void send(Ranks& ranks, Index to) const {
    ranks.send(to, std::as_bytes(memory_.begin));
    ranks.send(to, std::as_bytes(memory_.momentum));
    ranks.wait();
  }
  OCTAVO_SETUP void receive(Ranks& ranks, Index from) const {
    ranks.receive(from, std::as_writable_bytes(memory_.begin));
    ranks.receive(from, std::as_writable_bytes(memory_.momentum));
    ranks.wait();
    for_each_tensor([&](std::span<T> weights, std::span<T> noted) {
      std::copy(noted.begin(), noted.end(), weights.begin());
    });
  }

 private:
  static constexpr Index block = detail::outer_block;
  using Block = std::array<T, static_cast<std::size_t>(block)>;
  using Bytes = std::span<std::byte>;

  template <typename Visit>
  void for_each_tensor(Visit visit) const {
    for (const Parameter& tensor : parameters_) {
      if (!tensor.trains()) continue;
      const auto count = static_cast<std::size_t>(tensor.count());
      visit(weights_.subspan(static_cast<std::size_t>(tensor.offset), count),
            memory_.begin.subspan(static_cast<std::size_t>(tensor.gradient_offset), count));
    }
  }

  /// The trained numbers of a block; the last one may be shorter.
  Range numbers(Index index) const {
    return {index * block, std::min((index + 1) * block, std::ssize(memory_.begin))};
  }
  std::size_t bytes(Index blocks) const {
    return static_cast<std::size_t>(blocks * detail::outer_block_bytes<T>(options_.eight_bit));
  }
  Bytes own(Range blocks) const {
    return memory_.exchange.subspan(bytes(blocks.begin), bytes(blocks.size()));
  }

  /// Updates `size` blocks from block `first` on.
  OCTAVO_SETUP void exchange(Ranks* ranks, std::span<const Index> present, Index first,
                             Index size) const {
    Block values;
    for (Index i = 0; i < size; ++i) {
      gather(numbers(first + i), values);
      encode(values, numbers(first + i), own({i, i + 1}));
    }
    if (ranks != nullptr) mean_of_all(*ranks, present, first, size);
    for (Index i = 0; i < size; ++i) update(numbers(first + i), own({i, i + 1}));
  }

  /// Replaces this process's blocks by those of the mean of all processes.
  OCTAVO_SETUP void mean_of_all(Ranks& ranks, std::span<const Index> present, Index first,
                                Index size) const {
    const Index count = std::ssize(present);
    const Index place = std::find(present.begin(), present.end(), ranks.rank()) - present.begin();
    const auto share = [&](Index of) { return Worker(of, count, nullptr).split(size); };
    const Range mine = share(place);
    const Bytes received = memory_.exchange.subspan(memory_.exchange.size() / 2);
    const auto theirs = [&](Index of) {
      return received.subspan(bytes(of * mine.size()), bytes(mine.size()));
    };
    for_each_other(present, place, [&](Index other, Index process) {
      ranks.send(process, own(share(other)));
      ranks.receive(process, theirs(other));
    });
    ranks.wait();
    for (Index i = 0; i < mine.size(); ++i) {
      const Range range = numbers(first + mine.begin + i);
      Block values;
      std::array<double, static_cast<std::size_t>(block)> sum{};
      for (Index of = 0; of < count; ++of) {
        const Bytes all = of == place ? own(mine) : theirs(of);
        decode(all.subspan(bytes(i), bytes(1)), range, values);
        for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += static_cast<double>(values[k]);
      }
      for (std::size_t k = 0; k < sum.size(); ++k) {
        values[k] = static_cast<T>(sum[k] / static_cast<double>(count));
      }
      encode(values, range, own({mine.begin + i, mine.begin + i + 1}));
    }
    for_each_other(present, place, [&](Index other, Index process) {
      ranks.send(process, own(mine));
      ranks.receive(process, own(share(other)));
    });
    ranks.wait();
  }

  template <typename Visit>
  static void for_each_other(std::span<const Index> present, Index place, Visit visit) {
    for (Index other = 0; other < std::ssize(present); ++other) {
      if (other != place) visit(other, present[static_cast<std::size_t>(other)]);
    }
  }

  /// Collects trained weights; numbers after the last one are 0.
  void gather(Range range, Block& values) const {
    values.fill(T{0});
    for (const Parameter& tensor : parameters_) {
      if (!tensor.trains()) continue;
      const Index first = std::max(range.begin, tensor.gradient_offset);
      const Index end = std::min(range.end, tensor.gradient_offset + tensor.count());
      if (first >= end) continue;
      std::copy_n(weights_.data() + tensor.offset + (first - tensor.gradient_offset), end - first,
                  values.begin() + (first - range.begin));
    }
  }

  /// With 8 bits the differences to the weights of the round's beginning, otherwise the weights.
  void encode(const Block& weights, Range range, Bytes bytes) const {
    if (!options_.eight_bit) {
      std::memcpy(bytes.data(), weights.data(), bytes.size());
      return;
    }
    std::array<float, static_cast<std::size_t>(block)> difference{};
    float largest = 0;
    for (Index i = 0; i < range.size(); ++i) {
      const auto k = static_cast<std::size_t>(i);
      difference[k] = static_cast<float>(noted(range.begin + i) - weights[k]);
      largest = std::max(largest, std::abs(difference[k]));
    }
    const float scale = largest / 127;
    std::memcpy(bytes.data(), &scale, sizeof(scale));
    for (std::size_t k = 0; k < difference.size(); ++k) {
      const float code = scale > 0 ? std::nearbyint(difference[k] / scale) : 0.0F;
      bytes[sizeof(scale) + k] =
          static_cast<std::byte>(static_cast<std::int8_t>(std::clamp(code, -127.0F, 127.0F)));
    }
  }

  void decode(Bytes bytes, Range range, Block& weights) const {
    if (!options_.eight_bit) {
      std::memcpy(weights.data(), bytes.data(), bytes.size());
      return;
    }
    float scale = 0;
    std::memcpy(&scale, bytes.data(), sizeof(scale));
    weights.fill(T{0});
    for (Index i = 0; i < range.size(); ++i) {
      const auto k = static_cast<std::size_t>(i);
      const auto code = static_cast<T>(static_cast<std::int8_t>(bytes[sizeof(scale) + k]));
      weights[k] = std::fma(-code, static_cast<T>(scale), noted(range.begin + i));
    }
  }

  T noted(Index number) const { return memory_.begin[static_cast<std::size_t>(number)]; }

  /// Takes the outer step to the new weights, which the next round begins with. It is written as
  /// m - ((learning_rate - 1) d + learning_rate momentum v), so that a learning rate of 1 without
  /// momentum gives m.
  void update(Range range, Bytes bytes) const {
    Block mean;
    decode(bytes, range, mean);
    const auto momentum = static_cast<T>(options_.momentum);
    const auto rate = static_cast<T>(options_.learning_rate - 1);
    const auto ahead = static_cast<T>(options_.learning_rate * options_.momentum);
    for (Index i = 0; i < range.size(); ++i) {
      const auto k = static_cast<std::size_t>(range.begin + i);
      const T middle = mean[static_cast<std::size_t>(i)];
      const T difference = memory_.begin[k] - middle;
      memory_.momentum[k] = std::fma(momentum, memory_.momentum[k], difference);
      memory_.begin[k] = middle - std::fma(rate, difference, ahead * memory_.momentum[k]);
    }
  }

  std::span<const Parameter> parameters_;
  std::span<T> weights_;
  OuterMemory<T> memory_;
  DilocoOptions options_;
};

}  // namespace OCTAVO_NAMESPACE
