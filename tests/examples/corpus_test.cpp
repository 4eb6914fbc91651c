// SPDX-License-Identifier: MIT
// Texts of every kind, and what is none: trained on, or refused with a reason and nothing made.
#include "examples/corpus.hpp"

#include <chrono>
#include <string>
#include <sys/stat.h>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/base/error.hpp>
#include <octavo/data/sample_text.hpp>
#include <octavo/files/read_file.hpp>

using corpus::prose;
using corpus::refused;
using corpus::repeated;
using corpus::Words;

namespace {

Words trained_on(const std::string& data, const std::string& options = "") {
  return micro(options + " --out out --data=" + data);
}

/// As trained_on, for names with blanks.
Words trained_on_name(const std::string& name) {
  return Words{"train_full", "--data", name} + words_of(
                                                   "--tiny --sequence 12 --context 16 --out out "
                                                   "--threads 1 --log-every 0 2");
}

/// Trains, and writes with what was trained.
void accepted(const Sandbox& sandbox, const Words& words, const std::string& part) {
  INFO(told(words));
  const Outcome got = start(sandbox, words);
  check_error(got, 0, "");
  INFO(got.out);
  CHECK(got.out.find(part) != std::string::npos);
  const Outcome text = start(sandbox, words_of("generate out/model.safetensors --tokens 4"));
  check_error(text, 0, "");
  CHECK(text.out.size() >= 5);
  fs::remove_all(sandbox.path / "out");
}

const char* const look = "check the path and its permissions";
const char* const longer = "use a longer text or a shorter sequence";

std::string longer_or(std::size_t sequence) {
  return sequence == 0 ? "use a longer text"
                       : "use a longer text, or --sequence " + std::to_string(sequence);
}

}  // namespace

TEST_CASE("what is no readable file is refused by its kind, and nothing hangs") {
  const Sandbox sandbox;
  const auto begun = std::chrono::steady_clock::now();
  fs::create_directory(sandbox.path / "folder");
  fs::create_symlink("loop", sandbox.path / "loop");
  fs::create_symlink("gone", sandbox.path / "dangling");
  write_file(sandbox, "text", repeated(prose, 300));
  struct Row {
    std::string name, why, hint;
  };
  const std::string regular = ", expected a regular file";
  const std::string name_256(256, 'y');
  for (const Row& row : {
           Row{"missing", "No such file or directory", look},
           Row{"folder/missing", "No such file or directory", look},
           Row{"text/x", "Not a directory", look},
           Row{"text/", "Not a directory", look},
           Row{"dangling", "No such file or directory", look},
           Row{"loop", "Too many levels of symbolic links", look},
           Row{"-missing", "No such file or directory", look},
           Row{name_256, "File name too long", look},
           Row{"\xff\x1b[31m\n\x07", "No such file or directory", look},
           Row{"/dev/zero", "it is a device" + regular, "name a file"},
           Row{"/dev/null", "it is a device" + regular, "name a file"},
       }) {
    const std::string message = "cannot open " + octavo::printable(row.name) + ": " + row.why;
    refused(sandbox, trained_on_name(row.name), 66, message, row.hint);
    if (row.name[0] != '-') {
      refused(sandbox, {"train_256kib", row.name, "2"}, 66, message, row.hint);
    }
  }
  refused(sandbox, {"train_256kib", "folder", "2"}, 66,
          "cannot open 'folder': it is a directory" + regular, "name a file");
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(20));
}

TEST_CASE("a folder without texts, or that may not be read, is refused") {
  const Sandbox sandbox;
  fs::create_directories(sandbox.path / "empty/within");
  fs::create_directory(sandbox.path / "pictures");
  write_file(sandbox, "pictures/one.png", std::string("\x89PNG\0\0", 6));
  write_file(sandbox, "pictures/.notes", "hidden");
  fs::create_symlink("one.png", sandbox.path / "pictures/two.png");
  write_file(sandbox, "text", repeated(prose, 300));
  const std::string hint = "name text files, or a folder that holds some";
  const auto holds_none = [](const std::string& folder, int binary, int hidden, int others) {
    return "folder '" + folder + "' holds no text: " + std::to_string(binary) + " binary files, " +
           std::to_string(hidden) + " hidden names and " + std::to_string(others) +
           " links or devices were left out";
  };
  refused(sandbox, trained_on("empty"), 65, holds_none("empty", 0, 0, 0), hint);
  refused(sandbox, trained_on("empty/"), 65, holds_none("empty/", 0, 0, 0), hint);
  refused(sandbox, micro("--out out --data text pictures"), 65, holds_none("pictures", 1, 1, 1),
          hint);
  refused(sandbox, micro("--out out --data text missing"), 66,
          "cannot open 'missing': No such file or directory", look);
  fs::permissions(sandbox.path / "empty/within", fs::perms::none);
  refused(sandbox, trained_on("empty"), 66, "cannot read folder 'empty/within': Permission denied",
          "check its permissions", {.nobody = ::geteuid() == 0});
  fs::permissions(sandbox.path / "empty/within", fs::perms::all);
  write_file(sandbox, "empty/within/secret", "x");
  fs::permissions(sandbox.path / "empty/within/secret", fs::perms::none);
  refused(sandbox, trained_on("empty"), 66, "cannot open 'empty/within/secret': Permission denied",
          look, {.nobody = ::geteuid() == 0});
}

TEST_CASE("several files and folders are one text, whose name a run that goes on remembers") {
  const Sandbox sandbox;
  fs::create_directories(sandbox.path / "src/b");
  write_file(sandbox, "one", repeated(prose, 200));
  write_file(sandbox, "two", repeated("abc\n", 100));
  write_file(sandbox, "src/b/c", "three");
  write_file(sandbox, "src/a", "four\n");
  write_file(sandbox, "src/.git", "hidden");
  write_file(sandbox, "src/image", std::string(30, '\0'));
  const std::string joined =
      repeated(prose, 200) + "\n" + repeated("abc\n", 100) + "four\n" + "three";
  write_file(sandbox, "joined", joined);
  check_error(start(sandbox, micro("--data joined --out j", "4")), 0, "");
  const std::string model = octavo::read_file(sandbox / "j/model.safetensors");
  const std::string told =
      "text: one, two, src (4 files; left out: 1 hidden, 1 binary, 0 other), " +
      std::to_string(joined.size()) + " tokens";
  for (const std::string data :
       {"--data one two src", "--data one --data two --data src", "--data=one --data two src"}) {
    const Outcome got = start(sandbox, micro(data + " --out m", "4"));
    check_error(got, 0, "");
    CHECK(got.out.find(told) != std::string::npos);
    CHECK(octavo::read_file(sandbox / "m/model.safetensors") == model);
  }
  // A number is ITERATIONS, unless it comes first or with a folder.
  write_file(sandbox, "4", "x");
  Words words = micro("--out n", "4");
  words.insert(words.begin() + 1, {"--data", "one", "two", "src"});
  words.insert(words.begin() + 5, words.back());
  words.pop_back();
  check_error(start(sandbox, words), 0, "");
  CHECK(octavo::read_file(sandbox / "n/model.safetensors") == model);
  CHECK(start(sandbox, micro("--out n --dry-run --data=4 --data one ./4")).err ==
        "train_full: error: text './4' is '4' once more\n  hint: name each text once\n");
  refused(sandbox, micro("--out n --data one two one"), 64, "text 'one' is 'one' once more",
          "name each text once");
  refused(sandbox, {"train_full", "--data", "one", "", "4"}, 64, "--data: got '', expected a name",
          "");
  // Interrupted half-way, by its length; the names come from the checkpoint.
  check_error(start(sandbox, words_of("train_full --layers 1 --heads 2 --width 16 --ff 24 "
                                      "--context 16 --sequence 12 --eval-every 0 --out r "
                                      "--save-every 2 --keep 9 --data one two src 4")),
              0, "");
  const Outcome resumed =
      start(sandbox, words_of("train_full --resume r/checkpoint-00000002.safetensors --out s "
                              "--save-every 0"));
  check_error(resumed, 0, "");
  CHECK(resumed.out.find(told) != std::string::npos);
  CHECK(octavo::read_file(sandbox / "s/model.safetensors") == model);
  // The same bytes under other names are the same text; another order is another.
  check_error(start(sandbox, words_of("train_full --resume r --save-every 0 --data joined")), 0,
              "");
  const Outcome other =
      start(sandbox, words_of("train_full --resume r --save-every 0 --data two one src"));
  CHECK(other.status == 65);
  CHECK(other.err.find("the text is another: got ") != std::string::npos);
  write_file(sandbox, "src/d", "a new file");
  CHECK(start(sandbox, words_of("train_full --resume r/checkpoint-00000002.safetensors")).status ==
        65);
}

TEST_CASE("more names than a checkpoint holds are refused before anything is made") {
  const Sandbox sandbox;
  write_file(sandbox, "text", repeated(prose, 300));
  Words words = micro("--out out --data=text");
  const std::string long_name = std::string(200, 'y');
  for (int i = 0; i < 330; ++i) {
    const std::string name = long_name + std::to_string(i);
    write_file(sandbox, name, "");
    words.push_back("--data=" + name);
  }
  const auto size = std::to_string(4 + 330 * 201 + 10 + 90 * 2 + 230 * 3);
  refused(sandbox, words, 64, "--data: the names have " + size + " bytes, expected at most 65536",
          "name the folder that they are in");
}

TEST_CASE("a file that one may not read is refused") {
  const Sandbox sandbox;
  write_file(sandbox, "secret", repeated(prose, 300));
  fs::permissions(sandbox.path / "secret", fs::perms::none);
  refused(sandbox, trained_on("secret"), 66, "cannot open 'secret': Permission denied", look,
          {.nobody = ::geteuid() == 0});
  fs::permissions(sandbox.path / "secret", fs::perms::all);
  refused(sandbox, micro("--data secret --out /dev/null/x"), 73,
          "cannot create folder '/dev/null/x': Not a directory", "choose another --out");
}

TEST_CASE("a text too large for memory is refused before it is read where it has to be loaded") {
  const Sandbox sandbox;
  write_file(sandbox, "sparse", "");
  fs::resize_file(sandbox.path / "sparse", std::uintmax_t{3} << 30);
  const auto begun = std::chrono::steady_clock::now();
  refused(sandbox, {"train_256kib", "sparse"}, 66,
          "cannot read 'sparse': it has 3221225472 bytes, expected at most 1073741824",
          "take a part of it");
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(5));
}

TEST_CASE("too short a text is refused with what it has and what is needed") {
  const Sandbox sandbox;
  write_file(sandbox, "empty", "");
  refused(sandbox, trained_on("empty"), 65, "corpus 'empty' is empty", "name a text file");
  const auto short_of = [](const std::string& part, std::size_t got, int sequence) {
    return part + ": got " + octavo::counted(got, "token") + ", need at least " +
           std::to_string(sequence + 1) + " (sequence " + std::to_string(sequence) + " + 1)";
  };
  // Sequence 12: 13 tokens are needed on either side of the split, which falls at nine tenths; with
  // fewer after it there is no validation.
  for (const std::size_t size : std::initializer_list<std::size_t>{1, 2, 11, 12}) {
    write_file(sandbox, "text", repeated(prose, size));
    refused(sandbox, trained_on("text"), 65, short_of("training text", size, 12),
            longer_or(size - 1));
  }
  for (const std::size_t size : std::initializer_list<std::size_t>{13, 14, 15, 100, 119, 120}) {
    write_file(sandbox, "text", repeated(prose, size));
    accepted(sandbox, trained_on("text"),
             "text: text, " + std::to_string(size) +
                 " tokens; too short for a validation split: none used");
  }
  for (const std::size_t size : std::initializer_list<std::size_t>{121, 122, 129, 130, 131}) {
    write_file(sandbox, "text", repeated(prose, size));
    const std::size_t train = size * 9 / 10;
    CHECK(size - train >= 13);
    accepted(sandbox, trained_on("text"), "text: text, " + std::to_string(size) + " tokens");
  }
  write_file(sandbox, "text", repeated(prose, 26));
  refused(sandbox, {"train_256kib", "text"}, 65, short_of("training text", 23, 24), longer);
  refused(sandbox, {"train_256kib", "empty"}, 65, short_of("training text", 0, 24), longer);
}

TEST_CASE("a text in UTF-16 is refused with the command that makes one in UTF-8") {
  const Sandbox sandbox;
  write_file(sandbox, "text", std::string("\xff\xfeH\0i\0", 6));
  refused(sandbox, trained_on("text"), 65, "text 'text' is a text in UTF-16, expected a text",
          "make a text of it first, for instance with iconv -f UTF-16 -t UTF-8");
}

TEST_CASE("any bytes are a text") {
  const Sandbox sandbox;
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  struct Row {
    std::string what, text;
    int symbols;
  };
  for (const Row& row : {
           Row{"prose", repeated(prose, 400), 16},
           Row{"one symbol", repeated("a", 300), 1},
           Row{"two symbols", repeated("ab", 300), 2},
           Row{"line ends alone", repeated("\n", 300), 1},
           Row{"NUL bytes alone", std::string(300, '\0'), 1},
           Row{"NUL bytes", repeated(std::string("a\0b", 3), 300), 3},
           Row{"all 256 bytes", repeated(all, 768), 256},
           Row{"UTF-8", repeated("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 300), 9 + 1 + 2 + 3},
           Row{"bytes that are never UTF-8", repeated("\xff\xfe\xc0\xc1", 300), 4},
           Row{"overlong UTF-8", repeated("\xc0\xaf\xe0\x80\xaf", 300), 4},
           Row{"UTF-8 cut off", repeated("abc", 300) + "\xe2\x82", 5},
           Row{"surrogates", repeated("\xed\xa0\x80\xed\xbf\xbf", 300), 4},
           Row{"beyond U+10FFFF", repeated("\xf4\x90\x80\x80", 300), 3},
           Row{"a byte order mark", "\xef\xbb\xbf" + repeated("abc", 300), 6 + 2},
           Row{"UTF-16 without a mark", repeated(std::string("H\0i\0", 4), 300), 3},
           Row{"CRLF", repeated("ab\r\n", 300), 4},
           Row{"lone CR", repeated("ab\r", 300), 3},
           Row{"no line end at the end", repeated("ab\n", 299) + "x", 4},
           Row{"what a terminal obeys", repeated("\x1b[31mred\x1b]0;x\x07\x9b", 300), 14},
       }) {
    INFO(row.what);
    write_file(sandbox, "text", row.text);
    accepted(sandbox, trained_on("text"), "vocabulary " + std::to_string(row.symbols + 1) + ",");
    accepted(sandbox, trained_on("text", "--no-unknown"),
             "vocabulary " + std::to_string(row.symbols) + ",");
  }
}

TEST_CASE("within the log, samples and names cannot move the cursor") {
  const Sandbox sandbox;
  write_file(sandbox, "\x1b[31m\n\x7f", repeated("\x1b\x07\r", 900));
  const Words words{"train_full", "--tiny", "--data", "\x1b[31m\n\x7f", "--sample-every=1", "2"};
  const Outcome got = start(sandbox, words);
  check_error(got, 0, "");
  CHECK(got.out.find("text: \\x1b[31m\\n\\x7f, 900 tokens") != std::string::npos);
  const std::size_t sample = got.out.find("sample: \\x1b\\x07\\x0d\\x1b\\x07\\x0d");
  CHECK(sample != std::string::npos);
}

TEST_CASE("a file may have any name") {
  const Sandbox sandbox;
  const std::string text = repeated(prose, 300);
  const std::string names[] = {"a b", "-x", "--tiny=x", "line\nend", "\xff\xfe\xc0",
                               "[a]", "{}", "'\"$(x)`", "%s%n",      std::string(255, 'y')};
  for (const std::string& name : names) {
    write_file(sandbox, name, text);
    if (!name.starts_with("--")) accepted(sandbox, trained_on_name(name), "300 tokens");
    Words joined = micro("--out out");
    joined.insert(joined.begin() + 1, "--data=" + name);
    accepted(sandbox, joined, "300 tokens");
    INFO(name);
    check_error(start(sandbox, {"train_256kib", "./" + name, "1"}), 0, "");
    check_error(start(sandbox, {"train_256kib", "--", name, "1"}), 0, "");
  }
  fs::create_symlink("a b", sandbox.path / "link");
  accepted(sandbox, trained_on("link"), "text: link, 300 tokens");
}

TEST_CASE("without an unknown token a run goes on with no text of other symbols") {
  const Sandbox sandbox;
  write_file(sandbox, "text", repeated(prose, 300));
  check_error(start(sandbox, micro("--data text --no-unknown --out a")), 0, "");
  const std::string symbols = " is not among the 16 symbols of this vocabulary";
  const Words resume =
      words_of("train_full --resume a --allow-corpus-change --save-every 0 --data");
  const std::string hint = "name the text that the run began with";
  write_file(sandbox, "other", repeated(prose, 250) + "\x1b");
  refused(sandbox, resume + Words{"other"}, 65, "corpus 'other': byte 250: '\\x1b'" + symbols,
          hint);
  write_file(sandbox, "other", repeated(prose, 70'000) + "Z" + repeated(prose, 100));
  refused(sandbox, resume + Words{"other"}, 65,
          "corpus 'other': from byte 65536 on, byte 4464: 'Z'" + symbols, hint);
  write_file(sandbox, "other", repeated(prose, 5000));
  check_error(start(sandbox, resume + Words{"other"}), 0, "");
}
