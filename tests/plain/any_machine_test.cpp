// SPDX-License-Identifier: MIT
// Compiled without any flag for the processor, and once more with portable kernels alone: the
// kernels that a stranger's program meets, whose bits must be those of every other build.
#include <bit>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/octavo.hpp>

using namespace octavo;

namespace {

/// FNV-1a over the bits of the weights after `steps` steps of a small model.
template <Scalar T>
std::uint64_t hash_after_training(const AnyOptimizer& optimizer, const ModelConfig& config);

template <Scalar T>
std::uint64_t hash_after_training(const AnyOptimizer& optimizer, Activation activation, bool tied) {
  const ModelConfig config{.vocabulary = 37,
                           .context = 40,
                           .layers = 2,
                           .width = 48,
                           .norm = {.bias = !tied},
                           .attention = {.heads = 3, .bias = !tied},
                           .feed_forward = {.d_ff = 80, .activation = activation, .bias = !tied},
                           .head = {.tied = tied, .bias = !tied}};
  return hash_after_training<T>(optimizer, config);
}

template <Scalar T>
std::uint64_t hash_after_training(const AnyOptimizer& optimizer, const ModelConfig& config) {
  ThreadPool threads(2);
  TrainingStep<T> training(Transformer<T>{config},
                           {.batch = 2, .sequence = 37, .optimizer = optimizer}, threads);
  const CounterRandom random(5, RandomStream::initial_weights);
  for (std::size_t i = 0; i < training.weights().size(); ++i) {
    T& weight = training.weights()[i];
    weight = static_cast<T>(std::fma(0.1, random.uniform(i) - 0.5, static_cast<double>(weight)));
  }
  for (std::size_t i = 0; i < training.inputs().size(); ++i) {
    training.inputs()[i] = static_cast<Token>(random.below(2 * i, 37));
    training.targets()[i] = static_cast<Token>(random.below(2 * i + 1, 37));
  }
  for (int step = 0; step < 6; ++step) training.train(3e-3);
  std::uint64_t hash = 14695981039346656037u;
  for (const T weight : training.weights()) {
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    hash = (hash ^ std::bit_cast<Bits>(weight)) * 1099511628211u;
  }
  return hash;
}

}  // namespace

TEST_CASE("weights after training have the same bits with every instruction set and compiler") {
  const Isa usual = isa_in_use();
  int tried = 0;
  for (const Isa isa : {Isa::portable, Isa::neon, Isa::avx2, Isa::avx512}) {
    if (!supports(isa)) continue;
    ++tried;
    use_isa(isa);
    INFO("kernels: " << std::string(name_of(isa)));
    CHECK(hash_after_training<float>(AdamW{}, Activation::gelu, true) == 9879245591323384006u);
    CHECK(hash_after_training<float>(Adam{.weight_decay = 0.1}, Activation::gelu_tanh, false) ==
          15545512031249944406u);
    CHECK(hash_after_training<float>(AdamW8bit{}, Activation::relu, false) ==
          10768659309998513619u);
    CHECK(hash_after_training<double>(AdamW{}, Activation::gelu, false) == 2144098717378975363u);
    CHECK(hash_after_training<double>(Lion{}, Activation::gelu_tanh, true) == 1818153739438565283u);
    CHECK(hash_after_training<float>(Muon{}, Activation::gelu, true) == 16047514014187647653u);
    CHECK(hash_after_training<double>(Muon{}, Activation::relu, false) == 9488636431363527612u);
    CHECK(hash_after_training<double>(Sgd{}, Activation::relu, false) == 1625631401046004091u);
  }
  use_isa(usual);
  CHECK(tried > 0);
}

TEST_CASE("of every family the weights after training have the same bits everywhere") {
  const auto hash_of = [](const ModelConfig& config) {
    return hash_after_training<float>(AdamW{}, config);
  };
  constexpr std::uint64_t hashes[] = {
      11949090370734274844u, 6988803693483326189u, 13646580388003034799u, 8158316605073056091u,
      7493883263064117016u,  2858157589732766840u, 11644726759285052287u, 1464980647965934613u,
      6845172335682625198u,  5876957868937637582u};
  constexpr std::uint64_t scaled[] = {13993566490795148054u, 18354493796363826933u,
                                      3927812927822094720u, 12176148258819643870u};
  const Isa usual = isa_in_use();
  for (const Isa isa : {Isa::portable, Isa::neon, Isa::avx2, Isa::avx512}) {
    if (!supports(isa)) continue;
    use_isa(isa);
    INFO("kernels: " << std::string(name_of(isa)));
    for (std::size_t i = 0; i < std::size(hashes); ++i) {
      const auto family = static_cast<Family>(i);
      ModelConfig config = with_family({.vocabulary = 37,
                                        .context = 40,
                                        .layers = 2,
                                        .width = 48,
                                        .attention = {.heads = 4, .kv_heads = 2, .head_width = 18},
                                        .feed_forward = {.d_ff = 40}},
                                       family);
      if (config.attention.window > 0) config.attention.window = 19;
      if (config.attention.window_pattern == 6) config.attention.window_pattern = 2;
      INFO("family: " << std::string(name_of(family)));
      CHECK(hash_of(config) == hashes[i]);
      if (family != Family::llama) continue;
      config.positions.factor = 3;
      config.positions.original_context = 12;
      for (std::size_t scaling = 0; scaling < std::size(scaled); ++scaling) {
        config.positions.scaling = static_cast<RotaryScaling>(scaling + 1);
        INFO("scaling: " << std::string(name_of(config.positions.scaling)));
        CHECK(hash_of(config) == scaled[scaling]);
      }
    }
  }
  use_isa(usual);
}

TEST_CASE("with convolutions the weights after training have the same bits everywhere") {
  ModelConfig config = with_family({.vocabulary = 37,
                                    .context = 40,
                                    .layers = 2,
                                    .width = 52,
                                    .attention = {.heads = 4, .head_width = 18},
                                    .feed_forward = {.d_ff = 40}},
                                   Family::qwen3);
  const Isa usual = isa_in_use();
  std::vector<std::uint64_t> expected;  // of portable kernels
  for (const Isa isa : {Isa::portable, Isa::neon, Isa::avx2, Isa::avx512}) {
    if (!supports(isa)) continue;
    use_isa(isa);
    INFO("kernels: " << std::string(name_of(isa)));
    std::vector<std::uint64_t> hashes;
    for (const Index taps : {4, 7}) {
      config.conv_taps = taps;
      hashes.push_back(hash_after_training<float>(AdamW{}, config));
      hashes.push_back(hash_after_training<double>(Muon{}, config));
    }
    if (expected.empty()) expected = hashes;
    CHECK(hashes == expected);
  }
  use_isa(usual);
}

TEST_CASE("kernels that a machine or a program has not are refused") {
  for (const Isa isa : {Isa::portable, Isa::neon, Isa::avx2, Isa::avx512}) {
    if (!supports(isa)) CHECK_THROWS_AS(use_isa(isa), ConfigError);
  }
  CHECK_NOTHROW(require_kernels());
}

#if defined(OCTAVO_CHOOSES_ISA)
TEST_CASE("a program compiled without flags has kernels for AVX2 and AVX-512") {
  CHECK(supports(Isa::avx2) == (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")));
  if (__builtin_cpu_supports("avx512vl")) CHECK(isa_in_use() == Isa::avx512);
}
#endif
