// SPDX-License-Identifier: MIT
// Kernels on numbers at the edge of what floats hold. Each case says what goes in and what must
// come out: the limit that the formula has there, or something not finite; never a plausible wrong
// number.
#include "numeric_stress.hpp"

#include <cmath>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/activate.hpp>
#include <octavo/kernels/attend.hpp>
#include <octavo/kernels/cross_entropy.hpp>
#include <octavo/kernels/normalize.hpp>

using namespace octavo;
using namespace stress;

namespace {

template <Scalar T>
MatrixView<T> view(std::vector<T>& numbers, Index count = 1) {
  return {numbers.data(), count, static_cast<Index>(numbers.size()) / count};
}

}  // namespace

TEST_CASE_TEMPLATE("cross-entropy of extreme logits", T, float, double) {
  const double log2 = std::log(2.0), log3 = std::log(3.0), max = largest<T>;
  const auto small = static_cast<double>(std::numeric_limits<T>::denorm_min());
  const Numbers thirds{-2. / 3, 1. / 3, 1. / 3}, halves{-0.5, 0.5, 0}, none(2, undefined);
  // In: the target's logit, then the others.
  const Case cases[] = {
      {"all 0: log V", {0, 0, 0}, {log3}, thirds},
      {"all 1e4: log V", {1e4, 1e4, 1e4}, {log3}, thirds},
      {"all -1e4: log V", {-1e4, -1e4, -1e4}, {log3}, thirds},
      {"all 1e30: log V", {1e30, 1e30, 1e30}, {log3}, thirds},
      {"all 1e38: log V", {1e38, 1e38, 1e38}, {log3}, thirds},
      {"all -1e38: log V", {-1e38, -1e38, -1e38}, {log3}, thirds},
      {"all the largest number: log V", {max, max, max}, {log3}, thirds},
      {"denormals are as good as equal", {small, 0, -small}, {log3}, thirds},
      {"1e4 against -1e4: 0", {1e4, -1e4}, {0}, {0, 0}},
      {"-1e4 against 1e4: their distance", {-1e4, 1e4}, {2e4}, {-1, 1}},
      {"1e30 against 0: 0", {1e30, 0, 0}, {0}, {0, 0, 0}},
      {"0 against 1e30: 1e30", {0, 1e30, 0}, {1e30}, {-1, 1, 0}},
      {"-1e38 against 1e38: 2e38", {-1e38, 1e38}, {2e38}, {-1, 1}},
      {"two of 1e30 share all", {1e30, 1e30, 0}, {log2}, halves},
      {"-1e38 has no share", {0, 0, -1e38}, {log2}, halves},
      {"nor has an excluded symbol", {0, 0, -infinity}, {log2}, halves},
      {"86 apart: exp(-86) is not lost", {0, -86}, {0}, {0, std::exp(-86.0)}},
      {"one symbol of -1e38: 0", {-1e38}, {0}, {0}},
      {"an excluded target: Inf", {-infinity, 0, 0}, {infinity}, {-1, 0.5, 0.5}},
      {"a distance beyond all numbers: Inf", {-max, max}, {infinity}, {-1, 1}},
      {"a logit of Inf: NaN", {0, infinity}, {undefined}, none},
      {"all -Inf: NaN", {-infinity, -infinity}, {undefined}, none},
      {"a NaN: NaN", {0, undefined}, {undefined}, none},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    const std::vector<T> logits(c.in.begin(), c.in.end());
    for (const Token target : {Token{0}, ignored_target}) {
      std::vector<T> x = logits, losses(1);
      for (const bool with_gradient : {false, true}) {
        softmax_cross_entropy<T>(Worker{}, view(x), {&target, 1}, losses, 1, with_gradient);
        CHECK(are(losses, target < 0 ? Numbers{0} : c.out));  // an ignored target: always 0
      }
      CHECK(are(x, target < 0 ? Numbers(x.size()) : c.gradient));
    }
  }
}

TEST_CASE_TEMPLATE("activations and their slopes at extreme arguments", T, float, double) {
  const double max = largest<T>,
               small = 1e4 * static_cast<double>(std::numeric_limits<T>::denorm_min());
  const double square = sizeof(T) == 4 ? infinity : 1e40;
  // Out, gradient: value and slope of relu, both kinds of gelu, silu and relu squared.
  const Case cases[] = {
      {"0 has the slope 1/2, of relus 0", {0}, Numbers(5), {0, 0.5, 0.5, 0.5, 0}},
      {"1e4 passes", {1e4}, {1e4, 1e4, 1e4, 1e4, 1e8}, {1, 1, 1, 1, 2e4}},
      {"-1e4 is stopped", {-1e4}, Numbers(5), Numbers(5)},
      {"1e20, whose square is no float, passes",
       {1e20},
       {1e20, 1e20, 1e20, 1e20, square},
       {1, 1, 1, 1, 2e20}},
      {"-1e20 is stopped", {-1e20}, Numbers(5), Numbers(5)},
      {"the largest number passes", {max}, {max, max, max, max, infinity}, {1, 1, 1, 1, infinity}},
      {"the lowest number is stopped", {-max}, Numbers(5), Numbers(5)},
      {"a denormal is halved, not lost",
       {small},
       {small, small / 2, small / 2, small / 2, 0},
       {1, 0.5, 0.5, 0.5, 2 * small}},
      {"a negative denormal is halved",
       {-small},
       {0, -small / 2, -small / 2, -small / 2, 0},
       {0, 0.5, 0.5, 0.5, 0}},
  };
  for (const Case& c : cases) {
    for (const auto kind : {Activation::relu, Activation::gelu, Activation::gelu_tanh,
                            Activation::silu, Activation::relu_squared}) {
      INFO(c.what, ", ", name_of(kind));
      std::vector<T> x{static_cast<T>(c.in[0])}, y(1);
      activate_with_slope<T>(Worker{}, kind, view(x), view(y));
      CHECK(are(y, {c.out[static_cast<std::size_t>(kind)]}));
      CHECK(are(x, {c.gradient[static_cast<std::size_t>(kind)]}));
    }
  }
}

TEST_CASE_TEMPLATE("layer norm of extreme rows", T, float, double) {
  const double one = sizeof(T) == 4 ? undefined : 1, small = 1e-30 / std::sqrt(1e-5);
  const Numbers none{undefined, undefined};
  const Case cases[] = {
      {"a single number: 0", {7}, {0}},
      {"a constant: 0", Numbers(16, -3.7), Numbers(16)},
      {"a constant of 1e20: 0", Numbers(16, 1e20), Numbers(16)},
      {"1e-30 drowns in epsilon", {1e-30, -1e-30}, {small, -small}},
      {"1e18 is like 1", {1e18, -1e18}, {1, -1}},
      {"1e20 is like 1, or shows: its square is no float", {1e20, -1e20}, {one, -one}},
      {"a mean beyond all numbers shows", {largest<T>, largest<T>}, none},
      {"an Inf shows", {0, infinity}, none},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    std::vector<T> x(c.in.begin(), c.in.end()), ones(x.size(), 1), dx(x.size()), inverse(1);
    std::vector<T> y = dx;
    normalize<T>(Worker{}, view(x), ones.data(), nullptr, view(y), inverse.data(), view(x));
    CHECK(are(y, c.out));
    CHECK(are(x, c.out));
    // A gradient that is the same for the whole row does not get through.
    normalize_backward_input<T>(Worker{}, view(ones), view(y), inverse.data(), ones.data(),
                                view(dx));
    CHECK(are(dx, Numbers(x.size(), 0 * c.out[0])));
  }
}

TEST_CASE_TEMPLATE("RMS norm of extreme rows", T, float, double) {
  const double one = sizeof(T) == 4 ? undefined : 1, small = 1e-30 / std::sqrt(1e-5);
  const Numbers none{undefined, undefined};
  const Case cases[] = {
      {"zeros stay", Numbers(16), Numbers(16)},
      {"a constant: its sign", Numbers(16, -3e5), Numbers(16, -1)},
      {"1e-30 drowns in epsilon", {1e-30, -1e-30}, {small, -small}},
      {"1e18 is like 1", {1e18, -1e18}, {1, -1}},
      {"1e20 is like 1, or shows: its square is no float", {1e20, -1e20}, {one, -one}},
      {"squares beyond all numbers show", {largest<T>, largest<T>}, none},
      {"an Inf shows", {0, infinity}, none},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    std::vector<T> x(c.in.begin(), c.in.end()), ones(x.size(), 1), inverse(1);
    std::vector<T> y(x.size());
    normalize<T>(Worker{}, view(x), ones.data(), nullptr, view(y), inverse.data(), view(x),
                 {.kind = NormKind::rms});
    CHECK(are(y, c.out));
    CHECK(are(x, c.out));
  }
}

TEST_CASE_TEMPLATE("attention with extreme scores", T, float, double) {
  const Numbers means{1, 1.5, 2, 2.5}, shares{25. / 12, 13. / 12, 7. / 12, 0.25};
  const Numbers without{1, 1, 2, 8. / 3}, rest{17. / 6, 0, 5. / 6, 1. / 3}, none(4, undefined);
  // In: the scores of four keys. The values are 1 to 4, the gradient of each output 1, so that of a
  // value the sum of its probabilities.
  const Case cases[] = {
      {"all 1e4: the mean so far", {1e4, 1e4, 1e4, 1e4}, means, shares},
      {"all -1e4: the mean so far", {-1e4, -1e4, -1e4, -1e4}, means, shares},
      {"1e4 takes all", {0, 1e4, 0, 0}, {1, 2, 2, 2}, {1, 3, 0, 0}},
      {"1e30 takes all", {0, 1e30, 0, 0}, {1, 2, 2, 2}, {1, 3, 0, 0}},
      {"-1e4 has nothing", {0, -1e4, 0, 0}, without, rest},
      {"-1e38 has nothing", {0, -1e38, 0, 0}, without, rest},
      {"alone, -1e4 has all", {-1e4, 0, 0, 0}, {1, 2, 2.5, 3}, {1, 11. / 6, 5. / 6, 1. / 3}},
      {"a score of Inf shows", Numbers(4, infinity), none, none},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    const AttentionShape<T> shape{1, 4, 4, 1, 1};
    std::vector<T> q(4, 1), k(c.in.begin(), c.in.end()), v{1, 2, 3, 4}, o(4), sums(4), d_o = q;
    std::vector<T> scratch(2048), pack_buffer(array_size(pack_buffer_elements<T>(256)));
    attend<T>(Worker{}, shape, view(q, 4), view(k, 4), view(v, 4), view(o, 4), sums.data(), scratch,
              pack_buffer);
    CHECK(are(o, c.out));
    attend_backward<T>(Worker{}, shape, view(q, 4), view(k, 4), view(v, 4), view(o, 4),
                       view(d_o, 4), sums.data(), scratch, pack_buffer);
    // Probabilities are found again from logarithms that are as coarse as numbers of 1e4 are.
    CHECK(are(v, c.gradient, 1e4 * rounding<T>));
  }
}
