// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/small_vector.hpp>

namespace OCTAVO_NAMESPACE {

/// How a parameter starts.
enum class InitialValue { zeros, ones, normal, normal_residual };

/// The way to a tensor within its part of a model, such as {"attn", "c_attn"}. Names must outlive
/// the path: they are string literals.
class ParameterPath {
 public:
  static constexpr std::size_t longest = 6;

  /// ConfigError on more than `longest` names.
  constexpr ParameterPath operator/(std::string_view name) const {
    if (size_ == longest) throw ConfigError("a tensor's path has at most 6 names");
    ParameterPath path = *this;
    path.names_[path.size_++] = name;
    return path;
  }

  friend constexpr bool operator==(const ParameterPath&, const ParameterPath&) = default;

  /// "attn.c_attn.weight".
  std::string joined() const {
    std::string text;
    for (std::size_t i = 0; i < size_; ++i) (text += i > 0 ? "." : "") += names_[i];
    return text;
  }

 private:
  std::array<std::string_view, longest> names_{};
  std::size_t size_ = 0;
};

/// One tensor of a part of a model: [rows, columns], or [columns] when rows is 0.
struct ParameterEntry {
  ParameterPath path;
  Index rows = 0;
  Index columns = 0;
  InitialValue initial = InitialValue::zeros;
  Index offset = 0;  ///< numbers before it in its part
  int unit = -1;     ///< see ParameterUnit; -1: none

  constexpr Index count() const noexcept { return (rows == 0 ? 1 : rows) * columns; }
  /// Weight decay is for matrices, not for vectors (gains and biases), as in GPT-2 and nanoGPT.
  constexpr bool decays() const noexcept { return rows != 0; }
};

/// Where a tensor lies, relative to the first number of its part. As it comes: a tensor that a
/// layer does without.
struct ParameterSlot {
  Index tensor = -1;  ///< tensors before it in its part
  Index offset = 0;   ///< numbers before it in its part
  Index rows = 0;
  Index columns = 0;

  constexpr bool exists() const noexcept { return tensor >= 0; }
  constexpr Index count() const noexcept { return (rows == 0 ? 1 : rows) * columns; }
};

/// Neighbouring tensors whose gradients are complete at the same time, such as weight and bias of a
/// linear layer: the layer says so in backward (Pass::complete).
struct ParameterUnit {
  int index = -1;
};

/// A run of neighbouring tensors of a model.
struct ParameterRange {
  Index first_tensor = 0;
  Index tensors = 0;
  Index offset = 0;  ///< numbers before it
  Index count = 0;   ///< numbers in it
};

/// The tensors of one part of a model (embedding; a block; final norm and head), in the order in
/// which they lie in memory. Layers add theirs when they are made; sizes, offsets, names in files
/// and reports all derive from this table.
class ParameterTable {
 public:
  /// The tensors that are added next with this unit belong to it; they are neighbours.
  constexpr ParameterUnit begin_unit() { return {units_++}; }

  /// ConfigError where a tensor of that path is there already, or where the part would have more
  /// than 2^63 numbers.
  constexpr ParameterSlot add(const ParameterPath& path, Index rows, Index columns,
                              InitialValue initial, ParameterUnit unit = {}) {
    for (const ParameterEntry& entry : entries_) {
      if (entry.path == path) refuse(path);
    }
    Index numbers = rows == 0 ? 1 : rows;
    if (rows < 0 || columns < 0 || __builtin_mul_overflow(numbers, columns, &numbers) ||
        __builtin_add_overflow(count_, numbers, &numbers)) {
      throw ConfigError("a part's parameters are more than 2^63 numbers, or a size is negative");
    }
    entries_.push_back({path, rows, columns, initial, count_, unit.index});
    return {size() - 1, std::exchange(count_, numbers), rows, columns};
  }

  /// Numbers in all tensors together.
  constexpr Index count() const noexcept { return count_; }
  constexpr Index size() const noexcept { return static_cast<Index>(entries_.size()); }
  constexpr const ParameterEntry& operator[](Index i) const {
    return entries_[static_cast<std::size_t>(i)];
  }

  /// The most rows or columns that a matrix has.
  constexpr Index longest_side() const noexcept {
    Index longest = 0;
    for (const ParameterEntry& entry : entries_) {
      if (entry.rows > 0) longest = std::max({longest, entry.rows, entry.columns});
    }
    return longest;
  }

  /// Where the gradient of tensor `i` lies in memory in which units take turns: each unit begins at
  /// the front, tensors of no unit lie after the largest one.
  constexpr Index turn_offset(Index i) const noexcept {
    const ParameterEntry& entry = (*this)[i];
    if (entry.unit >= 0) return entry.offset - first_of(entry.unit).offset;
    Index offset = largest_unit();
    for (Index j = 0; j < i; ++j) {
      if ((*this)[j].unit < 0) offset += (*this)[j].count();
    }
    return offset;
  }

  /// Numbers in that memory.
  constexpr Index turn_count() const noexcept {
    Index count = largest_unit();
    for (const ParameterEntry& entry : entries_) count += entry.unit < 0 ? entry.count() : 0;
    return count;
  }

 private:
  constexpr const ParameterEntry& first_of(int unit) const noexcept {
    return *std::find_if(entries_.begin(), entries_.end(),
                         [unit](const ParameterEntry& entry) { return entry.unit == unit; });
  }

  constexpr Index largest_unit() const noexcept {
    Index largest = 0, numbers = 0;
    int unit = -1;
    for (const ParameterEntry& entry : entries_) {
      if (entry.unit < 0) continue;
      numbers = (entry.unit == unit ? numbers : 0) + entry.count();
      unit = entry.unit;
      largest = std::max(largest, numbers);
    }
    return largest;
  }

  [[noreturn]] static void refuse(const ParameterPath& path) {
    throw ConfigError(detail::concat({"two tensors have the name '", path.joined(), "'"}),
                      "give each layer a name of its own: builder / \"name\"");
  }

  SmallVector<ParameterEntry, 16> entries_;
  int units_ = 0;
  Index count_ = 0;
};

}  // namespace OCTAVO_NAMESPACE
