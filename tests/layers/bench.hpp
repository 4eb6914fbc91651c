// SPDX-License-Identifier: MIT
// A layer with its memory and its numbers, for one worker, whose calls a test writes itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <octavo/kernels/matmul.hpp>
#include <octavo/layers/layer.hpp>
#include <octavo/memory/arena.hpp>
#include <octavo/numeric/random.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/testing/layer_harness.hpp>

namespace octavo_test {

/// `count` numbers from a normal distribution.
inline std::vector<double> random_numbers(octavo::Index count, std::uint64_t seed) {
  const octavo::CounterRandom random(seed, octavo::RandomStream::initial_weights);
  std::vector<double> numbers(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = random.normal(i);
  return numbers;
}

/// Numbers as a matrix of so many columns.
inline octavo::MatrixView<double> matrix_of(std::vector<double>& numbers, octavo::Index columns) {
  return {numbers.data(), static_cast<octavo::Index>(numbers.size()) / columns, columns};
}

template <typename L>
class Bench {
 public:
  /// `make` (builder) makes the layer for passes of that shape.
  template <typename Make>
  explicit Bench(const Make& make, const octavo::PassShape& shape = {})
      : shape_(shape),
        layer(make(octavo::Builder<double>(table_, plan_, shape, times))),
        parameters(list_of(table_)),
        pack_buffer_(plan_.book<double>(
            "bench", "packed operand", octavo::MemoryKind::scratch,
            octavo::pack_buffer_elements<double>(octavo::detail::panel_depth), {0, 3})),
        arena_((plan_.place(), plan_)),
        weights(random_numbers(parameters.count(), 1)),
        gradients(weights.size()),
        begun_(parameters.size()),
        consumer_(parameters, gradients, begun_) {}

  /// A pass of the shape, or of other rows; the gradients of the first are overwritten, those of
  /// later ones added.
  octavo::Pass<double> forward_pass() const { return pass(nullptr); }
  octavo::Pass<double> backward_pass() { return pass(&consumer_); }

  /// The numbers of a parameter.
  std::vector<double> weight(std::string_view name) const { return numbers_of(name, weights); }
  std::vector<double> gradient(std::string_view name) const { return numbers_of(name, gradients); }

 private:
  static constexpr octavo::BuildTimes times{
      .part = "layer", .forward = {0, 1}, .backward = {2, 3}, .saved = {0, 3}};

  static octavo::ParameterList list_of(const octavo::ParameterTable& table) {
    octavo::ParameterList list;
    list.append("", table);
    return list;
  }

  octavo::Pass<double> pass(octavo::GradientConsumer<double>* consumer) const {
    return {.run = {worker_, arena_, arena_.get(pack_buffer_), consumer, dropout},
            .rows = {shape_.sequences, shape_.sequence},
            .weights = weights.data()};
  }

  std::vector<double> numbers_of(std::string_view name, const std::vector<double>& all) const {
    const octavo::Parameter& parameter = parameters.find(name);
    const auto first = all.begin() + parameter.offset;
    return {first, first + parameter.count()};
  }

  octavo::Worker worker_;
  octavo::PassShape shape_;
  octavo::ParameterTable table_;
  octavo::MemoryPlan plan_;

 public:
  std::optional<octavo::DropoutDraw> dropout;
  L layer;
  octavo::ParameterList parameters;

 private:
  octavo::Booking<double> pack_buffer_;
  octavo::Arena arena_;

 public:
  std::vector<double> weights, gradients;

 private:
  std::vector<char> begun_;
  octavo::testing::HarnessGradients consumer_;
};

}  // namespace octavo_test
