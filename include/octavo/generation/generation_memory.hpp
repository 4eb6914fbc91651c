// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <type_traits>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/field.hpp>
#include <octavo/fwd.hpp>
#include <octavo/layers/key_value_cache.hpp>
#include <octavo/memory/memory_plan.hpp>
#include <octavo/transformer/transformer.hpp>

namespace OCTAVO_NAMESPACE {

/// When keys and values are computed again after a full window slides: the remaining tokens get
/// other positions, and with learned positions other keys and values. Results do not depend on it.
/// (With rotary positions nothing is computed again: only the distance between two tokens counts.)
enum class Sliding {
  /// When the window slides: that token costs as much as three quarters of a window.
  at_once,
  /// Ahead of time, a few after each token, in a second cache: every token costs the work of at
  /// most four positions (five, if the length is at least 12 and not a multiple of 4). For callers
  /// with deadlines.
  ahead
};

/// The memory of generation, as bookings.
template <Scalar T>
struct GenerationMemory {
  /// Keys and values of every layer, for each sequence; of layers with a window its rows alone.
  Booking<T> caches;
  Booking<T> logits;          ///< [sequences, vocabulary]
  Booking<Token> window;      ///< tokens whose keys and values are cached, [sequences, length]
  Booking<Index> used;        ///< tokens in each window, [sequences]
  Booking<Token> chosen;      ///< the next token of each active sequence, [sequences]
  Booking<CachedRows> parts;  ///< of a pass, [sequences]
  Booking<Token> order;       ///< of the vocabulary, for sampling
  Booking<double> adjusted;   ///< logits, likewise
  Booking<Index> prepared;    ///< positions that are computed ahead, [sequences]; none at_once
  Booking<Index> turned;      ///< 1: the second cache is the window's, [sequences]
  Booking<T> unused_logits;   ///< of positions that are computed ahead, [vocabulary]
  Booking<Index> dropped;     ///< tokens that slid out of each window, [sequences]; rotary models
  Booking<T> convolutions;    ///< newest inputs of each layer's convolutions, for each sequence

  static constexpr GenerationMemory book(MemoryPlan& plan, const ModelConfig& config, Index length,
                                         Index sequences, Sliding sliding = Sliding::at_once) {
    check_config(config);
    require(size_range.contains(length) && size_range.contains(sequences),
            "generation needs a length and sequences, from 1 to 2^31 - 1 of each");
    const auto always = [&]<typename U>(std::type_identity<U>, const char* name, MemoryKind kind,
                                        Index count) {
      return plan.book<U>("generation", name, kind, count, phase::always);
    };
    constexpr std::type_identity<T> number;
    constexpr std::type_identity<Token> token;
    constexpr std::type_identity<Index> index;
    const bool rotary = config.positions.kind == PositionKind::rotary;
    const bool twice = sliding == Sliding::ahead && !rotary;
    GenerationMemory memory;
    memory.caches =
        always(number, "keys and values", MemoryKind::cache,
               KeyValueCaches<T>::elements(twice ? 2 * sequences : sequences, config.layers, length,
                                           config.kv_width(), config.attention));
    if (config.conv_taps > 1) {
      memory.convolutions =
          always(number, "convolution inputs", MemoryKind::cache,
                 config.convolutions().elements(twice ? 2 * sequences : sequences));
    }
    memory.logits = always(number, "logits", MemoryKind::scratch, sequences * config.vocabulary);
    memory.window = always(token, "window", MemoryKind::data, sequences * length);
    memory.used = always(index, "used", MemoryKind::data, sequences);
    memory.chosen = always(token, "chosen", MemoryKind::data, sequences);
    memory.parts = always(std::type_identity<CachedRows>{}, "parts", MemoryKind::data, sequences);
    memory.order = always(token, "order", MemoryKind::scratch, config.vocabulary);
    memory.adjusted = always(std::type_identity<double>{}, "adjusted logits", MemoryKind::scratch,
                             config.vocabulary);
    if (rotary) memory.dropped = always(index, "dropped", MemoryKind::data, sequences);
    if (twice) {
      memory.prepared = always(index, "prepared", MemoryKind::data, sequences);
      memory.turned = always(index, "turned", MemoryKind::data, sequences);
      memory.unused_logits =
          always(number, "unused logits", MemoryKind::scratch, config.vocabulary);
    }
    return memory;
  }
};

/// A model for generation, and the plan of its one block of memory.
template <typename Model>
struct GenerationPlan {
  using T = typename Model::Value;

  constexpr GenerationPlan(const typename Model::Configuration& config, Index length,
                           Index workers = 1, Index sequences = 1,
                           Sliding sliding = Sliding::at_once)
      : memory(GenerationMemory<T>::book(plan, config, length, sequences, sliding)),
        // Rows for a whole window, or for a token of every sequence.
        model(config, plan,
              {.sequences = (sequences + length - 1) / length,
               .sequence = length,
               .workers = workers,
               .training = false}) {
    plan.place();
  }

  MemoryPlan plan;
  GenerationMemory<T> memory;
  Model model;
};

/// The bytes of the one block in which a model generates; usable in static_assert. For a model of
/// the user's: `generation_bytes<Transformer<float, ModelConfig, MyBlock<float>>>(shape, 32)`.
template <typename Model>
constexpr std::size_t generation_bytes(const typename Model::Configuration& config, Index length,
                                       Index workers = 1, Index sequences = 1,
                                       Sliding sliding = Sliding::at_once) {
  return GenerationPlan<Model>(config, length, workers, sequences, sliding).plan.total_bytes();
}

/// The same for Transformer<T>: `generation_bytes<float>(shape, 32)`.
template <Scalar T>
constexpr std::size_t generation_bytes(const ModelConfig& config, Index length, Index workers = 1,
                                       Index sequences = 1, Sliding sliding = Sliding::at_once) {
  return generation_bytes<Transformer<T>>(config, length, workers, sequences, sliding);
}

}  // namespace OCTAVO_NAMESPACE
