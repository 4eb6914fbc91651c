// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include <octavo/base/config.hpp>
#include <octavo/parallel/worker.hpp>

// The order of a sum whose bits do not depend on how its terms are dealt to processes.
namespace OCTAVO_NAMESPACE {

/// A fixed binary tree over `leaves` terms of a sum, in their order: every node is the sum of its
/// two halves, of which the left one is the larger. Equal shares of neighbouring leaves are dealt
/// to `ranks` processes. Each sums the largest nodes within its share (one node if the share is a
/// node of the tree), and the nodes of all ranks are summed from there on.
///
/// A process goes through its leaves in order with few slots of memory: leaf i lies in slot(i), and
/// when it is there, merge_after(i) says which slots to add up. In the end the nodes of the share
/// are in the first slots, in order.
struct SumTree {
  Index leaves = 1;
  Index ranks = 1;

  constexpr Index leaves_per_rank() const noexcept { return leaves / ranks; }
  /// The leaves of a rank.
  constexpr Range share(Index rank) const noexcept {
    return {rank * leaves_per_rank(), (rank + 1) * leaves_per_rank()};
  }

  /// The number of nodes that a rank is left with.
  constexpr Index nodes(Index rank) const noexcept { return count(share(rank), {0, leaves}); }
  /// The number of nodes of all ranks.
  constexpr Index nodes() const noexcept {
    Index sum = 0;
    for (Index rank = 0; rank < ranks; ++rank) sum += nodes(rank);
    return sum;
  }

  constexpr Index slot(Index leaf) const noexcept {
    Index slot = 0;
    for (Range node{0, leaves}; node.size() > 1;) {
      const Range left{node.begin, middle(node)};
      if (leaf >= left.end) slot += count(share_of(leaf), left);
      node = leaf < left.end ? left : Range{left.end, node.end};
    }
    return slot;
  }
  /// The number of slots that the rank with the most needs.
  constexpr Index slots() const noexcept {
    Index most = 0;
    for (Index leaf = 0; leaf < leaves; ++leaf) most = std::max(most, slot(leaf) + 1);
    return most;
  }

  /// Calls merge(slot) for each node of its rank's share that is complete with `leaf`, from the
  /// smallest on: the sum in slot + 1 is to be added to that in `slot`.
  template <typename Merge>
  constexpr void merge_after(Index leaf, Merge merge) const {
    visit({0, leaves}, leaf, 0, merge);
  }

  /// Calls merge(into, from) with indices of nodes until node 0 is the whole sum. Nodes are counted
  /// over all ranks, those of rank 0 first.
  template <typename Merge>
  constexpr void sum_nodes(Merge merge) const {
    Index next = 0;
    visit_nodes({0, leaves}, next, merge);
  }

 private:
  static constexpr Index middle(Range node) noexcept { return node.begin + (node.size() + 1) / 2; }
  static constexpr bool contains(Range outer, Range inner) noexcept {
    return outer.begin <= inner.begin && inner.end <= outer.end;
  }
  constexpr Range share_of(Index leaf) const noexcept { return share(leaf / leaves_per_rank()); }

  /// The largest nodes in `node` that lie within the share.
  OCTAVO_ONE_COPY static constexpr Index count(Range share, Range node) noexcept {
    if (node.end <= share.begin || node.begin >= share.end) return 0;
    if (contains(share, node)) return 1;
    return count(share, {node.begin, middle(node)}) + count(share, {middle(node), node.end});
  }

  template <typename Merge>
  OCTAVO_ONE_COPY constexpr void visit(Range node, Index leaf, Index slot, Merge& merge) const {
    if (node.size() == 1) return;
    const Range left{node.begin, middle(node)};
    if (leaf < left.end) return visit(left, leaf, slot, merge);
    visit({left.end, node.end}, leaf, slot + count(share_of(leaf), left), merge);
    if (leaf == node.end - 1 && contains(share_of(leaf), node)) merge(slot);
  }

  template <typename Merge>
  OCTAVO_ONE_COPY constexpr Index visit_nodes(Range node, Index& next, Merge& merge) const {
    if (contains(share_of(node.begin), node)) return next++;
    const Index left = visit_nodes({node.begin, middle(node)}, next, merge);
    merge(left, visit_nodes({middle(node), node.end}, next, merge));
    return left;
  }
};

}  // namespace OCTAVO_NAMESPACE
