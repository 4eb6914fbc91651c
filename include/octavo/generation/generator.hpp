// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <octavo/base/check.hpp>
#include <octavo/base/error.hpp>
#include <octavo/generation/sampling.hpp>
#include <octavo/memory/arena.hpp>
#include <octavo/numeric/isa.hpp>
#include <octavo/numeric/random.hpp>
#include <octavo/parallel/thread_pool.hpp>
#include <octavo/transformer/transformer.hpp>

namespace octavo {

/// Generation's memory as bookings.
template <Scalar T>
struct GenerationMemory {
  Booking<T> caches;            ///< keys and values of every layer
  Booking<T> logits;            ///< [vocabulary]
  Booking<Token> window;        ///< tokens whose keys and values are cached, [length]
  Booking<Token> order;         ///< of the vocabulary, for sampling
  Booking<double> probability;  ///< [vocabulary]

  template <typename Model>
  static constexpr GenerationMemory book(MemoryPlan& plan, Model& model, Index length,
                                         Index workers) {
    const ModelShape& shape = model.shape();
    const auto always = [&]<typename U>(std::type_identity<U>, const char* name, MemoryKind kind,
                                        Index count) {
      return plan.book<U>("generation", name, kind, count, phase::always);
    };
    GenerationMemory memory;
    memory.caches = always(std::type_identity<T>{}, "keys and values", MemoryKind::cache,
                           shape.layers * KeyValueCache<T>::elements(shape.context, shape.width));
    memory.logits =
        always(std::type_identity<T>{}, "logits", MemoryKind::scratch, shape.vocabulary);
    memory.window = always(std::type_identity<Token>{}, "window", MemoryKind::data, length);
    memory.order =
        always(std::type_identity<Token>{}, "order", MemoryKind::scratch, shape.vocabulary);
    memory.probability = always(std::type_identity<double>{}, "probabilities", MemoryKind::scratch,
                                shape.vocabulary);
    model.book(plan, {.sequences = 1, .sequence = length, .workers = workers, .training = false});
    return memory;
  }
};

/// The bytes of the one block in which a model of that shape generates; usable in static_assert.
template <Scalar T>
constexpr std::size_t generation_bytes(const ModelShape& shape, Index length, Index workers = 1) {
  Transformer<T> model{RuntimeConfig(shape)};
  MemoryPlan plan;
  GenerationMemory<T>::book(plan, model, length, workers);
  plan.place();
  return plan.total_bytes();
}

/// Writes on: one token at a time, over a cache of keys and values, so that a token costs one
/// token's work. The cached logits equal those of the whole sequence to the last bit. Never looks
/// at more than `length` positions, the length that the model was trained on: when these are used
/// up the window slides, keeping its newest three quarters, whose keys and values are computed
/// again at their new positions. No heap call after construction. Move-only; looks at weights that
/// somebody else owns.
template <Scalar T, ModelConfig Config = RuntimeConfig,
          Layer FeedForwardLayer = FeedForward<T, Config::width, Config::d_ff>>
class Generator {
 public:
  using Model = Transformer<T, Config, FeedForwardLayer>;

  /// weights: model.parameter_count() numbers, which must outlive this object, as must `threads`.
  Generator(const Model& model, std::span<const T> weights, Index length, ThreadPool& threads)
      : Generator(model, weights, length, threads, MemoryPlan{}, nullptr) {}

  /// The same inside memory of the caller: at least generation_bytes, aligned to 64 bytes. It may
  /// be overwritten between one generate() and the next.
  Generator(const Model& model, std::span<const T> weights, Index length, ThreadPool& threads,
            std::span<std::byte> memory)
      : Generator(model, weights, length, threads, MemoryPlan{}, &memory) {}

  const ModelShape& shape() const noexcept { return model_.shape(); }
  const MemoryPlan& plan() const noexcept { return arena_.plan(); }
  Index length() const noexcept { return length_; }

  /// Forgets everything read so far.
  void reset() noexcept { used_ = 0; }

  /// Tokens in the window.
  Index used() const noexcept { return used_; }

  /// Reads tokens; afterwards logits() are those of what follows the last. ConfigError on a token
  /// outside the vocabulary.
  void read(std::span<const Token> tokens) {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      require(tokens[i] >= 0 && tokens[i] < shape().vocabulary, [&] {
        return "token " + std::to_string(i) + " is " + std::to_string(tokens[i]) +
               ", expected 0 to " + std::to_string(shape().vocabulary - 1);
      });
    }
    while (!tokens.empty()) {
      if (used_ == length_) {
        tokens = tokens.subspan(skip(tokens));
        slide();
      }
      const auto count = std::min(tokens.size(), static_cast<std::size_t>(length_ - used_));
      evaluate(tokens.first(count));
      tokens = tokens.subspan(count);
    }
  }

  /// Logits of the next token, [vocabulary].
  std::span<const T> logits() const { return arena_.get(memory_.logits); }

  /// Chooses the next token and reads it. `position` numbers the draws: the same seed and position
  /// draw the same number.
  Token next(const Sampling& sampling, const CounterRandom& random, std::uint64_t position) {
    require(used_ > 0, "generation needs at least one token of prompt");
    const Token token = sample<T>(logits(), sampling, random.uniform(position),
                                  arena_.get(memory_.order), arena_.get(memory_.probability));
    read({&token, 1});
    return token;
  }

  /// Reads `prompt` (at least one token) and generates `count` tokens, each handed to
  /// `receive(Token) -> bool` as soon as it is chosen; false stops. Equal seeds give equal tokens.
  template <typename Receive>
  void generate(std::span<const Token> prompt, Index count, const Sampling& sampling,
                std::uint64_t seed, Receive&& receive) {
    check_sampling(sampling);
    require(!prompt.empty(), "generation needs at least one token of prompt");
    const CounterRandom random(seed, RandomStream::sampling);
    reset();
    read(prompt);
    for (Index i = 0; i < count; ++i) {
      if (!receive(next(sampling, random, static_cast<std::uint64_t>(i)))) return;
    }
  }

 private:
  Generator(const Model& model, std::span<const T> weights, Index length, ThreadPool& threads,
            MemoryPlan plan, const std::span<std::byte>* memory)
      : model_(model),
        weights_(weights),
        length_(length),
        threads_(&threads),
        memory_(book(plan)),
        arena_(memory == nullptr ? Arena(plan) : Arena(plan, *memory)) {
    require_equal("generator: numbers in the weights", static_cast<Index>(weights.size()),
                  model.parameter_count());
  }

  GenerationMemory<T> book(MemoryPlan& plan) {
    require_kernels();
    auto memory = GenerationMemory<T>::book(plan, model_, length_, threads_->size());
    plan.place();
    return memory;
  }

  /// Appends tokens that fit into the window.
  void evaluate(std::span<const Token> tokens) {
    const std::span<Token> window = arena_.get(memory_.window);
    std::copy(tokens.begin(), tokens.end(), window.begin() + used_);
    const auto count = static_cast<Index>(tokens.size());
    threads_->run([&](const Worker& worker) {
      const Pass<T> pass{worker, arena_, weights_.data(), {}, 1, count, 0, {}};
      model_.logits_cached(pass, window.subspan(static_cast<std::size_t>(used_), tokens.size()),
                           used_, arena_.get(memory_.caches), arena_.get(memory_.logits));
    });
    used_ += count;
  }

  /// What a slide keeps: the newest three quarters (of a window of one: nothing, it starts over).
  Index kept() const noexcept { return std::min(length_ - 1, length_ - length_ / 4); }

  /// Of a long text only the last slide's keys and values are ever looked at: while more tokens are
  /// to come than one slide makes room for, a full window lets its oldest go and takes the next
  /// without computing anything. Returns how many it has taken.
  std::size_t skip(std::span<const Token> tokens) {
    const auto room = static_cast<std::size_t>(length_ - kept());
    const std::size_t count = (tokens.size() - 1) / room * room;
    if (count == 0) return 0;
    const std::span<Token> window = arena_.get(memory_.window);
    const std::size_t fresh = std::min(count, window.size());
    std::copy(window.begin() + static_cast<std::ptrdiff_t>(fresh), window.end(), window.begin());
    const auto newest = tokens.first(count).last(fresh);
    std::copy(newest.begin(), newest.end(), window.end() - static_cast<std::ptrdiff_t>(fresh));
    return count;
  }

  void slide() {
    const std::span<Token> window = arena_.get(memory_.window);
    const Index keep = kept();
    std::copy(window.end() - keep, window.end(), window.begin());
    used_ = 0;
    if (keep > 0) evaluate(window.first(static_cast<std::size_t>(keep)));
  }

  Model model_;
  std::span<const T> weights_;
  Index length_;
  ThreadPool* threads_;
  GenerationMemory<T> memory_;
  Arena arena_;
  Index used_ = 0;
};

}  // namespace octavo
