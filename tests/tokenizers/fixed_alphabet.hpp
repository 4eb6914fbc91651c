// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/tokenizers/character_tokenizer.hpp>

namespace octavo_test {

/// An alphabet that is known when the test is compiled, and a last token in reserve.
inline constexpr octavo::CharacterTokenizer fixed_alphabet_tokenizer(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,!?\n",
    octavo::UnknownToken::included, 70);

}  // namespace octavo_test
