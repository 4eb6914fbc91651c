// SPDX-License-Identifier: MIT
// What is a layer and what is not.
#include <type_traits>

#include <doctest/doctest.h>

#include <octavo/layers/causal_self_attention.hpp>
#include <octavo/layers/dropout.hpp>
#include <octavo/layers/embedding.hpp>
#include <octavo/layers/feed_forward.hpp>
#include <octavo/layers/linear.hpp>
#include <octavo/layers/norm.hpp>

using namespace octavo;

namespace {

struct Identity {
  using Value = float;
  void forward(const Pass<float>&, MatrixView<const float>, MatrixView<float>) const {}
  void backward(const Pass<float>&, MatrixView<const float>, MatrixView<const float>,
                MatrixView<float>) const {}
};
struct WithoutValue {
  void forward(const Pass<float>&, MatrixView<const float>, MatrixView<float>) const {}
  void backward(const Pass<float>&, MatrixView<const float>, MatrixView<const float>,
                MatrixView<float>) const {}
};
struct OfWholeNumbers : Identity {
  using Value = int;
};
struct WithoutBackward {
  using Value = float;
  void forward(const Pass<float>&, MatrixView<const float>, MatrixView<float>) const {}
};
struct Changing {  // one layer object serves all blocks and threads
  using Value = float;
  void forward(const Pass<float>&, MatrixView<const float>, MatrixView<float>) {}
  void backward(const Pass<float>&, MatrixView<const float>, MatrixView<const float>,
                MatrixView<float>) {}
};
struct WritesItsInput {
  using Value = float;
  void forward(const Pass<float>&, MatrixView<float>, MatrixView<float>) const {}
  void backward(const Pass<float>&, MatrixView<const float>, MatrixView<const float>,
                MatrixView<float>) const {}
};

static_assert(Layer<Identity>);
static_assert(!Layer<WithoutValue> && !Layer<OfWholeNumbers> && !Layer<WithoutBackward>);
static_assert(!Layer<Changing> && !Layer<WritesItsInput> && !Layer<int>);

template <typename T>
constexpr bool own_layers_are_layers = Layer<Linear<T>>&& Layer<Norm<T>>&& Layer<FeedForward<T>>&&
    Layer<Dropout<T>>&& Layer<CausalSelfAttention<T>>;
static_assert(own_layers_are_layers<float> && own_layers_are_layers<double>);
static_assert(!Layer<Embedding<float>>);  // from tokens, not from rows

}  // namespace

TEST_CASE("a layer owns no numbers: it is copied as a value, in a few words") {
  CHECK(std::is_trivially_copyable_v<Linear<float>>);
  CHECK(std::is_trivially_copyable_v<CausalSelfAttention<float>>);
  CHECK(sizeof(FeedForward<float>) == sizeof(FeedForward<double>));
}
