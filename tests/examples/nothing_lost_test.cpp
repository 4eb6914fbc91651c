// SPDX-License-Identifier: MIT
// What lies where a run, or a conversion, writes to: nothing of it is replaced but on purpose.
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/base/utf8.hpp>
#include <octavo/files/read_file.hpp>

#include "examples/micro.hpp"

namespace {

using octavo::read_file;
using Words = std::vector<std::string>;

Outcome done(const Sandbox& sandbox, const Words& words, int status = 0) {
  const Outcome got = start(sandbox, words);
  INFO(told(words));
  INFO(got.out);
  INFO(got.err);
  CHECK(got.status == status);
  return got;
}

/// As micro(), with evaluations.
Words evaluated(const std::string& options, const char* steps = "2") {
  return words_of(
             "train_full --layers 1 --heads 2 --width 16 --ff 24 --context 16 --sequence 12 "
             "--threads 1 --save-every 0 --log-every 0 --data text --out o " +
             options) +
         Words{steps};
}

/// Everything in a folder, by name.
std::vector<std::string> state_of(const Sandbox& sandbox, const std::string& folder = ".") {
  std::vector<std::string> found;
  for (const std::string& name : names_in(sandbox.path / folder)) {
    const fs::path path = sandbox.path / folder / name;
    if (name.ends_with(".lock")) continue;
    found.push_back(name + (fs::is_regular_file(path) ? ": " + read_file(path.string()) : ""));
  }
  return found;
}

void refused(const Sandbox& sandbox, const Words& words, const std::string& error,
             int status = 64) {
  INFO(told(words));
  const auto before = state_of(sandbox);
  const Outcome got = start(sandbox, words);
  CHECK(got.status == status);
  CHECK_MESSAGE(got.err.find(error) != std::string::npos, got.err);
  CHECK(state_of(sandbox) == before);
}

const std::string text =
    "To be or not to be, that is the question. Whether tis nobler in the mind to suffer the slings "
    "and arrows of outrageous fortune, or to take arms against a sea of troubles, and by opposing "
    "end them. To die, to sleep, no more.\n";

std::string checkpoint(int step) {
  std::string digits = std::to_string(step);
  return "checkpoint-" + std::string(8 - digits.size(), '0') + digits + ".safetensors";
}

}  // namespace

TEST_CASE("nothing lost: a new run moves whatever is left of the last one") {
  for (const char* kept :
       {"model.safetensors", "best.safetensors", "metrics.csv", "samples.tsv", "report.html"}) {
    CAPTURE(std::string(kept));
    const Sandbox sandbox;
    write_file(sandbox, "text", text + text);
    const Words words = evaluated("--sample-every 0 --eval-every 1");
    done(sandbox, words);
    const std::string before = read_file(sandbox / "o/" + kept);
    for (const std::string& name : names_in(sandbox.path / "o")) {
      if (name != kept) fs::remove(sandbox.path / "o" / name);
    }
    const Outcome again = done(sandbox, words + Words{"--seed", "2"});
    CHECK(again.out.find("o holds an earlier run: moved to o/earlier-1\n") != std::string::npos);
    CHECK(read_file(sandbox / "o/earlier-1/" + kept) == before);
    done(sandbox, words);
    CHECK(read_file(sandbox / "o/earlier-1/" + kept) == before);
    CHECK(fs::exists(sandbox / "o/earlier-2/model.safetensors"));
  }
}

TEST_CASE("nothing lost: what version 1 moved stays, and can be gone on with") {
  const Sandbox sandbox;
  done(sandbox, micro("--out o"));
  fs::create_directory(sandbox.path / "moved");
  for (const std::string& name : names_in(sandbox.path / "o")) {
    if (name != ".lock") fs::rename(sandbox.path / "o" / name, sandbox.path / "moved" / name);
  }
  fs::rename(sandbox.path / "moved", sandbox.path / "o/earlier");
  const auto before = state_of(sandbox, "o/earlier");
  done(sandbox, micro("--out o --seed 2"));
  done(sandbox, micro("--out o --seed 3"));
  CHECK(state_of(sandbox, "o/earlier") == before);
  const Outcome back = done(sandbox, words_of("train_full --resume o/earlier --out o"));
  CHECK(back.out.find("2 of 2 steps are done") != std::string::npos);
  CHECK(back.out.find("moved to o/earlier-2\n") != std::string::npos);
  CHECK(state_of(sandbox, "o/earlier") == before);
}

TEST_CASE("nothing lost: a run does not replace the model that it begins with") {
  const Sandbox sandbox;
  done(sandbox, micro("--gpt2 --out o"));
  done(sandbox, {"convert", "o/model.safetensors", "hf"});
  fs::copy(sandbox / "o/model.safetensors", sandbox / "o/best.safetensors");
  fs::create_directory(sandbox.path / "g");
  done(sandbox, {"convert", "hf", "g/m.gguf"});
  fs::create_directory_symlink("o", sandbox.path / "link");
  fs::create_symlink("o/model.safetensors", sandbox.path / "file");
  fs::create_directory(sandbox.path / "linked");
  fs::create_symlink("../o/best.safetensors", sandbox.path / "linked/model.safetensors");
  const auto from = [&](const std::string& model, const std::string& out) {
    refused(
        sandbox,
        words_of("train_full --threads 1 --sequence 12 --from " + model + " --out " + out + " 2"),
        "train_full: error: --out: got '" + out +
            "', the folder of the model of --from, which the run would replace\n"
            "  hint: name another folder with --out\n");
  };
  from("o", "o");
  from("o/", "./o");
  from("o", "link");
  from("link", "o");
  from("o/model.safetensors", "o");
  from("o/best.safetensors", "link");
  from("o/" + checkpoint(2), "o/");
  from("file", "o");
  from("o/best.safetensors", "linked");
  from("hf", "hf");
  from("g/m.gguf", "g");
  // Nor another model of Hugging Face's, of which there would be half.
  refused(sandbox, micro("--out hf"), "the folder is Hugging Face's, with a config.json", 73);
  fs::create_directory(sandbox.path / "shards");
  write_file(sandbox, "shards/config.json", "{}");
  write_file(sandbox, "shards/pytorch_model.bin", "weights");
  refused(sandbox, micro("--out shards"), "the folder is Hugging Face's, with a config.json", 73);
  refused(sandbox, words_of("convert o/model.safetensors shards"), "the folder has other weights",
          73);
  // A model below the folder is none of the run's files.
  done(sandbox, micro("--gpt2 --out o"));
  done(sandbox, words_of("train_full --threads 1 --from o/earlier-1 --out o --sequence 12 2"));
  CHECK(fs::exists(sandbox / "o/earlier-2/model.safetensors"));
}

TEST_CASE("nothing lost: no output replaces what is read") {
  const Sandbox sandbox;
  write_file(sandbox, "t.svg", text);
  fs::create_directory(sandbox.path / "texts");
  write_file(sandbox, "texts/a.svg", text);
  fs::create_symlink("t.svg", sandbox.path / "link.svg");
  const std::string error = "--memory-report: got '";
  refused(sandbox, micro("--data t.svg --out o --memory-report t.svg --dry-run"), error);
  refused(sandbox, micro("--data t.svg --out o --memory-report link.svg"), error);
  refused(sandbox, micro("--data texts --out o --memory-report texts/a.svg"), error);
  done(sandbox, micro("--data texts --out o --memory-report new.svg"));
  fs::rename(sandbox / "o/model.safetensors", sandbox / "m.svg");
  refused(sandbox, words_of("generate m.svg --tokens 1 --memory-report ./m.svg"), error);
  refused(sandbox, words_of("generate o/best.safetensors --score t.svg --memory-report t.svg"),
          error);
  for (const char* name : {"report.html", "metrics.csv", "model.safetensors"}) {
    fs::create_directory(sandbox.path / "mine");
    write_file(sandbox, std::string("mine/") + name, text);
    refused(sandbox, micro(std::string("--out mine --data mine/") + name),
            "a file that the run would replace");
    fs::remove_all(sandbox.path / "mine");
  }
  // A token file that is the text itself.
  write_file(sandbox, "text", text);
  done(sandbox, micro("--data text --map-above 1 --token-file tokens --out o"));
  refused(
      sandbox,
      micro("--tokenizer byte --data tokens --map-above 1 --token-file ./tokens --out p --dry-run"),
      "", 0);
  const std::string tokens = read_file(sandbox / "tokens");
  done(sandbox, micro("--tokenizer byte --data tokens --map-above 1 --token-file ./tokens --out p"),
       64);
  CHECK(read_file(sandbox / "tokens") == tokens);
  for (const char* name : {"report.html", "model.safetensors", "checkpoint-1", ".lock"}) {
    refused(sandbox,
            micro(std::string("--data text --map-above 1 --out new --token-file new/") + name),
            "the name of another file of the run");
  }
}

TEST_CASE("nothing lost: convert does not replace what it reads") {
  const Sandbox sandbox;
  done(sandbox, micro("--gpt2 --out o"));
  done(sandbox, {"convert", "o", "m.gguf"});
  done(sandbox, {"convert", "o", "hf"});
  fs::create_symlink("m.gguf", sandbox.path / "link.gguf");
  const auto same = [&](const Words& names) {
    refused(sandbox, Words{"convert"} + names, "convert: error: TO: got '");
  };
  same({"o/" + checkpoint(2), "o/" + checkpoint(2)});
  same({"o", "o/" + checkpoint(2)});
  same({"o/model.safetensors", "./o/model.safetensors"});
  same({"m.gguf", "m.gguf", "--type", "f16"});
  same({"m.gguf", "link.gguf"});
  same({"link.gguf", "m.gguf"});
  same({"hf", "hf", "--type", "f16"});
  same({"hf/", "./hf"});
  // Another file may be replaced: it was named.
  done(sandbox, {"convert", "o", "m.gguf"});
  done(sandbox, {"convert", "o", "hf"});
  done(sandbox, {"convert", "o", "o/m.gguf"});
  done(sandbox, {"convert", "o", "o/m.gguf"});
}

TEST_CASE("nothing lost: what is no file stays what it is") {
  for (const char* name : {"report.html", "metrics.csv", "samples.tsv"}) {
    CAPTURE(std::string(name));
    const Sandbox sandbox;
    write_file(sandbox, "text", text + text);
    fs::create_directory(sandbox.path / "o");
    ::mkfifo((sandbox / "fifo").c_str(), 0600);
    fs::create_symlink("../fifo", sandbox.path / "o" / name);
    const Outcome got = done(sandbox, evaluated("--sample-every 0 --eval-every 1 --seed 2"));
    CHECK(got.err.find("warning: cannot create 'o/../fifo'") != std::string::npos);
    CHECK(fs::is_fifo(sandbox / "fifo"));
    CHECK(fs::is_symlink(sandbox.path / "o" / name));
    CHECK(fs::exists(sandbox / "o/model.safetensors"));
  }
  const Sandbox sandbox;
  for (const char* name : {"model.safetensors", "best.safetensors"}) {
    fs::create_directory(sandbox.path / name);
    ::mkfifo((sandbox.path / name / name).c_str(), 0600);
    refused(sandbox, micro(std::string("--out ") + name), "it is not a regular file", 73);
  }
  if (::mknod((sandbox / "device.svg").c_str(), S_IFCHR | 0600, makedev(1, 3)) == 0) {
    refused(sandbox, micro("--out p --memory-report device.svg"), "cannot create 'device.svg'", 73);
    CHECK(fs::is_character_file(sandbox / "device.svg"));
  }
  ::mkfifo((sandbox / "fifo.gguf").c_str(), 0600);
  done(sandbox, micro("--gpt2 --out g"));
  done(sandbox, {"convert", "g", "fifo.gguf"}, 73);
  CHECK(fs::is_fifo(sandbox / "fifo.gguf"));
}

TEST_CASE("nothing lost: a link to itself is no defect") {
  const Sandbox sandbox;
  write_file(sandbox, "text", text + text);
  fs::create_directory(sandbox.path / "o");
  fs::create_symlink("best.safetensors", sandbox.path / "o/best.safetensors");
  const Outcome got = done(sandbox, evaluated("--eval-every 2"));
  CHECK(got.err.find("warning: cannot create 'o/best.safetensors': Too many levels") !=
        std::string::npos);
  CHECK(got.out.find("the best evaluation's model") == std::string::npos);
  CHECK(fs::exists(sandbox / "o/model.safetensors"));
}

TEST_CASE("nothing lost: the best model of a future that was replaced is moved, and not named") {
  const Sandbox sandbox;
  write_file(sandbox, "text", text + text);
  const std::string run =
      "train_full --layers 1 --heads 2 --width 16 --ff 24 --context 16 "
      "--sequence 12 --threads 1 --log-every 0 --sample-every 0 --data text ";
  done(sandbox, words_of(run + "--save-every 20 --keep 9 --eval-every 20 --lr 1e-2 --out o 60"));
  const std::string best = read_file(sandbox / "o/best.safetensors");
  const Words later = words_of(
      "train_full --threads 1 --log-every 0 --new-schedule --lr 3 --min-lr 0 --eval-every 20 "
      "--resume o/" +
      checkpoint(20) + " 50");
  const Outcome got = done(sandbox, later);
  CHECK(got.out.find("the files after step 20 are moved to o/earlier-1\n") != std::string::npos);
  CHECK(got.out.find("the best evaluation's model") == std::string::npos);
  CHECK(read_file(sandbox / "o/earlier-1/best.safetensors") == best);
  CHECK(fs::exists(sandbox / ("o/earlier-1/" + checkpoint(60))));
  CHECK_FALSE(fs::exists(sandbox / "o/best.safetensors"));
}

TEST_CASE("nothing lost: a table that is damaged does not stop a sound run") {
  const Sandbox sandbox;
  write_file(sandbox, "text", text + text);
  done(sandbox, evaluated("--eval-every 1 --metrics-every 1 --sample-every 1", "3"));
  const std::string good = read_file(sandbox / "o/metrics.csv");
  std::string crlf;
  for (const char letter : good) crlf += letter == '\n' ? "\r\n" : std::string(1, letter);
  int number = 0;
  for (const std::string& bad : {crlf, std::string("no table\n")}) {
    write_file(sandbox, "o/metrics.csv", bad);
    write_file(sandbox, "o/samples.tsv", bad);
    const Outcome got = done(sandbox, words_of("train_full --resume o --metrics-every 1"));
    for (const std::string table : {"o/metrics.csv", "o/samples.tsv"}) {
      const std::string aside =
          table + ".damaged" + (number > 0 ? "." + std::to_string(number) : "");
      CHECK(got.err.find("warning: '" + table + "': got ") != std::string::npos);
      CHECK(got.err.find("\n  it is moved to '" + aside + "', and a new file is started\n") !=
            std::string::npos);
      CHECK(read_file(sandbox / aside) == bad);
    }
    ++number;
  }
}

TEST_CASE("nothing lost: what a run prints is UTF-8") {
  const Sandbox sandbox;
  std::string euros;
  for (int i = 0; i < 60; ++i) euros += "€é😀 ";
  write_file(sandbox, "text", euros);
  const Outcome got =
      done(sandbox, words_of("train_full --layers 1 --heads 2 --width 16 --ff 24 "
                             "--context 16 --sequence 12 --threads 1 --tokenizer byte "
                             "--sample-every 1 --data text 3"));
  for (std::string_view rest = got.out; !rest.empty();) {
    const std::size_t length = octavo::utf8_length(rest);
    REQUIRE(length > 0);
    rest.remove_prefix(length);
  }
}
