// SPDX-License-Identifier: MIT
// The model, text and options of train_v2, all known at compile time.
#pragma once

#include <string>
#include <string_view>

#include <octavo/tokenizers/character_tokenizer.hpp>
#include <octavo/training/trainer.hpp>
#include <octavo/transformer/model_config.hpp>

namespace support::v2 {

inline constexpr octavo::ModelConfig config{.vocabulary = 70,
                                            .context = 64,
                                            .layers = 2,
                                            .width = 128,
                                            .attention = {.heads = 4},
                                            .feed_forward = {.d_ff = 256}};

/// Unknown, a-z, A-Z, 0-9, space . , ! ? newline are 69 of 70 tokens.
inline constexpr octavo::CharacterTokenizer tokenizer(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,!?\n",
    octavo::UnknownToken::included, 70);

/// The library's sample text with a last line that this alphabet can spell.
inline constexpr std::string_view text =
    "To be or not to be, that is the question.\n"
    "Whether tis nobler in the mind to suffer\n"
    "The slings and arrows of outrageous fortune,\n"
    "Or to take arms against a sea of troubles\n"
    "And by opposing end them. To die, to sleep,\n"
    "No more, and by a sleep to say we end\n"
    "The heartache and the thousand natural shocks\n"
    "That flesh is heir to. Tis a consummation\n"
    "Devoutly to be wished. To die, to sleep,\n"
    "To sleep, perchance to dream, ay, theres the rub.\n";
static_assert(text.size() == 431);

/// The difference between a run's options and the requested ones, as a message; empty if they are
/// equal.
inline std::string difference(const octavo::TrainingOptions& run,
                              const octavo::TrainingOptions& asked) {
  if (run.steps != asked.steps) {
    return "the run has " + std::to_string(run.steps) + " iterations, but " +
           std::to_string(asked.steps) + " were asked";
  }
  if (run.seed == asked.seed) return "";
  return "the run has seed " + std::to_string(run.seed) + ", but " + std::to_string(asked.seed) +
         " was asked";
}

}  // namespace support::v2
