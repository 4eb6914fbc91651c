// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/transformer/model_tables.hpp>

using namespace octavo;

namespace {

/// Embedding: 2 tensors, 10 numbers. Block: 3 tensors, 9 numbers. End: 1 tensor, 4 numbers.
constexpr detail::ModelTables tables() {
  detail::ModelTables all;
  const ParameterPath root;
  all.embedding.add(root / "wte", 3, 2, InitialValue::normal);
  all.embedding.add(root / "wpe", 2, 2, InitialValue::normal);
  all.block.add(root / "w", 2, 2, InitialValue::normal);
  all.block.add(root / "b", 0, 2, InitialValue::zeros);
  all.block.add(root / "g", 0, 3, InitialValue::ones);
  all.head.add(root / "ln", 0, 4, InitialValue::ones);
  return all;
}
static_assert(tables().count(5) == 10 + 5 * 9 + 4 && tables().size(5) == 2 + 5 * 3 + 1);

void check_range(const ParameterRange& range, Index first_tensor, Index tensors, Index offset,
                 Index count) {
  CHECK(range.first_tensor == first_tensor);
  CHECK(range.tensors == tensors);
  CHECK(range.offset == offset);
  CHECK(range.count == count);
}

}  // namespace

TEST_CASE("the parts of a model follow one another: embedding, each block, the end") {
  const detail::ModelTables all = tables();
  check_range(all.embedding_range(), 0, 2, 0, 10);
  check_range(all.block_range(0), 2, 3, 10, 9);
  check_range(all.block_range(4), 14, 3, 46, 9);
  check_range(all.head_range(5), 17, 1, 55, 4);
  check_range(all.head_range(0), 2, 1, 10, 4);
}

TEST_CASE("the list has the tensors of all parts, blocks numbered, where the ranges say") {
  const detail::ModelTables all = tables();
  const ParameterList list = all.list(2);
  CHECK(list.count() == all.count(2));
  REQUIRE(static_cast<Index>(list.size()) == all.size(2));
  std::vector<std::string> names;
  for (const Parameter& parameter : list) names.push_back(parameter.name);
  CHECK(names == std::vector<std::string>{"wte", "wpe", "blocks.0.w", "blocks.0.b", "blocks.0.g",
                                          "blocks.1.w", "blocks.1.b", "blocks.1.g", "ln"});
  for (Index layer = 0; layer < 2; ++layer) {
    const ParameterRange range = all.block_range(layer);
    const Parameter& first = list[static_cast<std::size_t>(range.first_tensor)];
    CHECK(first.offset == range.offset);
    CHECK(first.name == "blocks." + std::to_string(layer) + ".w");
  }
  CHECK(list[8].offset == all.head_range(2).offset);
}
