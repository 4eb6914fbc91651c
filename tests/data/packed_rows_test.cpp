// SPDX-License-Identifier: MIT
#include <map>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/base/error.hpp>
#include <octavo/data/packed_rows.hpp>
#include <octavo/numeric/random.hpp>

using namespace octavo;

namespace {

/// Tokens from `first` on, all of which count.
LabelledTokens document(Index length, Token first) {
  LabelledTokens result;
  for (Token i = 0; i < static_cast<Token>(length); ++i) {
    result.inputs.push_back(first + i);
    result.targets.push_back(first + i + 1);
  }
  return result;
}

std::vector<PackedRow> packed(PackedRows& rows, const std::vector<LabelledTokens>& documents) {
  std::vector<PackedRow> result;
  for (const LabelledTokens& one : documents) {
    rows.add(one);
    while (auto row = rows.next()) result.push_back(std::move(*row));
  }
  while (auto row = rows.next(true)) result.push_back(std::move(*row));
  return result;
}

}  // namespace

TEST_CASE("a document goes where it leaves the least room") {
  PackedRows rows(8);
  const auto result = packed(rows, {document(6, 100), document(5, 200), document(2, 400),
                                    document(3, 300), document(4, 500)});
  REQUIRE(result.size() == 3);
  CHECK(result[0].tokens.inputs == std::vector<Token>{100, 101, 102, 103, 104, 105, 400, 401});
  CHECK(result[1].tokens.inputs == std::vector<Token>{200, 201, 202, 203, 204, 300, 301, 302});
  CHECK(result[1].starts == std::vector<Index>{0, 5});
  CHECK(result[2].tokens.inputs == std::vector<Token>{500, 501, 502, 503, 0, 0, 0, 0});
  CHECK(result[2].tokens.targets == std::vector<Token>{501, 502, 503, 504, -1, -1, -1, -1});
  // No target of a document is the next one's first token.
  CHECK(result[1].tokens.targets == std::vector<Token>{201, 202, 203, 204, 205, 301, 302, 303});
  CHECK(rows.counts().documents == 5);
  CHECK(rows.counts().rows == 3);
  CHECK(rows.counts().padding == 4);
}

TEST_CASE("long documents are cut or split, and counted") {
  LabelledTokens late = document(10, 0);
  for (std::size_t i = 0; i < 8; ++i) late.targets[i] = ignored_target;
  PackedRows cut(4);
  auto result = packed(cut, {document(10, 100), late});
  REQUIRE(result.size() == 1);
  CHECK(result[0].tokens.inputs == std::vector<Token>{100, 101, 102, 103});
  CHECK(cut.counts().cut == 2);
  CHECK(cut.counts().empty == 1);
  PackedRows split(4, LongDocument::split);
  result = packed(split, {document(10, 100), late});
  REQUIRE(result.size() == 3);
  CHECK(result[1].tokens.inputs == std::vector<Token>{104, 105, 106, 107});
  CHECK(result[2].tokens.inputs == std::vector<Token>{108, 109, 8, 9});
  CHECK(result[2].tokens.targets == std::vector<Token>{109, 110, 9, 10});
  CHECK(split.counts().split == 2);
  CHECK(split.counts().empty == 2);
}

TEST_CASE("every document is in the rows once, with a bounded number of open rows") {
  const CounterRandom random(3, RandomStream::sampling);
  std::vector<LabelledTokens> documents;
  Index tokens = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {
    documents.push_back(
        document(1 + static_cast<Index>(random.below(i, 20)), static_cast<Token>(100 * (i + 1))));
    tokens += documents.back().length();
  }
  for (const Index open : {1, 4, 64}) {
    PackedRows rows(20, LongDocument::cut, open);
    std::map<Token, LabelledTokens> found;
    Index padding = 0;
    for (const PackedRow& row : packed(rows, documents)) {
      REQUIRE(row.tokens.length() == 20);
      for (std::size_t i = 0; i < row.starts.size(); ++i) {
        const auto begin = static_cast<std::size_t>(row.starts[i]);
        LabelledTokens& one = found[row.tokens.inputs[begin]];
        for (std::size_t at = begin;
             at < 20 && row.tokens.targets[at] >= 0 &&
             (i + 1 == row.starts.size() || at < static_cast<std::size_t>(row.starts[i + 1]));
             ++at) {
          one.inputs.push_back(row.tokens.inputs[at]);
          one.targets.push_back(row.tokens.targets[at]);
        }
      }
      padding += std::count(row.tokens.targets.begin(), row.tokens.targets.end(), ignored_target);
    }
    CHECK(found.size() == documents.size());
    for (const LabelledTokens& one : documents) CHECK(found[one.inputs[0]] == one);
    CHECK(rows.counts().padding == padding);
    CHECK(20 * rows.counts().rows == tokens + padding);
  }
}

TEST_CASE("what makes no rows is refused") {
  CHECK_THROWS_AS(PackedRows(0), ConfigError);
  CHECK_THROWS_AS(PackedRows(4, LongDocument::cut, 0), ConfigError);
  PackedRows rows(4);
  CHECK_THROWS_AS(rows.add({{1, 2}, {1}}), ConfigError);
  CHECK(!rows.next(true).has_value());
}
