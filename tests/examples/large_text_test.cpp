// SPDX-License-Identifier: MIT
// Texts above --map-above, whose tokens lie in a file that is mapped.
#include <chrono>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/sample_text.hpp>
#include <octavo/files/read_file.hpp>

#include "examples/corpus.hpp"
#include "heap_guard/heap_guard.hpp"

using corpus::prose;
using corpus::refused;
using corpus::repeated;
using corpus::Words;

TEST_CASE("a run on a mapped text has the bits of one on the loaded text, and so when it goes on") {
  const Sandbox sandbox;
  write_file(sandbox, "text", repeated(prose, 3000));
  const auto run = [&](const std::string& options, const std::string& part) {
    Words words = words_of(
        "train_full --layers 1 --heads 2 --width 16 --ff 24 --context 16 "
        "--sequence 12 --log-every 0 --sample-every 0 --eval-every 3 "
        "--save-every 5 --keep 9 --data text " +
        options);
    INFO(told(words));
    const Outcome got = start(sandbox, words);
    check_error(got, 0, "");
    INFO(got.out);
    CHECK(got.out.find(part) != std::string::npos);
    CHECK((got.out.find("tokens: ") == std::string::npos) == (part == "parameters"));
  };
  const auto same = [&](const std::string& a, const std::string& b) {
    for (const char* name :
         {"/model.safetensors", "/best.safetensors", "/checkpoint-00000005.safetensors",
          "/checkpoint-00000010.safetensors"}) {
      INFO(a, b, name);
      if (fs::exists(sandbox.path / (b + name))) {
        CHECK(octavo::read_file(sandbox / (a + name)) == octavo::read_file(sandbox / (b + name)));
      }
    }
  };
  run("--out loaded 10", "parameters");
  CHECK(!fs::exists(sandbox.path / "loaded/tokens.bin"));
  run("--out mapped --map-above 2999 10", "tokens: made mapped/tokens.bin");
  CHECK(fs::file_size(sandbox.path / "mapped/tokens.bin") == 4096 + 3000);
  same("loaded", "mapped");
  run("--out mapped2 --map-above 3000 10", "parameters");
  run("--out mapped --map-above 1 10", "tokens: mapped/tokens.bin, as they are");
  same("loaded", "mapped");
  // Begun loaded and ended mapped, and the other way round.
  fs::create_directory(sandbox.path / "a");
  fs::copy_file(sandbox.path / "loaded/checkpoint-00000005.safetensors",
                sandbox.path / "a/checkpoint-00000005.safetensors");
  run("--resume a --map-above 1", "tokens: made a/tokens.bin");
  same("loaded", "a");
  fs::copy(sandbox.path / "mapped/checkpoint-00000005.safetensors", sandbox.path / "b.safetensors");
  run("--resume b.safetensors --out b", "parameters");
  same("loaded", "b");
  // Text files that are as they were are not read again, and others are when they have to be.
  run("--resume mapped/checkpoint-00000005.safetensors --map-above 1",
      "tokens: mapped/tokens.bin, as they are");
  same("loaded", "mapped");
  fs::last_write_time(sandbox.path / "text",
                      fs::last_write_time(sandbox.path / "text") + std::chrono::seconds(1));
  run("--resume mapped/checkpoint-00000005.safetensors --map-above 1",
      "tokens: mapped/tokens.bin, as they are");
  same("loaded", "mapped");
  // Two runs share a file, in a place of its own.
  run("--out c --map-above 1 --token-file kept/all 10", "tokens: made kept/all");
  run("--out d --map-above 1 --token-file kept/all 10", "tokens: kept/all, as they are");
  run("--out d --map-above 1 --no-unknown --token-file kept/all 10", "tokens: made kept/all");
  same("loaded", "c");
}

TEST_CASE("a token file that is damaged is made again; what is none stays as it is") {
  const Sandbox sandbox;
  write_file(sandbox, "text", repeated(prose, 3000));
  const Words words = micro("--out o --map-above 1 --data text");
  check_error(start(sandbox, words), 0, "");
  const std::string good = octavo::read_file(sandbox / "o/tokens.bin");
  const std::string model = octavo::read_file(sandbox / "o/model.safetensors");
  std::string flipped = good, newer = good;
  flipped[5000] = flipped[5000] == 1 ? 2 : 1;
  newer[8] = 2;
  struct Row {
    std::string bytes, why;
  };
  for (const Row& row :
       {Row{good.substr(0, 6000),
            "got 1904 bytes of tokens, expected 3000 tokens of 1: it is truncated"},
        Row{good.substr(0, 100), "truncated: it ends within its header"},
        Row{good + "x", "got 3001 bytes of tokens, expected 3000 tokens of 1"},
        Row{flipped, "the tokens do not have the checksum that the header states"},
        Row{newer, "got version 2, expected 1"}}) {
    write_file(sandbox, "o/tokens.bin", row.bytes);
    check_error(
        start(sandbox, words), 0,
        "train_full: warning: token file 'o/tokens.bin': " + row.why + "; it is made again\n");
    CHECK(octavo::read_file(sandbox / "o/tokens.bin") == good);
    CHECK(octavo::read_file(sandbox / "o/model.safetensors") == model);
  }
  // What a process that was killed has left goes when the file is made the next time.
  fs::remove(sandbox.path / "o/tokens.bin");
  write_file(sandbox, "o/tokens.bin.tmp.1", "half");
  check_error(start(sandbox, words), 0, "");
  CHECK(!fs::exists(sandbox.path / "o/tokens.bin.tmp.1"));
  // A text, or anything else, that is named by mistake.
  const std::string text = octavo::read_file(sandbox / "text");
  refused(sandbox, micro("--out o --map-above 1 --data text --token-file text"), 64,
          "'text' is not a token file, and is left as it is", "name another with --token-file");
  CHECK(octavo::read_file(sandbox / "text") == text);
  refused(sandbox, micro("--out o --map-above 1 --data text --token-file /dev/null/x"), 73,
          "cannot create folder '/dev/null': Not a directory", "choose another --out");
  // Another text behind the same name.
  write_file(sandbox, "text", repeated("0123456789", 3000));
  check_error(start(sandbox, words), 0, "");
  CHECK(octavo::read_file(sandbox / "o/model.safetensors") != model);
  CHECK(start(sandbox, words_of("train_full --resume o/earlier-1 --map-above 1")).status == 65);
}

TEST_CASE("a disk that is full while tokens are made ends the run, and nothing stays") {
  const Sandbox sandbox;
  write_file(sandbox, "text", repeated(prose, 100'000));
  // 32 KiB in dash's units, 64 in bash's.
  const Result full =
      sandbox.run("train_full --tiny --data text --map-above 1 --out o 2", "ulimit -f 64; ");
  expect(full, 74, "error: cannot write 'o/tokens.bin.tmp.");
  expect(full, 74,
         "File too large\n  hint: 'o/tokens.bin' is as it was; free some space or choose");
  CHECK(names_in(sandbox.path / "o") == Words{".lock"});
}

TEST_CASE("a signal while a text is read ends the run, and nothing half-made stays") {
  const Sandbox sandbox;
  write_file(sandbox, "text", "");
  fs::resize_file(sandbox.path / "text", 200'000'000);
  int stopped = 0;
  for (const char* delay : {"0.1", "0.2", "0.4", "0.6"}) {
    const Result got =
        sandbox.run("train_full --tiny --data text --map-above 1 --out o 2 & p=$!; sleep " +
                        std::string(delay) + "; kill -TERM $p; wait $p; echo status $?; }",
                    "{");
    INFO(delay, got.output);
    CHECK(got.output.find("status 143") != std::string::npos);
    stopped +=
        got.output.find("stopped while reading the text; no tokens are kept") != std::string::npos;
    if (!fs::exists(sandbox.path / "o")) continue;
    for (const std::string& name : names_in(sandbox.path / "o")) {
      CHECK(name.find(".tmp.") == std::string::npos);
    }
  }
  CHECK(stopped >= 1);
}

TEST_CASE("a token file that is cut short while it is mapped ends the run with a message") {
  const Sandbox sandbox;
  write_file(sandbox, "text", repeated(prose, 100'000));
  const Result got = sandbox.run(
      "train_full --tiny --data text --map-above 1 --out o --threads 2 --eval-every 0 "
      "--log-every 1 20000 >log 2>err & p=$!; "
      "for i in $(seq 200); do grep -q step log && break; sleep 0.1; done; "
      "truncate -s 4096 o/tokens.bin; wait $p; echo status $?; cat err; }",
      "{");
  INFO(got.output);
  CHECK(got.output.find("status 74\nerror: the token file was cut short, or its disk failed, while "
                        "it was mapped\n  hint: go on with --resume; the file is made again\n") !=
        std::string::npos);
}

TEST_CASE("a dry run reads a large text and makes no tokens") {
  const Sandbox sandbox;
  write_file(sandbox, "text", repeated(prose, 3000));
  const Outcome got = start(sandbox, micro("--dry-run --map-above 1 --data text --out o"));
  check_error(got, 0, "");
  CHECK(got.out.find("text: text, 3000 bytes, whose tokens would be in a file\n") !=
        std::string::npos);
  CHECK(got.out.find("vocabulary 17,") != std::string::npos);
  CHECK(!fs::exists(sandbox.path / "o"));
}

TEST_CASE("what a run on a mapped text has of its own is its plan and 2.2 MB") {
  if (!octavo_test::heap_guard_active()) return;  // a sanitizer's memory comes on top
  const Sandbox sandbox;
  std::string text;
  while (text.size() < 8'000'000) text += octavo::sample_text;
  write_file(sandbox, "text", text);
  text.clear();
  const Outcome got = start(sandbox, micro("--map-above 4MB --data text --out o"));
  check_error(got, 0, "");
  INFO(got.out);
  const std::size_t planned = got.out.find("memory planned ");
  const std::size_t found = got.out.find("of its own ");
  REQUIRE(planned != std::string::npos);
  REQUIRE(found != std::string::npos);
  std::size_t length = 0;
  const std::string own = got.out.substr(found + 11, 30);  // such as "340 kB; the"
  const double number = std::stod(own, &length);
  const double bytes = number * (own.substr(length, 3) == " kB" ? 1e3 : 1e6);
  const double plan = std::stod(got.out.substr(planned + 15));
  CHECK(bytes > plan);
  CHECK(bytes < plan + 2.2e6);
}
