// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <octavo/base/config.hpp>
#include <octavo/transformer/lora_adapter.hpp>

// The factors of an adapter in files of other programs, which have a tensor A [rank, in] and a
// tensor B [out, rank] for each of a model's maps.
namespace OCTAVO_NAMESPACE::detail {

/// One of the two tensors of a map.
struct LoraTensor {
  std::string name;
  bool is_a = false;        ///< it is A of LoraMap, not B
  bool transposed = false;  ///< the file has its transpose
  Index pairs = 0;          ///< see GgufPart
};

/// The two tensors of some columns of a parameter.
struct LoraTensors {
  const Parameter* parameter = nullptr;
  Index first = 0;
  Index columns = 0;
  LoraTensor down;  ///< the file's A
  LoraTensor up;    ///< the file's B

  /// The rows and columns of a tensor of the file.
  std::array<Index, 2> sizes_of(const LoraTensor& tensor, Index rank) const noexcept {
    std::array<Index, 2> sizes{parameter->rows, rank};
    if (!tensor.is_a) sizes = {rank, columns};
    if (tensor.transposed) std::swap(sizes[0], sizes[1]);
    return sizes;
  }
  /// Which of the two sizes of a tensor is the rank.
  static std::size_t axis_of_rank(const LoraTensor& tensor) noexcept {
    return tensor.is_a != tensor.transposed ? 1 : 0;
  }
};

/// Row `i` of a tensor whose heads lie in neighbouring pairs in the file, in the order of the model
/// (see GgufPart::column).
inline std::size_t row_of_pairs(std::size_t i, Index pairs) noexcept {
  if (pairs == 0) return i;
  const auto width = static_cast<std::size_t>(pairs);
  const std::size_t within = i % width;
  return i - within + within % 2 * (width / 2) + within / 2;
}

/// Calls body(place in the factor, place in the file) for every number of a tensor.
template <typename Body>
void for_each_place(const LoraTensors& map, const LoraTensor& tensor, Index rank, Body body) {
  const auto [file_rows, file_columns] = map.sizes_of(tensor, rank);
  const auto rows = static_cast<std::size_t>(file_rows);
  const auto columns = static_cast<std::size_t>(file_columns);
  for (std::size_t i = 0; i < rows; ++i) {
    const std::size_t row = row_of_pairs(i, tensor.pairs);
    for (std::size_t j = 0; j < columns; ++j) {
      body(tensor.transposed ? j * rows + row : row * columns + j, i * columns + j);
    }
  }
}

/// A factor from the numbers of a file's tensor, and the reverse.
inline std::vector<float> factor_of(const LoraTensors& map, const LoraTensor& tensor, Index rank,
                                    std::span<const float> numbers) {
  std::vector<float> factor(numbers.size());
  for_each_place(map, tensor, rank,
                 [&](std::size_t here, std::size_t there) { factor[here] = numbers[there]; });
  return factor;
}
inline std::vector<float> numbers_of(const LoraTensors& map, const LoraTensor& tensor,
                                     const LoraMap& factors) {
  const std::vector<float>& factor = tensor.is_a ? factors.a : factors.b;
  std::vector<float> numbers(factor.size());
  for_each_place(map, tensor, factors.rank,
                 [&](std::size_t here, std::size_t there) { numbers[there] = factor[here]; });
  return numbers;
}

/// Adds a map of an adapter, or the columns of it that are in `part`, to `part`, below the ranks
/// that are there already. `ratio` multiplies its B.
inline void stack(LoraMap& part, const LoraMap& map, double ratio) {
  const auto rank = static_cast<std::size_t>(map.rank),
             before = static_cast<std::size_t>(part.rank);
  const std::size_t rows = map.a.size() / rank;
  std::vector<float> a;
  for (std::size_t row = 0; row < rows; ++row) {
    const auto take = [&](const std::vector<float>& from, std::size_t count) {
      const auto begin = from.begin() + static_cast<std::ptrdiff_t>(row * count);
      a.insert(a.end(), begin, begin + static_cast<std::ptrdiff_t>(count));
    };
    take(part.a, before);
    take(map.a, rank);
  }
  part.a = std::move(a);
  const auto columns = static_cast<std::size_t>(part.columns);
  const auto width = static_cast<std::size_t>(map.columns);
  part.b.resize((before + rank) * columns);
  for (Index column = std::max(part.first, map.first);
       column < std::min(part.first + part.columns, map.first + map.columns); ++column) {
    const auto here = static_cast<std::size_t>(column - part.first);
    const auto there = static_cast<std::size_t>(column - map.first);
    for (std::size_t i = 0; i < rank; ++i) {
      const float number = map.b[i * width + there];
      part.b[(before + i) * columns + here] =
          ratio == 1 ? number : static_cast<float>(ratio * static_cast<double>(number));
    }
  }
  part.rank += map.rank;
}

/// The adapter of some columns of a parameter as one map; nothing if it has none there. Maps beside
/// each other become one of all their ranks; with different scales, one scale for all of it is
/// moved into B, with rounding.
inline std::optional<LoraMap> lora_of(const LoraAdapter& adapter, const Parameter& parameter,
                                      Index first, Index columns) {
  LoraMap part{parameter.name, first, columns};
  double scale = 0;
  for (const LoraMap& map : adapter.maps()) {
    const bool touches = map.first < first + columns && first < map.first + map.columns;
    if (map.parameter != parameter.name || !touches) continue;
    const double own = adapter.scale_of(map);
    if (part.rank == 0) {
      scale = own;
      part.alpha = map.alpha;
      stack(part, map, 1);
      continue;
    }
    stack(part, map, own / scale);
    const auto rank = static_cast<double>(part.rank);
    part.alpha = scale * (adapter.rank_stabilized() ? std::sqrt(rank) : rank);
  }
  if (part.rank == 0) return std::nullopt;
  return part;
}

}  // namespace OCTAVO_NAMESPACE::detail
