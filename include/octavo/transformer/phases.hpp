// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string_view>

#include <octavo/memory/memory_request.hpp>

// The phases of a training step, in which buffers state their lifetimes. All blocks share the
// phases of one block: a buffer that is saved from forward to backward has a copy per block and is
// alive in between; any other buffer is dead before the next block begins.
namespace OCTAVO_NAMESPACE::phase {

inline constexpr int embed_forward = 0;
inline constexpr int attention_forward = 1;
inline constexpr int feed_forward_forward = 2;
inline constexpr int head = 3;
inline constexpr int feed_forward_backward = 4;
inline constexpr int attention_backward = 5;
inline constexpr int embed_backward = 6;
inline constexpr int update = 7;
inline constexpr int between_steps = 8;

/// The names of the phases in reports, in order.
inline constexpr std::array<std::string_view, 9> names{
    "embed",          "attention",  "feed-forward", "head and loss", "feed-forward back",
    "attention back", "embed back", "update",       "between steps"};

/// Alive for the whole run.
inline constexpr Lifetime always{embed_forward, between_steps};
/// Alive from the first pass of a step to its last.
inline constexpr Lifetime passes{embed_forward, embed_backward};

}  // namespace OCTAVO_NAMESPACE::phase
