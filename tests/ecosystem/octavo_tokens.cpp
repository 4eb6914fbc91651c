// SPDX-License-Identifier: MIT
// What Octavo's tokenizers do, for others to compare with:
//   octavo_tokens encode FOLDER STRINGS    the tokens of each string by the folder's tokenizer
//   octavo_tokens special FOLDER STRINGS   the same where special tokens are recognized
//   octavo_tokens bpe TEXT TOKENS FOLDER   learns byte pairs from a text, into a folder
//   octavo_tokens characters TEXT FOLDER   the same for characters
//   octavo_tokens classes                  0 other, 1 letter, 2 number, 3 space: all code points
// STRINGS has each string's length, in 32 bits, before it. Tokens come in JSON, a line a string.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/files/read_file.hpp>
#include <octavo/interop/tokenizer_folder.hpp>
#include <octavo/tokenizers/bpe_training.hpp>

using namespace octavo;

namespace {

void print_tokens(const std::vector<Token>& tokens) {
  std::string line = "[";
  for (const Token token : tokens) {
    if (line.size() > 1) line += ',';
    line += std::to_string(token);
  }
  std::printf("%s]\n", line.c_str());
}

void encode(const std::string& folder, const std::string& file, SpecialTokens special) {
  const auto table = read_tokenizer_folder(folder);
  if (!table) throw ConfigError("there is no tokenizer in " + folder);
  const AnyTokenizer tokenizer = tokenizer_of(*table);
  const std::string strings = read_file(file);
  for (std::string_view rest = strings; !rest.empty();) {
    std::uint32_t size = 0;
    std::memcpy(&size, rest.data(), sizeof(size));
    print_tokens(tokenizer.encode(rest.substr(sizeof(size), size), special));
    rest.remove_prefix(sizeof(size) + size);
  }
}

void learn(const std::string& text, Index tokens, const std::string& folder) {
  constexpr std::string_view end[] = {"<|endoftext|>"};
  BpeTrainer trainer;
  trainer.add(text);
  save_tokenizer_folder(folder, token_table_of(trainer.train(tokens, end)));
}

void print_classes() {
  for (std::uint32_t code = 0; code < 0x110000; ++code) {
    std::putchar('0' + static_cast<int>(class_of_code(code)));
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::vector<std::string> words(argv + 1, argv + argc);
    const std::string what = words.empty() ? "" : words[0];
    if (what == "encode" && words.size() == 3) {
      encode(words[1], words[2], SpecialTokens::as_text);
    } else if (what == "special" && words.size() == 3) {
      encode(words[1], words[2], SpecialTokens::recognized);
    } else if (what == "bpe" && words.size() == 4) {
      learn(read_file(words[1]), std::stol(words[2]), words[3]);
    } else if (what == "characters" && words.size() == 3) {
      save_tokenizer_folder(words[2],
                            token_table_of(CharacterTokenizer::from_text(read_file(words[1]))));
    } else if (what == "classes" && words.size() == 1) {
      print_classes();
    } else {
      throw ConfigError(
          "usage: octavo_tokens encode|special FOLDER STRINGS | bpe TEXT TOKENS FOLDER | "
          "characters TEXT FOLDER | classes");
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "octavo_tokens: %s\n", error.what());
    return 1;
  }
}
