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

TEST_CASE("a budget that is too small says what a base takes") {
  const Sandbox sandbox;
  prepare(sandbox);
  CHECK(adapt(sandbox, "--out b --memory-budget 1MB 2")
            .err.find("are the base, which may have a smaller type") != std::string::npos);
}
