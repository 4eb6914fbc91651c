// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <octavo/data/token_store.hpp>

using namespace octavo;

TEST_CASE("tokens come back from 1, 2 and 4 bytes") {
  for (const Index vocabulary : {256, 257, 65536, 65537}) {
    TokenStore store(vocabulary);
    for (const Token token : {0, 5, static_cast<Token>(vocabulary - 1)}) store.push_back(token);
    const TokenView view = store.view();
    CHECK(view.size() == 3);
    CHECK(view[1] == 5);
    CHECK(view[2] == vocabulary - 1);
    CHECK(view.subview(2, 1)[0] == vocabulary - 1);
    CHECK_THROWS_AS(view.subview(2, 2), ConfigError);
    CHECK_NOTHROW(check_tokens(view, vocabulary));
    CHECK_THROWS_AS(check_tokens(view, vocabulary - 1), DataError);
    const TokenView checked = view.checked(vocabulary).subview(0, 3);
    CHECK_THROWS_AS(check_tokens(checked, vocabulary - 1), DataError);  // not checked for so few
    CHECK_NOTHROW(check_tokens(view.checked(vocabulary - 1), vocabulary - 1));  // takes our word
    CHECK(store.bytes() == 3 * token_bytes(vocabulary));
  }
}

TEST_CASE("a token outside the vocabulary is not stored") {
  TokenStore store(300);
  CHECK_THROWS_WITH_AS(store.push_back(300), "token: got 300, expected 0 to 299", DataError);
  CHECK_THROWS_AS(store.push_back(-1), DataError);
  CHECK(store.view().empty());
  CHECK_THROWS_WITH_AS(TokenStore(0), "token store: expected a vocabulary of at least 1",
                       ConfigError);
}
