// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/numeric/isa.hpp>
#include <octavo/numeric/random.hpp>
#include <octavo/optimizers/weight_average.hpp>
#include <octavo/parallel/thread_pool.hpp>

using namespace octavo;

static_assert(average_decay(0.999, 1) == 0);
static_assert(average_decay(0.999, 2) == 0.1);
static_assert(average_decay(0.999, 3) == 2.0 / 11);
static_assert(average_decay(0.9, 82) == 0.9);  // 81 / 90
static_assert(average_decay(0.9, 81) < 0.9);
static_assert(average_decay(0.9, Index{1} << 62) == 0.9);

namespace {

/// Tensors of many sizes, one of them frozen.
std::vector<Parameter> some_tensors() {
  return {{.name = "a", .rows = 13, .columns = 9, .offset = 0, .gradient_offset = 0},
          {.name = "frozen", .columns = 50, .offset = 117, .gradient_offset = -1},
          {.name = "b", .columns = 1, .offset = 167, .gradient_offset = 117},
          {.name = "c",
           .rows = 4,
           .columns = 33,
           .offset = 168,
           .learning_rate_factor = 0,
           .gradient_offset = 118}};
}
constexpr std::size_t weight_count = 300, trained_count = 250;

template <Scalar T>
std::vector<T> some_numbers(std::size_t count, std::uint64_t seed) {
  const CounterRandom random(seed, RandomStream::sampling);
  std::vector<T> numbers(count);
  for (std::size_t i = 0; i < count; ++i) numbers[i] = static_cast<T>(random.normal(i));
  return numbers;
}

}  // namespace

TEST_CASE_TEMPLATE("averages are those of one number after the other, whoever computes them", T,
                   float, double) {
  const std::vector<Parameter> tensors = some_tensors();
  const std::vector<T> weights = some_numbers<T>(weight_count, 1);
  const std::vector<T> before = some_numbers<T>(trained_count, 2);
  constexpr double decay = 0.75;
  std::vector<T> expected = before;
  for (const Parameter& tensor : tensors) {
    if (!tensor.trains()) continue;
    for (Index i = 0; i < tensor.count(); ++i) {
      T& a = expected[static_cast<std::size_t>(tensor.gradient_offset + i)];
      const T w = weights[static_cast<std::size_t>(tensor.offset + i)];
      a = std::fma(T{0.25}, w - a, a);
    }
  }
  const Isa chosen = isa_in_use();
  for (const Isa isa : {Isa::portable, Isa::neon, Isa::avx2, Isa::avx512}) {
    if (!supports(isa)) continue;
    use_isa(isa);
    for (const Index workers : {1, 2, 3, 7}) {
      std::vector<T> averages = before;
      ThreadPool threads(workers);
      threads.run([&](const Worker& worker) {
        update_averages<T>(worker, tensors, decay, weights, averages);
      });
      CHECK(averages == expected);
    }
  }
  use_isa(chosen);
}

TEST_CASE("a decay of 0 copies the weights, whatever the averages were") {
  const std::vector<Parameter> tensors = some_tensors();
  const std::vector<float> weights = some_numbers<float>(weight_count, 1);
  std::vector<float> averages(trained_count, std::numeric_limits<float>::quiet_NaN());
  update_averages<float>(Worker{}, tensors, 0, weights, averages);
  for (const Parameter& tensor : tensors) {
    if (!tensor.trains()) continue;
    for (Index i = 0; i < tensor.count(); ++i) {
      CHECK(averages[static_cast<std::size_t>(tensor.gradient_offset + i)] ==
            weights[static_cast<std::size_t>(tensor.offset + i)]);
    }
  }
  const std::vector<float> copied = averages;
  update_averages<float>(Worker{}, tensors, 0.9, weights, averages);
  CHECK(averages == copied);  // the average of a constant is that constant, exactly
}
