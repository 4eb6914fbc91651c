// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>

namespace OCTAVO_NAMESPACE {

/// One size, known to the type (`Extent<128>` takes no memory) or given at run time
/// (`Extent<dynamic>`): the same code serves both.
template <Index Fixed = dynamic>
class Extent {
  static_assert(Fixed > 0, "a fixed extent must be positive");

 public:
  constexpr Extent() = default;
  constexpr explicit Extent(Index value) {
    require(value == Fixed, [&] {
      return detail::concat({"extent: got ", value, ", expected ", Fixed, " as fixed by the type"});
    });
  }
  constexpr Index value() const noexcept { return Fixed; }
};

template <>
class Extent<dynamic> {
 public:
  constexpr Extent() = default;
  constexpr explicit Extent(Index value) : value_(value) {}
  constexpr Index value() const noexcept { return value_; }

 private:
  Index value_ = 0;
};

/// Sizes of a row-major tensor of rank 1 to 4, each fixed or dynamic.
template <Index... Fixed>
class Extents {
  static_assert(sizeof...(Fixed) >= 1 && sizeof...(Fixed) <= 4, "a tensor has rank 1 to 4");

 public:
  static constexpr int rank = static_cast<int>(sizeof...(Fixed));
  static constexpr std::array<Index, sizeof...(Fixed)> fixed{Fixed...};

  constexpr Extents() = default;

  /// One size per axis; a fixed axis must be given its fixed size.
  template <typename... Sizes>
  requires(sizeof...(Sizes) == sizeof...(Fixed)) constexpr explicit Extents(Sizes... sizes)
      : sizes_{static_cast<Index>(sizes)...} {
    for (int axis = 0; axis < rank; ++axis) {
      const Index expected = fixed[static_cast<std::size_t>(axis)];
      require(expected == dynamic || size(axis) == expected, [&] {
        return detail::concat({"axis ", axis, ": got ", size(axis), ", expected ", expected});
      });
      require(size(axis) >= 0, "a tensor's size is negative");
    }
  }

  constexpr Index size(int axis) const { return sizes_[static_cast<std::size_t>(axis)]; }

  constexpr Index count() const {
    Index product = 1;
    for (const Index size : sizes_) product *= size;
    return product;
  }

  friend constexpr bool operator==(const Extents&, const Extents&) = default;

 private:
  std::array<Index, sizeof...(Fixed)> sizes_{(Fixed == dynamic ? 0 : Fixed)...};
};

}  // namespace OCTAVO_NAMESPACE
