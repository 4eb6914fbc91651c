// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/float_environment.hpp>
#include <octavo/fwd.hpp>
#include <octavo/generation/generation_memory.hpp>
#include <octavo/generation/sampling.hpp>
#include <octavo/memory/arena.hpp>
#include <octavo/numeric/isa.hpp>
#include <octavo/numeric/random.hpp>
#include <octavo/parallel/thread_pool.hpp>
#include <octavo/parallel/thread_tuner.hpp>
#include <octavo/transformer/model_weights.hpp>
#include <octavo/transformer/transformer.hpp>

namespace OCTAVO_NAMESPACE {

/// Generates one token at a time, with a cache of keys and values, so that each token costs the
/// work of one position. The logits have the bits of a pass over the whole sequence. Uses at most
/// `length` positions, normally the trained length: a full window slides and keeps its newest three
/// quarters, whose keys and values are computed again at their new positions (see Sliding), or,
/// with rotary positions, stay what they are. Layers whose attention has a window cache that window
/// and a block of positions alone (see CacheLayout). Several sequences, numbered from 0, are
/// generated together at little more than the cost of one, with the same bits as each alone. No
/// heap call after construction. Move-only; the caller owns the weights.
template <Scalar T, typename Config, typename Part>
class Generator {
 public:
  using Model = Transformer<T, Config, Part>;

  /// weights: model.parameter_count() numbers, which must outlive this object, as must `threads`.
  Generator(const Model& model, ModelWeights<std::type_identity_t<T>> weights, Index length,
            ThreadPool& threads, Index sequences = 1, Sliding sliding = Sliding::at_once);

  /// As above, in memory of the caller: at least generation_bytes, aligned to 64 bytes. It may be
  /// overwritten between two calls of generate().
  Generator(const Model& model, ModelWeights<std::type_identity_t<T>> weights, Index length,
            ThreadPool& threads, std::span<std::byte> memory, Index sequences = 1,
            Sliding sliding = Sliding::at_once);

  /// Deleted: temporary weights would not outlive this object.
  template <typename... Rest>
  Generator(const Model&, std::vector<T>&&, Index, ThreadPool&, const Rest&...) = delete;

  const ModelConfig& config() const noexcept { return model_.config(); }
  const MemoryPlan& plan() const noexcept { return arena_.plan(); }
  Index length() const noexcept { return length_; }
  Index sequences() const noexcept { return sequences_; }
  /// The number of threads used per token, as measured so far.
  const ThreadTuner& threads_in_use() const noexcept { return token_threads_; }

  /// Forgets everything read so far.
  void reset();

  /// Tokens in the window.
  Index used(Index sequence = 0) const { return arena_.get(memory_.used)[at(sequence)]; }

  /// Reads tokens; logits() are then those of the next token. ConfigError for a token outside the
  /// vocabulary.
  void read(std::span<const Token> tokens, Index sequence = 0);

  /// Logits of the next token, [vocabulary].
  std::span<const T> logits(Index sequence = 0) const {
    return arena_.get(memory_.logits)
        .subspan(at(sequence * config().vocabulary), at(config().vocabulary));
  }

  /// Samples the next token. `position` numbers the draws: equal seed and position draw the same
  /// random number.
  Token choose(const Sampling& sampling, const CounterRandom& random, std::uint64_t position,
               Index sequence = 0);

  /// Reads `prompt` (at least one token) and generates `count` tokens, and passes each to
  /// `receive(Token) -> bool` as soon as it is chosen; false stops. Equal seeds give equal tokens.
  template <typename Receive>
  void generate(std::span<const Token> prompt, Index count, const Sampling& sampling,
                std::uint64_t seed, Receive&& receive) {
    generate_batch({&prompt, 1}, count, sampling, seed,
                   [&](Index, Token token) { return static_cast<bool>(receive(token)); });
  }

  /// As above for up to sequences() prompts together: `receive(Index sequence, Token) -> bool`;
  /// false stops that sequence only. Sequence i gets the tokens that generate() gives its prompt
  /// with the seed `seed` + i.
  template <typename Receive>
  void generate_batch(std::span<const std::span<const Token>> prompts, Index count,
                      const Sampling& sampling, std::uint64_t seed, Receive&& receive) {
    check_sampling(sampling, config().vocabulary);
    require(count >= 0, "tokens to generate: expected 0 or more");
    require(std::ssize(prompts) <= sequences_, [&] {
      return detail::concat({"prompts: got ", prompts.size(), ", expected at most ", sequences_,
                             ", the generator's sequences"});
    });
    reset();
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      require(!prompts[i].empty(), "generation needs at least one token of prompt");
      read(prompts[i], static_cast<Index>(i));
    }
    const std::span<CachedRows> parts = arena_.get(memory_.parts);
    const std::span<Token> chosen = arena_.get(memory_.chosen);
    std::size_t going = prompts.size();
    for (std::size_t i = 0; i < going; ++i) parts[i] = {static_cast<Index>(i), 0, 1};
    for (Index i = 0; i < count && going > 0; ++i) {
      std::size_t kept = 0;
      for (std::size_t j = 0; j < going; ++j) {
        const Index sequence = parts[j].sequence;
        const CounterRandom random(seed + static_cast<std::uint64_t>(sequence),
                                   RandomStream::sampling);
        const Token token = choose(sampling, random, static_cast<std::uint64_t>(i), sequence);
        if (!receive(sequence, token)) continue;
        parts[kept].sequence = sequence;
        chosen[kept++] = token;
      }
      going = kept;
      if (going > 0 && i + 1 < count) advance(parts.first(going), chosen.first(going));
    }
  }

 private:
  using Plan = GenerationPlan<Model>;

  OCTAVO_SETUP Generator(const Plan& plan, ModelWeights<T> weights, ThreadPool& threads,
                         const std::span<std::byte>* memory)
      : model_(plan.model),
        weights_(weights),
        threads_(&threads),
        memory_(plan.memory),
        arena_(memory == nullptr ? Arena(plan.plan) : Arena(plan.plan, *memory)),
        sequences_(memory_.used.count),
        length_(memory_.window.count / sequences_) {
    weights.require_model_of("generator: numbers in the weights", model_);
    reset();
  }

  static Plan plan_of(const Model& model, Index length, const ThreadPool& threads, Index sequences,
                      Sliding sliding) {
    require_kernels();
    return Plan(model.configuration(), length, threads.size(), sequences, sliding);
  }

  static constexpr std::size_t at(Index index) { return static_cast<std::size_t>(index); }

  std::span<Token> window(Index sequence) const {
    return arena_.get(memory_.window).subspan(at(sequence * length_), at(length_));
  }

  void set_used(Index sequence, Index used) { arena_.get(memory_.used)[at(sequence)] = used; }

  /// Tokens of the sequence before those in its window, which keep their positions.
  Index dropped(Index sequence) const {
    return rotary() ? arena_.get(memory_.dropped)[at(sequence)] : 0;
  }
  bool rotary() const noexcept { return memory_.dropped.booked(); }

  bool slides_ahead() const noexcept { return memory_.prepared.booked(); }

  KeyValueCaches<T> caches() const {
    return {arena_.get(memory_.caches).data(), config().layers, length_, config().kv_width(),
            config().attention};
  }

  ConvolutionCaches<T> convolutions() const {
    return {arena_.get(memory_.convolutions).data(), config().convolutions()};
  }

  /// The index of a sequence's cache, or of its second cache.
  Index cache_of(Index sequence, bool other = false) const {
    const bool second = slides_ahead() && (arena_.get(memory_.turned)[at(sequence)] == 1) != other;
    return second ? sequences_ + sequence : sequence;
  }

  /// `tokens` are those of `parts`, whose sequences are numbers of caches; their logits go to
  /// `logits`, [parts, vocabulary].
  void run(std::span<const Token> tokens, std::span<const CachedRows> parts, T* logits) {
    const CachedSequences<T> cached{caches(), parts, convolutions()};
    const MatrixView<T> output(logits, std::ssize(parts), config().vocabulary);
    threads_->run(tuner_of(tokens.size(), parts.size()), static_cast<double>(tokens.size()),
                  [&](const Worker& worker) {
                    const Pass<T> pass{.run = {.worker = worker,
                                               .arena = arena_,
                                               .pack_buffer = model_.pack_buffer(arena_),
                                               .parameters = weights_.parameters()},
                                       .rows = {1, std::ssize(tokens), 0, &cached},
                                       .weights = weights_.numbers()};
                    model_.logits_cached(pass, tokens, output);
                  });
  }

  /// One token for each of some sequences, a short prompt and a long prompt have different costs,
  /// so each has its own tuner.
  ThreadTuner& tuner_of(std::size_t tokens, std::size_t sequences) noexcept {
    constexpr double long_run = 1e8;  // floating-point operations: a millisecond or so
    if (tokens == sequences) return token_threads_;
    const double operations =
        2.0 * static_cast<double>(model_.parameter_count()) * static_cast<double>(tokens);
    return operations < long_run ? short_prompt_threads_ : long_prompt_threads_;
  }

  /// Appends tokens that fit into the window.
  void evaluate(std::span<const Token> tokens, Index sequence) {
    const Index past = used(sequence);
    std::copy(tokens.begin(), tokens.end(), window(sequence).begin() + past);
    const CachedRows part{cache_of(sequence), past, std::ssize(tokens), dropped(sequence)};
    run(window(sequence).subspan(at(past), tokens.size()), {&part, 1},
        arena_.get(memory_.logits).data() + sequence * config().vocabulary);
    set_used(sequence, past + std::ssize(tokens));
  }

  /// Appends one token to each of some sequences, which are in increasing order.
  void advance(std::span<CachedRows> parts, std::span<const Token> tokens);

  /// The number of positions that a slide keeps: the newest three quarters (none for a window of
  /// one).
  Index kept() const noexcept { return std::min(length_ - 1, length_ - length_ / 4); }

  /// Of a long text only the keys and values after the last slide are used: while more tokens
  /// follow than one slide makes room for, a full window drops its oldest tokens and takes the next
  /// without computing. Returns the number of tokens taken.
  std::size_t skip(std::span<const Token> tokens, Index sequence) {
    if (rotary()) return 0;
    const auto room = at(length_ - kept());
    const std::size_t count = (tokens.size() - 1) / room * room;
    if (count == 0) return 0;
    if (slides_ahead()) arena_.get(memory_.prepared)[at(sequence)] = 0;
    const std::span<Token> window = this->window(sequence);
    const std::size_t fresh = std::min(count, window.size());
    std::copy(window.begin() + static_cast<std::ptrdiff_t>(fresh), window.end(), window.begin());
    const auto newest = tokens.first(count).last(fresh);
    std::copy(newest.begin(), newest.end(), window.end() - static_cast<std::ptrdiff_t>(fresh));
    return count;
  }

  /// After `tokens` more tokens were read, computes some of the known positions of the next window
  /// in the second cache: enough that all are complete when the window slides.
  void prepare(Index sequence, Index tokens) {
    if (!slides_ahead()) return;
    Index& done = arena_.get(memory_.prepared)[at(sequence)];
    const Index room = length_ - kept();
    const Index share = (kept() + room - 1) / room;
    const Index count = std::min(used(sequence) - room - done, tokens * share);
    if (count <= 0) return;
    const CachedRows part{cache_of(sequence, true), done, count};
    run(window(sequence).subspan(at(room + done), at(count)), {&part, 1},
        arena_.get(memory_.unused_logits).data());
    done += count;
  }

  void slide(Index sequence) {
    const std::span<Token> window = this->window(sequence);
    const Index keep = kept();
    std::copy(window.end() - keep, window.end(), window.begin());
    if (rotary()) return drop(sequence, length_ - keep);
    Index ready = 0;
    if (slides_ahead()) {
      ready = std::exchange(arena_.get(memory_.prepared)[at(sequence)], Index{0});
      Index& turned = arena_.get(memory_.turned)[at(sequence)];
      turned = 1 - turned;
    }
    set_used(sequence, ready);
    if (ready < keep) evaluate(window.subspan(at(ready), at(keep - ready)), sequence);
  }

  /// Forgets the oldest `count` positions of a full window; the others keep their keys and values.
  /// Caches of layers with a window of their own are not touched: where a position lies in them
  /// depends on its number in the sequence, which stays.
  void drop(Index sequence, Index count) {
    for (Index layer = 0; layer < config().layers; ++layer) {
      const KeyValueCache<T> cache = caches().of(sequence, layer);
      if (cache.layout().block > 0) continue;
      for (const MatrixView<T> rows : {cache.keys(), cache.values()}) {
        std::copy(rows.row(count), rows.row(length_ - 1) + rows.columns, rows.row(0));
      }
    }
    arena_.get(memory_.dropped)[at(sequence)] += count;
    set_used(sequence, length_ - count);
  }

  Model model_;
  ModelWeights<T> weights_;
  ThreadPool* threads_;
  GenerationMemory<T> memory_;
  Arena arena_;
  Index sequences_;
  Index length_;
  ThreadTuner token_threads_{ThreadTuner::Start::one};
  ThreadTuner short_prompt_threads_{ThreadTuner::Start::one};
  ThreadTuner long_prompt_threads_{ThreadTuner::Start::all};
};

template <Scalar T, typename Config, typename Part>
Generator<T, Config, Part>::Generator(const Model& model,
                                      ModelWeights<std::type_identity_t<T>> weights, Index length,
                                      ThreadPool& threads, Index sequences, Sliding sliding)
    : Generator(plan_of(model, length, threads, sequences, sliding), weights, threads, nullptr) {}

template <Scalar T, typename Config, typename Part>
Generator<T, Config, Part>::Generator(const Model& model,
                                      ModelWeights<std::type_identity_t<T>> weights, Index length,
                                      ThreadPool& threads, std::span<std::byte> memory,
                                      Index sequences, Sliding sliding)
    : Generator(plan_of(model, length, threads, sequences, sliding), weights, threads, &memory) {}

template <Scalar T, typename Config, typename Part>
void Generator<T, Config, Part>::reset() {
  const std::span<Index> used = arena_.get(memory_.used);
  std::fill(used.begin(), used.end(), Index{0});
  const std::span<Index> prepared = arena_.get(memory_.prepared);
  std::fill(prepared.begin(), prepared.end(), Index{0});
  const std::span<Index> turned = arena_.get(memory_.turned);
  std::fill(turned.begin(), turned.end(), Index{0});
  const std::span<Index> dropped = arena_.get(memory_.dropped);
  std::fill(dropped.begin(), dropped.end(), Index{0});
}

template <Scalar T, typename Config, typename Part>
void Generator<T, Config, Part>::read(std::span<const Token> tokens, Index sequence) {
  require(sequence >= 0 && sequence < sequences_, [&] {
    return detail::concat({"sequence: got ", sequence, ", expected 0 to ", sequences_ - 1});
  });
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    require(tokens[i] >= 0 && tokens[i] < config().vocabulary, [&] {
      return detail::concat(
          {"token ", i, " is ", tokens[i], ", expected 0 to ", config().vocabulary - 1});
    });
  }
  while (!tokens.empty()) {
    if (used(sequence) == length_) {
      tokens = tokens.subspan(skip(tokens, sequence));
      slide(sequence);
    }
    const auto count = std::min(tokens.size(), at(length_ - used(sequence)));
    evaluate(tokens.first(count), sequence);
    prepare(sequence, static_cast<Index>(count));
    tokens = tokens.subspan(count);
  }
}

template <Scalar T, typename Config, typename Part>
Token Generator<T, Config, Part>::choose(const Sampling& sampling, const CounterRandom& random,
                                         std::uint64_t position, Index sequence) {
  require(used(sequence) > 0, "generation needs at least one token of prompt");
  const FloatEnvironment environment;
  check_sampling(sampling, config().vocabulary);
  return sample<T>(logits(sequence), sampling, window(sequence).first(at(used(sequence))),
                   random.uniform(position), arena_.get(memory_.order),
                   arena_.get(memory_.adjusted));
}

template <Scalar T, typename Config, typename Part>
void Generator<T, Config, Part>::advance(std::span<CachedRows> parts,
                                         std::span<const Token> tokens) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Index sequence = parts[i].sequence;
    if (used(sequence) == length_) slide(sequence);
    parts[i].past = used(sequence);
    parts[i].dropped = dropped(sequence);
    window(sequence)[at(parts[i].past)] = tokens[i];
    set_used(sequence, parts[i].past + 1);
    parts[i].sequence = cache_of(sequence);
  }
  T* const logits = arena_.get(memory_.logits).data();
  run(tokens, parts, logits);
  for (CachedRows& part : parts) {
    part.sequence %= sequences_;
    prepare(part.sequence, 1);
  }
  // From the last one on, so that no row is overwritten before it is moved.
  for (std::size_t i = parts.size(); i-- > 0;) {
    if (parts[i].sequence == static_cast<Index>(i)) continue;
    std::copy_n(logits + static_cast<Index>(i) * config().vocabulary, config().vocabulary,
                logits + parts[i].sequence * config().vocabulary);
  }
}

}  // namespace OCTAVO_NAMESPACE
