// SPDX-License-Identifier: MIT
// generate --chat, with a folder whose model has a chat template.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/files/read_file.hpp>
#include <octavo/interop/gguf_model.hpp>

#include "examples/chat_folder.hpp"
#include "examples/generating.hpp"

using namespace generating;
using namespace octavo;

namespace {

Words chatting(const std::string& options = "", const std::string& of = "chat") {
  return words_of("generate " + of + " --chat --threads 1 --tokens 6 --temperature 0 " + options);
}

}  // namespace

TEST_CASE("a conversation goes on, begins anew, and is saved as the model reads it") {
  const ChatFolder folder;
  const std::string said = text_of(folder, chatting(), {.input = "Hi\nWho?\n/save talk\n"});
  const std::string talk = read_file(folder / "talk");
  CHECK(talk.starts_with("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"));
  const std::string second =
      "<|im_end|>\n<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n";
  const std::size_t at = talk.find(second);
  REQUIRE(at != std::string::npos);
  // What was written is what was saved, and what a plain prompt continues by.
  const std::size_t first =
      std::string("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n").size();
  const std::string answer = talk.substr(first, at - first);
  CHECK(said.starts_with(answer + "\n"));
  const std::string again = text_of(folder, chatting(), {.input = "Hi\n/reset\nHi\n"});
  CHECK(again.size() > 2);
  CHECK(again.substr(0, again.size() / 2) == again.substr(again.size() / 2));
  text_of(folder, chatting(), {.input = "/system Be kind.\nHi\n/save kind\n"});
  CHECK(read_file(folder / "kind")
            .starts_with("<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>"
                         "user\nHi<|im_end|>\n"));
  text_of(folder, chatting() + Words{"--system", "Be kind."}, {.input = "Hi\n/save same\n"});
  CHECK(read_file(folder / "same") == read_file(folder / "kind"));
}

TEST_CASE("GGUF and back: the chat template goes along") {
  const ChatFolder folder;
  text_of(folder, words_of("convert chat chat.gguf"));
  const FileSource source(folder / "chat.gguf");
  CHECK(GgufModel(source).config().chat_template == chatml);
  CHECK(text_of(folder, chatting("", "chat.gguf"), {.input = "Hi\n"}) ==
        text_of(folder, chatting(), {.input = "Hi\n"}));
  text_of(folder, words_of("convert chat.gguf back/"));
  CHECK(read_file(folder / "back/chat_template.jinja") == chatml);
  const std::string inspected = text_of(folder, words_of("convert --inspect chat.gguf"));
  CHECK(inspected.find("chat template: known\n") != std::string::npos);
  CHECK(inspected.find("tokenizer: 258 tokens, 2 of them special\n") != std::string::npos);
  CHECK(inspected.find("parameters: 6,") != std::string::npos);
  CHECK(inspected.find("F32: ") != std::string::npos);
}

TEST_CASE("a model of Octavo's keeps the chat template, and so does what is trained from it") {
  const ChatFolder folder;
  text_of(folder, words_of("convert chat chat.safetensors"));
  const std::string said = text_of(folder, chatting(), {.input = "Hi\n"});
  CHECK(text_of(folder, chatting("", "chat.safetensors"), {.input = "Hi\n"}) == said);
  CHECK(text_of(folder, words_of("convert --inspect chat.safetensors"))
            .find("chat template: known\n") != std::string::npos);
  // To other formats and back to the byte.
  text_of(folder, words_of("convert chat.safetensors chat.gguf"));
  text_of(folder, words_of("convert chat.safetensors back/"));
  CHECK(read_file(folder / "back/chat_template.jinja") == chatml);
  for (const std::string from : {"chat.gguf", "back"}) {
    text_of(folder, words_of("convert " + from + " again.safetensors"));
    CHECK(read_file(folder / "again.safetensors") == read_file(folder / "chat.safetensors"));
  }
  text_of(folder, words_of("train_full 1 --from chat --out t --sequence 12 --threads 1 "
                           "--save-every 0 --log-every 0 --sample-every 0 --eval-every 0"));
  for (const std::string trained : {"t", "t/model.safetensors"}) {
    CHECK(!text_of(folder, chatting("", trained), {.input = "Hi\n"}).empty());
  }
  text_of(folder, words_of("convert t tuned/"));
  CHECK(read_file(folder / "tuned/chat_template.jinja") == chatml);
}

TEST_CASE("a model without a template that is known does not chat") {
  const ChatFolder none("");
  refused(none, chatting(), 65, "cannot chat with 'chat': it has no chat template",
          "use it without --chat, with --interactive");
  const ChatFolder other("{{ messages }}");
  refused(other, chatting(), 65,
          "cannot chat with 'chat': the model's chat template is none that Octavo knows (ChatML, "
          "Llama 2 and 3, Mistral, Gemma, Phi-3, Zephyr)",
          "use it without --chat, with --interactive");
  refused(none, chatting("--interactive"), 64,
          "--chat: it cannot be combined with prompts, --interactive or --score");
  refused(none, words_of("generate chat --system x"), 64, "--system: it needs --chat");
}
