// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

#include <octavo/base/abi.hpp>

namespace OCTAVO_NAMESPACE {

/// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3",
/// SC'11): four random words as a pure function of a 128-bit counter and a 64-bit key.
constexpr std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                              std::array<std::uint32_t, 2> key) noexcept {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {
        static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
        static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

/// The upper half of the 128-bit product: maps the 2^64 values of `fraction` evenly to 0 ...
/// range-1.
constexpr std::uint64_t multiply_high(std::uint64_t fraction, std::uint64_t range) noexcept {
  const std::uint64_t low = fraction & 0xFFFFFFFF;
  const std::uint64_t high = fraction >> 32;
  const std::uint64_t range_low = range & 0xFFFFFFFF;
  const std::uint64_t range_high = range >> 32;
  const std::uint64_t middle = high * range_low + (low * range_low >> 32);
  const std::uint64_t other = low * range_high + (middle & 0xFFFFFFFF);
  return high * range_high + (middle >> 32) + (other >> 32);
}

/// The purpose of random numbers; different purposes never share numbers.
enum class RandomStream : std::uint16_t {
  initial_weights,
  batches,
  dropout,
  sampling,
  adapter_dropout,
};

/// Random numbers as a function of (seed, stream, step, position): they do not depend on the
/// caller, nor on how often and in which order they are drawn. The seed is Philox's key; the
/// counter is the position (64 bits), the stream (16 bits) and the step (its lower 48 bits).
class CounterRandom {
 public:
  constexpr CounterRandom(std::uint64_t seed, RandomStream stream, std::uint64_t step = 0) noexcept
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
        purpose_(static_cast<std::uint64_t>(stream) << 48 | (step & 0xFFFF'FFFF'FFFFu)) {}

  /// The four words of block `index`.
  constexpr std::array<std::uint32_t, 4> block(std::uint64_t index) const noexcept {
    return philox(
        {static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32),
         static_cast<std::uint32_t>(purpose_), static_cast<std::uint32_t>(purpose_ >> 32)},
        key_);
  }

  /// 64 random bits; position p is half p % 2 of block p / 2.
  constexpr std::uint64_t bits(std::uint64_t position) const noexcept {
    const auto words = block(position / 2);
    const std::size_t first = position % 2 * 2;
    return std::uint64_t{words[first]} << 32 | words[first + 1];
  }

  /// Uniform in [0, 1), a multiple of 2^-53.
  constexpr double uniform(std::uint64_t position) const noexcept {
    return static_cast<double>(bits(position) >> 11) * 0x1p-53;
  }

  /// Uniform in {0, ..., bound - 1}; the bias is below bound / 2^64. bound > 0.
  constexpr std::uint64_t below(std::uint64_t position, std::uint64_t bound) const noexcept {
    return multiply_high(bits(position), bound);
  }

  /// Normal with mean 0 and deviation 1 (Box, Muller 1958), from both halves of block `position`.
  double normal(std::uint64_t position) const noexcept {
    const double u = 1.0 - uniform(2 * position);  // in (0, 1]
    const double angle = 2.0 * std::numbers::pi * uniform(2 * position + 1);
    return std::sqrt(-2.0 * std::log(u)) * std::cos(angle);
  }

 private:
  std::array<std::uint32_t, 2> key_;
  std::uint64_t purpose_;
};

}  // namespace OCTAVO_NAMESPACE
