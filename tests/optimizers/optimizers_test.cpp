// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/numeric/random.hpp>
#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/optimizers/gradient_clipping.hpp>
#include <octavo/optimizers/learning_rate_schedule.hpp>
#include <octavo/parallel/thread_pool.hpp>

using namespace octavo;

static_assert(Optimizer<AdamW8bit, float> && Optimizer<Lion, double>);
static_assert(Optimizer<AdamW, float> && Optimizer<Adam, double> && Optimizer<Sgd, float>);

namespace {

/// A matrix of 5 x 7 that decays and learns at half the rate, and a vector of 21.
ParameterList parameters() {
  ParameterTable block;
  block.add(ParameterPath() / "m", 5, 7, InitialValue::zeros);
  block.add(ParameterPath() / "v", 0, 21, InitialValue::zeros);
  ParameterList list;
  list.append("", block);
  CHECK(list.set_learning_rate_factor("m", 0.5) == 1);
  return list;
}

/// `steps` updates by the library, on `workers` workers.
template <typename Chosen>
std::vector<double> updated(const Chosen& optimizer, int steps, Index workers) {
  const ParameterList list = parameters();
  std::vector<double> w(56), g(56);
  // Doubles, so that it is aligned; 8-bit moments need planes of 64 bytes.
  std::vector<double> state(56 * 2 + 1);
  const CounterRandom random(1, RandomStream::initial_weights);
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = random.normal(i);
  ThreadPool threads(workers);
  for (int t = 1; t <= steps; ++t) {
    for (std::size_t i = 0; i < g.size(); ++i) {
      g[i] = random.normal(1000 * static_cast<std::uint64_t>(t) + i);
    }
    threads.run([&](const Worker& worker) {
      optimizer.template update<double>(worker, {t, 0.01, 0.25}, list.span(), w, g,
                                        std::as_writable_bytes(std::span(state)));
    });
  }
  return w;
}

/// The same by the textbook, number by number.
template <typename Rule>
std::vector<double> expected(int steps, Rule rule) {
  std::vector<double> w(56), m(56), v(56);
  const CounterRandom random(1, RandomStream::initial_weights);
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = random.normal(i);
  for (int t = 1; t <= steps; ++t) {
    for (std::size_t i = 0; i < w.size(); ++i) {
      const double g = 0.25 * random.normal(1000 * static_cast<std::uint64_t>(t) + i);
      const bool matrix = i < 35;
      rule(w[i], m[i], v[i], g, t, matrix ? 0.005 : 0.01, matrix);
    }
  }
  return w;
}

void check_close(const std::vector<double>& a, const std::vector<double>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-12));
}

}  // namespace

TEST_CASE("AdamW and Adam follow their papers") {
  const auto adam = [](bool decoupled, double decay) {
    return [=](double& w, double& m, double& v, double g, int t, double rate, bool matrix) {
      const double d = matrix ? decay : 0;
      if (decoupled) {
        w -= rate * d * w;
      } else {
        g += d * w;
      }
      m = 0.9 * m + 0.1 * g;
      v = 0.99 * v + 0.01 * g * g;
      const double m_hat = m / (1 - std::pow(0.9, t));
      const double v_hat = v / (1 - std::pow(0.99, t));
      w -= rate * m_hat / (std::sqrt(v_hat) + 1e-8);
    };
  };
  check_close(updated(AdamW{}, 7, 1), expected(7, adam(true, 0.1)));
  Adam coupled;
  coupled.decay = 0.3;
  check_close(updated(coupled, 7, 1), expected(7, adam(false, 0.3)));
}

TEST_CASE("SGD with momentum is PyTorch's") {
  Sgd sgd;
  sgd.decay = 0.2;
  check_close(updated(sgd, 7, 1),
              expected(7, [](double& w, double& m, double&, double g, int, double rate, bool d) {
                m = 0.9 * m + g + (d ? 0.2 * w : 0);
                w -= rate * m;
              }));
}

TEST_CASE("Lion follows its paper") {
  check_close(updated(Lion{}, 7, 1),
              expected(7, [](double& w, double& m, double&, double g, int, double rate, bool d) {
                const double lean = 0.9 * m + 0.1 * g;
                w -= rate * ((lean > 0 ? 1 : lean < 0 ? -1 : 0) + (d ? 0.1 * w : 0));
                m = 0.99 * m + 0.01 * g;
              }));
}

TEST_CASE_TEMPLATE("a number without a gradient is decayed, and else stays to the bit", Chosen,
                   AdamW, Adam, Sgd, Lion, AdamW8bit) {
  const ParameterList list = parameters();
  const Chosen optimizer;
  std::vector<double> w(56), state(56 * 2 + 1);
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = static_cast<double>(i) - 20;
  std::vector<double> decayed = w;
  for (int t = 1; t <= 3; ++t) {
    const std::vector<double> g(56, t == 2 ? -0.0 : 0.0);
    optimizer.template update<double>(Worker{}, {t, 0.01, 0.25}, list.span(), w, g,
                                      std::as_writable_bytes(std::span(state)));
    const double shrink = std::fma(-0.01 * 0.5, optimizer.decay, 1.0);
    for (std::size_t i = 0; i < 35; ++i) decayed[i] *= shrink;
  }
  // The matrix; Adam's and SGD's decay is part of the gradient.
  constexpr bool coupled = std::is_same_v<Chosen, Adam> || std::is_same_v<Chosen, Sgd>;
  const std::ptrdiff_t first = coupled ? 35 : 0;
  CHECK(std::equal(w.begin() + first, w.end(), decayed.begin() + first));
}

TEST_CASE("the state that an optimizer asks for") {
  CHECK(AdamW::state_bytes<float>(1000, 3) == 8000);
  CHECK(Sgd::state_bytes<double>(1000, 3) == 8000);
  CHECK(Lion::state_bytes<float>(1000, 3) == 4000);
  // Two planes of bytes, each padded to 64, and a scale of 4 bytes per begun 256 of every tensor.
  CHECK(AdamW8bit::state_bytes<float>(1000, 3) == 2 * 1024 + 4 * (3 + 3));
}

TEST_CASE("the first update of 8-bit AdamW is AdamW's, later ones stay close") {
  const std::vector<double> start = updated(AdamW{}, 0, 1);
  check_close(updated(AdamW8bit{}, 1, 1), updated(AdamW{}, 1, 1));
  const std::vector<double> exact = updated(AdamW{}, 40, 1);
  const std::vector<double> eight = updated(AdamW8bit{}, 40, 1);
  double moved = 0, apart = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    moved += (exact[i] - start[i]) * (exact[i] - start[i]);
    apart += (exact[i] - eight[i]) * (exact[i] - eight[i]);
  }
  CHECK(apart > 0);
  CHECK(std::sqrt(apart / moved) < 0.05);
}

TEST_CASE_TEMPLATE("8-bit moments come back nearly as they were, on average exactly", T, float,
                   double) {
  using Moments = OCTAVO_BASE_ISA::detail::EightBitMoments<T>;
  const double bound = detail::eight_bit_bound(0.9, 0.99);
  CHECK(bound == doctest::Approx(0.1 / std::sqrt(0.01 * (1 - 0.81 / 0.99))));
  std::vector<std::uint8_t> roots(256);
  std::vector<std::int8_t> shares(256);
  float scale = 0;
  Moments moments(roots.data(), shares.data(), &scale, bound);
  alignas(64) T root[256], moment[256], r[256], m[256];
  std::vector<double> mean_root(200), mean_moment(200);
  for (int i = 0; i < 256; ++i) {
    // From 2 down to 2e-5, moments all over their range.
    root[i] = i < 200 ? static_cast<T>(2 * std::pow(10.0, -i / 40.0)) : T{0};
    moment[i] = root[i] * static_cast<T>(bound * std::sin(0.7 * i));
  }
  constexpr int rounds = 400;
  for (std::uint32_t round = 0; round < rounds; ++round) {
    moments.encode(root, moment, 200, 5, detail::mix_bits(round));
    moments.decode(r, m, 200);
    for (std::size_t i = 0; i < 200; ++i) {
      const double u = static_cast<double>(root[i] / root[0]);
      CHECK(std::abs(static_cast<double>(r[i] - root[i])) <=
            4.5 / 255 / std::pow(u, 0.25) * static_cast<double>(root[i]));
      CHECK(std::abs(m[i]) <= static_cast<T>(bound * 1.000001) * r[i]);
      mean_root[i] += static_cast<double>(r[i]) / rounds;
      mean_moment[i] += static_cast<double>(m[i]) / rounds;
    }
    for (std::size_t i = 200; i < 256; ++i) CHECK((r[i] == 0 && m[i] == 0));
  }
  for (std::size_t i = 0; i < 200; ++i) {
    const auto exact = static_cast<double>(root[i]);
    CHECK(std::abs(mean_root[i] - exact) < 0.04 * exact);
    CHECK(std::abs(mean_moment[i] - static_cast<double>(moment[i])) < 0.04 * bound * exact);
  }
}

TEST_CASE_TEMPLATE("8-bit moments: only a root of zero has code zero, however small it is", T,
                   float, double) {
  std::vector<std::uint8_t> roots(256);
  std::vector<std::int8_t> shares(256);
  float scale = 0;
  OCTAVO_BASE_ISA::detail::EightBitMoments<T> moments(roots.data(), shares.data(), &scale, 2.0);
  alignas(64) T root[256] = {}, moment[256] = {};
  root[0] = 1;
  for (int i = 1; i < 100; ++i) {  // 1e-9 down to 1e-33: a thousandth of code 1 and less
    root[i] = static_cast<T>(std::pow(10.0, -9 - i * 0.24));
    moment[i] = root[i];
  }
  for (std::uint32_t round = 0; round < 100; ++round) {
    moments.encode(root, moment, 256, 0, detail::mix_bits(round));
    int forgotten = 0;
    for (std::size_t i = 0; i < 256; ++i) forgotten += (roots[i] == 0) != (root[i] == 0);
    CHECK(forgotten == 0);
  }
}

TEST_CASE("8-bit moments: all zero, and tiny ones, give no infinity") {
  std::vector<std::uint8_t> roots(256);
  std::vector<std::int8_t> shares(256);
  float scale = 0;
  OCTAVO_BASE_ISA::detail::EightBitMoments<float> moments(roots.data(), shares.data(), &scale, 2.0);
  alignas(64) float root[256] = {}, moment[256] = {}, r[256], m[256];
  for (const float size : {0.0f, 1e-45f, 1e-39f, 2e-38f, 3e38f}) {
    root[3] = size;
    moment[3] = -size / 2;
    moments.encode(root, moment, 256, 0, 7);
    moments.decode(r, m, 256);
    for (int i = 0; i < 256; ++i) CHECK((std::isfinite(r[i]) && std::isfinite(m[i])));
    CHECK(r[3] == doctest::Approx(size < 1e-38f ? 0.0 : static_cast<double>(size)));
  }
}

TEST_CASE("updates have the same bits on any crew") {
  for (const Index workers : {2, 3, 4}) {
    CHECK(updated(AdamW8bit{}, 5, workers) == updated(AdamW8bit{}, 5, 1));
    CHECK(updated(Lion{}, 5, workers) == updated(Lion{}, 5, 1));
    CHECK(updated(AdamW{}, 5, workers) == updated(AdamW{}, 5, 1));
    CHECK(updated(Sgd{}, 5, workers) == updated(Sgd{}, 5, 1));
  }
}

TEST_CASE("the global norm is exact for huge numbers, and the same on any crew") {
  std::vector<float> block(10'000, 1e30f);
  // One chunk begins with a tensor's last number, one with a tensor's first.
  const Parameter tensors[] = {{.name = "a", .rows = 4097, .columns = 1, .offset = 40},
                               {.name = "b", .columns = 4095, .offset = 4137},
                               {.name = "c", .rows = 904, .columns = 2, .offset = 8232}};
  std::vector<double> partials(static_cast<std::size_t>(global_norm_partials(10'000)));
  CHECK(global_norm<float>(Worker{}, tensors, block, partials) ==
        doctest::Approx(static_cast<double>(1e30f) * 100));
  const CounterRandom random(4, RandomStream::sampling);
  for (std::size_t i = 0; i < block.size(); ++i) block[i] = static_cast<float>(random.normal(i));
  const double alone = global_norm<float>(Worker{}, tensors, block, partials);
  for (const Index workers : {2, 3, 7}) {
    std::ranges::fill(partials, std::numeric_limits<double>::quiet_NaN());
    ThreadPool threads(workers);
    threads.run([&](const Worker& worker) {
      const double norm = global_norm<float>(worker, tensors, block, partials);
      if (worker.index() == 0) CHECK(norm == alone);
    });
  }
  CHECK(clipping_factor(2, 1) == 1 / (2 + 1e-6));  // as torch.nn.utils.clip_grad_norm_
  CHECK(clipping_factor(0.5, 1) == 1);
  CHECK(clipping_factor(7, 0) == 1);
}

TEST_CASE("the schedule rises linearly and falls along half a cosine") {
  const LearningRateSchedule cosine{LearningRateSchedule::Shape::cosine, 1.0, 0.1, 10, 110};
  CHECK(cosine.at(0) == doctest::Approx(1.0 / 11));
  CHECK(cosine.at(9) == doctest::Approx(10.0 / 11));
  CHECK(cosine.at(10) == 1);
  CHECK(cosine.at(60) == doctest::Approx(0.55));
  CHECK(cosine.at(110) == doctest::Approx(0.1));
  CHECK(cosine.at(100'000) == doctest::Approx(0.1));
  const LearningRateSchedule linear{LearningRateSchedule::Shape::linear, 1.0, 0.0, 0, 100};
  CHECK(linear.at(25) == doctest::Approx(0.75));
  const LearningRateSchedule constant{LearningRateSchedule::Shape::constant, 0.3, 0.0, 2, 5};
  CHECK(constant.at(99) == 0.3);
  const LearningRateSchedule rising{LearningRateSchedule::Shape::cosine, 1.0, 0.0,
                                    std::numeric_limits<Index>::max()};
  CHECK(rising.at(0) > 0);
  CHECK_THROWS_AS(check_schedule({LearningRateSchedule::Shape::cosine, -1}), ConfigError);
  CHECK_THROWS_AS(check_schedule({LearningRateSchedule::Shape::cosine, 1, 2}), ConfigError);
}
