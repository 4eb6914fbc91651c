// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string_view>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>

namespace OCTAVO_NAMESPACE {

/// How a parameter starts.
enum class InitialValue { zeros, ones, normal, normal_residual };

/// One trainable tensor as a layer declares it: [rows, columns], or [columns] when rows is 0.
struct ParameterDeclaration {
  std::string_view scope;  ///< of the layer within its block, such as "attn.c_attn"
  std::string_view name;   ///< within the layer, such as "weight"
  Index rows = 0;
  Index columns = 0;
  InitialValue initial = InitialValue::zeros;
  Index offset = 0;  ///< numbers before it in its block

  constexpr Index count() const noexcept { return (rows == 0 ? 1 : rows) * columns; }
  /// Weight decay is for matrices, not for vectors (gains and biases), as in GPT-2 and nanoGPT.
  constexpr bool decays() const noexcept { return rows != 0; }
};

/// Where a declared tensor lies, relative to the first number of its block of parameters.
struct ParameterSlot {
  Index offset = -1;
  Index rows = 0;
  Index columns = 0;

  constexpr bool declared() const noexcept { return offset >= 0; }
  /// The first number behind it.
  constexpr Index end() const noexcept { return offset + (rows == 0 ? 1 : rows) * columns; }

  template <typename T>
  constexpr T* in(T* block) const noexcept {
    return declared() ? block + offset : nullptr;
  }
};

/// The parameters of one block, in the order in which they lie in memory. Layers add theirs; sizes,
/// offsets, names in files and reports all derive from this list.
class ParameterDeclarations {
 public:
  static constexpr int capacity = 32;

  /// Names what the next layer declares; stays until the next call.
  constexpr void begin_layer(std::string_view scope) noexcept { scope_ = scope; }

  constexpr ParameterSlot matrix(std::string_view name, Index rows, Index columns,
                                 InitialValue initial) {
    return add({scope_, name, rows, columns, initial, count_});
  }

  constexpr ParameterSlot vector(std::string_view name, Index size, InitialValue initial) {
    return add({scope_, name, 0, size, initial, count_});
  }

  /// Numbers in all tensors together.
  constexpr Index count() const noexcept { return count_; }
  constexpr int size() const noexcept { return size_; }
  /// Numbers in the tensors of the layer that has most.
  constexpr Index largest_layer() const noexcept {
    Index largest = 0, layer = 0;
    for (int i = 0; i < size_; ++i) {
      if (i > 0 && (*this)[i].scope != (*this)[i - 1].scope) layer = 0;
      layer += (*this)[i].count();
      largest = layer > largest ? layer : largest;
    }
    return largest;
  }
  constexpr const ParameterDeclaration& operator[](int i) const {
    return entries_[static_cast<std::size_t>(i)];
  }

  /// ConfigError where two tensors of one layer have the same name: no file could tell them apart.
  constexpr void check_names() const {
    for (int i = 0; i < size_; ++i) {
      for (int j = 0; j < i; ++j) {
        if ((*this)[i].scope == (*this)[j].scope && (*this)[i].name == (*this)[j].name)
          refuse_name((*this)[i]);
      }
    }
  }

 private:
  constexpr ParameterSlot add(const ParameterDeclaration& declaration) {
    if (size_ == capacity) throw ConfigError("a block declares at most 32 parameters");
    Index numbers = declaration.rows == 0 ? 1 : declaration.rows;
    if (declaration.rows < 0 || declaration.columns < 0 ||
        __builtin_mul_overflow(numbers, declaration.columns, &numbers) ||
        __builtin_add_overflow(count_, numbers, &numbers)) {
      throw ConfigError("a block's parameters are more than 2^63 numbers, or a size is negative");
    }
    entries_[static_cast<std::size_t>(size_++)] = declaration;
    count_ = numbers;
    return {declaration.offset, declaration.rows, declaration.columns};
  }

  [[noreturn]] static void refuse_name(const ParameterDeclaration& declaration) {
    const bool scoped = !declaration.scope.empty();
    throw ConfigError(detail::concat({"two tensors have the name '", declaration.scope,
                                      scoped ? "." : "", declaration.name, "'"}),
                      "call begin_layer() with a name of its own before each layer that declares");
  }

  std::array<ParameterDeclaration, capacity> entries_{};
  std::string_view scope_;
  int size_ = 0;
  Index count_ = 0;
};

}  // namespace OCTAVO_NAMESPACE
