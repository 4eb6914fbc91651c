// SPDX-License-Identifier: MIT
// Numbers at the edge of what floats hold. Each case says what goes in and what must come out: the
// limit that the formula has there, or something not finite, so that the step is refused; never a
// plausible wrong number.
#include "numeric_stress.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/optimizers/lion.hpp>
#include <octavo/optimizers/muon.hpp>
#include <octavo/optimizers/sgd.hpp>
#include <octavo/training/trainer.hpp>

using namespace octavo;
using namespace stress;

namespace {

constexpr ModelConfig untied{.vocabulary = 5,
                             .context = 4,
                             .layers = 2,
                             .width = 8,
                             .attention = {.heads = 2},
                             .feed_forward = {.d_ff = 12, .activation = Activation::relu},
                             .head = {.tied = false}};
constexpr ModelConfig tied{
    .vocabulary = 5,
    .context = 4,
    .layers = 2,
    .width = 8,
    .norm = {.bias = false},
    .attention = {.heads = 2, .bias = false},
    .feed_forward = {.d_ff = 12, .activation = Activation::gelu_tanh, .bias = false},
    .head = {.tied = true, .bias = false}};
const AnyOptimizer optimizers[] = {AdamW{}, AdamW8bit{}, Adam{}, Lion{}, Sgd{}, Muon{}};

/// A step with every token of the vocabulary among inputs and targets.
template <Scalar T>
TrainingStep<T> step_of(const ModelConfig& config, const TrainingOptions& options,
                        ThreadPool& threads) {
  TrainingStep<T> step(Transformer<T>{config}, options, threads);
  for (std::size_t i = 0; i < step.inputs().size(); ++i) {
    step.inputs()[i] = static_cast<Token>(i) % static_cast<Token>(config.vocabulary);
    step.targets()[i] = static_cast<Token>(i + 1) % static_cast<Token>(config.vocabulary);
  }
  return step;
}

/// Whether `work` throws Diverged and leaves weights and optimizer as they were, to the bit.
template <Scalar T, typename Work>
bool refuses(TrainingStep<T>& step, Work work) {
  const auto copy = [](auto numbers) {
    const auto bytes = std::as_bytes(numbers);
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  };
  const auto weights = copy(step.weights()), state = copy(step.optimizer_state());
  const Index done = step.steps_done();
  try {
    work();
  } catch (const Diverged& error) {
    return copy(step.weights()) == weights && copy(step.optimizer_state()) == state &&
           step.steps_done() == done && error.step() == done;
  }
  return false;
}

/// How many of the weights `work` makes anything but expected(parameter, weight before).
template <Scalar T, typename Work, typename Expected>
int others(TrainingStep<T>& step, Work work, Expected expected) {
  const std::vector<T> before(step.weights().begin(), step.weights().end());
  work();
  int count = 0;
  for (const Parameter& tensor : step.parameters()) {
    for (Index i = tensor.offset; i < tensor.offset + tensor.count(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      count += !is(static_cast<double>(step.weights()[at]),
                   expected(tensor, static_cast<double>(before[at])), rounding<T>);
    }
  }
  return count;
}

}  // namespace

TEST_CASE_TEMPLATE("optimizers: a weight of 0.5 after an extreme gradient", T, float, double) {
  // Out: after one update by each optimizer at the rate 0.01. The decay of AdamW, AdamW8bit and
  // Lion alone leaves 0.4995; Muon is AdamW here; Lion knows nothing but signs.
  const Case cases[] = {
      {"0: the decay alone", {0}, {0.4995, 0.4995, 0.5, 0.4995, 0.5, 0.4995}},
      {"1e-30 drowns in epsilon", {1e-30}, {0.4995, 0.4995, 0.5, 0.4895, 0.5, 0.4995}},
      {"1e18: one rate, of Sgd as far as it says",
       {1e18},
       {0.4895, 0.4895, 0.49, 0.4895, -1e16, 0.4895}},
      {"-1e18: the other way", {-1e18}, {0.5095, 0.5095, 0.51, 0.5095, 1e16, 0.5095}},
      {"squares beyond floats do not reach the weights", {1e37}, {}},
      {"nor those beyond doubles", {largest<T> / 8}, {}},
  };
  ParameterTable block;
  block.add(ParameterPath() / "m", 1, 19, InitialValue::zeros);
  ParameterList list;
  list.append("", block);
  for (const Case& c : cases) {
    for (std::size_t which = 0; which < std::size(optimizers); ++which) {
      INFO(c.what, ", optimizer ", which);
      std::vector<T> w(19, T(0.5)), g(19, static_cast<T>(c.in[0]));
      Numbers state(64);  // aligned bytes
      for (Index number = 1; number <= 6; ++number) {
        update_tensors<T>(Worker{}, optimizers[which], list.span(), w, g,
                          std::as_writable_bytes(std::span(state)), {number, 0.01});
        CHECK(std::ranges::all_of(w, [](T x) { return std::isfinite(x); }));
        if (number == 1 && !c.out.empty()) CHECK(are(w, Numbers(19, c.out[which]), 4e-6));
        if (number == 3) g.assign(19, 1);  // what was extreme lives on in the state alone
      }
    }
  }
}

TEST_CASE_TEMPLATE("norms and clipping of extreme gradients", T, float, double) {
  const auto norm = [](double number, std::size_t place, double other) {
    std::vector<T> gradients(5000, static_cast<T>(number));
    gradients[place] = static_cast<T>(other);
    Numbers partials(2);
    const Parameter all{.name = "all", .columns = 5000};
    return global_norm<T>(Worker{}, {&all, 1}, gradients, partials);
  };
  CHECK(norm(0, 0, 0) == 0);
  CHECK(is(norm(1e30, 0, 1e30), 1e30 * std::sqrt(5000.), 1e-6));  // squares are no floats
  CHECK(is(norm(1e-30, 0, 1e-30), 1e-30 * std::sqrt(5000.), 1e-6));
  CHECK(is(norm(1e-45, 4999, 1e38), 1e38, 1e-6));
  CHECK(std::isnan(norm(1, 4999, undefined)));
  CHECK(norm(1, 4096, -infinity) == infinity);
  ThreadPool threads(1);
  const double root = std::sqrt(static_cast<double>(Transformer<T>(untied).parameter_count()));
  // In: the limit, and all gradients; out: how far Sgd goes at the rate 1e-3.
  const Case cases[] = {
      {"0 never clips", {0, 1e30}, {1e27}},
      {"1e300 never clips", {1e300, 1e30}, {1e27}},
      {"1 shortens 1e30 to 1", {1, 1e30}, {1e-3 / root}},
      {"1 leaves 1e-4 alone", {1, 1e-4}, {1e-7}},
      {"1e-300 stops all", {1e-300, 1e30}, {0}},
      {"1e-300 of nothing is nothing", {1e-300, 0}, {0}},
      {"1 of nothing is nothing", {1, 0}, {0}},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    auto step = step_of<T>(untied, {.batch = 2, .sequence = 4, .optimizer = Sgd{}, .clip = c.in[0]},
                           threads);
    std::ranges::fill(step.gradients(), static_cast<T>(c.in[1]));
    const auto update = [&] { CHECK(is(step.update(1e-3), c.in[1] * root, 1e-6)); };
    CHECK(others(step, update, [&](const auto&, double w) { return w - c.out[0]; }) == 0);
  }
  for (const double clip : {-1.0, undefined, infinity}) {
    CHECK_THROWS_AS(step_of<T>(untied, {.batch = 2, .sequence = 4, .clip = clip}, threads),
                    ConfigError);
  }
}

TEST_CASE_TEMPLATE("a NaN or Inf in any weights or gradients refuses the step", T, float, double) {
  ThreadPool threads(2);
  for (const ModelConfig& config : {untied, tied}) {
    for (const bool fused : {false, true}) {
      auto step = step_of<T>(config, {.batch = 2, .sequence = 4, .fused_update = fused}, threads);
      const auto train = [&] { step.train(1e-3); };
      for (const Parameter& tensor : step.parameters()) {
        for (const double planted : {undefined, infinity}) {
          INFO(planted, " in ", tensor.name, ", fused ", fused);
          const auto first = static_cast<std::size_t>(tensor.offset);
          const T before = std::exchange(step.weights()[first], static_cast<T>(planted));
          CHECK(refuses(step, train));
          step.weights()[first] = before;
          if (fused) continue;  // its gradients are never seen
          step.compute_gradients();
          step.gradients()[first] = static_cast<T>(planted);
          CHECK(refuses(step, [&] { step.update(1e-3); }));
        }
      }
      CHECK_NOTHROW(train());  // nothing of it has stayed behind
    }
  }
}

TEST_CASE_TEMPLATE("weights that are all alike", T, float, double) {
  ThreadPool threads(1);
  auto step = step_of<T>(untied, {.batch = 2, .sequence = 4, .optimizer = Sgd{}}, threads);
  const auto train = [&] { step.train(1e-3); };
  const auto but = [](const auto& t, double w) { return t.name == "head.bias" ? infinity : w; };
  // All 0, and all denormal: nothing but the head's bias has a gradient.
  for (const T weight : {T{0}, std::numeric_limits<T>::denorm_min()}) {
    std::ranges::fill(step.weights(), weight);
    CHECK(is(step.compute_gradients(), std::log(5.0), rounding<T>));
    CHECK(others(step, train, but) == 5);
  }
  // All 1e20: products of two are no floats, but doubles, and all logits are equal.
  std::ranges::fill(step.weights(), static_cast<T>(1e20));
  if (sizeof(T) == 4) CHECK(refuses(step, train));
  if (sizeof(T) == 8) CHECK(is(step.compute_gradients(), std::log(5.0), rounding<T>));
  std::ranges::fill(step.weights(), std::numeric_limits<T>::max());
  CHECK(refuses(step, train));
}

TEST_CASE_TEMPLATE("targets that are all ignored: loss 0, the decay alone", T, float, double) {
  ThreadPool threads(1);
  for (const bool fused : {false, true}) {
    auto step = step_of<T>(tied, {.batch = 2, .sequence = 4, .fused_update = fused}, threads);
    std::ranges::fill(step.targets(), ignored_target);
    const auto train = [&] { CHECK(step.train(0.01).loss == 0); };
    const auto decayed = [](const auto& tensor, double w) { return tensor.decays ? 0.999 * w : w; };
    CHECK(others(step, train, decayed) == 0);
    CHECK(step.add_losses(0, 1, 4) == 0);
  }
}

TEST_CASE_TEMPLATE("learning rates of 0 and of absurd size", T, float, double) {
  ThreadPool threads(1);
  for (const AnyOptimizer& optimizer : optimizers) {
    // Where nothing decays, weights of 1e10 are no end: layer norm takes their size away again.
    const bool decays = !optimizer.same_rule(Adam{}) && !optimizer.same_rule(Sgd{});
    const double huge = sizeof(T) == 4 ? 1e38 : 1e300;
    for (const double rate : {0.0, huge, decays ? 1e10 : huge}) {
      INFO("optimizer ", std::string(name_of(optimizer)), ", rate ", rate);
      auto step = step_of<T>(untied, {.batch = 2, .sequence = 4, .optimizer = optimizer}, threads);
      const std::vector<T> before(step.weights().begin(), step.weights().end());
      bool refused = false;
      for (int i = 0; i < 40 && !refused; ++i) refused = refuses(step, [&] { step.train(rate); });
      CHECK(refused == (rate > 0));
      CHECK(std::ranges::equal(step.weights(), before) == (rate == 0));
    }
  }
}

TEST_CASE_TEMPLATE("texts with nothing to learn, or little", T, float, double) {
  const Numbers zeros(40, 0), ones(40, 1);
  // In: the text; out: vocabulary, context, and the last loss at most.
  const Case cases[] = {
      {"a vocabulary of one symbol: 0 from the start", zeros, {1, 8, 0}},
      {"the same, one position at a time", zeros, {1, 1, 0}},
      {"one symbol of two: towards 0", ones, {2, 8, 1e-3}},
      {"the same, one position at a time", ones, {2, 1, 1e-3}},
      {"two symbols in turn, one position at a time", {0, 1, 0, 1, 0, 1}, {2, 1, 1e-3}},
      {"the shortest text", {0, 1}, {2, 1, 1e-3}},
  };
  ThreadPool threads(1);
  for (const Case& c : cases) {
    INFO(c.what);
    const std::vector<std::uint8_t> text(c.in.begin(), c.in.end());
    const auto vocabulary = static_cast<Index>(c.out[0]), context = static_cast<Index>(c.out[1]);
    const TrainingOptions options{.steps = 200, .sequence = context, .learning_rate = 0.03};
    Trainer<T> trainer(ModelConfig{.vocabulary = vocabulary,
                                   .context = context,
                                   .layers = 1,
                                   .width = 8,
                                   .attention = {.heads = 1},
                                   .feed_forward = {.d_ff = 8}},
                       options, threads);
    Numbers losses;
    trainer.run(std::span(text), {.step = [&](const auto& step) { losses.push_back(step.loss); }});
    CHECK(std::ranges::all_of(losses, [](double loss) { return loss >= 0; }));
    CHECK(losses.back() <= c.out[2]);
    CHECK(trainer.evaluate(std::span(text)) <= c.out[2]);
  }
}

TEST_CASE_TEMPLATE("learning rates that are no numbers of the scalar are refused", T, float,
                   double) {
  ThreadPool threads(1);
  for (const bool fused : {false, true}) {
    auto step = step_of<T>(untied, {.batch = 2, .sequence = 4, .fused_update = fused}, threads);
    for (const double rate : {std::nan(""), HUGE_VAL, sizeof(T) == 4 ? 1e300 : -HUGE_VAL}) {
      CHECK_THROWS_AS(step.train(rate), ConfigError);
      CHECK(step.steps_done() == 0);
    }
  }
}
