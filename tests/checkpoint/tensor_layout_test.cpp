// SPDX-License-Identifier: MIT
#include <algorithm>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/checkpoint/tensor_layout.hpp>

using namespace octavo;
using detail::TensorLayout;

namespace {

Parameter parameter_of(Index rows, Index columns) {
  Parameter parameter;
  parameter.rows = rows;
  parameter.columns = columns;
  return parameter;
}

std::vector<float> numbered(const Parameter& parameter) {
  std::vector<float> numbers(static_cast<std::size_t>(parameter.count()));
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i);
  return numbers;
}

/// The numbers of a tensor in the file's order, one by one.
std::vector<float> in_file(const TensorLayout& layout, const std::vector<float>& numbers) {
  std::vector<float> file;
  for (Index i = 0; i < static_cast<Index>(layout.rows()); ++i) {
    for (Index j = 0; j < static_cast<Index>(layout.width()); ++j) {
      const Index row = layout.transposed ? j : i;
      const Index column = layout.column(layout.transposed ? i : j);
      file.push_back(numbers[static_cast<std::size_t>(row * layout.parameter->columns + column)]);
    }
  }
  return file;
}

/// All ways in which a parameter's columns [first, first + columns) may lie in a file.
std::vector<TensorLayout> layouts(const Parameter& parameter) {
  std::vector<TensorLayout> all;
  for (const bool transposed : {false, true}) {
    if (transposed && parameter.rows == 0) continue;
    for (const Index pairs : {0, 4}) {
      all.push_back({&parameter, 0, parameter.columns, transposed, pairs});
      all.push_back({&parameter, 4, parameter.columns - 12, transposed, pairs});
    }
  }
  return all;
}

/// What a function gives, whose blocks must have at most `most` numbers.
WeightSource<float> given(const std::vector<float>& weights, std::size_t most) {
  return [weights, most](const ParameterBlock& block, std::span<float> numbers) {
    CHECK(numbers.size() <= most);
    WeightSource<float>(weights).read(block, numbers);
  };
}

}  // namespace

TEST_CASE("the places of columns and of rows of the file are inverse, with halves alternating") {
  const Parameter parameter = parameter_of(3, 40);
  for (const TensorLayout& layout : layouts(parameter)) {
    for (Index i = 0; i < layout.columns; ++i) CHECK(layout.place(layout.column(i)) == i);
  }
  const TensorLayout heads{&parameter, 8, 16, true, 8};
  CHECK(heads.column(0) == 8);
  CHECK(heads.column(1) == 12);
  CHECK(heads.column(2) == 9);
  CHECK(heads.column(9) == 20);
}

TEST_CASE("any block is read from any layout in either order, and other numbers stay") {
  for (const Index rows : {0, 1, 19}) {
    const Parameter parameter = parameter_of(rows, 40);
    const std::vector<float> numbers = numbered(parameter);
    const Index all = ParameterBlock::rows_of(parameter);
    for (const TensorLayout& layout : layouts(parameter)) {
      const std::vector<float> file = in_file(layout, numbers);
      const auto fetch = [&](std::size_t first, std::span<float> to) {
        REQUIRE(first + to.size() <= file.size());
        std::copy_n(file.begin() + static_cast<std::ptrdiff_t>(first), to.size(), to.begin());
      };
      for (const bool by_columns : {false, true}) {
        for (const auto& [row, row_count] : {std::pair<Index, Index>{0, all}, {all / 2, 1}}) {
          for (const auto& [column, count] :
               {std::pair<Index, Index>{0, 40}, {4, 28}, {5, 20}, {0, 3}, {39, 1}}) {
            const ParameterBlock block(parameter, row, row_count, column, count, by_columns);
            std::vector<float> got(block.count(), -1);
            detail::read_block<float>(layout, block, got, fetch);
            bool right = true;
            for (Index i = 0; i < row_count; ++i) {
              for (Index j = 0; j < count; ++j) {
                const Index of = column + j;
                const bool has = of >= layout.first && of < layout.first + layout.columns;
                const float expected =
                    has ? numbers[static_cast<std::size_t>((row + i) * 40 + of)] : -1.f;
                right =
                    right &&
                    got[static_cast<std::size_t>(i * block.row_step() + j * block.column_step())] ==
                        expected;
              }
            }
            INFO(rows, " ", layout.first, " ", layout.transposed, " ", layout.pairs, " ",
                 block.column);
            CHECK(right);
          }
        }
      }
    }
  }
}

TEST_CASE("a tensor is written in the file's order, from memory and from a function") {
  for (const Index rows : {0, 1, 19}) {
    const Parameter parameter = parameter_of(rows, 40);
    const std::vector<float> numbers = numbered(parameter);
    for (const TensorLayout& layout : layouts(parameter)) {
      for (const WeightSource<float>& source :
           {WeightSource<float>(numbers), given(numbers, numbers.size())}) {
        std::vector<float> file;
        detail::for_each_row<float>(layout, source,
                                    [&](std::size_t first, std::span<const float> row) {
                                      CHECK(first == file.size());
                                      CHECK(row.size() % layout.width() == 0);
                                      file.insert(file.end(), row.begin(), row.end());
                                    });
        CHECK(file == in_file(layout, numbers));
      }
    }
  }
}

TEST_CASE("a function is asked for blocks of at most 16 MiB, once for every number") {
  const Parameter parameter = parameter_of(3000, 4000);
  const auto most = static_cast<std::size_t>(detail::block_numbers<float>);
  for (const bool transposed : {false, true}) {
    for (const Index pairs : {Index{0}, Index{transposed ? 80 : 0}}) {
      std::size_t asked = 0, got = 0, largest = 0;
      const WeightSource<float> source([&](const ParameterBlock&, std::span<float> numbers) {
        asked += numbers.size();
        largest = std::max(largest, numbers.size());
      });
      detail::for_each_row<float>(
          {&parameter, 0, 4000, transposed, pairs}, source,
          [&](std::size_t, std::span<const float> row) { got += row.size(); });
      CHECK(asked == 12'000'000);
      CHECK(got == asked);
      CHECK(largest <= most);
      CHECK(largest > most / 2);
    }
  }
}
