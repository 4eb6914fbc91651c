// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/kernels/elementwise.hpp>
#include <octavo/kernels/matmul.hpp>
#include <octavo/layers/layer.hpp>
#include <octavo/layers/transformer_block.hpp>
#include <octavo/memory/arena.hpp>
#include <octavo/numeric/isa.hpp>
#include <octavo/numeric/random.hpp>
#include <octavo/parallel/thread_pool.hpp>
#include <octavo/tensor/parameter_list.hpp>

// A layer or block that runs alone, for tests. Not part of octavo.hpp.
namespace OCTAVO_NAMESPACE::testing {

/// What can be checked: a layer or a transformer's block, in double.
template <typename L>
concept CheckedPart = BlockPart<L> && std::same_as<typename L::Value, double>;

struct GradientCheckOptions {
  Index sequences = 2;
  Index sequence = 5;
  Index workers = 1;
  std::uint64_t seed = 1;
  double step = 1e-5;  ///< of the central difference, times max(1, |x|)
  double absolute = 1e-9;
  double relative = 1e-7;
  Index width = 0;  ///< of the residual stream; only for a block that offers no width()
};

/// A layer or block with the memory it asked for, ready to run alone. What it must overwrite or may
/// not rely on is filled with NaN before every call.
template <CheckedPart L>
class LayerHarness {
 public:
  static constexpr bool is_block = !Layer<L>;

  LayerHarness(const L& layer, const GradientCheckOptions& options)
      : layer_(layer),
        options_(options),
        threads_(options.workers),
        parameters_(declare(layer_)),
        arena_(plan()),
        input(count(input_width())),
        output(count(output_width())),
        output_gradient(output.size()),
        input_gradient(input.size()),
        weights(static_cast<std::size_t>(parameters_.count())),
        gradients(weights.size()) {
    const CounterRandom random(options.seed, RandomStream::initial_weights);
    std::uint64_t position = 0;
    for (auto* block : {&weights, &input, &output_gradient}) {
      for (double& x : *block) x = random.normal(position++);
    }
  }

  const ParameterList& parameters() const noexcept { return parameters_; }
  Index rows() const noexcept { return options_.sequences * options_.sequence; }

  void forward() {
    begin_forward();
    threads_.run([&](const Worker& worker) { forward_on(worker); });
  }

  /// The loss of which backward gives the gradient: sum of output * output_gradient.
  double loss() {
    forward();
    double total = 0;
    for (std::size_t i = 0; i < output.size(); ++i) total += output[i] * output_gradient[i];
    return total;
  }

  /// Adds to gradients, overwrites input_gradient.
  void backward() {
    forward();
    begin_backward();
    threads_.run([&](const Worker& worker) { backward_on(worker); });
  }

  /// Poisons what forward must write.
  void begin_forward() {
    poison(output);
    std::fill(arena_.bytes().begin(), arena_.bytes().end(), std::byte{0xFF});  // NaN
  }
  /// A worker's share of forward: input becomes output.
  void forward_on(const Worker& worker) {
    if constexpr (is_block) {
      copy<double>(worker, view(input, input_width()), view(output, output_width()));
      layer_.forward(context(worker), view(output, output_width()));
    } else {
      layer_.forward(context(worker), view(input, input_width()), view(output, output_width()));
    }
  }

  /// Poisons what backward must write; after forward.
  void begin_backward() { poison(input_gradient); }
  /// A worker's share of backward: output_gradient becomes input_gradient.
  void backward_on(const Worker& worker) {
    const MatrixView<double> result = view(input_gradient, input_width());
    if constexpr (is_block) {
      copy<double>(worker, view(output_gradient, output_width()), result);
      layer_.backward(context(worker), result);
    } else {
      layer_.backward(context(worker), view(input, input_width()),
                      view(output_gradient, output_width()), result);
    }
  }

 private:
  static void poison(std::vector<double>& block) {
    std::fill(block.begin(), block.end(), std::numeric_limits<double>::quiet_NaN());
  }
  static ParameterList declare(L& layer) {
    ParameterDeclarations declarations;
    layer.declare(declarations);
    ParameterList list;
    list.append("", declarations);
    return list;
  }

  Index input_width() const {
    if constexpr (!is_block) return layer_.input_width();
    if constexpr (is_block && requires {
                    { layer_.width() } -> std::convertible_to<Index>;
                  }) {
      return layer_.width();
    }
    require(options_.width > 0, "a block without width() is checked with a width in the options");
    return options_.width;
  }
  Index output_width() const {
    if constexpr (is_block) return input_width();
    if constexpr (!is_block) return layer_.output_width();
  }
  std::size_t count(Index width) const { return static_cast<std::size_t>(rows() * width); }

  MemoryPlan plan() {
    require_kernels();
    MemoryPlan plan;
    pack_buffer_ = plan.book<double>(
        "harness", "packed operand", MemoryKind::scratch,
        options_.workers * pack_buffer_elements<double>(octavo::detail::panel_depth), {0, 3});
    constexpr BlockPhases phases{0, 1, 2, 3};
    BookingScope scope{plan,
                       "layer",
                       options_.sequences,
                       options_.sequence,
                       options_.workers,
                       {0, 1},
                       {2, 3},
                       {0, 3},
                       true,
                       1};
    if constexpr (is_block) {
      layer_.book(BlockScope{scope, phases, true});
    } else {
      layer_.book(scope);
    }
    plan.place();
    return plan;
  }

  LayerContext<double> context(const Worker& worker) {
    return {worker,
            arena_,
            weights.data(),
            gradients.data(),
            0,
            0,
            options_.sequences,
            options_.sequence,
            arena_.get(pack_buffer_),
            0,
            DropoutDraw{CounterRandom(options_.seed, RandomStream::dropout), 0, 0.25}};
  }
  MatrixView<double> view(std::vector<double>& block, Index width) const {
    return {block.data(), rows(), width};
  }

  L layer_;
  GradientCheckOptions options_;
  ThreadPool threads_;
  ParameterList parameters_;
  Booking<double> pack_buffer_;
  Arena arena_;

 public:
  std::vector<double> input, output, output_gradient, input_gradient, weights, gradients;
};

}  // namespace OCTAVO_NAMESPACE::testing
