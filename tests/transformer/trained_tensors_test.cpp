// SPDX-License-Identifier: MIT
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/transformer/trained_tensors.hpp>

using namespace octavo;

namespace {

/// An embedding of 10 numbers, blocks of 4 + 3, a head of 5.
detail::ModelTables tables() {
  detail::ModelTables tables;
  tables.embedding.add(ParameterPath() / "table", 5, 2, InitialValue::normal);
  tables.block.add(ParameterPath() / "matrix", 2, 2, InitialValue::normal);
  tables.block.add(ParameterPath() / "vector", 0, 3, InitialValue::zeros);
  tables.head.add(ParameterPath() / "head", 0, 5, InitialValue::normal);
  return tables;
}

template <typename Trains>
TrainedTensors of(Trains trains) {
  return trained_tensors(tables(), 3, [&](const auto& name, Index block, Index layers) {
    return name.with_text([&](std::string_view text) { return trains(text, block, layers); });
  });
}

}  // namespace

TEST_CASE("all tensors train: the whole model, and backward goes to the first block") {
  const TrainedTensors all = of([](auto, Index, Index) { return true; });
  CHECK(all.sizes.tensors == 8);
  CHECK(all.sizes.count == 10 + 3 * 7 + 5);
  CHECK(all.embedding());
  CHECK(all.first_block == 0);
  CHECK(all.largest_block == 7);
  CHECK(all.equal_blocks);
}

TEST_CASE("the last blocks and the head train") {
  const TrainedTensors last =
      of([](auto, Index block, Index layers) { return block >= layers - 2; });
  CHECK(last.sizes.count == 2 * 7 + 5);
  CHECK_FALSE(last.embedding());
  CHECK(last.first_block == 1);
  CHECK(last.largest_block == 7);
  CHECK(last.equal_blocks);
  CHECK(last.head_count == 5);
}

TEST_CASE("the head alone trains: no block runs backward") {
  const TrainedTensors head = of([](auto, Index block, Index layers) { return block == layers; });
  CHECK(head.sizes.count == 5);
  CHECK(head.first_block == 3);
  CHECK(head.largest_block == 0);
}

TEST_CASE("names choose tensors: blocks of different sizes are told") {
  const TrainedTensors vectors =
      of([](std::string_view name, Index, Index) { return name.find("vector") != name.npos; });
  CHECK(vectors.sizes.tensors == 3);
  CHECK(vectors.sizes.count == 9);
  CHECK(vectors.first_block == 0);
  CHECK(vectors.largest_block == 3);
  CHECK(vectors.equal_blocks);
  const TrainedTensors mixed = of([](std::string_view name, Index block, Index) {
    return block == 1 && name.find("vector") != name.npos ? false : block >= 1;
  });
  CHECK(mixed.first_block == 1);
  CHECK(mixed.largest_block == 7);
  CHECK_FALSE(mixed.equal_blocks);
  // The middle block is frozen, but backward goes through it.
  const TrainedTensors hole = of([](auto, Index block, Index) { return block != 1; });
  CHECK(hole.first_block == 0);
  CHECK_FALSE(hole.equal_blocks);
}

TEST_CASE("a trained embedding takes the way back through blocks that are frozen") {
  const TrainedTensors embedding = of([](auto, Index block, Index) { return block < 0; });
  CHECK(embedding.sizes.count == 10);
  CHECK(embedding.first_block == 0);
  CHECK(embedding.largest_block == 0);
  CHECK_FALSE(embedding.equal_blocks);
}

TEST_CASE("the largest unit of a block, of what trains") {
  detail::ModelTables tables;
  const ParameterPath root;
  tables.block.add(root / "plain", 0, 5, InitialValue::zeros);
  const ParameterUnit small = tables.block.begin_unit();
  tables.block.add(root / "small", 0, 2, InitialValue::zeros, small);
  const ParameterUnit large = tables.block.begin_unit();
  tables.block.add(root / "large", 3, 4, InitialValue::zeros, large);
  tables.block.add(root / "large bias", 0, 4, InitialValue::zeros, large);
  tables.block.add(root / "other", 0, 7, InitialValue::zeros);
  tables.head.add(root / "head", 0, 50, InitialValue::normal, tables.head.begin_unit());
  const auto of = [&](std::string_view frozen) {
    return trained_tensors(tables, 2, [&](const auto& name, Index, Index) {
      return name.with_text(
          [&](std::string_view text) { return frozen.empty() || text.find(frozen) == text.npos; });
    });
  };
  CHECK(of("").largest_unit == 16);
  CHECK(of("").most_outside_units == 12);
  CHECK(of("large").largest_unit == 2);
  CHECK(of("bias").largest_unit == 12);
  CHECK(of("0.large").largest_unit == 16);  // of the other block
  CHECK(of("plain").most_outside_units == 7);
}
