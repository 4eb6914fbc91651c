// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/training/gradient_consumers.hpp>

using namespace octavo;

namespace {

/// An embedding of one tensor, two blocks of a unit and a tensor of none, an end of one tensor.
struct Model {
  ParameterTable embedding, block, head;
  ParameterList list;

  Model() {
    const ParameterPath root;
    embedding.add(root / "e", 0, 2, InitialValue::zeros);
    const ParameterUnit unit = block.begin_unit();
    block.add(root / "w", 0, 3, InitialValue::zeros, unit);
    block.add(root / "b", 0, 1, InitialValue::zeros, unit);
    block.add(root / "plain", 0, 2, InitialValue::zeros);
    head.add(root / "n", 0, 4, InitialValue::zeros);
    list.append("", embedding);
    list.append("0.", block);
    list.append("1.", block);
    list.append("end.", head);
  }

  ParameterRange embedding_range() const { return {0, 1, 0, 2}; }
  ParameterRange block_range(Index layer) const { return {1 + 3 * layer, 3, 2 + 6 * layer, 6}; }
  ParameterRange head_range() const { return {7, 1, 14, 4}; }
  const ParameterTable& block_table() const { return block; }
  bool in_rows(Index) const { return false; }
  Index table_rows() const { return 0; }
};

/// Memory for one part at a time, and a record of what was updated with which gradient.
struct AtOnce {
  Model model;
  std::vector<double> embedding = std::vector<double>(2, 99), end = std::vector<double>(4, 99);
  std::vector<double> block = std::vector<double>(6, 99);
  std::vector<GradientMark> marks = std::vector<GradientMark>(8);
  std::string told;
  Worker worker;

  auto consumer(bool units_take_turns, Index largest_unit = 4) {
    const auto update = [this](const Parameter& tensor, std::span<const double> gradient) {
      told += tensor.name + " ";
      for (const double number : gradient) told += std::to_string(static_cast<int>(number)) + " ";
    };
    return UpdateAtOnce<double, Model, decltype(update)>(
        worker, model, model.list.span(), {embedding, block, end, units_take_turns, largest_unit},
        marks, update);
  }
};

/// Fills a place with a number.
void leave(const GradientPlace<double>& place, std::size_t count, double number) {
  for (std::size_t i = 0; i < count; ++i) {
    place.numbers[i] = number + (place.output == Output::accumulate ? place.numbers[i] : 0);
  }
}

}  // namespace

TEST_CASE("gathered gradients lie as the parameters do, overwritten once, then added to") {
  const Model model;
  std::vector<double> gradients(18, 99);
  std::vector<GradientMark> marks(8, GradientMark::used);
  AccumulateGradients<double> consumer(model.list.span(), gradients, marks);
  const GradientPlace<double> first = consumer.place(4);
  CHECK(first.numbers == gradients.data() + 8);
  CHECK(first.output == Output::overwrite);
  CHECK(consumer.place(4).output == Output::accumulate);
  CHECK(consumer.place(0).output == Output::overwrite);
  consumer.complete(4, 1);  // they stay where they are
  CHECK(consumer.place(4).output == Output::accumulate);
  leave(first, 3, 5);
  consumer.finish(Worker{});
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const double expected = i < 2 ? 99 : i >= 8 && i < 11 ? 5 : 0;  // what no pass used is 0
    CHECK(gradients[i] == expected);
  }
}

TEST_CASE("gradients used at once: each part's memory, an update when the part is complete") {
  AtOnce at_once;
  auto consumer = at_once.consumer(false);
  CHECK(consumer.place(7).numbers == at_once.end.data());
  leave({at_once.end.data(), Output::overwrite}, 4, 6);
  consumer.complete(7, 1);  // by parts alone
  CHECK(at_once.told == "");
  consumer.complete_part(at_once.model.head_range());
  CHECK(at_once.told == "end.n 6 6 6 6 ");
  at_once.told = "";
  CHECK(consumer.place(4).numbers == at_once.block.data());
  CHECK(consumer.place(6).numbers == at_once.block.data() + 4);
  leave({at_once.block.data(), Output::overwrite}, 3, 7);
  leave({at_once.block.data() + 4, Output::overwrite}, 2, 8);
  consumer.complete(4, 2);
  CHECK(at_once.told == "");
  consumer.complete_part(at_once.model.block_range(1));
  CHECK(at_once.told == "1.w 7 7 7 1.b 0 1.plain 8 8 ");     // b was used by no pass
  CHECK(consumer.place(1).numbers == at_once.block.data());  // the next block's lie there again
  CHECK(consumer.place(1).output == Output::accumulate);
  CHECK(consumer.place(0).numbers == at_once.embedding.data());
}

TEST_CASE("gradients used at once, unit by unit: an update when the unit is complete") {
  AtOnce at_once;
  auto consumer = at_once.consumer(true);
  CHECK(consumer.place(4).numbers == at_once.block.data());  // w, then b
  CHECK(consumer.place(5).numbers == at_once.block.data() + 3);
  CHECK(consumer.place(6).numbers == at_once.block.data() + 4);  // after the largest unit
  leave({at_once.block.data(), Output::overwrite}, 6, 3);
  consumer.complete(4, 2);
  CHECK(at_once.told == "1.w 3 3 3 1.b 3 ");
  consumer.complete(6, 1);  // of no unit: only with its block
  CHECK(at_once.told == "1.w 3 3 3 1.b 3 ");
  consumer.complete_part(at_once.model.block_range(1));
  CHECK(at_once.told == "1.w 3 3 3 1.b 3 1.plain 3 3 ");  // each once
  consumer.complete(0, 1);
  CHECK(at_once.told == "1.w 3 3 3 1.b 3 1.plain 3 3 ");  // the embedding is a part
}

TEST_CASE("gradients used at once, unit by unit: frozen tensors of a unit take no memory") {
  AtOnce at_once;
  at_once.model.list.set_trained(
      [](const Parameter& tensor) { return tensor.name.find(".w") == std::string::npos; });
  auto consumer = at_once.consumer(true, 1);
  CHECK_FALSE(consumer.place(4));
  CHECK(consumer.place(5).numbers == at_once.block.data());
  CHECK(consumer.place(6).numbers == at_once.block.data() + 1);
}

TEST_CASE("a gradient that is used up takes no more") {
  AtOnce at_once;
  auto consumer = at_once.consumer(true);
  consumer.place(4);
  consumer.complete(4, 2);
  CHECK_THROWS_WITH_AS(consumer.place(4),
                       "a layer runs twice in one pass, but its gradients are used up after the "
                       "first time: make it with builder.reused()",
                       ConfigError);
}
