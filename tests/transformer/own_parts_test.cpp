// SPDX-License-Identifier: MIT
// Layers and blocks of the user's that do not fit a model, or forget something: what is said, and
// when.
#include <functional>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include <octavo/training/training_step.hpp>

using namespace octavo;

namespace {

constexpr ModelShape shape{
    .vocabulary = 11, .context = 8, .layers = 2, .heads = 2, .width = 12, .d_ff = 20};

enum class Forgets { nothing, book, declare, booking };

/// Two products; it may call both of them the same, or forget a part.
struct Twice {
  using Value = float;
  Twice(Index in, Index out, bool named = true, Forgets what = Forgets::nothing)
      : first(in, in, true), second(in, out, true), norm(out, true), names(named), forgets(what) {}
  Index input_width() const { return first.input_width(); }
  Index output_width() const { return second.output_width(); }
  void declare(ParameterDeclarations& list) {
    list.begin_layer("mlp");
    first.declare(list);
    if (names) list.begin_layer("mlp.second");
    if (forgets != Forgets::declare) second.declare(list);
    list.begin_layer("mlp.norm");
    norm.declare(list);
  }
  void book(BookingScope& scope) {
    if (forgets != Forgets::booking) middle = scope.saved<float>("middle", scope.rows() * 12);
    normed = scope.saved<float>("normed", scope.rows() * 12);
    first.book(scope);
    second.book(scope);
    if (forgets != Forgets::book) norm.book(scope);
  }
  void forward(const LayerContext<float>& context, MatrixView<const float> x,
               MatrixView<float> y) const {
    const MatrixView<float> h(context.saved(middle), x.rows, 12),
        n(context.saved(normed), x.rows, 12);
    first.forward(context, x, h);
    second.forward(context, h, n);
    norm.forward(context, n, y);
  }
  void backward(const LayerContext<float>& context, MatrixView<const float> x,
                MatrixView<const float> dy, MatrixView<float> dx) const {
    const MatrixView<float> h(context.saved(middle), x.rows, 12),
        n(context.saved(normed), x.rows, 12);
    norm.backward(context, n, dy, n);
    second.backward(context, h, n, dx);
    first.backward(context, x, dx, h);
    copy<float>(context.worker, h, dx);
    context.worker.barrier();
  }

  Linear<float> first, second;
  LayerNorm<float> norm;
  bool names;
  Forgets forgets;
  Booking<float> middle, normed;
};

/// Does nothing, 16 wide.
struct Wide {
  using Value = float;
  static constexpr bool overwrites_all = true;
  Index width() const { return 16; }
  void declare(ParameterDeclarations&) {}
  void book(const BlockScope&) {}
  void forward(const LayerContext<float>&, MatrixView<float>) const {}
  void backward(const LayerContext<float>&, MatrixView<float>) const {}
};

std::pair<std::string, std::string> refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const ConfigError& error) {
    return {error.what(), error.hint()};
  }
  return {"accepted", ""};
}

template <BlockPart Part>
std::string made_of(const Part& part) {
  return refusal([&] { Transformer<float, RuntimeConfig, Part>(RuntimeConfig(shape), part); })
      .first;
}

std::string trained(const Twice& layer) {
  const auto train = [&] {
    ThreadPool threads(2);
    const Transformer<float, RuntimeConfig, Twice> model(RuntimeConfig(shape), layer);
    TrainingStep<float, RuntimeConfig, Twice> step(model, {.step = {1, 8}}, threads);
    step.train(1e-3);
  };
  return refusal(train).first;
}

constexpr bool fits(const FeedForward<float>& layer) {
  const Transformer<float> model(RuntimeConfig(shape), layer);
  return model.parameter_count() > 0;
}
static_assert(fits(FeedForward<float>(12, 48, Activation::relu, true)));

}  // namespace

TEST_CASE("a part of another width than the model's is refused when the model is made") {
  CHECK(made_of(Twice(12, 12)) == "accepted");
  CHECK(made_of(Twice(8, 8)) ==
        "feed-forward layer: got width 8 to 8, expected 12 to 12, the model's width");
  CHECK(made_of(Twice(12, 16)) ==
        "feed-forward layer: got width 12 to 16, expected 12 to 12, the model's width");
  CHECK(made_of(FeedForward<float>(16, 12, Activation::gelu, true)) ==
        "feed-forward layer: got width 16 to 16, expected 12 to 12, the model's width");
  CHECK(made_of(FeedForward<float>(12, 48, Activation::gelu, true)) == "accepted");
  CHECK(made_of(Wide{}) == "block: got width 16 to 16, expected 12 to 12, the model's width");
}

TEST_CASE("two tensors of one name are refused when the model is made") {
  const auto make = [] {
    Transformer<float, RuntimeConfig, Twice>(RuntimeConfig(shape), Twice(12, 12, false));
  };
  CHECK(refusal(make) ==
        std::pair<std::string, std::string>(
            "two tensors have the name 'mlp.weight'",
            "call begin_layer() with a name of its own before each layer that declares"));
  ParameterDeclarations block;
  block.vector("w", 2, InitialValue::zeros);
  ParameterList list;
  list.append("h.0.", block);
  CHECK_NOTHROW(list.append("h.1.", block));
  CHECK(refusal([&] { list.append("h.1.", block); }).first == "two tensors have the name 'h.1.w'");
  CHECK(list.size() == 2);
}

TEST_CASE("what a layer forgets to book or to declare is told, without a crash") {
  CHECK(trained(Twice(12, 12)) == "accepted");
  CHECK(trained(Twice(12, 12, true, Forgets::book))
            .starts_with("a layer uses memory that was not booked"));
  CHECK(trained(Twice(12, 12, true, Forgets::booking))
            .starts_with("a layer uses memory that was not booked"));
  CHECK(trained(Twice(12, 12, true, Forgets::declare))
            .starts_with("a layer uses a tensor that was not declared"));
}

TEST_CASE("attention whose heads do not divide its width is refused") {
  CHECK_NOTHROW(CausalSelfAttention<float>(12, 3, true));
  for (const Index heads : {5, 0, -1}) {
    CHECK_THROWS_WITH_AS(
        CausalSelfAttention<float>(12, heads, true),
        ("attention: width 12 is not a multiple of heads " + std::to_string(heads)).c_str(),
        ConfigError);
  }
}
