// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include <octavo/base/config.hpp>
#include <octavo/kernels/elementwise.hpp>
#include <octavo/layers/causal_self_attention.hpp>
#include <octavo/layers/dropout.hpp>
#include <octavo/layers/layer.hpp>
#include <octavo/layers/norm.hpp>
#include <octavo/transformer/model_config.hpp>
#include <octavo/transformer/part_check.hpp>
#include <octavo/transformer/phases.hpp>

namespace OCTAVO_NAMESPACE {

/// One pre-norm residual block (Radford et al. 2019): x += attention(norm_1(x));
/// x += feed_forward(norm_2(x)). Works in place on the residual stream x [rows, width]: the stream
/// is one buffer for all blocks, since backward needs only the normalised inputs, which the norms
/// save. `FeedForwardLayer` may be any Layer from width to width.
template <Scalar T, Layer FeedForwardLayer>
class Block {
 public:
  using Value = T;

  /// ConfigError where the layer is not from width to width.
  constexpr Block(const Builder<T>& builder, const ModelConfig& config)
      : norm_1_(in_attention(builder, "ln_1") / "attention_norm", config.width, config.norm),
        attention_(in_attention(builder, "attention") / "attention", config.width,
                   config.attention),
        norm_2_(in_feed_forward(builder, "ln_2") / "feed_forward_norm", config.width, config.norm),
        feed_forward_(in_feed_forward(builder, "feed-forward") / "feed_forward", config),
        dropout_(1),
        input_(builder.forward_scratch("normalized and scaled", config.width)),
        branch_(builder.forward_scratch("branch", config.width)),
        backward_input_(builder.backward_scratch("normalized and scaled", config.width)),
        input_gradient_(builder.backward_scratch("branch input gradient", config.width)),
        branch_gradient_(builder.pass().dropout
                             ? builder.backward_scratch("branch gradient", config.width)
                             : Buffer<T>{}) {
    detail::check_layer_width(feed_forward_, config.width);
  }

  void forward(const Pass<T>& pass, MatrixView<T> x) const {
    run_forward(pass, x, norm_1_, 2 * pass.block,
                [&](auto input, auto output) { attention_.forward(pass, input, output); });
    run_forward(pass, x, norm_2_, 2 * pass.block + 1,
                [&](auto input, auto output) { feed_forward_.forward(pass, input, output); });
  }

  /// Makes again what forward saves, from the block's input, which is overwritten. Backward does
  /// not need the output of the last product.
  void forward_saved(const Pass<T>& pass, MatrixView<T> x) const {
    run_forward(pass, x, norm_1_, 2 * pass.block,
                [&](auto input, auto output) { attention_.forward(pass, input, output); });
    const MatrixView<T> input = pass[input_];
    norm_2_.forward(pass, x, input);
    if constexpr (requires { feed_forward_.forward_saved(pass, MatrixView<const T>(input)); }) {
      feed_forward_.forward_saved(pass, input);
    } else {
      feed_forward_.forward(pass, input, pass[branch_]);
    }
  }

  /// dx [rows, width]: the gradient of the block's output, replaced by that of its input.
  void backward(const Pass<T>& pass, MatrixView<T> dx) const {
    run_backward(pass, dx, norm_2_, 2 * pass.block + 1,
                 [&](auto... matrices) { feed_forward_.backward(pass, matrices...); });
    run_backward(pass, dx, norm_1_, 2 * pass.block,
                 [&](auto... matrices) { attention_.backward(pass, matrices...); });
  }

 private:
  static constexpr Builder<T> during(const Builder<T>& builder, std::string_view part, int forward,
                                     int backward) {
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

  /// x += dropout(branch(norm(x))). Between blocks a worker reads only those rows of x that it
  /// wrote: the barrier after the addition is left to the model, after the last block.
  template <typename Branch>
  void run_forward(const Pass<T>& pass, MatrixView<T> x, const Norm<T>& norm, Index site,
                   Branch branch) const {
    const MatrixView<T> input = pass[input_].row_block(0, x.rows);
    const MatrixView<T> output = pass[branch_].row_block(0, x.rows);
    norm.forward(pass, x, input);
    branch(MatrixView<const T>(input), output);
    dropout_.apply(pass, site, output);
    add<T>(pass.worker(), output, x);
  }

  template <typename Branch>
  void run_backward(const Pass<T>& pass, MatrixView<T> dx, const Norm<T>& norm, Index site,
                    Branch branch) const {
    const MatrixView<T> input = pass[backward_input_];
    const MatrixView<T> input_gradient = pass[input_gradient_];
    MatrixView<T> branch_gradient = dx;
    if (pass.run.dropout) {
      branch_gradient = pass[branch_gradient_];
      copy<T>(pass.worker(), dx, branch_gradient);
      dropout_.apply(pass, site, branch_gradient);
    }
    norm.recompute_output(pass, input);
    branch(MatrixView<const T>(input), MatrixView<const T>(branch_gradient), input_gradient);
    norm.backward_accumulate(pass, input_gradient, dx);
  }

  Norm<T> norm_1_;
  CausalSelfAttention<T> attention_;
  Norm<T> norm_2_;
  FeedForwardLayer feed_forward_;
  Dropout<T> dropout_;
  Buffer<T> input_;
  Buffer<T> branch_;
  Buffer<T> backward_input_;
  Buffer<T> input_gradient_;
  Buffer<T> branch_gradient_;
};

}  // namespace OCTAVO_NAMESPACE
