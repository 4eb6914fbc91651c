// SPDX-License-Identifier: MIT
// The programs as a user meets them: exit status, messages, and what they leave behind.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include <octavo/data/sample_text.hpp>
#include <octavo/files/read_file.hpp>
#include <octavo/runs/sha256.hpp>

#include "examples/http_server.hpp"
#include "examples/sandbox.hpp"
#include "support/v2.hpp"
#include "train_full/download.hpp"

TEST_CASE("a model is trained, saved, and written with, the same with 1 and 3 threads") {
  const Sandbox sandbox;
  expect(sandbox.run("train_full --tiny 60 --threads 1 --out a"), 0, "Saved a/model.safetensors");
  expect(sandbox.run("train_full --tiny 60 --threads 3 --out b"), 0, "parameters 46307");
  CHECK(octavo::read_file((sandbox.path / "a/model.safetensors").string()) ==
        octavo::read_file((sandbox.path / "b/model.safetensors").string()));
  const std::string write = "generate a/model.safetensors --prompt 'To be' --tokens 30 --seed 7";
  const Result first = sandbox.run(write);
  expect(first, 0, "To be");
  CHECK(sandbox.run(write + " --threads 2").output == first.output);
  expect(sandbox.run("generate a/model.safetensors --temperature -1"), 64,
         "--temperature: got '-1'");
  expect(sandbox.run("generate a/model.safetensors --top-p 0"), 64, "--top-p: got '0'");
  expect(sandbox.run("generate a/model.safetensors --tokens 1e3"), 64, "--tokens: got '1e3'");
  expect(sandbox.run("generate missing"), 66, "cannot open 'missing'");
  expect(sandbox.run("generate ."), 66, "there is no checkpoint in '.'");
}

TEST_CASE("a text file is split, validated, and its scalar may be double") {
  const Sandbox sandbox;
  std::string text;
  for (int i = 0; i < 5; ++i) text += octavo::sample_text;
  std::ofstream(sandbox.path / "text") << text;
  expect(sandbox.run("train_full --tiny 20 --data text --eval-every 10 --scalar double"), 0,
         "step     20  validation loss");
  expect(
      sandbox.run("train_full 10 --data text --layers 1 --heads 3 --width 24 --ff 20 --context 40 "
                  "--sequence 20 --batch 3 --accumulate 2 --activation gelu --no-bias --tied "
                  "--no-unknown --optimizer sgd --lr 0.1 --dropout 0.1"),
      0, "activation gelu, ff-bias no, tied yes");
}

TEST_CASE("an empty argument is refused, with options that do not exist behind it as well") {
  const Sandbox sandbox;
  expect(sandbox.run("train_full 5 '' --width 8"), 64, "argument 2 is empty");
  expect(sandbox.run("train_full 5 -- 3 ''"), 64, "argument 4 is empty");
  expect(sandbox.run("generate missing --prompt ''"), 66, "cannot open 'missing'");
}

TEST_CASE("a dry run prints the plan and leaves nothing behind") {
  const Sandbox sandbox;
  const Result result = sandbox.run("train_full --large --dry-run");
  expect(result, 0, "10000 steps of 8 x 128 tokens");
  expect(result, 0, "feed-forward       4200448");
  CHECK(fs::is_empty(sandbox.path));
}

TEST_CASE("train_v2 learns its text by heart, and says its parameters and plan") {
  const Sandbox sandbox;
  expect(sandbox.run("train_v2"), 0,
         std::string(support::v2::text) + "\nThat is the excerpt to the letter.\n");
  expect(sandbox.run("train_v2 5 --threads 2"), 0, "parameters 291398");
  CHECK(fs::is_empty(sandbox.path));
}

TEST_CASE("train_256kib trains on the built-in text or on a file, in 256 KiB with its objects") {
  const Sandbox sandbox;
  const Result result = sandbox.run("train_256kib");
  expect(result, 0, "step    500  loss");
  expect(result, 0, "writes:\n\nTo ");
  unsigned long parameters = 0, planned = 0, objects = 0;
  REQUIRE(std::sscanf(result.output.c_str(),
                      "train_256kib: %lu parameters in %lu bytes, besides %lu of objects",
                      &parameters, &planned, &objects) == 3);
  CHECK(parameters == 14304);
  CHECK(planned > 8 * parameters);
  CHECK(planned + objects <= 262144);
  const auto loss = result.output.find("step    500  loss ");
  REQUIRE(loss != std::string::npos);
  CHECK(std::atof(result.output.c_str() + loss + 18) < 0.5);
  CHECK(sandbox.run("train_256kib --version").output == "octavo 0.1.0\n");
  CHECK(fs::is_empty(sandbox.path));

  std::ofstream(sandbox.path / "text") << octavo::sample_text;
  std::ofstream(sandbox.path / "empty").flush();
  expect(sandbox.run("train_256kib text 20"), 0, "validation loss ");
  expect(sandbox.run("train_256kib text 0"), 64, "ITERATIONS: got '0'");
  expect(sandbox.run("train_256kib empty"), 65, "need at least 25");
  expect(sandbox.run("train_256kib missing"), 66, "cannot open 'missing'");
}

TEST_CASE("bad values are refused in one line before anything is made") {
  const Sandbox sandbox;
  std::ofstream(sandbox.path / "short") << "To be";
  std::ofstream(sandbox.path / "empty").flush();
  const auto refuse = [&](const std::string& option, const std::string& value) {
    const std::string command = "train_full --tiny " + option + " " + value;
    INFO(command);
    const Result result = sandbox.run(command);
    CHECK(result.status == 64);
    CHECK(result.output.find("error: " + option) != std::string::npos);
  };
  for (const char* option :
       {"--batch",     "--sequence", "--accumulate", "--layers",  "--heads",      "--width",
        "--ff",        "--context",  "--warmup",     "--threads", "--eval-every", "--sample-every",
        "--log-every", "--seed",     "--lr",         "--min-lr",  "--decay",      "--beta1",
        "--beta2",     "--clip",     "--dropout"}) {
    for (const char* value :
         {"-1", "abc", "nan", "inf", "''", "0x10", "' 5'", "5abc", "1e400", "-0x1p3"}) {
      refuse(option, value);
    }
  }
  refuse("--batch", "99999999999999999999");
  refuse("--seed", "99999999999999999999");
  expect(sandbox.run("train_full --lr 0"), 64, "--lr: got '0', expected a finite number > 0");
  expect(sandbox.run("train_full --heads 5"), 64, "width 128 is not a multiple of heads 5");
  expect(sandbox.run("train_full --sequence 200"), 64, "expected at most 128, the model's context");
  expect(sandbox.run("train_full --tiny --small"), 64, "error: ");
  expect(sandbox.run("train_full --bacth 3"), 64, "--bacth");
  expect(sandbox.run("train_full 0"), 64, "ITERATIONS: got '0'");
  expect(sandbox.run("train_full --activation swish"), 64, "error: ");
  expect(sandbox.run("train_full --optimizer sgd --beta2 0.9"), 64, "sgd has no such setting");
  expect(sandbox.run("train_full --data missing"), 66, "cannot open 'missing'");
  expect(sandbox.run("train_full --data empty"), 65, "is empty");
  expect(sandbox.run("train_full --small --data short"), 65, "need at least 65");
  expect(sandbox.run("train_v2 --seed -1"), 64, "--seed: got '-1'");
  expect(sandbox.run("train_v2 2 --out short"), 73, "cannot create folder 'short'");
  CHECK_FALSE(fs::exists(sandbox.path / "out"));
}

TEST_CASE("help and version go to standard output") {
  const Sandbox sandbox;
  for (const char* program : {"train_v2", "train_full", "generate"}) {
    expect(sandbox.run(std::string(program) + " --help 2>/dev/null"), 0, "--threads");
    expect(sandbox.run(std::string(program) + " --version 2>/dev/null"), 0, "octavo 0.1.0");
  }
}

TEST_CASE("a memory budget chooses what gives the same bits, and can be repeated by its flags") {
  const Sandbox sandbox;
  {
    std::ofstream text(sandbox.path / "text");
    for (int i = 0; i < 900; ++i)
      text << octavo::sample_text.substr(static_cast<std::size_t>(i % 400), 31);
  }
  const std::string run =
      "train_full --data text --layers 3 --heads 2 --width 64 --ff 256 --context 64 --batch 4 "
      "--sequence 64 --threads 1 --eval-every 0 8 ";
  expect(sandbox.run(run + "--micro-batch 4 --out a"), 0, "Saved a/");
  const Result fitted = sandbox.run(run + "--micro-batch 4 --memory-budget 6.35MB --out b");
  expect(fitted, 0, "memory budget 6.35 MB: --micro-batch 1 --recompute\n");
  expect(sandbox.run(run + "--micro-batch 1 --recompute --out c"), 0, "Saved c/");
  const auto model = [&](const char* folder) {
    return octavo::read_file((sandbox.path / folder / "model.safetensors").string());
  };
  CHECK(model("a") == model("b"));
  CHECK(model("a") == model("c"));
  expect(sandbox.run(run + "--memory-budget 100MB --dry-run"), 0, "--micro-batch 1\n");
}

TEST_CASE("budgets that are none, or too small, are refused with the smallest that fits") {
  const Sandbox sandbox;
  for (const char* size : {"0", "-5", "1e99TB", "12XB", "nan", "''", "5M"}) {
    expect(sandbox.run(std::string("train_full --tiny 5 --memory-budget ") + size), 64,
           "error: --memory-budget: got '");
  }
  const Result small = sandbox.run("train_full --tiny 5 --memory-budget 1KB --threads 1");
  expect(small, 64, "error: memory budget: got 1000 bytes, expected at least ");
  expect(small, 64, "no choice of optimizer adamw-8bit and fused-update needs less than ");
  expect(sandbox.run("train_full --tiny 5 --memory-budget 4.05MB --threads 1"), 64,
         "hint: raise the budget, or let results change a little: optimizer adamw-8bit needs ");
  CHECK(fs::is_empty(sandbox.path));
}

TEST_CASE("a memory report tells where each byte goes, and draws it") {
  const Sandbox sandbox;
  const Result dry = sandbox.run("train_full --tiny --dry-run --memory-report plan.svg");
  for (const char* part : {"by kind:", "by part:", "by phase of a step:", "optimizer state",
                           "432  tokens of the text", "Drawn to plan.svg"}) {
    expect(dry, 0, part);
  }
  CHECK(octavo::read_file((sandbox.path / "plan.svg").string()).starts_with("<svg"));
  const Result v2 = sandbox.run("train_v2 20 --threads 1 --out o --memory-report");
  expect(v2, 0, "  planned\n");
  expect(v2, 0, "besides the plan");
  expect(v2, 0, "  program\n");
  expect(sandbox.run("generate o/model.safetensors --tokens 5 --memory-report"), 0, "by kind:");
  expect(sandbox.run("train_full --tiny --dry-run --memory-report 500"), 64,
         "--memory-report: got '500', expected nothing or the name of an .svg file");
}

TEST_CASE("a download that fails leaves nothing and says what to type") {
  const Sandbox sandbox;
  const std::string target = (sandbox.path / "data/text").string();
  const support::RemoteFile nowhere{"http://127.0.0.1:9/text", 4, "00"};
  constexpr std::string_view missing[] = {"octavo-no-such-program"};
  CHECK_THROWS_WITH(
      support::download(nowhere, target, missing),
      "cannot download http://127.0.0.1:9/text: octavo-no-such-program could not be run");
  try {
    support::download(nowhere, target);
    FAIL("expected an exception");
  } catch (const octavo::Error& error) {
    CHECK(error.hint() == "run: curl --create-dirs -Lo " + target + " http://127.0.0.1:9/text");
  }
  CHECK(fs::is_empty(sandbox.path));
}

TEST_CASE("a download is taken whole and unaltered, or not at all") {
  const std::string text(100'000, 'x');
  for (const std::string_view program : {"curl", "wget"}) {
    if (std::system(("command -v " + std::string(program) + " >/dev/null").c_str()) != 0) {
      MESSAGE(program << " is not installed: not tried");
      continue;
    }
    const Sandbox sandbox;
    const std::string target = (sandbox.path / "data/text").string();
    const auto download = [&](const std::string& body, std::size_t told) {
      const HttpServer server(body, told);
      support::download({server.url(), text.size(), octavo::sha256(text)}, target, {&program, 1});
    };
    std::string altered = text;
    altered[50'000] = 'y';
    CHECK_THROWS_WITH(download(altered, text.size()),
                      doctest::Contains("its SHA-256 is not the expected one"));
    CHECK_THROWS_WITH(download(text.substr(1), text.size() - 1),
                      doctest::Contains("got 99999 bytes, expected 100000"));
    CHECK_THROWS_WITH(download(text + "x", text.size() + 1),
                      doctest::Contains("got more than the expected 100000 bytes"));
    CHECK_THROWS_WITH(download(text.substr(1), text.size()),  // cut off on the way
                      doctest::Contains("ended with status"));
    CHECK(fs::is_empty(sandbox.path));
    download(text, text.size());
    CHECK(octavo::read_file(target) == text);
  }
}

TEST_CASE("a download that is interrupted leaves nothing, and no file to mistake for the text") {
  const Sandbox sandbox;
  std::ofstream(sandbox.path / "curl") << "#!/bin/sh\n"
                                          "printf 'First Citizen:'\n"
                                          "kill -INT $PPID\n";
  fs::permissions(sandbox.path / "curl", fs::perms::owner_all);
  const Result result = sandbox.run("train_full --medium 1", "PATH=.:$PATH");
  INFO(result.output);
  CHECK(result.status == 130);
  CHECK(result.output.find("downloading") != std::string::npos);
  fs::remove(sandbox.path / "curl");
  CHECK(fs::is_empty(sandbox.path));
}
