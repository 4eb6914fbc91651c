// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>
#include <system_error>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/files/byte_source.hpp>
#include <octavo/formats/json_object.hpp>
#include <octavo/interop/added_tokens.hpp>
#include <octavo/tokenizers/chat_format.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

/// The template in a tokenizer_config.json: a text, or the one named "default" of a list.
inline std::string chat_template_in(const JsonObject& config) {
  const auto& field = config.field("chat_template");
  if (field.is_null()) return {};
  if (field.is_string()) return field.get<std::string>();
  if (!field.is_array()) config.refuse("chat_template", "a text or a list of templates");
  std::string first;
  for (const auto& one : field) {
    const bool sound = one.is_object() && one.contains("name") && one["name"].is_string() &&
                       one.contains("template") && one["template"].is_string();
    if (!sound) config.refuse("chat_template", "templates with a name");
    if (first.empty() || one["name"] == "default") first = one["template"].get<std::string>();
    if (one["name"] == "default") break;
  }
  return first;
}

}  // namespace detail

/// The chat template of a folder in Hugging Face's format: "chat_template.jinja", or
/// "chat_template" of "tokenizer_config.json"; empty if there is neither. What cannot be read is
/// set aside, with a note.
inline std::string read_chat_template(const std::string& folder, std::vector<std::string>& notes,
                                      FileSystem& files = real_file_system()) {
  const auto missing = [](const IoError& error) {
    return error.reason() == std::errc::no_such_file_or_directory;
  };
  std::string text;
  try {
    const FileSource source(detail::concat({folder, "/chat_template.jinja"}), files);
    if (source.size() <= longest_chat_template) {
      text.resize(source.size());
      source.read(0, std::as_writable_bytes(std::span(text)));
      return text;
    }
    notes.push_back(detail::concat({printable(source.name()), " is set aside: it has more than ",
                                    longest_chat_template, " bytes"}));
    return {};
  } catch (const IoError& error) {
    if (!missing(error)) throw;
  }
  try {
    const FileSource source(detail::concat({folder, "/tokenizer_config.json"}), files);
    text = detail::chat_template_in(JsonObject(source, detail::tokenizer_limits));
  } catch (const IoError& error) {
    if (!missing(error)) throw;
  } catch (const FormatError& error) {
    notes.push_back(detail::concat({"the chat template is set aside: ", error.what()}));
  }
  return text.size() <= longest_chat_template ? text : std::string();
}

}  // namespace OCTAVO_NAMESPACE
