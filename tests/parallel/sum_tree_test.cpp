// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/parallel/sum_tree.hpp>

using namespace octavo;

namespace {

/// The definition: the sum of two halves, written down.
std::string written(Index begin, Index end) {
  if (end - begin == 1) return std::to_string(begin);
  const Index middle = begin + (end - begin + 1) / 2;
  return "(" + written(begin, middle) + "+" + written(middle, end) + ")";
}

/// The sum of all ranks, each of which uses its slots in order.
std::string summed(const SumTree& tree) {
  std::vector<std::string> nodes;
  for (Index rank = 0; rank < tree.ranks; ++rank) {
    std::vector<std::string> slots(static_cast<std::size_t>(tree.slots()));
    for (Index leaf = tree.share(rank).begin; leaf < tree.share(rank).end; ++leaf) {
      slots.at(static_cast<std::size_t>(tree.slot(leaf))) = std::to_string(leaf);
      tree.merge_after(leaf, [&](Index slot) {
        const auto into = static_cast<std::size_t>(slot);
        slots.at(into) = "(" + slots.at(into) + "+" + slots.at(into + 1) + ")";
      });
    }
    nodes.insert(nodes.end(), slots.begin(), slots.begin() + tree.nodes(rank));
  }
  CHECK(std::ssize(nodes) == tree.nodes());
  tree.sum_nodes([&](Index into, Index from) {
    std::string& sum = nodes.at(static_cast<std::size_t>(into));
    sum = "(" + sum + "+" + nodes.at(static_cast<std::size_t>(from)) + ")";
  });
  return nodes.front();
}

}  // namespace

TEST_CASE("the sum is the same tree for every number of processes") {
  for (Index leaves = 1; leaves <= 40; ++leaves) {
    for (Index ranks = 1; ranks <= leaves; ++ranks) {
      if (leaves % ranks != 0) continue;
      INFO(leaves << " leaves, " << ranks << " ranks");
      CHECK(summed({leaves, ranks}) == written(0, leaves));
    }
  }
}

TEST_CASE("few slots and nodes") {
  static_assert(SumTree{}.slots() == 1 && SumTree{}.nodes() == 1);
  static_assert(SumTree{64, 1}.slots() == 7);
  static_assert(SumTree{64, 8}.nodes() == 8 && SumTree{64, 8}.slots() == 4);
  static_assert(SumTree{12, 4}.nodes() == 4);
  static_assert(SumTree{12, 3}.nodes() == 2 + 3 + 2);
  static_assert(SumTree{5, 5}.slots() == 1);
}
