// SPDX-License-Identifier: MIT
// train_full --from MODEL --lora: the base stays in the type of its file.
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/sample_text.hpp>
#include <octavo/files/read_file.hpp>

#include "examples/micro.hpp"

namespace {

const std::string quiet = "--threads 1 --log-every 0 --sample-every 0 --eval-every 0 ";

/// A model in GGUF, and a text.
void prepare(const Sandbox& sandbox) {
  write_file(sandbox, "text", std::string(octavo::sample_text) + std::string(octavo::sample_text));
  check_error(start(sandbox, micro("--gpt2 --data text --out a", "40")), 0, "");
  check_error(start(sandbox, {"convert", "a/model.safetensors", "base.gguf"}), 0, "");
}

Outcome adapt(const Sandbox& sandbox, const std::string& options) {
  return start(sandbox, words_of("train_full --from base.gguf --data text --lora-rank 2 " + quiet +
                                 options));
}

Outcome resume(const Sandbox& sandbox, const std::string& options) {
  return start(sandbox, words_of("train_full --resume --data text " + quiet + options));
}

}  // namespace

TEST_CASE("a run on a stored base: the same bytes after a resume; merged it is the same model") {
  const Sandbox sandbox;
  prepare(sandbox);
  check_error(adapt(sandbox, "--out b --save-every 3 6"), 0, "");
  check_error(adapt(sandbox, "--out c --save-every 3 6"), 0, "");
  const std::string last = "checkpoint-00000006.safetensors";
  std::filesystem::remove(sandbox.path / "c" / last);
  check_error(resume(sandbox, "--out c"), 0, "");
  for (const std::string& name : {last, std::string("model.safetensors")}) {
    CHECK(octavo::read_file(sandbox / ("b/" + name)) == octavo::read_file(sandbox / ("c/" + name)));
  }
  check_error(start(sandbox, {"convert", "b/model.safetensors", "m.gguf"}), 0, "");
  const auto perplexity = [&](const std::string& model) {
    const Outcome got = start(sandbox, words_of("generate " + model + " --threads 1 --score text"));
    check_error(got, 0, "");
    return got.out.substr(got.out.find("perplexity"), 14);
  };
  CHECK(perplexity("m.gguf") == perplexity("b/model.safetensors"));
}

TEST_CASE("a base that was moved is named by --from; another one is refused by name") {
  const Sandbox sandbox;
  prepare(sandbox);
  check_error(adapt(sandbox, "--out b 2"), 0, "");
  std::filesystem::rename(sandbox.path / "base.gguf", sandbox.path / "moved.gguf");
  const std::string more = "--out b --new-schedule 4 ";
  CHECK(resume(sandbox, more).err.find("the base of the run's adapters is not at") !=
        std::string::npos);
  check_error(start(sandbox, {"convert", "a/model.safetensors", "base.gguf", "--type", "bf16"}), 0,
              "");
  CHECK(resume(sandbox, more).err.find("is another: its fingerprint is") != std::string::npos);
  CHECK(start(sandbox, words_of("generate b/model.safetensors --score text"))
            .err.find("has changed") != std::string::npos);
  check_error(resume(sandbox, more + "--from moved.gguf"), 0, "");
}

TEST_CASE("--base says where a base is that was moved, in every program") {
  const Sandbox sandbox;
  prepare(sandbox);
  check_error(adapt(sandbox, "--out b 2"), 0, "");
  const auto ran = [&](const std::string& line) {
    INFO(line);
    const Outcome got = start(sandbox, words_of(line));
    check_error(got, 0, "");
    return got.out;
  };
  const std::string score = "generate b/model.safetensors --threads 1 --score text ";
  const std::string expected = ran(score);
  ran("convert b merged.gguf");
  std::filesystem::create_directory(sandbox.path / "new");
  std::filesystem::rename(sandbox.path / "base.gguf", sandbox.path / "new/base.gguf");
  const std::string hint = "\n  hint: say with --base where ";
  for (const std::string line :
       {"generate b/model.safetensors", "convert b x.gguf", "convert --inspect b",
        "train_full --from b --data text --out x", "train_full --resume b --data text"}) {
    INFO(line);
    const Outcome got = start(sandbox, words_of(line));
    CHECK(got.status != 0);
    CHECK(got.err.find(hint) != std::string::npos);
  }
  const std::string there = " --base new/base.gguf";
  CHECK(ran(score + there) == expected);
  ran("convert b again.gguf" + there);
  CHECK(octavo::read_file(sandbox / "again.gguf") == octavo::read_file(sandbox / "merged.gguf"));
  CHECK(ran("convert --inspect b" + there).find("lora-rank 2") != std::string::npos);
  ran("convert b adapter.gguf --adapter");  // without the base
  ran("train_full 1 --from b --data text --out x " + quiet + there);
  ran("train_full --resume b --new-schedule 3 --data text " + quiet + there);
  ran(score);  // its files name the base where it is now
  const auto refused = [&](const std::string& line, const std::string& message) {
    check_error(start(sandbox, words_of(line)), 64,
                line.substr(0, line.find(' ')) + ": error: " + message + "\n");
  };
  refused("convert b new/base.gguf --adapter",
          "TO: got 'new/base.gguf', which would replace an input from " +
              octavo::printable(sandbox / "new/base.gguf") + "\n  hint: name another file");
  refused("convert b new/base.gguf", "TO: got 'new/base.gguf', which would replace an input from " +
                                         octavo::printable(sandbox / "new/base.gguf") +
                                         "\n  hint: name another file");
  refused("generate a/model.safetensors --base new/base.gguf",
          "base: got 'new/base.gguf', but 'a/model.safetensors' has all of its weights\n  hint: "
          "leave it out");
  for (const std::string model : {"a", "new/base.gguf"}) {
    refused("convert " + model + " x.gguf --base new/base.gguf",
            model == "a" ? "base: got 'new/base.gguf', but 'a/checkpoint-00000040.safetensors' has "
                           "all of its weights\n  hint: leave it out"
                         : "--base: FROM has all of its weights, and needs no base");
  }
  refused("train_full --data text --base new/base.gguf --out x",
          "--base: it needs --from or --resume");
  refused("train_full --resume a --data text --base new/base.gguf",
          "--base: the run of --resume already has weights");
  refused("train_full --resume b --from new/base.gguf --data text" + there,
          "--base: with --resume, --from names the same");
}

TEST_CASE("a budget that is too small says what a base takes") {
  const Sandbox sandbox;
  prepare(sandbox);
  CHECK(adapt(sandbox, "--out b --memory-budget 1MB 2")
            .err.find("are the base, which may have a smaller type") != std::string::npos);
}
