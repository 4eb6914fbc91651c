// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include <octavo/base/config.hpp>
#include <octavo/parallel/worker.hpp>

// The order of a sum whose bits do not depend on how its terms are dealt to processes.
namespace OCTAVO_NAMESPACE {

/// A fixed binary tree over `leaves` terms of a sum, in their order: every node is the sum of its
/// two halves, of which the left one is the larger. Equal shares of neighbouring leaves are dealt
/// to `ranks` processes; each sums the largest nodes within its share (one node if the leaves are a
/// power of two), and the nodes of all ranks are summed from there on.
struct SumTree {
  Index leaves = 1;
  Index ranks = 1;

  constexpr Index leaves_per_rank() const noexcept { return leaves / ranks; }
  constexpr Range share(Index rank) const noexcept {
    return {rank * leaves_per_rank(), (rank + 1) * leaves_per_rank()};
  }

  /// Calls leaf(index, slot) for each leaf of a rank, in order, and merge(slot) as soon as a node
  /// within the share is complete: then the sum in slot + 1 is added to that in `slot`. Returns the
  /// number of nodes that are left, in the slots from 0 on, in order.
  template <typename Leaf, typename Merge>
  constexpr Index sum_share(Index rank, Leaf leaf, Merge merge) const {
    return visit(share(rank), {0, leaves}, 0, leaf, merge);
  }

  /// Calls merge(into, from) with indices of nodes until node 0 is the whole sum. Nodes are counted
  /// over all ranks, those of rank 0 first.
  template <typename Merge>
  constexpr void sum_nodes(Merge merge) const {
    Index next = 0;
    visit_nodes({0, leaves}, next, merge);
  }

  /// The number of nodes that sum_share leaves.
  constexpr Index nodes(Index rank) const {
    return sum_share(rank, [](Index, Index) {}, [](Index) {});
  }
  /// The number of nodes of all ranks.
  constexpr Index nodes() const {
    Index count = 0;
    for (Index rank = 0; rank < ranks; ++rank) count += nodes(rank);
    return count;
  }

  /// The number of slots that the rank with the most needs.
  constexpr Index slots() const {
    Index most = 0;
    for (Index rank = 0; rank < ranks; ++rank) {
      sum_share(
          rank, [&](Index, Index slot) { most = std::max(most, slot + 1); }, [](Index) {});
    }
    return most;
  }

 private:
  static constexpr Index middle(Range node) { return node.begin + (node.size() + 1) / 2; }

  template <typename Leaf, typename Merge>
  static constexpr Index visit(Range share, Range node, Index slot, Leaf& leaf, Merge& merge) {
    if (node.end <= share.begin || node.begin >= share.end) return 0;
    if (node.size() == 1) {
      leaf(node.begin, slot);
      return 1;
    }
    const Index left = visit(share, {node.begin, middle(node)}, slot, leaf, merge);
    const Index right = visit(share, {middle(node), node.end}, slot + left, leaf, merge);
    if (node.begin < share.begin || node.end > share.end) return left + right;
    merge(slot);
    return 1;
  }

  template <typename Merge>
  constexpr Index visit_nodes(Range node, Index& next, Merge& merge) const {
    if (node.begin / leaves_per_rank() == (node.end - 1) / leaves_per_rank()) return next++;
    const Index left = visit_nodes({node.begin, middle(node)}, next, merge);
    merge(left, visit_nodes({middle(node), node.end}, next, merge));
    return left;
  }
};

}  // namespace OCTAVO_NAMESPACE
