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

/// The initial values of a parameter.
enum class InitialValue {
  zeros,
  ones,
  normal,
  normal_residual,
  uniform,  ///< -1 / sqrt(rows) to 1 / sqrt(rows), as PyTorch's kaiming_uniform_ with a = sqrt(5)
};

/// The path of a tensor within its part of a model, such as {"attention", "qkv"}. The names must
/// outlive the path (use string literals).
class ParameterPath {
 public:
  static constexpr std::size_t longest = 6;

  /// ConfigError for more than `longest` names.
  constexpr ParameterPath operator/(std::string_view name) const {
    if (size_ == longest) throw ConfigError("a tensor's path has at most 6 names");
    ParameterPath path = *this;
    path.names_[path.size_++] = name;
    return path;
  }

  friend constexpr bool operator==(const ParameterPath&, const ParameterPath&) = default;

  /// Calls visit(name) for each, in order.
  template <typename Visit>
  constexpr void for_each(Visit visit) const {
    for (std::size_t i = 0; i < size_; ++i) visit(names_[i]);
  }

  /// The last name; empty if there is none.
  constexpr std::string_view last() const noexcept {
    return size_ == 0 ? std::string_view() : names_[size_ - 1];
  }
  /// The path without its last name.
  constexpr ParameterPath parent() const noexcept {
    ParameterPath path = *this;
    if (size_ > 0) path.names_[--path.size_] = {};
    return path;
  }

  /// Calls body("attention.qkv.weight"), usable in constant expressions. ConfigError for more than
  /// 256 letters.
  template <typename Body>
  constexpr auto with_text(Body body) const {
    std::array<char, 256> text{};
    std::size_t size = 0;
    for_each([&](std::string_view name) {
      const std::size_t dot = size > 0 ? 1 : 0;
      require(name.size() + dot <= text.size() - size, "a tensor's name has at most 256 letters");
      if (dot > 0) text[size++] = '.';
      std::copy(name.begin(), name.end(), text.begin() + static_cast<std::ptrdiff_t>(size));
      size += name.size();
    });
    return body(std::string_view(text.data(), size));
  }

  /// "attention.qkv.weight".
  std::string joined() const {
    std::string text;
    for (std::size_t i = 0; i < size_; ++i) (text += i > 0 ? "." : "") += names_[i];
    return text;
  }

 private:
  std::array<std::string_view, longest> names_{};
  std::size_t size_ = 0;
};

/// The columns of each linear map whose weight [in, out] is a part of a tensor: queries, keys and
/// values lie side by side in one, gate and up in another. All 0 for a vector, and for a table,
/// whose rows belong to tokens, positions or taps. Optimizers that treat matrices as matrices read
/// it.
using MapColumns = std::array<Index, 3>;

/// One tensor of a part of a model: [rows, columns], or [columns] if rows is 0.
struct ParameterEntry {
  ParameterPath path;
  Index rows = 0;
  Index columns = 0;
  InitialValue initial = InitialValue::zeros;
  Index offset = 0;  ///< numbers before it in its part
  int unit = -1;     ///< see ParameterUnit; -1: none
  MapColumns maps{};

  constexpr Index count() const noexcept { return (rows == 0 ? 1 : rows) * columns; }
  /// Whether the tensor is the weight of linear maps, not a table or a vector.
  constexpr bool is_map() const noexcept { return maps[0] + maps[1] + maps[2] > 0; }
  /// Weight decay is for matrices, not for vectors (gains and biases), as in GPT-2 and nanoGPT.
  constexpr bool decays() const noexcept { return rows != 0; }
};

/// The place of a tensor, relative to its part of the model. A default-constructed slot means that
/// the layer has no such tensor.
struct ParameterSlot {
  Index tensor = -1;  ///< tensors before it in its part
  Index offset = 0;   ///< numbers before it in its part
  Index rows = 0;
  Index columns = 0;

  constexpr bool exists() const noexcept { return tensor >= 0; }
  constexpr Index count() const noexcept { return (rows == 0 ? 1 : rows) * columns; }
};

/// Neighbouring tensors whose gradients are complete at the same time, such as weight and bias of a
/// linear layer. The layer reports this in backward (Pass::complete).
struct ParameterUnit {
  int index = -1;
};

/// What trains in a model, as far as the size of an optimizer's state depends on it.
struct TrainedSizes {
  Index count = 0;    ///< numbers in all tensors that train
  Index tensors = 0;  ///< these tensors
  Index in_maps = 0;  ///< numbers in those that are weights of linear maps

  /// Adds a ParameterEntry or a Parameter.
  constexpr void add(const auto& entry) noexcept {
    count += entry.count();
    tensors += 1;
    if (entry.is_map()) in_maps += entry.count();
  }
};

/// A range of neighbouring tensors of a model.
struct ParameterRange {
  Index first_tensor = 0;
  Index tensors = 0;
  Index offset = 0;  ///< numbers before it
  Index count = 0;   ///< numbers in it
};

/// The tensors of one part of a model (embedding; a block; final norm and head), in memory order.
/// Layers add their tensors on construction; sizes, offsets, and the names in files and reports
/// derive from this table.
class ParameterTable {
 public:
  /// A new unit. The tensors added with it must be neighbours.
  constexpr ParameterUnit begin_unit() { return {units_++}; }

  /// ConfigError if the path occurs already, if a size is negative, or if the part would have more
  /// than 2^63 numbers.
  OCTAVO_SETUP constexpr ParameterSlot add(const ParameterPath& path, Index rows, Index columns,
                                           InitialValue initial, ParameterUnit unit = {},
                                           const MapColumns& maps = {}) {
    for (const ParameterEntry& entry : entries_) {
      if (entry.path == path) refuse(path);
    }
    Index numbers = rows == 0 ? 1 : rows;
    if (rows < 0 || columns < 0 || *std::min_element(maps.begin(), maps.end()) < 0 ||
        __builtin_mul_overflow(numbers, columns, &numbers) ||
        __builtin_add_overflow(count_, numbers, &numbers)) {
      throw ConfigError("a part's parameters are more than 2^63 numbers, or a size is negative");
    }
    entries_.push_back({path, rows, columns, initial, count_, unit.index, maps});
    return {size() - 1, std::exchange(count_, numbers), rows, columns};
  }

  /// Numbers in all tensors together.
  constexpr Index count() const noexcept { return count_; }
  constexpr Index size() const noexcept { return static_cast<Index>(entries_.size()); }
  constexpr const ParameterEntry& operator[](Index i) const {
    return entries_[static_cast<std::size_t>(i)];
  }

  /// The largest number of rows or columns of a matrix.
  constexpr Index longest_side() const noexcept {
    Index longest = 0;
    for (const ParameterEntry& entry : entries_) {
      if (entry.rows > 0) longest = std::max({longest, entry.rows, entry.columns});
    }
    return longest;
  }

 private:
  [[noreturn]] OCTAVO_SETUP static void refuse(const ParameterPath& path) {
    throw ConfigError(detail::concat({"two tensors have the name '", path.joined(), "'"}),
                      "give each layer a name of its own: builder / \"name\"");
  }

  SmallVector<ParameterEntry, 16> entries_;
  int units_ = 0;
  Index count_ = 0;
};

}  // namespace OCTAVO_NAMESPACE
