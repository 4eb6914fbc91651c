// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/data/token_view.hpp>
#include <octavo/numeric/random.hpp>

namespace octavo {

/// Copies the window that begins at `start`: inputs [sequence] and, one position later, targets.
inline void copy_window(TokenView tokens, Index start, std::span<Token> inputs,
                        std::span<Token> targets) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    inputs[i] = tokens[start + static_cast<Index>(i)];
    targets[i] = tokens[start + static_cast<Index>(i) + 1];
  }
}

/// Throws DataError if the tokens hold no window of sequence + 1.
inline void check_length(TokenView tokens, Index sequence, std::string_view what) {
  if (tokens.size() > sequence) return;
  throw DataError(std::string(what) + ": got " + std::to_string(tokens.size()) +
                      " tokens, need at least " + std::to_string(sequence + 1) + " (sequence " +
                      std::to_string(sequence) + " + 1)",
                  "use a longer text or a shorter sequence");
}

/// Windows for training, drawn with replacement: the batch of a step is a pure function of (seed,
/// step), whoever asks. Windows are drawn as if they could hang over both ends of the text and are
/// then pushed inside, so that its first and last tokens are drawn as often as all others; a short
/// text's beginning would be learnt last otherwise.
class BatchSampler {
 public:
  BatchSampler(TokenView tokens, Index sequence, std::uint64_t seed)
      : tokens_(tokens), sequence_(sequence), seed_(seed) {
    check_length(tokens, sequence, "training text");
  }

  /// Where the `index`-th window of a step begins.
  Index start(Index step, Index index) const noexcept {
    const CounterRandom random(seed_, RandomStream::batches, static_cast<std::uint64_t>(step));
    const Index last = tokens_.size() - sequence_ - 1;
    const Index overhang = sequence_ - 1;
    const auto drawn = static_cast<Index>(random.below(
        static_cast<std::uint64_t>(index), static_cast<std::uint64_t>(last + 1 + 2 * overhang)));
    return std::clamp<Index>(drawn - overhang, 0, last);
  }

  /// Fills inputs and targets, [batch, sequence] each, with the windows of a step.
  void fill(Index step, std::span<Token> inputs, std::span<Token> targets) const {
    const auto length = static_cast<std::size_t>(sequence_);
    OCTAVO_ASSERT(inputs.size() == targets.size() && inputs.size() % length == 0);
    for (std::size_t i = 0; i < inputs.size() / length; ++i) {
      copy_window(tokens_, start(step, static_cast<Index>(i)), inputs.subspan(i * length, length),
                  targets.subspan(i * length, length));
    }
  }

 private:
  TokenView tokens_;
  Index sequence_;
  std::uint64_t seed_;
};

}  // namespace octavo
