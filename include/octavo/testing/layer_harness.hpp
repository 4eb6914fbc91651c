// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <utility>
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

/// A part that can be checked: a layer or a transformer's block, in double.
template <typename L>
concept CheckedPart = BlockPart<L> && std::same_as<typename L::Value, double>;

/// Makes the layer or block to be checked: `[](const Builder<double>& builder) { return
/// Linear<double>(builder, 7, 5); }`.
template <typename M>
concept PartMaker = requires(const M make, const Builder<double>& builder) {
  requires CheckedPart<decltype(make(builder))>;
};

/// The type that a PartMaker makes.
template <PartMaker M>
using PartOf = decltype(std::declval<const M&>()(std::declval<const Builder<double>&>()));

/// The batch on which check_gradients runs a layer.
struct GradientCheckOptions {
  Index sequences = 2;
  Index sequence = 5;
  Index workers = 1;
  std::uint64_t seed = 1;
  double step = 1e-5;  ///< of the central difference, times max(1, |x|)
  double absolute = 1e-9;
  double relative = 1e-7;
  Index width = 0;         ///< of the input
  Index output_width = 0;  ///< 0: that of the input
};

/// Writes the gradients to the memory of LayerHarness.
class HarnessGradients final : public GradientConsumer<double> {
 public:
  HarnessGradients(const ParameterList& parameters, std::vector<double>& gradients,
                   std::vector<char>& begun)
      : parameters_(parameters), gradients_(gradients), begun_(begun) {}

  GradientPlace<double> place(Index tensor) override {
    const auto i = static_cast<std::size_t>(tensor);
    return {gradients_.data() + parameters_[i].offset,
            std::exchange(begun_[i], 1) == 0 ? Output::overwrite : Output::accumulate};
  }
  void complete(Index, Index) override {}

 private:
  const ParameterList& parameters_;
  std::vector<double>& gradients_;
  std::vector<char>& begun_;
};

/// A layer or block with its memory, ready to run alone. Before every call, memory that the call
/// must overwrite or must not read is filled with NaN.
template <CheckedPart L>
class LayerHarness {
 public:
  static constexpr bool is_block = !Layer<L>;

  template <PartMaker M>
  LayerHarness(const M& make, const GradientCheckOptions& options)
      : options_(checked(options)),
        threads_(options.workers),
        layer_(make(builder())),
        parameters_(list(table_)),
        pack_buffer_(plan_.book<double>(
            "harness", "packed operand", MemoryKind::scratch,
            options_.workers * pack_buffer_elements<double>(octavo::detail::panel_depth), {0, 3})),
        arena_(placed(plan_)),
        input(count(options_.width)),
        output(count(options_.output_width)),
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

  /// The loss whose gradient backward computes: sum of output * output_gradient.
  double loss() {
    forward();
    double total = 0;
    for (std::size_t i = 0; i < output.size(); ++i) total += output[i] * output_gradient[i];
    return total;
  }

  /// Overwrites input_gradient; overwrites the parameters' gradients or adds to them.
  void backward(Output start = Output::overwrite) {
    forward();
    begin_backward(start);
    threads_.run([&](const Worker& worker) { backward_on(worker); });
  }

  /// Fills the memory that forward must write with NaN.
  void begin_forward() {
    poison(output);
    std::fill(arena_.bytes().begin(), arena_.bytes().end(), std::byte{0xFF});  // NaN
  }
  /// A worker's share of forward: input becomes output.
  void forward_on(const Worker& worker) {
    if constexpr (is_block) {
      copy<double>(worker, input_view(), output_view(output));
      layer_.forward(pass(worker), output_view(output));
    } else {
      layer_.forward(pass(worker), input_view(), output_view(output));
    }
  }

  /// Fills the memory that backward must write with NaN; call after forward.
  void begin_backward(Output start = Output::overwrite) {
    poison(input_gradient);
    const bool overwrite = start == Output::overwrite;
    if (overwrite) poison(gradients);
    begun_.assign(static_cast<std::size_t>(options_.workers),
                  std::vector<char>(parameters_.size(), overwrite ? 0 : 1));
  }
  /// A worker's share of backward: output_gradient becomes input_gradient.
  void backward_on(const Worker& worker) {
    HarnessGradients consumer(parameters_, gradients,
                              begun_[static_cast<std::size_t>(worker.index())]);
    const MatrixView<double> result(input_gradient.data(), rows(), options_.width);
    if constexpr (is_block) {
      copy<double>(worker, output_view(output_gradient), result);
      layer_.backward(pass(worker, &consumer), result);
    } else {
      layer_.backward(pass(worker, &consumer), input_view(), output_view(output_gradient), result);
    }
  }

 private:
  static GradientCheckOptions checked(GradientCheckOptions options) {
    require_kernels();
    require(options.width > 0, "the check of a layer needs a width in its options");
    if (options.output_width == 0) options.output_width = options.width;
    return options;
  }
  static void poison(std::vector<double>& block) {
    std::fill(block.begin(), block.end(), std::numeric_limits<double>::quiet_NaN());
  }
  static ParameterList list(const ParameterTable& table) {
    ParameterList list;
    list.append("", table);
    return list;
  }
  static const MemoryPlan& placed(MemoryPlan& plan) {
    plan.place();
    return plan;
  }

  Builder<double> builder() {
    const PassShape pass{.sequences = options_.sequences,
                         .sequence = options_.sequence,
                         .workers = options_.workers,
                         .dropout = is_block};
    return {table_, plan_, pass, {"layer", {0, 1}, {2, 3}, {0, 3}}};
  }

  std::size_t count(Index width) const { return static_cast<std::size_t>(rows() * width); }
  MatrixView<double> input_view() { return {input.data(), rows(), options_.width}; }
  MatrixView<double> output_view(std::vector<double>& block) const {
    return {block.data(), rows(), options_.output_width};
  }

  Pass<double> pass(const Worker& worker, GradientConsumer<double>* consumer = nullptr) const {
    return {.run = {worker, arena_, arena_.get(pack_buffer_), consumer,
                    DropoutDraw{CounterRandom(options_.seed, RandomStream::dropout), 0, 0.25},
                    CounterRandom(options_.seed, RandomStream::adapter_dropout)},
            .rows = {options_.sequences, options_.sequence},
            .weights = weights.data()};
  }

  GradientCheckOptions options_;
  ThreadPool threads_;
  ParameterTable table_;
  MemoryPlan plan_;
  L layer_;
  ParameterList parameters_;
  Booking<double> pack_buffer_;
  Arena arena_;
  std::vector<std::vector<char>> begun_;  ///< [workers][tensors]

 public:
  std::vector<double> input, output, output_gradient, input_gradient, weights, gradients;
};

}  // namespace OCTAVO_NAMESPACE::testing
