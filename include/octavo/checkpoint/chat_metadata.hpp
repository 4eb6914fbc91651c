// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/base/config.hpp>
#include <octavo/formats/hexadecimal.hpp>
#include <octavo/formats/metadata.hpp>
#include <octavo/tokenizers/chat_format.hpp>

// The chat format in the metadata of Octavo's files: "chat_template", its bytes in hexadecimal, and
// "begin_token", a token's number. Each entry exists only if the model has it.
namespace OCTAVO_NAMESPACE::detail {

inline void write_chat(MetadataWriter& metadata, const ChatFormat& chat) {
  if (!chat.chat_template.empty()) metadata.text("chat_template", to_hex(chat.chat_template));
  if (chat.begin_token) metadata.whole("begin_token", *chat.begin_token);
}

/// The chat format of a model with `vocabulary` tokens. FormatError if an entry is invalid.
inline ChatFormat read_chat(const MetadataReader& metadata, Index vocabulary) {
  ChatFormat chat;
  if (metadata.has("chat_template")) {
    chat.chat_template = from_hex(metadata, "chat_template", longest_chat_template);
    if (chat.chat_template.empty()) metadata.refuse("chat_template", "a template");
  }
  if (metadata.has("begin_token")) {
    chat.begin_token = static_cast<Token>(metadata.whole("begin_token", 0, vocabulary - 1));
  }
  return chat;
}

}  // namespace OCTAVO_NAMESPACE::detail
