// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <octavo/data/labelled_tokens.hpp>

using namespace octavo;

TEST_CASE("the target of a token is the next one, if that counts") {
  const LabelledTokens document = labelled({4, 5, 6, 7}, {true, false, true, true});
  CHECK(document.inputs == std::vector<Token>{4, 5, 6});
  CHECK(document.targets == std::vector<Token>{-1, 6, 7});
  CHECK(document.length() == 3);
  CHECK(document.counted() == 2);
  CHECK(labelled({4}, {true}).length() == 0);
  CHECK(labelled({}, {}).length() == 0);
}
