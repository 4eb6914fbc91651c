// SPDX-License-Identifier: MIT
#include <numeric>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/tensor/weight_source.hpp>

using namespace octavo;

namespace {

ParameterList matrix_and_vector() {
  ParameterList list;
  list.append("vector", ParameterEntry{.path = {}, .rows = 0, .columns = 2});
  list.append("matrix", ParameterEntry{.path = {}, .rows = 3, .columns = 4});
  return list;
}

std::vector<float> numbered(std::size_t count) {
  std::vector<float> weights(count);
  std::iota(weights.begin(), weights.end(), 0.f);
  return weights;
}

std::vector<float> read(const WeightSource<float>& source, const ParameterBlock& block) {
  std::vector<float> numbers(block.count());
  source.read(block, numbers);
  return numbers;
}

}  // namespace

TEST_CASE("a block of weights in memory is read in either order, and viewed in place") {
  const ParameterList list = matrix_and_vector();
  const std::vector<float> weights = numbered(14);
  const WeightSource<float> source(weights);
  CHECK(source.in_memory());
  CHECK(read(source, list[0]) == std::vector<float>{0, 1});
  const ParameterBlock block(list[1], 1, 2, 1, 3);
  CHECK(read(source, block) == std::vector<float>{7, 8, 9, 11, 12, 13});
  const ParameterBlock turned(list[1], 1, 2, 1, 3, true);
  CHECK(read(source, turned) == std::vector<float>{7, 11, 8, 12, 9, 13});
  std::vector<float> buffer;
  const MatrixView<const float> view = source.view(block, buffer);
  CHECK(view.data == weights.data() + 7);
  CHECK(view.stride == 4);
  CHECK(buffer.empty());
  const MatrixView<const float> other = source.view(turned, buffer);
  CHECK(other.rows == 3);
  CHECK(other(2, 1) == 13);
}

TEST_CASE("a function gives the numbers of a block, and another one may change them") {
  const ParameterList list = matrix_and_vector();
  const std::vector<float> weights = numbered(14);
  const WeightSource<float> source(weights);
  const WeightSource<float> doubled([&](const ParameterBlock& block, std::span<float> numbers) {
    source.read(block, numbers);
    for (float& number : numbers) number *= 2;
  });
  CHECK(!doubled.in_memory());
  CHECK(doubled.weights().empty());
  CHECK(read(doubled, ParameterBlock(list[1], 0, 1, 0, 3)) == std::vector<float>{4, 6, 8});
  std::vector<float> buffer;
  const MatrixView<const float> view = doubled.view({list[1], 2, 1, 0, 2, true}, buffer);
  CHECK(view.rows == 2);
  CHECK(view.columns == 1);
  CHECK(view(1, 0) == 22);
  CHECK(buffer.size() == 2);
}

TEST_CASE("weights in memory must be all of the model's") {
  const std::vector<float> weights = numbered(14);
  CHECK_NOTHROW(WeightSource<float>(weights).require_count("numbers", 14));
  CHECK_THROWS_WITH_AS(WeightSource<float>(weights).require_count("numbers", 15),
                       "numbers: got 14, expected 15", ConfigError);
  const WeightSource<float> function([](const ParameterBlock&, std::span<float>) {});
  CHECK_NOTHROW(function.require_count("numbers", 15));
}
