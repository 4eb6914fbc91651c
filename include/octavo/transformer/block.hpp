// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string_view>

#include <octavo/base/config.hpp>
#include <octavo/kernels/elementwise.hpp>
#include <octavo/layers/causal_convolution.hpp>
#include <octavo/layers/causal_self_attention.hpp>
#include <octavo/layers/dropout.hpp>
#include <octavo/layers/layer.hpp>
#include <octavo/layers/norm.hpp>
#include <octavo/memory/memory_plan.hpp>
#include <octavo/transformer/model_config.hpp>
#include <octavo/transformer/part_check.hpp>
#include <octavo/transformer/phases.hpp>

namespace OCTAVO_NAMESPACE {

/// One residual block on the stream x [rows, width], in place: x is one buffer for all blocks,
/// because backward needs only the normalised inputs, which the norms save. The arrangements:
///   pre-norm (Radford et al. 2019):  x += attention(norm_1(x));  x += feed_forward(norm_2(x))
///   pre-post-norm (Gemma 2):         x += post_1(attention(norm_1(x))), and so on
///   parallel (GPT-J, Phi):           h = norm_1(x);  x += attention(h) + feed_forward(h)
/// With conv_taps a causal convolution follows each of the norms 1 and 2.
/// `FeedForwardLayer` may be any Layer from width to width.
template <Scalar T, Layer FeedForwardLayer>
class Block {
 public:
  using Value = T;

  /// ConfigError unless the layer is from width to width.
  OCTAVO_SETUP constexpr Block(const Builder<T>& builder, const ModelConfig& config)
      : arrangement_(config.arrangement),
        norm_1_(in_attention(builder, "ln_1") / "attention_norm", config.width, config.norm),
        convolution_1_(
            convolution(in_attention(builder, "convolution") / "attention_convolution", config, 0)),
        attention_(in_attention(builder, "attention") / "attention", config.width, config.attention,
                   config.positions, without_bias(config.norm)),
        post_norm_1_(post_norm(in_attention(builder, "post norm") / "attention_post_norm", config)),
        norm_2_(norm_2(in_feed_forward(builder, "ln_2") / "feed_forward_norm", config)),
        convolution_2_(norm_2_ ? convolution(in_feed_forward(builder, "convolution") /
                                                 "feed_forward_convolution",
                                             config, 1)
                               : std::nullopt),
        feed_forward_(in_feed_forward(builder, "feed-forward") / "feed_forward", config),
        post_norm_2_(
            post_norm(in_feed_forward(builder, "post norm") / "feed_forward_post_norm", config)),
        dropout_(1),
        input_(builder.forward_scratch("normalized and scaled", config.width)),
        branch_(builder.forward_scratch("branch", config.width)),
        backward_input_(builder.backward_scratch("normalized and scaled", config.width)),
        input_gradient_(builder.backward_scratch("branch input gradient", config.width)),
        branch_gradient_(needs_branch_gradient(builder.pass())
                             ? builder.backward_scratch("branch gradient", config.width)
                             : Buffer<T>{}),
        second_gradient_(arrangement_ == Arrangement::parallel
                             ? builder.backward_scratch("second input gradient", config.width)
                             : Buffer<T>{}) {
    detail::check_layer_width(feed_forward_, config.width);
  }

  void forward(const Pass<T>& pass, MatrixView<T> x) const {
    const MatrixView<T> input = pass[input_].row_block(0, x.rows);
    normalize_input(pass, norm_1_, convolution_1_, x, input);
    add_attention(pass, input, x);
    pass.enter(phase::feed_forward_forward);
    if (norm_2_) normalize_input(pass, *norm_2_, convolution_2_, x, input);
    const MatrixView<T> output = pass[branch_].row_block(0, x.rows);
    feed_forward_.forward(pass, input, output);
    add_branch(pass, output, x, post_norm_2_, 2 * pass.block + 1);
  }

  /// Recomputes everything that forward saves from the block's input, which is overwritten. The
  /// output of the last product is computed only if a norm follows it; otherwise backward does not
  /// need it.
  void forward_saved(const Pass<T>& pass, MatrixView<T> x) const {
    if (post_norm_2_) return forward(pass, x);
    const MatrixView<T> input = pass[input_];
    normalize_input(pass, norm_1_, convolution_1_, x, input);
    add_attention(pass, input, x);
    pass.enter(phase::feed_forward_forward);
    if (norm_2_) normalize_input(pass, *norm_2_, convolution_2_, x, input);
    if constexpr (requires { feed_forward_.forward_saved(pass, MatrixView<const T>(input)); }) {
      feed_forward_.forward_saved(pass, input);
    } else {
      feed_forward_.forward(pass, input, pass[branch_]);
    }
  }

  /// dx [rows, width]: the gradient of the block's output, replaced by that of its input.
  void backward(const Pass<T>& pass, MatrixView<T> dx) const {
    const MatrixView<T> input = pass[backward_input_];
    const MatrixView<T> input_gradient = pass[input_gradient_];
    const Norm<T>& norm_2 = norm_2_ ? *norm_2_ : norm_1_;
    recompute_input(pass, norm_2, norm_2_ ? convolution_2_ : convolution_1_, input);
    feed_forward_.backward(pass, input, branch_gradient(pass, dx, post_norm_2_, 2 * pass.block + 1),
                           input_gradient);
    if (arrangement_ == Arrangement::parallel) {
      pass.enter(phase::attention_backward);
      const MatrixView<T> second = pass[second_gradient_];
      attention_.backward(pass, input, branch_gradient(pass, dx, post_norm_1_, 2 * pass.block),
                          second);
      add<T>(pass.worker(), second, input_gradient);
      pass.worker().barrier();
    } else {
      backward_input(pass, norm_2, convolution_2_, dx);
      pass.enter(phase::attention_backward);
      recompute_input(pass, norm_1_, convolution_1_, input);
      attention_.backward(pass, input, branch_gradient(pass, dx, post_norm_1_, 2 * pass.block),
                          input_gradient);
    }
    backward_input(pass, norm_1_, convolution_1_, dx);
  }

 private:
  using Convolution = std::optional<CausalConvolution<T>>;

  static constexpr NormConfig without_bias(NormConfig config) {
    config.bias = false;
    return config;
  }
  OCTAVO_SETUP static constexpr std::optional<Norm<T>> post_norm(const Builder<T>& builder,
                                                                 const ModelConfig& config) {
    if (config.arrangement != Arrangement::pre_post_norm) return std::nullopt;
    return Norm<T>(builder, config.width, config.norm);
  }
  OCTAVO_SETUP static constexpr std::optional<Norm<T>> norm_2(const Builder<T>& builder,
                                                              const ModelConfig& config) {
    if (config.arrangement == Arrangement::parallel) return std::nullopt;
    return Norm<T>(builder, config.width, config.norm);
  }
  OCTAVO_SETUP static constexpr Convolution convolution(const Builder<T>& builder,
                                                        const ModelConfig& config, Index place) {
    if (config.conv_taps == 0) return std::nullopt;
    return CausalConvolution<T>(builder, config.width, config.conv_taps, place);
  }
  constexpr bool needs_branch_gradient(const PassShape& pass) const {
    return pass.dropout || arrangement_ == Arrangement::pre_post_norm;
  }

  OCTAVO_SETUP static constexpr Builder<T> during(const Builder<T>& builder, std::string_view part,
                                                  int forward, int backward) {
    BuildTimes times = builder.times();
    times.part = part;
    times.forward = {forward, forward};
    times.backward = {backward, backward};
    return builder.at(times);
  }
  static constexpr Builder<T> in_attention(const Builder<T>& builder, std::string_view part) {
    const BuildTimes& block = builder.times();
    return during(builder, part, block.forward.first, block.backward.last);
  }
  static constexpr Builder<T> in_feed_forward(const Builder<T>& builder, std::string_view part) {
    const BuildTimes& block = builder.times();
    return during(builder, part, block.forward.last, block.backward.first);
  }

  /// The input of a branch. Before a convolution the norm's output lies where the branch's will.
  void normalize_input(const Pass<T>& pass, const Norm<T>& norm, const Convolution& convolution,
                       MatrixView<const T> x, MatrixView<T> input) const {
    if (!convolution) return norm.forward(pass, x, input);
    const MatrixView<T> normalized = pass[branch_].row_block(0, x.rows);
    norm.forward(pass, x, normalized);
    convolution->forward(pass, normalized, input);
  }

  /// The same input again, in backward.
  void recompute_input(const Pass<T>& pass, const Norm<T>& norm, const Convolution& convolution,
                       MatrixView<T> input) const {
    if (!convolution) return norm.recompute_output(pass, input);
    const MatrixView<T> normalized = pass[input_gradient_];
    norm.recompute_output(pass, normalized);
    convolution->forward(pass, normalized, input);
  }

  /// Adds to dx what follows from the gradient of a branch's input, which is overwritten, as is the
  /// input.
  void backward_input(const Pass<T>& pass, const Norm<T>& norm, const Convolution& convolution,
                      MatrixView<T> dx) const {
    const MatrixView<T> gradient = pass[input_gradient_];
    if (convolution) {
      const MatrixView<T> normalized = pass[backward_input_];
      norm.recompute_output(pass, normalized);
      convolution->backward(pass, normalized, gradient, gradient);
    }
    norm.backward_accumulate(pass, gradient, dx);
  }

  void add_attention(const Pass<T>& pass, MatrixView<const T> input, MatrixView<T> x) const {
    const MatrixView<T> output = pass[branch_].row_block(0, x.rows);
    attention_.forward(pass, input, output);
    add_branch(pass, output, x, post_norm_1_, 2 * pass.block);
  }

  /// x += dropout(norm(output)), without a barrier: between blocks a worker reads only the rows of
  /// x that it wrote, and the model waits at a barrier after the last block.
  void add_branch(const Pass<T>& pass, MatrixView<T> output, MatrixView<T> x,
                  const std::optional<Norm<T>>& norm, Index site) const {
    if (norm) norm->forward(pass, output, output);
    dropout_.apply(pass, site, output);
    add<T>(pass.worker(), output, x);
  }

  /// The gradient of a branch's output: dx itself, or, if dropout or a norm follows the branch,
  /// computed from dx into scratch memory.
  MatrixView<const T> branch_gradient(const Pass<T>& pass, MatrixView<T> dx,
                                      const std::optional<Norm<T>>& norm, Index site) const {
    if (!norm && !pass.run.dropout) return dx;
    const MatrixView<T> gradient = pass[branch_gradient_];
    if (!norm) {
      copy<T>(pass.worker(), dx, gradient);
      dropout_.apply(pass, site, gradient);
      return gradient;
    }
    MatrixView<T> of_norm = dx;
    if (pass.run.dropout) {
      of_norm = pass[input_gradient_];
      copy<T>(pass.worker(), dx, of_norm);
      dropout_.apply(pass, site, of_norm);
    }
    norm->backward(pass, gradient, of_norm, gradient);
    return gradient;
  }

  Arrangement arrangement_;
  Norm<T> norm_1_;
  Convolution convolution_1_;
  CausalSelfAttention<T> attention_;
  std::optional<Norm<T>> post_norm_1_;
  std::optional<Norm<T>> norm_2_;
  Convolution convolution_2_;
  FeedForwardLayer feed_forward_;
  std::optional<Norm<T>> post_norm_2_;
  Dropout<T> dropout_;
  Buffer<T> input_;
  Buffer<T> branch_;
  Buffer<T> backward_input_;
  Buffer<T> input_gradient_;
  Buffer<T> branch_gradient_;
  Buffer<T> second_gradient_;
};

namespace detail {

/// The blocks of a model: the part itself, or the standard Block around a layer.
template <Scalar T, typename Part>
struct BlockWith {
  using Type = Part;
};
template <Scalar T, Layer Part>
struct BlockWith<T, Part> {
  using Type = Block<T, Part>;
};

}  // namespace detail

/// The gradients of a model's blocks, from PassShape::first_block on: the saved activations of
/// block i+1 are stored in the gradients of block i, if they fit.
template <Scalar T>
struct BlockGradients {
  Booking<T> gradients;
  Index offset = 0;  ///< numbers before those of the first block
  Index count = 0;   ///< numbers of each block
};

}  // namespace OCTAVO_NAMESPACE
