// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include <octavo/base/config.hpp>

namespace OCTAVO_NAMESPACE {

/// The longest chat template that is read or saved, in bytes.
inline constexpr std::size_t longest_chat_template = std::size_t{1} << 18;

/// How a conversation becomes a text for a model: see ChatTemplate.
struct ChatFormat {
  std::string chat_template{};         ///< a program in Jinja; empty: none
  std::optional<Token> begin_token{};  ///< begins a text, the template's bos_token

  friend bool operator==(const ChatFormat&, const ChatFormat&) = default;
};

}  // namespace OCTAVO_NAMESPACE
