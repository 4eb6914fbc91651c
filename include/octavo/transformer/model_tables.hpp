// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/tensor/lora_config.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/tensor/parameter_table.hpp>

namespace OCTAVO_NAMESPACE::detail {

/// The full name of a tensor, composed on demand.
class TensorName {
 public:
  /// `block`: the block that the tensor is in, or -1.
  constexpr TensorName(Index block, const ParameterPath& path) : block_(block), path_(&path) {}

  /// Calls body(name), usable in constant expressions.
  template <typename Body>
  constexpr auto with_text(Body body) const {
    std::array<char, 256> text{};
    std::size_t size = 0;
    const auto add = [&](std::string_view part) {
      require(part.size() <= text.size() - size, "a tensor's name has at most 256 letters");
      std::copy(part.begin(), part.end(), text.begin() + static_cast<std::ptrdiff_t>(size));
      size += part.size();
    };
    if (block_ >= 0) {
      add("blocks.");
      Index power = 1;
      while (block_ / power >= 10) power *= 10;
      for (; power > 0; power /= 10) {
        const char digit = static_cast<char>('0' + block_ / power % 10);
        add({&digit, 1});
      }
      add(".");
    }
    bool first = true;
    path_->for_each([&](std::string_view name) {
      if (!std::exchange(first, false)) add(".");
      add(name);
    });
    return body(std::string_view(text.data(), size));
  }
  std::string text() const {
    return with_text([](std::string_view name) { return std::string(name); });
  }

 private:
  Index block_;
  const ParameterPath* path_;
};

/// The tensors of a model, part by part: embedding; each of `layers` equal blocks; final norm and
/// head.
struct ModelTables {
  ParameterTable embedding, block, head;

  constexpr ParameterRange embedding_range() const noexcept {
    return {0, embedding.size(), 0, embedding.count()};
  }
  constexpr ParameterRange block_range(Index layer) const noexcept {
    return {embedding.size() + layer * block.size(), block.size(),
            embedding.count() + layer * block.count(), block.count()};
  }
  constexpr ParameterRange head_range(Index layers) const noexcept {
    const ParameterRange after = block_range(layers);
    return {after.first_tensor, head.size(), after.offset, head.count()};
  }

  /// The numbers and the tensors of all parts together.
  constexpr Index count(Index layers) const noexcept {
    return block_range(layers).offset + head.count();
  }
  constexpr Index size(Index layers) const noexcept {
    return block_range(layers).first_tensor + head.size();
  }

  /// Whether the blocks' linear layers have adapters.
  constexpr bool has_adapters() const noexcept {
    for (Index i = 0; i < block.size(); ++i) {
      if (is_adapter(block[i].path.last())) return true;
    }
    return false;
  }

  /// Calls visit(name, entry, block) for each tensor in memory order. `block` is -1 in the
  /// embedding, `layers` in final norm and head.
  template <typename Visit>
  constexpr void for_each(Index layers, Visit visit) const {
    const auto visit_part = [&](const ParameterTable& part, Index number) {
      for (Index i = 0; i < part.size(); ++i) {
        visit(TensorName{number >= 0 && number < layers ? number : -1, part[i].path}, part[i],
              number);
      }
    };
    visit_part(embedding, -1);
    for (Index layer = 0; layer < layers; ++layer) visit_part(block, layer);
    visit_part(head, layers);
  }

  OCTAVO_SETUP ParameterList list(Index layers) const {
    ParameterList list;
    for_each(layers, [&](const TensorName& name, const ParameterEntry& entry, Index number) {
      list.append(std::string(name.text()), entry, number);
    });
    return list;
  }
};

}  // namespace OCTAVO_NAMESPACE::detail
