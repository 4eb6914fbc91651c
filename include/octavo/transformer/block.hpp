// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <string_view>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/kernels/elementwise.hpp>
#include <octavo/layers/causal_self_attention.hpp>
#include <octavo/layers/dropout.hpp>
#include <octavo/layers/feed_forward.hpp>
#include <octavo/layers/layer.hpp>
#include <octavo/layers/layer_norm.hpp>
#include <octavo/layers/transformer_block.hpp>
#include <octavo/transformer/model_config.hpp>
#include <octavo/transformer/pass.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

/// ConfigError, when a model is made, where a part of it is not from the model's width to the same.
constexpr void check_part_widths(const char* part, Index in, Index out, Index width) {
  require(in == width && out == width, [&] {
    return concat({part, ": got width ", in, " to ", out, ", expected ", width, " to ", width,
                   ", the model's width"});
  });
}

template <typename B>
constexpr void declare_block(B& block, ParameterDeclarations& declarations) {
  block.declare(declarations);
  declarations.check_names();
}

}  // namespace detail

/// One pre-norm residual block (Radford et al. 2019): x += attention(norm_1(x));
/// x += feed_forward(norm_2(x)). Works in place on the residual stream x [rows, width]: the stream
/// is one buffer for all blocks, since backward needs only the normalised inputs, which the norms
/// keep. `FeedForwardLayer` may be any Layer from width to width.
template <Scalar T, ModelConfig Config, Layer FeedForwardLayer>
class Block {
 public:
  using Value = T;

  /// ConfigError where the layer is not from width to width.
  constexpr Block(const ModelShape& shape, const FeedForwardLayer& feed_forward)
      : norm_1_(shape.width, shape.bias),
        attention_(shape.width, shape.heads, shape.bias),
        norm_2_(shape.width, shape.bias),
        feed_forward_(feed_forward),
        dropout_(shape.width, 1),
        width_(shape.width) {
    detail::check_part_widths("feed-forward layer", feed_forward.input_width(),
                              feed_forward.output_width(), shape.width);
  }

  constexpr Index width() const { return width_; }

  constexpr void declare(ParameterDeclarations& declarations) {
    declarations.begin_layer("ln_1");
    norm_1_.declare(declarations);
    attention_.declare(declarations);
    declarations.begin_layer("ln_2");
    norm_2_.declare(declarations);
    declarations.begin_layer("mlp");
    added_to_.offset = declarations.count();
    feed_forward_.declare(declarations);
    added_to_.count = overwrites_all ? 0 : declarations.count() - added_to_.offset;
  }

  /// Those of the block's parameters whose gradients must be zero before a step.
  constexpr const ParameterRange& added_to() const { return added_to_; }

  constexpr void book(const BlockScope& whole) {
    BookingScope scope = whole;
    const BlockPhases& phases = whole.phases;
    const auto enter = [&](std::string_view part, int forward, int backward) {
      scope.part = part;
      scope.forward = {forward, forward};
      scope.backward = {backward, backward};
    };
    enter("ln_1", phases.attention_forward, phases.attention_backward);
    norm_1_.book(scope);
    enter("attention", phases.attention_forward, phases.attention_backward);
    attention_.book(scope);
    enter("ln_2", phases.feed_forward_forward, phases.feed_forward_backward);
    norm_2_.book(scope);
    enter("feed-forward", phases.feed_forward_forward, phases.feed_forward_backward);
    feed_forward_.book(scope);

    scope.part = "block";
    scope.forward = whole.forward;
    scope.backward = whole.backward;
    const Index numbers = scope.rows() * width_;
    input_ = scope.forward_scratch<T>("normalized and scaled", numbers);
    branch_ = scope.forward_scratch<T>("branch", numbers);
    backward_input_ = scope.backward_scratch<T>("normalized and scaled", numbers);
    input_gradient_ = scope.backward_scratch<T>("branch input gradient", numbers);
    if (whole.dropout) branch_gradient_ = scope.backward_scratch<T>("branch gradient", numbers);
  }

  void forward(const LayerContext<T>& context, MatrixView<T> x) const {
    run_forward(context, x, norm_1_, 2 * context.block,
                [&](auto input, auto output) { attention_.forward(context, input, output); });
    run_forward(context, x, norm_2_, 2 * context.block + 1,
                [&](auto input, auto output) { feed_forward_.forward(context, input, output); });
  }

  /// Makes again what forward keeps, from the block's input, which is overwritten. The output of
  /// the last product is nothing that backward needs.
  void keep_again(const LayerContext<T>& context, MatrixView<T> x) const {
    run_forward(context, x, norm_1_, 2 * context.block,
                [&](auto input, auto output) { attention_.forward(context, input, output); });
    const MatrixView<T> input(context.scratch(input_), x.rows, width_);
    norm_2_.forward(context, x, input);
    if constexpr (requires { feed_forward_.keep(context, MatrixView<const T>(input)); }) {
      feed_forward_.keep(context, input);
    } else {
      feed_forward_.forward(context, input, {context.scratch(branch_), x.rows, width_});
    }
  }

  /// dx [rows, width]: the gradient of the stream behind the block, replaced by that before it.
  void backward(const LayerContext<T>& context, MatrixView<T> dx) const {
    LayerContext<T> adding = context;
    if constexpr (!overwrites_all) adding.gradient_start = Output::accumulate;
    run_backward(context, dx, norm_2_, 2 * context.block + 1,
                 [&](auto... matrices) { feed_forward_.backward(adding, matrices...); });
    run_backward(context, dx, norm_1_, 2 * context.block,
                 [&](auto... matrices) { attention_.backward(context, matrices...); });
  }

  static constexpr bool overwrites_all = requires {
    requires FeedForwardLayer::overwrites_gradients;
  };

 private:
  using Norm = LayerNorm<T, Config::width>;

  /// x += dropout(branch(norm(x))). Between blocks a worker reads only those rows of x that it
  /// wrote: the barrier behind the addition is left to whoever runs the last block.
  template <typename Branch>
  void run_forward(const LayerContext<T>& context, MatrixView<T> x, const Norm& norm, Index site,
                   Branch branch) const {
    const MatrixView<T> input(context.scratch(input_), x.rows, width_);
    const MatrixView<T> output(context.scratch(branch_), x.rows, width_);
    norm.forward(context, x, input);
    branch(MatrixView<const T>(input), output);
    dropout_.apply(context, site, output);
    add<T>(context.worker, output, x);
  }

  template <typename Branch>
  void run_backward(const LayerContext<T>& context, MatrixView<T> dx, const Norm& norm, Index site,
                    Branch branch) const {
    const MatrixView<T> input = context.scratch_matrix(backward_input_, width_);
    const MatrixView<T> input_gradient = context.scratch_matrix(input_gradient_, width_);
    MatrixView<T> branch_gradient = dx;
    if (context.dropout) {
      branch_gradient = context.scratch_matrix(branch_gradient_, width_);
      copy<T>(context.worker, dx, branch_gradient);
      dropout_.apply(context, site, branch_gradient);
    }
    norm.replay(context, input);
    branch(MatrixView<const T>(input), MatrixView<const T>(branch_gradient), input_gradient);
    norm.backward_into_residual(context, input_gradient, dx);
  }

  Norm norm_1_;
  CausalSelfAttention<T, Config::width> attention_;
  Norm norm_2_;
  FeedForwardLayer feed_forward_;
  Dropout<T> dropout_;
  Index width_;
  ParameterRange added_to_;
  Booking<T> input_;
  Booking<T> branch_;
  Booking<T> backward_input_;
  Booking<T> input_gradient_;
  Booking<T> branch_gradient_;
};

namespace detail {

/// Whether a part that is not whole is meant as a layer.
template <typename P>
inline constexpr bool has_widths = HasInputWidth<P> || HasOutputWidth<P>;

/// Says in words what a model's part lacks. (Of a concept with two alternatives compilers say no
/// more than that neither holds.)
template <typename T, typename Config, typename P>
struct ModelCheck {
  static_assert(ModelConfig<Config>,
                "the model's Config needs: shape(), and static width and d_ff (see FixedConfig)");
  static constexpr bool layer = has_widths<P>;
  static_assert(HasValue<P>, "the part needs its number type: using Value = T, float or double");
  static_assert(std::same_as<typename P::Value, T>,
                "the part's Value is not the number type of the model");
  static_assert(HasInputWidth<P> || !layer, "the layer needs: Index input_width() const");
  static_assert(HasOutputWidth<P> || !layer, "the layer needs: Index output_width() const");
  static_assert(HasDeclare<P>, "the part needs: void declare(ParameterDeclarations&)");
  static_assert(LayerBooks<P> || !layer, "the layer needs: void book(BookingScope&)");
  static_assert(LayerForward<P> || !layer,
                "the layer needs: void forward(const LayerContext<T>&, MatrixView<const T> input, "
                "MatrixView<T> output) const");
  static_assert(LayerBackward<P> || !layer,
                "the layer needs: void backward(const LayerContext<T>&, MatrixView<const T> input, "
                "MatrixView<const T> output_gradient, MatrixView<T> input_gradient) const");
  static_assert(SaysWhetherAllIsOverwritten<P> || layer,
                "the block needs: static constexpr bool overwrites_all (a layer: input_width() and "
                "output_width())");
  static_assert(BlockBooks<P> || layer, "the block needs: void book(const BlockScope&)");
  static_assert(BlockForward<P> || layer,
                "the block needs: void forward(const LayerContext<T>&, MatrixView<T> x) const");
  static_assert(BlockBackward<P> || layer,
                "the block needs: void backward(const LayerContext<T>&, MatrixView<T> dx) const");
  using Value = T;
};

template <Scalar T, typename Config, typename Part>
struct BlockWith {
  using Type = Part;
  static constexpr Type make(const ModelShape& shape, const Part& block) {
    if constexpr (requires {
                    { block.width() } -> std::convertible_to<Index>;
                  }) {
      check_part_widths("block", block.width(), block.width(), shape.width);
    }
    return block;
  }
};
template <Scalar T, typename Config, Layer Part>
struct BlockWith<T, Config, Part> {
  using Type = Block<T, Config, Part>;
  static constexpr Type make(const ModelShape& shape, const Part& feed_forward) {
    return Type(shape, feed_forward);
  }
};

}  // namespace detail

}  // namespace OCTAVO_NAMESPACE
