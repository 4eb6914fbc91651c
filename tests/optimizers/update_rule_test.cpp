// SPDX-License-Identifier: MIT
// Rules as users write them, on single numbers, go through the driver that Octavo's own go through.
#include <array>
#include <cmath>
#include <span>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/numeric/isa.hpp>
#include <octavo/optimizers/sgd.hpp>

#include "adagrad.hpp"
#include "optimizers/two_tensors.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

/// Sgd, number by number.
struct ScalarSgd {
  static constexpr std::string_view name = "scalar-sgd";
  static constexpr std::array moments{MomentRange::finite};
  double momentum = 0.9;
  double weight_decay = 0;

  static constexpr auto settings() {
    return std::array{Setting{"momentum", &ScalarSgd::momentum, share_range},
                      Setting{"weight_decay", &ScalarSgd::weight_decay, not_negative_range}};
  }
  template <Scalar T>
  T step(T w, T g, std::array<T, 1>& u, const UpdateRates& rates) const {
    g = std::fma(static_cast<T>(rates.weight_decay(weight_decay)), w, g);
    u[0] = std::fma(static_cast<T>(momentum), u[0], g);
    return std::fma(static_cast<T>(-rates.learning_rate), u[0], w);
  }
};

/// Remembers nothing and has no settings; its sum must not be fused with the clipping's product.
struct Adding {
  static constexpr std::string_view name = "adding";
  static constexpr std::array<MomentRange, 0> moments{};
  static constexpr std::array<Setting<Adding>, 0> settings() { return {}; }
  template <Scalar T>
  T step(T w, T g, std::array<T, 0>&, const UpdateRates&) const {
    return w + g;
  }
};

/// Three moments: the last three gradients.
struct Remembering {
  static constexpr std::string_view name = "remembering";
  static constexpr std::array moments{MomentRange::finite, MomentRange::finite,
                                      MomentRange::finite};
  static constexpr std::array<Setting<Remembering>, 0> settings() { return {}; }
  template <Scalar T>
  T step(T w, T g, std::array<T, 3>& last, const UpdateRates& rates) const {
    if (rates.step > 3) w = last[0];
    last = {last[1], last[2], g};
    return w;
  }
};

static_assert(UpdateRule<ScalarSgd> && UpdateRule<Adding> && UpdateRule<Adagrad>);

template <typename Body>
void with_each_isa(Body body) {
  const Isa usual = isa_in_use();
  for (const Isa isa : {Isa::portable, Isa::neon, Isa::avx2, Isa::avx512}) {
    if (!supports(isa)) continue;
    use_isa(isa);
    body();
  }
  use_isa(usual);
}

}  // namespace

TEST_CASE_TEMPLATE("a rule on single numbers has the bits of the same on packs", T, float, double) {
  with_each_isa([] {
    for (const Index workers : {1, 2, 3}) {
      CHECK(updated<T>(ScalarSgd{.weight_decay = 0.2}, 5, workers) ==
            updated<T>(Sgd{.weight_decay = 0.2}, 5, workers));
    }
  });
}

TEST_CASE_TEMPLATE("the clipped gradient is rounded before a rule sees it", T, float, double) {
  const ParameterList list = two_tensors();
  std::vector<T> start(56), gradients(56);
  for (std::size_t i = 0; i < 56; ++i) {
    start[i] = static_cast<T>(std::sin(static_cast<double>(i)));
    gradients[i] = static_cast<T>(std::cos(static_cast<double>(i)));
  }
  with_each_isa([&] {
    std::vector<T> w = start;
    update_tensors<T>(Worker{}, Adding{}, list.span(), w, gradients, {}, {1, 1, 0.3});
    for (std::size_t i = 0; i < 56; ++i) {
      const volatile T clipped = gradients[i] * static_cast<T>(0.3);
      const volatile T sum = start[i] + clipped;
      CHECK(w[i] == sum);
    }
  });
}

TEST_CASE("each moment of a rule is its own, and comes back in the next update") {
  CHECK(optimizer_state_bytes<double>(Remembering{}, {56, 2}) == 3 * 56 * sizeof(double));
  const ParameterList list = two_tensors();
  std::vector<double> w(56), state(3 * 56);
  for (Index t = 1; t <= 6; ++t) {
    std::vector<double> g(56);
    for (std::size_t i = 0; i < 56; ++i) g[i] = static_cast<double>(100 * t) + double(i);
    update_tensors<double>(Worker{}, Remembering{}, list.span(), w, g,
                           std::as_writable_bytes(std::span(state)), {t, 1});
    for (std::size_t i = 0; i < 56; ++i) {
      CHECK(w[i] == (t > 3 ? static_cast<double>(100 * (t - 3)) + double(i) : 0.0));
    }
  }
}

TEST_CASE("a rule knows the tensor's own rate, and whether it decays") {
  check_close(updated(Adagrad{.weight_decay = 0.2}, 7),
              expected(7, [](double& w, double& s, double&, double g, int, double rate, bool d) {
                g += d ? 0.2 * w : 0;
                s += g * g;
                w -= rate * g / (std::sqrt(s) + 1e-10);
              }));
}

TEST_CASE("a tensor whose factor is 0 is left alone, its moments too") {
  ParameterList list = two_tensors();
  CHECK(list.set_learning_rate_factor("m", 0) == 1);
  std::vector<double> w(56, 1.0), g(56, 1.0), state(56);
  update_tensors<double>(Worker{}, Adagrad{}, list.span(), w, g,
                         std::as_writable_bytes(std::span(state)), {1, 0.1});
  for (std::size_t i = 0; i < 56; ++i) {
    CHECK((w[i] == 1.0) == (i < 35));
    CHECK((state[i] == 0.0) == (i < 35));
  }
}
