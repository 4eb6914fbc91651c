// SPDX-License-Identifier: MIT
#include <array>
#include <set>
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/transformer/phases.hpp>

using namespace octavo;

// In the order in which a step runs, without gaps: a lifetime is a range of these numbers.
constexpr std::array in_order{phase::embed_forward,         phase::attention_forward,
                              phase::feed_forward_forward,  phase::head,
                              phase::feed_forward_backward, phase::attention_backward,
                              phase::embed_backward,        phase::update,
                              phase::between_steps};

TEST_CASE("phases are numbered in the order in which a step runs, each with a name of its own") {
  for (std::size_t i = 0; i < in_order.size(); ++i) CHECK(in_order[i] == static_cast<int>(i));
  CHECK(phase::names.size() == in_order.size());
  const std::set<std::string_view> distinct(phase::names.begin(), phase::names.end());
  CHECK(distinct.size() == phase::names.size());
  CHECK_FALSE(distinct.contains(""));
  CHECK(phase::names[phase::head] == "head and loss");
}

TEST_CASE("what is always alive overlaps every phase, what lives in passes not the update") {
  for (const int now : in_order) {
    CHECK(phase::always.overlaps({now, now}));
    const bool within_passes = now != phase::update && now != phase::between_steps;
    CHECK(phase::passes.overlaps({now, now}) == within_passes);
  }
}
