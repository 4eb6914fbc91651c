// SPDX-License-Identifier: MIT
#include <array>
#include <cfenv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/base/parse_number.hpp>
#include <octavo/formats/encode_numbers.hpp>

using namespace octavo;

namespace {

std::vector<std::byte> encoded(StoredType type, std::span<const float> numbers) {
  std::vector<std::byte> bytes(detail::stored_bytes(type, numbers.size()));
  detail::encode<float>(type, numbers, "t", 100, bytes.data());
  return bytes;
}

}  // namespace

TEST_CASE("a block of Q8_0 is a scale and 32 rounded bytes") {
  std::array<float, 64> numbers{};
  numbers[0] = -254;  // scale 2
  numbers[1] = 253;
  numbers[2] = 3;  // 1.5, away from zero
  numbers[3] = -1;
  numbers[31] = 2.9f;
  const auto bytes = encoded(StoredType::q8_0, numbers);
  REQUIRE(bytes.size() == 68);
  const auto byte = [&](std::size_t i) {
    return static_cast<int>(static_cast<std::int8_t>(bytes[i]));
  };
  CHECK(byte(0) == 0);
  CHECK(byte(1) == 0x40);  // 2 as a binary16
  CHECK(byte(2) == -127);
  CHECK(byte(3) == 127);
  CHECK(byte(4) == 2);
  CHECK(byte(5) == -1);
  CHECK(byte(6) == 0);
  CHECK(byte(33) == 1);
  for (std::size_t i = 34; i < 68; ++i) CHECK(byte(i) == 0);

  std::array<float, 64> back{};
  detail::decode(StoredType::q8_0, bytes.data(), back);
  CHECK(back[0] == -254);
  CHECK(back[1] == 254);
  CHECK(back[3] == -2);
  CHECK(back[40] == 0);
}

TEST_CASE("what Q8_0 has read it writes again") {
  std::vector<float> numbers(320);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = std::sin(static_cast<float>(i * i)) * std::exp2(static_cast<float>(i / 32) - 5);
  }
  const auto bytes = encoded(StoredType::q8_0, numbers);
  std::vector<float> back(numbers.size());
  detail::decode(StoredType::q8_0, bytes.data(), back);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const float scale = std::exp2(static_cast<float>(i / 32) - 5) / 127;
    CHECK(std::abs(back[i] - numbers[i]) <= 0.57f * scale);  // the scale has 11 bits
  }
  CHECK(encoded(StoredType::q8_0, back) == bytes);
}

static_assert(detail::nearest_float(-1e300) == std::numeric_limits<float>::infinity());
static_assert(detail::nearest_float(1e300) == std::numeric_limits<float>::infinity());
static_assert(detail::nearest_float(-3.4e38) == -3.4e38f);

TEST_CASE("numbers that a type has not are refused by name and place") {
  std::array<float, 32> numbers{};
  const auto message = [&](StoredType type, float number) {
    numbers[5] = number;
    try {
      encoded(type, numbers);
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::bad_data);
      return std::string(error.what()) + " / " + error.hint();
    }
    return std::string();
  };
  const std::string start = "cannot write tensor 't': number 105 is ";
  const std::string diverged = start + "not finite / use a model that has not diverged";
  for (const StoredType type :
       {StoredType::f32, StoredType::f16, StoredType::bf16, StoredType::q8_0}) {
    CHECK(message(type, std::nanf("")) == diverged);
    CHECK(message(type, -HUGE_VALF) == diverged);
    CHECK(message(type, 65504) == "");
  }
  CHECK(message(StoredType::f16, 65520) == start + "65520, too large for F16 / choose bf16 or f32");
  CHECK(message(StoredType::q8_0, -8.4e6f) ==
        start + "-8400000, too large for Q8_0 / choose bf16 or f32");
  CHECK(message(StoredType::q8_0, 8.3e6f) == "");
  CHECK(message(StoredType::bf16, 3.4e38f) == start + "3.4e+38, too large for BF16 / choose f32");
  CHECK(message(StoredType::bf16, 3.3e38f) == "");
}

TEST_CASE("numbers are written, read and parsed alike whatever the host's rounding mode") {
  std::vector<float> numbers(64);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = std::sin(static_cast<float>(i + 1)) * std::exp2(-static_cast<float>(i) / 2);
  }
  const auto parsed = [](std::string_view text) {
    double value = 0;
    return parse_whole(text, value) ? value : 0.0;
  };
  for (const auto type : {StoredType::f16, StoredType::bf16, StoredType::q8_0}) {
    const auto usual = encoded(type, numbers);
    std::vector<float> back(numbers.size()), again(numbers.size());
    detail::decode(type, usual.data(), back);
    for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
      std::fesetround(mode);
      const auto bytes = encoded(type, numbers);
      detail::decode(type, usual.data(), again);
      const double value = parsed("0.1");
      std::fesetround(FE_TONEAREST);
      CHECK(bytes == usual);
      CHECK(again == back);
      CHECK(value == 0.1);
    }
  }
}
