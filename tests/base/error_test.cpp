// SPDX-License-Identifier: MIT

#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

#include <doctest/doctest.h>

#include <octavo/base/error.hpp>

using namespace octavo;
using namespace std::string_view_literals;

TEST_CASE("error: exit codes are those of sysexits.h") {
  CHECK(static_cast<int>(ErrorCode::diverged) == 1);
  CHECK(static_cast<int>(ErrorCode::usage) == 64);
  CHECK(static_cast<int>(ErrorCode::bad_data) == 65);
  CHECK(static_cast<int>(ErrorCode::no_input) == 66);
  CHECK(static_cast<int>(ErrorCode::internal) == 70);
  CHECK(static_cast<int>(ErrorCode::out_of_memory) == 71);
  CHECK(static_cast<int>(ErrorCode::cannot_create) == 73);
  CHECK(static_cast<int>(ErrorCode::io) == 74);
}

TEST_CASE("error: each exception carries its code, message and hint, and is an Error") {
  const auto check = [](const Error& error, ErrorCode code) {
    CHECK(error.code() == code);
    CHECK(error.what() == "what"sv);
    CHECK(error.hint() == "hint");
  };
  check(Error(ErrorCode::internal, "what", "hint"), ErrorCode::internal);
  check(ConfigError("what", "hint"), ErrorCode::usage);
  check(FormatError("what", "hint"), ErrorCode::bad_data);
  check(DataError("what", "hint"), ErrorCode::bad_data);
  check(UnknownSymbol("what", 3, "hint"), ErrorCode::bad_data);
  check(Diverged("what", 4, 5.0, "hint"), ErrorCode::diverged);
}

TEST_CASE("error: the hint may be left out") {
  CHECK(ConfigError("what").hint().empty());
  CHECK(FormatError("what").hint().empty());
  CHECK(DataError("what").hint().empty());
}

TEST_CASE("error: the facts of an exception can be read back") {
  const UnknownSymbol symbol("what", 41);
  CHECK(symbol.offset() == 41);

  const Diverged diverged("what", 1'000'000'000'000, 7.5);
  CHECK(diverged.step() == 1'000'000'000'000);
  CHECK(diverged.loss() == 7.5);

  const auto reason = std::make_error_code(std::errc::no_such_file_or_directory);
  const IoError io(ErrorCode::no_input, "cannot open 'x'", reason, "hint");
  CHECK(io.code() == ErrorCode::no_input);
  CHECK(io.reason() == reason);
  CHECK(io.what() == "cannot open 'x': " + reason.message());
  CHECK(io.hint() == "hint");
}

TEST_CASE("error: whoever catches std::runtime_error catches ours") {
  static_assert(std::is_base_of_v<std::runtime_error, Error>);
  CHECK_THROWS_AS(throw Diverged("what", 1, 2.0), std::runtime_error);
  CHECK_THROWS_AS(throw UnknownSymbol("what", 1), Error);
}

TEST_CASE("quoted: printable ASCII stays as it is") {
  CHECK(printable("") == "''");
  CHECK(printable("to be, or ~not~ to be") == "'to be, or ~not~ to be'");
}

TEST_CASE("quoted: nothing that steers a terminal gets through") {
  CHECK(printable("\x1b[2J") == "'\\x1b[2J'");
  CHECK(printable("a\nb\tc\r") == "'a\\x0ab\\x09c\\x0d'");
  CHECK(printable("\x7f") == "'\\x7f'");
  CHECK(printable("\0"sv) == "'\\x00'");
  CHECK(printable("caf\xc3\xa9") == "'caf\\xc3\\xa9'");
  CHECK(printable("\xff") == "'\\xff'");
}

TEST_CASE("quoted: every byte becomes printable ASCII") {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string result = printable(std::string(1, static_cast<char>(byte)));
    for (const char symbol : result) CHECK((symbol >= 0x20 && symbol < 0x7f));
  }
}

TEST_CASE("quoted: long text is cut at the limit and says so") {
  CHECK(printable("abcdef", 6) == "'abcdef'");
  CHECK(printable("abcdefg", 6) == "'abcdef...'");
  CHECK(printable(std::string(81, 'x')) == "'" + std::string(80, 'x') + "...'");
}
