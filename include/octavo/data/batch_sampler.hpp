// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/data/token_view.hpp>
#include <octavo/numeric/random.hpp>

namespace OCTAVO_NAMESPACE {

/// Copies the window that begins at `start`: inputs [sequence] and, one position later, targets.
OCTAVO_INLINE void copy_window(TokenView tokens, Index start, std::span<Token> inputs,
                               std::span<Token> targets);

/// DataError if there are fewer than sequence + 1 tokens.
OCTAVO_INLINE void check_length(TokenView tokens, Index sequence, std::string_view what);

/// Windows for training: the batch of a step is a pure function of (seed, step). The seed draws
/// where the first window begins; from one window to the next the beginning moves by the golden
/// ratio's share of the text (a Kronecker sequence). Any range of windows therefore covers the text
/// more evenly than independent draws, the windows of a batch lie far apart, and nothing has to be
/// shuffled or stored. Windows are placed as if they could extend over both ends of the text and
/// are then moved inside, so that its first and last tokens are seen as often as others.
class BatchSampler {
 public:
  BatchSampler(TokenView tokens, Index sequence, std::uint64_t seed);

  /// The start of the run's window `draw`, counted from 0 over all steps.
  Index start(Index draw) const noexcept;

  /// Fills inputs and targets, [batch, sequence] each, with the windows of a step.
  void fill(Index step, std::span<Token> inputs, std::span<Token> targets) const;

 private:
  TokenView tokens_;
  Index sequence_;
  std::uint64_t seed_;
};

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE void copy_window(TokenView tokens, Index start, std::span<Token> inputs,
                               std::span<Token> targets) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    inputs[i] = tokens[start + static_cast<Index>(i)];
    targets[i] = tokens[start + static_cast<Index>(i) + 1];
  }
}

OCTAVO_INLINE void check_length(TokenView tokens, Index sequence, std::string_view what) {
  if (tokens.size() > sequence) return;
  throw DataError(
      detail::concat({what, ": got ", counted(tokens.size(), "token"), ", need at least ",
                      sequence + 1, " (sequence ", sequence, " + 1)"}),
      "use a longer text or a shorter sequence");
}

OCTAVO_INLINE BatchSampler::BatchSampler(TokenView tokens, Index sequence, std::uint64_t seed)
    : tokens_(tokens), sequence_(sequence), seed_(seed) {
  require(sequence > 0, [&] {
    return detail::concat({"sequence: got ", sequence, " tokens, expected 1 or more"});
  });
  check_length(tokens, sequence, "training text");
}

OCTAVO_INLINE Index BatchSampler::start(Index draw) const noexcept {
  constexpr std::uint64_t golden = 0x9E3779B97F4A7C15;  // 2^64 (sqrt(5) - 1) / 2
  const std::uint64_t first = CounterRandom(seed_, RandomStream::batches).bits(0);
  const std::uint64_t fraction = first + static_cast<std::uint64_t>(draw) * golden;
  const Index last = tokens_.size() - sequence_ - 1;
  const Index overhang = sequence_ - 1;
  const auto place = static_cast<Index>(
      multiply_high(fraction, static_cast<std::uint64_t>(last + 1 + 2 * overhang)));
  return std::clamp<Index>(place - overhang, 0, last);
}

OCTAVO_INLINE void BatchSampler::fill(Index step, std::span<Token> inputs,
                                      std::span<Token> targets) const {
  const auto length = static_cast<std::size_t>(sequence_);
  require(inputs.size() == targets.size() && inputs.size() % length == 0, [&] {
    return detail::concat({"batch: got ", inputs.size(), " inputs and ", targets.size(),
                           " targets, expected as many, a multiple of the sequence, ", length});
  });
  const std::size_t batch = inputs.size() / length;
  for (std::size_t i = 0; i < batch; ++i) {
    // Modulo 2^64: a run that claims to be 2^62 steps old must not overflow.
    const std::uint64_t draw = static_cast<std::uint64_t>(step) * batch + i;
    copy_window(tokens_, start(static_cast<Index>(draw)), inputs.subspan(i * length, length),
                targets.subspan(i * length, length));
  }
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
