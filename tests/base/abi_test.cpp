// SPDX-License-Identifier: MIT
// What the name is for, files of one program with different flags, is tried by tests/mixed_flags.
#include <string>
#include <string_view>
#include <type_traits>

#include <doctest/doctest.h>

#include <octavo/base/abi.hpp>
#include <octavo/base/error.hpp>

#define OCTAVO_TEST_TEXT_OF(...) #__VA_ARGS__
#define OCTAVO_TEST_TEXT(...) OCTAVO_TEST_TEXT_OF(__VA_ARGS__)

namespace {

constexpr std::string_view name = OCTAVO_TEST_TEXT(OCTAVO_ABI);

}  // namespace

TEST_CASE("abi: everything is in an inline namespace whose name tells the instructions in use") {
  CHECK(std::string_view(OCTAVO_TEST_TEXT(OCTAVO_NAMESPACE)) ==
        "octavo::inline " + std::string(name));
  REQUIRE(name.starts_with("isa_"));
  const std::string_view letters = name.substr(name.rfind('_') + 1);
  CHECK(letters.find_first_not_of("abcdefghijklmno") == letters.npos);
#if defined(__AVX2__)
  CHECK(letters.find('c') != letters.npos);
#elif defined(__x86_64__)
  CHECK(letters.find('c') == letters.npos);
#endif
#if defined(__FMA__)
  CHECK(letters.find('f') != letters.npos);
#elif defined(__x86_64__)
  CHECK(letters.find('f') == letters.npos);
#endif
#if defined(OCTAVO_PORTABLE_KERNELS)
  CHECK(name.find("portable_") != name.npos);
#else
  CHECK(name.find("portable_") == name.npos);
#endif
}

TEST_CASE("abi: the namespace is inline: its names are those of octavo") {
  CHECK(std::is_same_v<octavo::Error, octavo::OCTAVO_ABI::Error>);
}
