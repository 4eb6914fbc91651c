// SPDX-License-Identifier: MIT
// Bytes as a file for fine-tuning: every row is skipped with a message, or it is a document whose
// targets are its own next tokens; and documents come through packing whole.
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <octavo/data/packed_rows.hpp>
#include <octavo/runs/chat_data.hpp>

#include "fuzz/fuzz.hpp"
#include "runs/chat_tokenizer.hpp"

using namespace octavo;
using fuzz::Choices;
using fuzz::demand;

namespace {

const AnyTokenizer& tokenizer() {
  static const AnyTokenizer result = octavo_test::chat_tokenizer();
  return result;
}

constexpr std::array<std::string_view, 4> templates{"<|im_start|>", "[INST] <<SYS>>",
                                                    "<|user|><|assistant|>", "<start_of_turn>"};

void check(const LabelledTokens& document) {
  demand(document.inputs.size() == document.targets.size() && document.counted() > 0,
         "a document without targets");
  for (std::size_t i = 0; i < document.inputs.size(); ++i) {
    demand(document.inputs[i] >= 0 && document.inputs[i] < 259, "a token outside the vocabulary");
    demand(document.targets[i] < 0 || i + 1 == document.inputs.size() ||
               document.targets[i] == document.inputs[i + 1],
           "a target that is not the next token");
  }
}

void read(std::string_view bytes, const ChatDocuments& documents, LongDocument long_documents) {
  const MemorySource source("input", std::as_bytes(std::span(bytes)));
  ChatData data(source, documents, 1 << 20);
  PackedRows rows(16, long_documents, 3);
  Index counted = 0, packed = 0;
  try {
    while (const auto document = data.next()) {
      check(*document);
      if (long_documents == LongDocument::split) counted += document->counted();
      rows.add(*document);
      while (const auto row = rows.next()) packed += row->tokens.counted();
    }
  } catch (const DataError&) {
    demand(data.rows() == 0, "a bad row that was not skipped");
    return;
  }
  while (const auto row = rows.next(true)) packed += row->tokens.counted();
  demand(long_documents == LongDocument::cut || packed == counted, "targets that packing lost");
}

constexpr std::array<std::string_view, 8> rows{
    R"({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]})",
    R"({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}, )"
    R"({"role": "assistant", "content": "b"}]})",
    R"({"prompt": [{"role": "user", "content": "a"}], "completion": [{"role": "assistant",)"
    R"( "content": "b"}]})",
    R"({"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]})",
    R"({"prompt": "2 + 2 = ", "completion": "4"})",
    R"({"instruction": "add", "input": "2, 2", "output": "4"})",
    R"({"text": "once upon a time, and again"})",
    R"({"text": "<|im_end|>\u00e9"})"};
constexpr std::array<std::string_view, 14> words{"null",
                                                 "3",
                                                 "[]",
                                                 "{}",
                                                 "\"\"",
                                                 "\"a\"",
                                                 "\"user\"",
                                                 "\"assistant\"",
                                                 "\"system\"",
                                                 "\"gpt\"",
                                                 "\"<|im_end|>\"",
                                                 "\"</think>\"",
                                                 "\"messages\"",
                                                 "\"content\""};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text = fuzz::text_of(bytes, size);
  const std::size_t choice = size % templates.size();
  read(text, ChatDocuments(tokenizer(), ChatTemplate(templates[choice], "", "<|endoftext|>")),
       size % 2 == 0 ? LongDocument::cut : LongDocument::split);
  read(text, ChatDocuments(tokenizer(), std::nullopt, octavo_test::text_ends, TrainOn::all),
       LongDocument::split);
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* bytes, std::size_t size, std::size_t most,
                                    unsigned seed) {
  Choices choices(seed);
  if (size == 0 || choices.one_in(8)) {
    std::string text;
    for (std::size_t i = 1 + choices.below(3); i > 0; --i) {
      (text += choices.one_of(rows)) += '\n';
    }
    return fuzz::give(text, bytes, size, most);
  }
  if (choices.one_in(3)) return LLVMFuzzerMutate(bytes, size, most);
  std::string text(fuzz::text_of(bytes, size));
  fuzz::change_json(text, words, choices);
  return fuzz::give(text, bytes, size, most);
}
