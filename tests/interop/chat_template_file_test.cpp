// SPDX-License-Identifier: MIT
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/files/atomic_file.hpp>
#include <octavo/interop/chat_template_file.hpp>

using namespace octavo;
namespace fs = std::filesystem;

namespace {

/// A folder that is removed at the end.
struct Folder {
  Folder() {
    fs::remove_all(path);
    fs::create_directory(path);
  }
  ~Folder() { fs::remove_all(path); }

  void put(const std::string& name, const std::string& text) const {
    AtomicFile file(path + "/" + name);
    file.write(text);
    file.commit();
  }
  std::string read() {
    notes.clear();
    return read_chat_template(path, notes);
  }

  std::string path = "chat_template_file_test";
  std::vector<std::string> notes;
};

}  // namespace

TEST_CASE("a chat template is a file of its own, or in the tokenizer's configuration") {
  Folder folder;
  CHECK(folder.read() == "");
  folder.put("tokenizer_config.json", "{}");
  CHECK(folder.read() == "");
  folder.put("tokenizer_config.json", R"({"chat_template": "one\n"})");
  CHECK(folder.read() == "one\n");
  folder.put("tokenizer_config.json", R"({"chat_template": [
    {"name": "tool_use", "template": "tools"}, {"name": "default", "template": "usual"},
    {"name": "rag", "template": "documents"}]})");
  CHECK(folder.read() == "usual");
  folder.put("tokenizer_config.json",
             R"({"chat_template": [{"name": "tool_use", "template": "tools"}]})");
  CHECK(folder.read() == "tools");
  folder.put("chat_template.jinja", "own");
  CHECK(folder.read() == "own");
  CHECK(folder.notes.empty());
}

TEST_CASE("a chat template that cannot be read is set aside, with a note") {
  Folder folder;
  for (const char* text : {R"({"chat_template": 5})", R"({"chat_template": [5]})",
                           R"({"chat_template": [{"name": "default"}]})", "{"}) {
    folder.put("tokenizer_config.json", text);
    CHECK(folder.read() == "");
    REQUIRE(folder.notes.size() == 1);
    CHECK(folder.notes[0].starts_with("the chat template is set aside: "));
  }
  folder.put("chat_template.jinja", std::string(longest_chat_template + 1, ' '));
  CHECK(folder.read() == "");
  REQUIRE(folder.notes.size() == 1);
  CHECK(folder.notes[0].ends_with("is set aside: it has more than 262144 bytes"));
}
