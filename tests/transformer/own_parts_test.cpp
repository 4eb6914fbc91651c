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

constexpr ModelConfig small{.vocabulary = 11,
                            .context = 8,
                            .layers = 2,
                            .width = 12,
                            .attention = {.heads = 2},
                            .feed_forward = {.d_ff = 20}};

/// What may be wrong with a part.
enum class Wrong { nothing, input, output, names, buffer };

/// Two products and a norm.
template <Wrong wrong>
struct Twice {
  using Value = float;
  constexpr Twice(const Builder<float>& builder, const ModelConfig& config)
      : first(builder / "first", in(config), in(config)),
        second(builder / (wrong == Wrong::names ? "first" : "second"), in(config),
               config.width + (wrong == Wrong::output ? 4 : 0)),
        norm(builder / "norm", config.width),
        middle(wrong == Wrong::buffer ? Buffer<float>{} : builder.saved("middle", config.width)),
        normed(builder.saved("normed", config.width)) {}
  static constexpr Index in(const ModelConfig& config) {
    return config.width - (wrong == Wrong::input ? 4 : 0);
  }
  Index input_width() const { return first.input_width(); }
  Index output_width() const { return second.output_width(); }

  void forward(const Pass<float>& pass, MatrixView<const float> x, MatrixView<float> y) const {
    first.forward(pass, x, pass[middle]);
    second.forward(pass, pass[middle], pass[normed]);
    norm.forward(pass, pass[normed], y);
  }
  void backward(const Pass<float>& pass, MatrixView<const float> x, MatrixView<const float> dy,
                MatrixView<float> dx) const {
    norm.backward(pass, pass[normed], dy, pass[normed]);
    second.backward(pass, pass[middle], pass[normed], dx);
    first.backward(pass, x, dx, pass[middle]);
    copy<float>(pass.worker(), pass[middle], dx);
    pass.worker().barrier();
  }

  Linear<float> first, second;
  Norm<float> norm;
  Buffer<float> middle, normed;
};

/// Does nothing, 16 wide.
struct Wide {
  using Value = float;
  constexpr Wide(const Builder<float>&, const ModelConfig&) {}
  constexpr Index width() const { return 16; }
  void forward(const Pass<float>&, MatrixView<float>) const {}
  void backward(const Pass<float>&, MatrixView<float>) const {}
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
std::pair<std::string, std::string> made_of() {
  return refusal([] { Transformer<float, ModelConfig, Part>{small}; });
}

template <Wrong wrong>
std::string trained() {
  const auto train = [] {
    ThreadPool threads(2);
    const Transformer<float, ModelConfig, Twice<wrong>> model{small};
    TrainingStep<float, ModelConfig, Twice<wrong>> step(model, {.batch = 1, .sequence = 8},
                                                        threads);
    step.train(1e-3);
  };
  return refusal(train).first;
}

static_assert(Transformer<float, ModelConfig, Wide>(
                  ModelConfig(ModelConfig{
                      .vocabulary = 3, .context = 2, .width = 16, .feed_forward = {.d_ff = 1}}))
                  .parameter_count() == 3 * 16 + 2 * 16 + 2 * 16 + 3 * 16 + 3);

}  // namespace

TEST_CASE("a part of another width than the model's is refused when the model is made") {
  CHECK(made_of<Twice<Wrong::nothing>>().first == "accepted");
  CHECK(made_of<Twice<Wrong::input>>().first ==
        "feed-forward layer: got width 8 to 12, expected 12 to 12, the model's width");
  CHECK(made_of<Twice<Wrong::output>>().first ==
        "feed-forward layer: got width 12 to 16, expected 12 to 12, the model's width");
  CHECK(made_of<Wide>().first == "block: got width 16 to 16, expected 12 to 12, the model's width");
}

TEST_CASE("two tensors of one name are refused when the model is made") {
  CHECK(
      made_of<Twice<Wrong::names>>() ==
      std::pair<std::string, std::string>("two tensors have the name 'feed_forward.first.weight'",
                                          "give each layer a name of its own: builder / \"name\""));
  ParameterTable block;
  block.add(ParameterPath() / "w", 0, 2, InitialValue::zeros);
  ParameterList list;
  list.append("h.0.", block);
  CHECK_NOTHROW(list.append("h.1.", block));
  CHECK(refusal([&] { list.append("h.1.", block); }).first == "two tensors have the name 'h.1.w'");
  CHECK(list.size() == 2);
}

TEST_CASE("memory that a layer did not ask for is told, without a crash") {
  CHECK(trained<Wrong::nothing>() == "accepted");
  CHECK(trained<Wrong::buffer>().starts_with("a layer uses memory that it did not ask for"));
}
