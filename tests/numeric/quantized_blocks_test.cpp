// SPDX-License-Identifier: MIT
// The blocks beside formulas for a single element, written after the documents of ggml; and, where
// OCTAVO_GGML_BLOCKS names a file with lines "TYPE HEX BITS...", beside what ggml itself decodes.
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/formats/encode_numbers.hpp>

#include "numeric/block_scales.hpp"

using namespace octavo;

namespace {

using Bytes = std::vector<std::uint8_t>;

double half(const Bytes& b, std::size_t at) {
  const int bits = b[at] | b[at + 1] << 8;
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const double magnitude =
      exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return bits >> 15 != 0 ? -magnitude : magnitude;
}

int nibble(const Bytes& b, std::size_t at, int e) {
  const int byte = b[at + static_cast<std::size_t>(e % 16)];
  return e < 16 ? byte % 16 : byte / 16;
}

int high_bit(const Bytes& b, std::size_t at, int e) {
  return b[at + static_cast<std::size_t>(e / 8)] >> (e % 8) & 1;
}

int level(int nib) {
  constexpr std::array levels{-127, -104, -83, -65, -49, -35, -22, -10,
                              1,    13,   25,  38,  53,  69,  89,  113};
  return levels[static_cast<std::size_t>(nib)];
}

int byte_at(const Bytes& b, int at) { return b[static_cast<std::size_t>(at)]; }

/// Scale or minimum j of Q4_K and Q5_K, from 12 bytes at byte 4.
int six_bits(const Bytes& b, int j, bool least) {
  if (j < 4) return byte_at(b, 4 + j + (least ? 4 : 0)) % 64;
  const int low = byte_at(b, 8 + j);
  return (least ? low / 16 : low % 16) + 16 * (byte_at(b, least ? 4 + j : j) / 64);
}

/// Element e of a block, exactly.
double element(StoredType type, const Bytes& b, int e) {
  const int h = e / 128, j = e % 128 / 32, s = e % 32 / 16, l = e % 16;
  switch (type) {
    case StoredType::q8_0:
      return half(b, 0) * static_cast<std::int8_t>(byte_at(b, 2 + e));
    case StoredType::q4_0:
      return half(b, 0) * (nibble(b, 2, e) - 8);
    case StoredType::q4_1:
      return half(b, 0) * nibble(b, 4, e) + half(b, 2);
    case StoredType::q5_0:
      return half(b, 0) * (nibble(b, 6, e) + 16 * high_bit(b, 2, e) - 16);
    case StoredType::q5_1:
      return half(b, 0) * (nibble(b, 8, e) + 16 * high_bit(b, 4, e)) + half(b, 2);
    case StoredType::iq4_nl:
      return half(b, 0) * level(nibble(b, 2, e));
    case StoredType::q2_k: {
      const int q = byte_at(b, 16 + 32 * h + 16 * s + l) >> 2 * j & 3;
      const int scales = byte_at(b, 8 * h + 2 * j + s);
      return half(b, 80) * (scales & 15) * q - half(b, 82) * (scales >> 4);
    }
    case StoredType::q3_k: {
      const int high = byte_at(b, 16 * s + l) >> (4 * h + j) & 1;
      const int q = (byte_at(b, 32 + 32 * h + 16 * s + l) >> 2 * j & 3) - (high == 1 ? 0 : 4);
      const int i = 8 * h + 2 * j + s;
      const int low = i < 8 ? byte_at(b, 96 + i) & 15 : byte_at(b, 96 + i - 8) >> 4;
      const int scale = low + 16 * (byte_at(b, 96 + 8 + i % 4) >> 2 * (i / 4) & 3) - 32;
      return half(b, 108) * scale * q;
    }
    case StoredType::q4_k: {
      const int part = e / 64, side = e % 64 / 32, at = e % 32;
      const int nib = byte_at(b, 16 + 32 * part + at) >> 4 * side & 15;
      const int sub = 2 * part + side;
      return half(b, 0) * six_bits(b, sub, false) * nib - half(b, 2) * six_bits(b, sub, true);
    }
    case StoredType::q5_k: {
      const int part = e / 64, side = e % 64 / 32, at = e % 32;
      const int sub = 2 * part + side;
      const int q = (byte_at(b, 48 + 32 * part + at) >> 4 * side & 15) +
                    16 * (byte_at(b, 16 + at) >> sub & 1);
      return half(b, 0) * six_bits(b, sub, false) * q - half(b, 2) * six_bits(b, sub, true);
    }
    case StoredType::q6_k: {
      const int at = e % 32;
      const int q = (byte_at(b, 64 * h + 32 * (j & 1) + at) >> 4 * (j >> 1) & 15) +
                    16 * (byte_at(b, 128 + 32 * h + at) >> 2 * j & 3) - 32;
      return half(b, 208) * static_cast<std::int8_t>(byte_at(b, 192 + 8 * h + 2 * j + s)) * q;
    }
    case StoredType::iq4_xs: {
      const int part = e / 32;
      const int low = byte_at(b, 4 + part / 2) >> 4 * (part % 2) & 15;
      const int scale = low + 16 * (byte_at(b, 2 + part / 4) >> 2 * (part % 4) & 3) - 32;
      return half(b, 0) * scale * level(nibble(b, 8 + 16 * static_cast<std::size_t>(part), e % 32));
    }
    default:
      return 0;
  }
}

std::vector<StoredType> block_types(bool written) {
  std::vector<StoredType> types;
  for (std::size_t i = 0; i < detail::stored_types.size(); ++i) {
    const auto& traits = detail::stored_types[i];
    if (traits.block == 1 || (written && traits.encode_block == nullptr)) continue;
    types.push_back(static_cast<StoredType>(i));
  }
  return types;
}

std::vector<float> decoded(StoredType type, const Bytes& bytes) {
  std::vector<float> numbers(bytes.size() / detail::traits_of(type).block_bytes * block_of(type));
  detail::decode(type, reinterpret_cast<const std::byte*>(bytes.data()), numbers);
  return numbers;
}

Bytes encoded(StoredType type, const std::vector<float>& numbers) {
  Bytes bytes(detail::stored_bytes(type, numbers.size()));
  detail::encode<float>(type, numbers, "t", 0, reinterpret_cast<std::byte*>(bytes.data()));
  return bytes;
}

}  // namespace

TEST_CASE("every element of a random block is the formula's, rounded once") {
  std::mt19937 random(3);
  CHECK(block_types(false).size() == 12);
  for (const StoredType type : block_types(false)) {
    CAPTURE(std::string(name_of(type)));
    for (int round = 0; round < 200; ++round) {
      Bytes block(detail::traits_of(type).block_bytes);
      for (auto& byte : block) byte = static_cast<std::uint8_t>(random());
      for (const std::size_t at : octavo_test::scales_of(type)) {
        if ((block[at + 1] & 0x7c) == 0x7c) block[at + 1] &= 0xbf;
      }
      const std::vector<float> numbers = decoded(type, block);
      int wrong = 0;
      for (int e = 0; e < static_cast<int>(block_of(type)); ++e) {
        const auto expected = static_cast<float>(element(type, block, e));
        wrong += numbers[static_cast<std::size_t>(e)] != expected;
      }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("blocks that ggml decoded give its bits") {
  const char* const path = std::getenv("OCTAVO_GGML_BLOCKS");
  if (path == nullptr) return;
  std::ifstream file(path);
  REQUIRE(file.is_open());
  int blocks = 0, wrong = 0;
  for (std::string line; std::getline(file, line); ++blocks) {
    std::istringstream words(line);
    std::string name, hex, bits;
    words >> name >> hex;
    StoredType type = StoredType::f32;
    for (const StoredType known : block_types(false)) type = name_of(known) == name ? known : type;
    REQUIRE(type != StoredType::f32);
    Bytes block;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
      block.push_back(static_cast<std::uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    }
    for (const float number : decoded(type, block)) {
      words >> bits;
      wrong += std::bit_cast<std::uint32_t>(number) != std::stoul(bits, nullptr, 16);
    }
  }
  CHECK(blocks == 480);
  CHECK(wrong == 0);
}

TEST_CASE("an encoded number is off by at most half a step, and its block encodes to itself") {
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  for (const StoredType type : block_types(true)) {
    CAPTURE(std::string(name_of(type)));
    std::vector<float> numbers(320);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      numbers[i] = std::ldexp(normal(random), static_cast<int>(i / 32) - 5);
    }
    const Bytes bytes = encoded(type, numbers);
    const std::vector<float> back = decoded(type, bytes);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const auto block = numbers.begin() + static_cast<std::ptrdiff_t>(i / 32 * 32);
      const float least = *std::min_element(block, block + 32);
      const float most = *std::max_element(block, block + 32);
      const float largest = std::max(-least, most);
      const bool whole_range = type == StoredType::q4_1 || type == StoredType::q5_1;
      const float steps = type == StoredType::q8_0   ? 127
                          : type == StoredType::q4_0 ? 8
                          : type == StoredType::q4_1 ? 15
                          : type == StoredType::q5_0 ? 16
                                                     : 31;
      const float step = (whole_range ? most - least : largest) / steps;
      // Half a step, a whole one at the end that has a step fewer (Q4_0, Q5_0), the scale's 11
      // bits.
      const bool short_end =
          !whole_range && type != StoredType::q8_0 && std::abs(numbers[i]) > largest - step;
      CHECK(std::abs(back[i] - numbers[i]) <=
            (short_end ? 1.02f : 0.51f) * step + 0.001f * largest);
    }
    CHECK(decoded(type, encoded(type, back)) == back);
  }
}

TEST_CASE("blocks have ggml's bytes") {
  std::vector<float> numbers(32);
  for (std::size_t i = 0; i < 32; ++i) numbers[i] = static_cast<float>(i) - 20;
  const auto start = [&](StoredType type, std::size_t count) {
    const Bytes all = encoded(type, numbers);
    return Bytes(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count));
  };
  // -20 is the extreme: scale 2.5, nibble 0; -4 is -1.6 + 8.5, so 6
  CHECK(start(StoredType::q4_0, 3) == Bytes{0x00, 0x41, 0x60});
  // 31 / 15, least -20
  CHECK(start(StoredType::q4_1, 5) == Bytes{0x22, 0x40, 0x00, 0xcd, 0x80});
  // 1.25; the fifth bits of numbers 16 to 31 from -4 on: 12.8, 13.6 .. 15.2 + 0.5 and more
  CHECK(start(StoredType::q5_0, 2) == Bytes{0x00, 0x3d});
  CHECK(start(StoredType::q5_1, 4) == Bytes{0x00, 0x3c, 0x00, 0xcd});
  const Bytes whole = encoded(StoredType::q5_1, numbers);
  for (std::size_t i = 0; i < 16; ++i) CHECK(whole[8 + i] == i + 16 * i);
  CHECK(Bytes(whole.begin() + 4, whole.begin() + 8) == Bytes{0, 0, 0xff, 0xff});
}

TEST_CASE("blocks of zeros and of numbers too small for a scale are zeros") {
  for (const StoredType type : block_types(true)) {
    for (const float number : {0.f, 1e-40f, -1e-45f}) {
      const std::vector<float> numbers(32, number);
      for (const float back : decoded(type, encoded(type, numbers))) CHECK(back == 0);
    }
    std::vector<float> one(32, 0.f);
    one[7] = -1e-44f;
    for (const float back : decoded(type, encoded(type, one))) CHECK(back == 0);
  }
}

TEST_CASE("a number whose scale would be infinite is refused") {
  for (const StoredType type : block_types(true)) {
    std::vector<float> numbers(64, 1.f);
    numbers[40] = 9e6f;
    CHECK_THROWS_WITH_AS(
        encoded(type, numbers),
        ("cannot write tensor 't': number 40 is 9e+06, too large for " + std::string(name_of(type)))
            .c_str(),
        Error);
  }
}
