// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include <octavo/base/abi.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

using CrcTables = std::array<std::array<std::uint32_t, 256>, 8>;

/// tables[k][b]: the effect of byte b on the checksum when k zero bytes follow it. Not constexpr:
/// compilations would pay more for it than any run.
OCTAVO_INLINE CrcTables make_crc32c_tables() noexcept;

}  // namespace detail

/// The CRC-32C checksum (RFC 3720, appendix B.4) of `bytes`, continued from the checksum `before`
/// of the bytes before them. Takes eight bytes at a time (Kounavis, Berry 2005, "slicing-by-8").
/// Detects accidents, not forgeries.
OCTAVO_INLINE std::uint32_t crc32c(std::span<const std::byte> bytes,
                                   std::uint32_t before = 0) noexcept;

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE::detail {

OCTAVO_INLINE CrcTables make_crc32c_tables() noexcept {
  constexpr std::uint32_t polynomial = 0x82F63B78;  // Castagnoli's, bits reversed
  CrcTables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? polynomial : 0);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[k - 1][byte];
      tables[k][byte] = before >> 8 ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}

}  // namespace OCTAVO_NAMESPACE::detail

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE std::uint32_t crc32c(std::span<const std::byte> bytes,
                                   std::uint32_t before) noexcept {
  static const detail::CrcTables tables = detail::make_crc32c_tables();
  std::uint32_t crc = ~before;
  while (bytes.size() >= 8) {
    std::array<std::uint8_t, 8> b;
    std::memcpy(b.data(), bytes.data(), 8);
    for (std::size_t i = 0; i < 4; ++i) b[i] ^= static_cast<std::uint8_t>(crc >> 8 * i);
    crc = 0;
    for (std::size_t i = 0; i < 8; ++i) crc ^= tables[7 - i][b[i]];
    bytes = bytes.subspan(8);
  }
  for (const std::byte byte : bytes) {
    crc = crc >> 8 ^ tables[0][(crc ^ static_cast<std::uint32_t>(byte)) & 0xFF];
  }
  return ~crc;
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
