// SPDX-License-Identifier: MIT
#include "generate/model.hpp"

#include "support/program.hpp"

namespace generate {

Model load(const std::string& path, const std::vector<support::GivenAdapter>& given, bool mapped,
           const std::string& base) {
  const octavo::ModelSource source(path, support::warn_of_skipped, {}, octavo::real_file_system(),
                                   base);
  support::print_notes(source.notes());
  if (!source.tokenizer()) {
    throw octavo::FormatError("cannot generate with " + octavo::printable(path) +
                              ": it has no tokenizer that Octavo reads");
  }
  const auto adapters = support::read_adapters(given, source.config());
  Model model{source.config(), source.trained_length(), *source.tokenizer(),
              mapped ? source.map_stored() : source.load_stored(adapters), source.end_tokens()};
  if (source.chat_template().empty()) return model;
  try {
    const auto name = [&](std::optional<octavo::Token> token) {
      return token ? std::string(model.tokenizer.decode(*token)) : std::string();
    };
    model.chat.emplace(source.chat_template(), name(source.begin_token()),
                       name(model.tokenizer.end_token()));
  } catch (const octavo::Error& error) {
    model.chat_failure = error.what();
  }
  return model;
}

void note(const std::string& text) { support::print_notes({text}); }

}  // namespace generate
