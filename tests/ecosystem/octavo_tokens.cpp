// SPDX-License-Identifier: MIT
// What Octavo's tokenizers do, for others to compare with:
//   octavo_tokens encode FOLDER STRINGS    the tokens of each string by the folder's tokenizer
//   octavo_tokens special FOLDER STRINGS   the same where special tokens are recognized
//   octavo_tokens bpe TEXT TOKENS FOLDER   learns byte pairs from a text, into a folder
//   octavo_tokens characters TEXT FOLDER   the same for characters
//   octavo_tokens classes                  0 other, 1 letter, 2 number, 3 space: all code points
//   octavo_tokens split PATTERN STRINGS    the pieces of each string
//   octavo_tokens nfc STRINGS              each string in normalization form C
//   octavo_tokens back FOLDER STRINGS      each string, encoded and decoded
//   octavo_tokens save FOLDER TO           saves a folder's tokenizer in another; checks that it
//   comes
//                                          back from there and from Octavo's own files
// STRINGS has each string's length, in 32 bits, before it. Tokens come in JSON, a line a string: -1
// is what has no token. Texts come as the number of texts of each string, and before each text its
// length.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/checkpoint/tokenizer_metadata.hpp>
#include <octavo/files/byte_source.hpp>
#include <octavo/files/read_file.hpp>
#include <octavo/formats/safetensors_reader.hpp>
#include <octavo/formats/safetensors_writer.hpp>
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

AnyTokenizer tokenizer_in(const std::string& folder) {
  const auto table = read_tokenizer_folder(folder);
  if (!table) throw ConfigError("there is no tokenizer in " + folder);
  return tokenizer_of(*table);
}

template <typename Body>
void for_each_string(const std::string& file, const Body& body) {
  const std::string strings = read_file(file);
  for (std::string_view rest = strings; !rest.empty();) {
    std::uint32_t size = 0;
    std::memcpy(&size, rest.data(), sizeof(size));
    body(rest.substr(sizeof(size), size));
    rest.remove_prefix(sizeof(size) + size);
  }
}

void encode(const std::string& folder, const std::string& file, SpecialTokens special) {
  const AnyTokenizer tokenizer = tokenizer_in(folder);
  for_each_string(file, [&](std::string_view text) {
    try {
      print_tokens(tokenizer.encode(text, special));
    } catch (const UnknownSymbol&) {
      print_tokens({-1});
    }
  });
}

void print_number(std::size_t number) {
  const auto small = static_cast<std::uint32_t>(number);
  std::fwrite(&small, sizeof(small), 1, stdout);
}

void print_texts(const std::vector<std::string>& texts) {
  print_number(texts.size());
  for (const std::string& text : texts) {
    print_number(text.size());
    std::fwrite(text.data(), 1, text.size(), stdout);
  }
}

void split(const std::string& name, const std::string& file) {
  const auto found = std::find(split_pattern_names.begin(), split_pattern_names.end(), name);
  const auto pattern = static_cast<SplitPattern>(found - split_pattern_names.begin());
  for_each_string(file, [&](std::string_view text) {
    std::vector<std::string> pieces;
    for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end) {
      end = piece_end(pattern, text, begin);
      pieces.emplace_back(text.substr(begin, end - begin));
    }
    print_texts(pieces);
  });
}

void save(const std::string& folder, const std::string& to) {
  const AnyTokenizer tokenizer = tokenizer_in(folder);
  save_tokenizer_folder(to, token_table_of(tokenizer));
  const AnyTokenizer again = tokenizer_in(to);
  const auto* const pieces = tokenizer.get_if<SentencePieceTokenizer>();
  const bool scored = pieces != nullptr && !pieces->scores().empty();  // becomes one of merges
  if (!scored && again != tokenizer) throw ConfigError("the folder has another tokenizer");
  MetadataWriter metadata;
  detail::write_tokenizer(metadata, tokenizer);
  const std::string file = to + "/tokenizer.safetensors";
  write_safetensors(file, {}, metadata.entries());
  const FileSource source(file);
  const SafetensorsReader reader(source);
  if (detail::read_tokenizer(MetadataReader(reader), tokenizer.vocabulary_size()) != tokenizer) {
    throw ConfigError("the file has another tokenizer");
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
    } else if (what == "split" && words.size() == 3) {
      split(words[1], words[2]);
    } else if (what == "nfc" && words.size() == 2) {
      for_each_string(words[1], [](std::string_view text) {
        print_texts({to_nfc(text).value_or(std::string(text))});
      });
    } else if (what == "back" && words.size() == 3) {
      const AnyTokenizer tokenizer = tokenizer_in(words[1]);
      for_each_string(words[2], [&](std::string_view text) {
        print_texts({tokenizer.decode_text(tokenizer.encode(text))});
      });
    } else if (what == "save" && words.size() == 3) {
      save(words[1], words[2]);
    } else if (what == "classes" && words.size() == 1) {
      print_classes();
    } else {
      throw ConfigError(
          "usage: octavo_tokens encode|special FOLDER STRINGS | bpe TEXT TOKENS FOLDER | "
          "characters TEXT FOLDER | classes | split PATTERN STRINGS | nfc STRINGS | "
          "back FOLDER STRINGS | save FOLDER TO");
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "octavo_tokens: %s\n", error.what());
    return 1;
  }
}
