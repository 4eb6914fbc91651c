// SPDX-License-Identifier: MIT
#include <cstddef>
#include <string>

#include <doctest/doctest.h>

#include <octavo/runs/sha256.hpp>

TEST_CASE("SHA-256 is the standard's") {
  CHECK(octavo::sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(octavo::sha256("abc") ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(octavo::sha256(std::string(1'000'000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("SHA-256 of pieces is that of the whole, wherever it is cut") {
  std::string text;
  for (int i = 0; i < 300; ++i) text += static_cast<char>(i % 127);
  for (const std::size_t piece : {1u, 3u, 63u, 64u, 65u, 127u, 128u, 299u}) {
    octavo::Sha256 hash;
    for (std::size_t at = 0; at < text.size(); at += piece) hash.add(text.substr(at, piece));
    CHECK(hash.digest() == octavo::sha256(text));
  }
}
