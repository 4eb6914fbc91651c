// SPDX-License-Identifier: MIT
// Texts of every kind, and what is none: trained on, or refused with a reason and nothing made.
#include <chrono>
#include <string>
#include <sys/stat.h>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/base/error.hpp>
#include <octavo/files/read_file.hpp>

#include "examples/micro.hpp"

namespace {

using Words = std::vector<std::string>;

Words trained_on(const std::string& data, const std::string& options = "") {
  return micro(options + " --out out --data=" + data);
}

/// As trained_on, for names with blanks.
Words trained_on_name(const std::string& name) {
  return Words{"train_full", "--data", name} + words_of(
                                                   "--tiny --sequence 12 --context 16 --out out "
                                                   "--threads 1 --log-every 0 2");
}

void refused(const Sandbox& sandbox, const Words& words, int status, const std::string& message,
             const std::string& hint, const Start& how = {}) {
  INFO(told(words));
  const auto before = names_in(sandbox.path);
  check_error(start(sandbox, words, how), status,
              words[0] + ": error: " + message + "\n  hint: " + hint + "\n");
  CHECK(names_in(sandbox.path) == before);
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

std::string repeated(const std::string& text, std::size_t size) {
  std::string result;
  while (result.size() < size) result += text;
  return result.substr(0, size);
}

const std::string prose = "It was the best of times, it was the worst of times; ";
const char* const look = "check the path and its permissions";
const char* const longer = "use a longer text or a shorter sequence";

}  // namespace

TEST_CASE("what is no readable file is refused by its kind, and nothing hangs") {
  const Sandbox sandbox;
  const auto begun = std::chrono::steady_clock::now();
  fs::create_directory(sandbox.path / "folder");
  REQUIRE(::mkfifo((sandbox / "fifo").c_str(), 0666) == 0);
  fs::create_symlink("loop", sandbox.path / "loop");
  fs::create_symlink("gone", sandbox.path / "dangling");
  fs::create_symlink("fifo", sandbox.path / "to_fifo");
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
           Row{"folder", "it is a directory" + regular, "name a file"},
           Row{".", "it is a directory" + regular, "name a file"},
           Row{"/", "it is a directory" + regular, "name a file"},
           Row{"fifo", "it is a FIFO" + regular, "name a file"},
           Row{"to_fifo", "it is a FIFO" + regular, "name a file"},
           Row{"/dev/zero", "it is a device" + regular, "name a file"},
           Row{"/dev/null", "it is a device" + regular, "name a file"},
       }) {
    const std::string message = "cannot open " + octavo::printable(row.name) + ": " + row.why;
    refused(sandbox, trained_on_name(row.name), 66, message, row.hint);
    if (row.name[0] != '-') {
      refused(sandbox, {"train_256kib", row.name, "2"}, 66, message, row.hint);
    }
  }
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(20));
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

TEST_CASE("a text too large for memory is refused before it is read") {
  const Sandbox sandbox;
  write_file(sandbox, "sparse", "");
  fs::resize_file(sandbox.path / "sparse", std::uintmax_t{3} << 30);
  const auto begun = std::chrono::steady_clock::now();
  const std::string message =
      "cannot read 'sparse': it has 3221225472 bytes, expected at most 1073741824";
  refused(sandbox, trained_on("sparse"), 66, message, "take a part of it");
  refused(sandbox, {"train_256kib", "sparse"}, 66, message, "take a part of it");
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(5));
}

TEST_CASE("too short a text is refused with what it has and what is needed") {
  const Sandbox sandbox;
  write_file(sandbox, "empty", "");
  refused(sandbox, trained_on("empty"), 65, "corpus 'empty' is empty", "name a text file");
  const auto short_of = [](const std::string& part, std::size_t got, int sequence) {
    return part + ": got " + std::to_string(got) + " tokens, need at least " +
           std::to_string(sequence + 1) + " (sequence " + std::to_string(sequence) + " + 1)";
  };
  const std::string rest = "validation text (the last tenth)";
  // Sequence 12: 13 tokens are needed on either side of the split, which falls at nine tenths.
  for (const std::size_t size :
       std::initializer_list<std::size_t>{1, 2, 11, 12, 13, 14, 15, 100, 119, 120}) {
    write_file(sandbox, "text", repeated(prose, size));
    const std::size_t train = size * 9 / 10;
    refused(sandbox, trained_on("text"), 65,
            train < 13 ? short_of("training text", train, 12) : short_of(rest, size - train, 12),
            longer);
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
           Row{"UTF-8", repeated("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 300), 9},
           Row{"bytes that are never UTF-8", repeated("\xff\xfe\xc0\xc1", 300), 4},
           Row{"overlong UTF-8", repeated("\xc0\xaf\xe0\x80\xaf", 300), 4},
           Row{"UTF-8 cut off", repeated("abc", 300) + "\xe2\x82", 5},
           Row{"surrogates", repeated("\xed\xa0\x80\xed\xbf\xbf", 300), 4},
           Row{"beyond U+10FFFF", repeated("\xf4\x90\x80\x80", 300), 3},
           Row{"a byte order mark", "\xef\xbb\xbf" + repeated("abc", 300), 6},
           Row{"UTF-16", repeated(std::string("\xff\xfeH\0i\0", 6), 300), 5},
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
  write_file(sandbox, "other", repeated(prose, 5000) + "Z" + repeated(prose, 100));
  refused(sandbox, resume + Words{"other"}, 65,
          "corpus 'other': from byte 4096 on, byte 904: 'Z'" + symbols, hint);
  write_file(sandbox, "other", repeated(prose, 5000));
  check_error(start(sandbox, resume + Words{"other"}), 0, "");
}
