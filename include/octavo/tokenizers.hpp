// SPDX-License-Identifier: MIT
#pragma once

// The door to tokenizers/: everything in that folder.

#include <octavo/tokenizers/byte_tokenizer.hpp>
#include <octavo/tokenizers/character_tokenizer.hpp>
#include <octavo/tokenizers/tokenizer.hpp>
