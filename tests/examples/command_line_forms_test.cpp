// SPDX-License-Identifier: MIT
// Options that do not go together, and the forms of a command line that must work.
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/base/error.hpp>
#include <octavo/data/sample_text.hpp>

#include "examples/micro.hpp"

namespace {

using Words = std::vector<std::string>;

const std::string plan_of_tiny = "context 128, layers 1, width 64, heads 2, ff 128";

void refused(const Sandbox& sandbox, const Words& words, const std::string& message,
             const std::string& hint = "", int status = 64) {
  INFO(told(words));
  const auto before = names_in(sandbox.path);
  const Outcome got = start(sandbox, words);
  check_error(got, status,
              words[0] + ": error: " + message + (hint.empty() ? "" : "\n  hint: " + hint) + "\n");
  CHECK(names_in(sandbox.path) == before);
}

void accepted(const Sandbox& sandbox, const Words& words, const std::string& part) {
  INFO(told(words));
  const Outcome got = start(sandbox, words);
  check_error(got, 0, "");
  INFO(got.out);
  CHECK(got.out.find(part) != std::string::npos);
}

}  // namespace

TEST_CASE("help and version go to standard output, whatever comes behind them") {
  const Sandbox sandbox;
  for (const std::string program : {"train_full", "train_v2", "train_256kib", "generate"}) {
    for (const std::string request : {"--help", "-h"}) {
      accepted(sandbox, {program, request}, "Usage: " + program);
      accepted(sandbox, {program, "--seed", "x", request, "--bacth"}, "Usage: " + program);
    }
    const Outcome version = start(sandbox, {program, "--version"});
    check_error(version, 0, "");
    CHECK(version.out == "octavo 0.1.0\n");
  }
  CHECK(fs::is_empty(sandbox.path));
}

TEST_CASE("help has 80 columns, and what belongs together stands below each other") {
  const Sandbox sandbox;
  for (const std::string program :
       {"train_full", "train_v2", "train_256kib", "generate", "convert"}) {
    const std::string help = start(sandbox, {program, "--help"}).out;
    std::istringstream lines(help);
    int described = 0;
    for (std::string line; std::getline(lines, line);) {
      INFO(program, ": ", line);
      CHECK(line.size() <= 80);
      CHECK_FALSE(line.ends_with(' '));
      const std::size_t begin = line.find_first_not_of(' ');
      if (begin == std::string::npos || begin < 6) continue;
      CHECK((begin == 26 || begin == 28));  // within a group of options
      ++described;
    }
    CHECK((program == "train_v2" || program == "convert" || described > 0));
  }
}

TEST_CASE("printed commands name the programs as they can be called from there") {
  const Sandbox sandbox;
  const std::string folder = OCTAVO_EXAMPLES_FOLDER "/";
  const std::string options =
      "--layers 1 --heads 2 --width 16 --ff 24 --context 16 --sequence 12 --threads 1 --out 'my "
      "run' 2";
  const Result run = sandbox.run("train_full " + options);
  expect(run, 0, "try: " + folder + "generate 'my run/model.safetensors' --prompt ");
  CHECK(start(sandbox, words_of("train_full --tiny --threads 1 --sample-every 0 --out b 2"))
            .out.find("try: generate b/model.safetensors") != std::string::npos);
}

TEST_CASE("what makes no run together is refused") {
  const Sandbox sandbox;
  const auto full = [](const std::string& options) { return words_of("train_full " + options); };
  const std::string presets[] = {"--tiny", "--small", "--medium", "--large"};
  for (int i = 0; i < 4; ++i) {
    for (int j = i + 1; j < 4; ++j) {
      refused(sandbox, full(presets[j] + " " + presets[i]),
              "preset: got " + presets[i] + " and " + presets[j] + ", expected at most one");
    }
  }
  refused(sandbox, full("--heads 5"), "width 128 is not a multiple of heads 5",
          "choose heads that divide the width");
  refused(sandbox, full("--tiny --width 3"), "width 3 is not a multiple of heads 2",
          "choose heads that divide the width");
  refused(sandbox, full("--sequence 129"),
          "--sequence: got 129, expected at most 128, the model's context");
  refused(sandbox, full("--context 8 --sequence 9"),
          "--sequence: got 9, expected at most 8, the model's context");
  refused(sandbox, full("--optimizer sgd --beta2 0.5"), "--beta2: sgd has no such setting",
          "its settings are --momentum, --decay");
  refused(sandbox, full("--lr 0.5 --min-lr 1"),
          "--min-lr: got 1, expected at most 0.5, the learning rate");
  refused(sandbox, full("--batch 65536 --accumulate 32768"),
          "--accumulate: got 32768, expected at most 32767 with --batch 65536");
  refused(sandbox, full("--freeze atn"), "--freeze: no tensor's name contains 'atn'");
  refused(sandbox, full("--freeze *"), "--freeze: nothing is left to train");
  refused(sandbox, full("--heads 4 --kv-heads 3"), "heads 4 is not a multiple of kv_heads 3");
  refused(sandbox, full("--gpt2 --family llama"),
          "--gpt2: the model is not compatible with GPT-2: it lacks biases, GPT-2 has them "
          "everywhere; it has layers that GPT-2 does not have: norm rms, positions rotary, gated "
          "yes",
          "train a model with biases and GPT-2's layers");
  refused(sandbox, full("--family lama"),
          "--family: got 'lama', expected gpt2, llama, llama3, smollm2, qwen2, qwen3, mistral, "
          "gemma, gemma2 or gemma3");
  refused(sandbox, full("--tiny --train-last 2"),
          "--train-last is 2, expected 0 to 1, the model's blocks");
  refused(sandbox, full("--new-schedule"),
          "--new-schedule: it needs --resume, whose schedule it replaces",
          "say --resume too, or leave it out");
  refused(sandbox, full("--allow-corpus-change"), "--allow-corpus-change: it needs --resume");
  refused(sandbox, full("--patience 2 --eval-every 0"),
          "--patience: it needs evaluations, but --eval-every is 0");
  refused(sandbox, full("--resume 500"), "--resume: there is no checkpoint or folder '500'",
          "write ITERATIONS before --resume");
  refused(sandbox, full("--memory-report 500"),
          "--memory-report: got '500', expected nothing or the name of an .svg file",
          "put other arguments before --memory-report");
  refused(sandbox, full("--resume a b"),
          "ITERATIONS: got 'b', expected a whole number from 1 to "
          "2147483647");
  refused(sandbox, full("--activation swish"),
          "--activation: got 'swish', expected relu, gelu, gelu-tanh, silu or relu2");
  refused(sandbox, full("--scalar half"), "--scalar: got 'half', expected float or double");
  refused(sandbox, full("--optimizer adamw_8bit"),
          "--optimizer: got 'adamw_8bit', expected adamw, adamw-8bit, adam, lion, muon or sgd");
  refused(sandbox, {"train_full", "--scalar", "\x1b[31m"},
          "--scalar: got '\\x1b[31m', expected float or double");
  for (const std::string size : {"0", "-5", "0.1"}) {
    refused(sandbox, full("--memory-budget " + size),
            "--memory-budget: got '" + size + "', expected at least 1 byte");
  }
  for (const std::string size : {"nan", "inf", "+5MB", "5M", "MB", "0x10", "5,5MB", "5MBB"}) {
    refused(sandbox, full("--memory-budget " + size),
            "--memory-budget: got '" + size + "', expected a size such as 30MB, 1.5GiB or 4000000");
  }
  for (const std::string size : {"1e99TB", "9223372036854775808"}) {
    refused(sandbox, full("--memory-budget " + size),
            "--memory-budget: got '" + size + "', expected less than 2^62 bytes");
  }
  refused(sandbox, words_of("train_v2 --resume"),
          "--resume: expected a checkpoint, a folder, or --out DIR");
  CHECK(fs::is_empty(sandbox.path));
}

TEST_CASE("what --resume names may be anything, and is named when it cannot be opened") {
  const Sandbox sandbox;
  fs::create_symlink("loop", sandbox.path / "loop");
  const std::string long_name(5000, 'x');
  struct Row {
    std::string name, told, why;
  };
  for (const std::string program : {"train_full", "train_v2"}) {
    for (const Row& row : {
             Row{"nowhere", "nowhere", "No such file or directory"},
             Row{"[a]", "[a]", "No such file or directory"},
             Row{"[a,b]", "[a,b]", "No such file or directory"},
             Row{"{}", "{}", "No such file or directory"},
             Row{"a b\n\x1b[31m\xff", "a b\\x0a\\x1b[31m\\xff", "No such file or directory"},
             Row{"--tiny", "--tiny", "No such file or directory"},
             Row{"loop", "loop", "Too many levels of symbolic links"},
             Row{"loop/x", "loop/x", "Too many levels of symbolic links"},
             Row{long_name, long_name.substr(0, 80) + "...", "File name too long"},
         }) {
      refused(sandbox, {program, "--resume=" + row.name},
              "cannot open '" + row.told + "': " + row.why, "check the path and its permissions",
              66);
    }
  }
}

TEST_CASE("a resumed run takes no other model, data or schedule") {
  const Sandbox sandbox;
  write_file(sandbox, "text", octavo::sample_text);
  const std::string begin = "--data text --out a";
  accepted(sandbox, micro(begin), "saved a/checkpoint-00000002.safetensors");
  struct Row {
    const char *option, *before, *asked;
  };
  for (const Row& row : {
           Row{"--layers 2", "layers 1", "2"},
           {"--heads 1", "heads 2", "1"},
           {"--width 32", "width 16", "32"},
           {"--ff 1", "d_ff 24", "1"},
           {"--context 15", "context 16", "15"},
           {"--norm rms", "norm layer", "rms"},
           {"--activation gelu", "activation relu", "gelu"},
           {"--gated", "gated 0", "1"},
           {"--family llama", "activation relu", "silu"},
           {"--kv-heads 1", "kv_heads 0", "1"},
           {"--positions rotary", "positions learned", "rotary"},
           {"--no-bias", "attention_bias 1", "0"},
           {"--tied", "tied 0", "1"},
           {"--scalar double", "scalar float", "double"},
           {"--batch 2", "batch 1", "2"},
           {"--sequence 11", "sequence 12", "11"},
           {"--accumulate 2", "accumulate 1", "2"},
           {"--optimizer lion", "optimizer adamw", "lion"},
           {"--decay 1", "optimizer.decay 0.1", "1"},
           {"--beta1 0", "optimizer.beta1 0.9", "0"},
           {"--beta2 0", "optimizer.beta2 0.99", "0"},
           {"--clip 2", "clip 1", "2"},
           {"--dropout 0.5", "dropout 0", "0.5"},
           {"--seed 3", "seed 1", "3"},
           {"--fused-update", "fused_update 0", "1"},
           {"--tiny", "context 16", "128"},
       }) {
    refused(
        sandbox, words_of("train_full --resume a " + std::string(row.option)),
        "--resume: the run has " + std::string(row.before) + ", but " + row.asked + " was asked",
        "leave it out, or begin a new run");
  }
  for (const Row& row : {Row{"--lr 1", "learning_rate 0.001", "1"},
                         {"--min-lr 0", "minimum_learning_rate 1e-04", "0"},
                         {"--warmup 0", "warmup 1", "0"},
                         {"--out b -- 20", "steps 2", "20"}}) {
    refused(
        sandbox, words_of("train_full --resume a " + std::string(row.option)),
        "--resume: the run has " + std::string(row.before) + ", but " + row.asked + " was asked",
        "leave it out, or say --new-schedule to replace the run's own");
  }
  accepted(sandbox, words_of("train_full 20 --resume a --new-schedule --lr 1 --dry-run"),
           "2 of 20 steps are done; new schedule: there were 2");
  accepted(sandbox, words_of("train_full --data=text --resume=a --batch 1 --dry-run"),
           "2 of 2 steps are done");
  refused(sandbox, words_of("train_v2 --resume a"),
          "cannot resume 'a/checkpoint-00000002.safetensors': it is not a run of train_v2",
          "name a checkpoint that train_v2 has saved");
}

TEST_CASE("numbers may be written as one writes them, options with or without '='") {
  const Sandbox sandbox;
  const auto dry = [&](const std::string& options, const std::string& part) {
    accepted(sandbox, words_of("train_full --dry-run --tiny " + options), part);
  };
  for (const char* rate : {"1e-3", ".001", "1E-3", "0.001", "0.0010", "1e-03", "1.e-3", "10e-4"}) {
    dry("--lr=" + std::string(rate), plan_of_tiny);
    dry("--lr " + std::string(rate), plan_of_tiny);
  }
  for (const char* batch : {"7", "007", "00000000000000000000000000007"}) {
    dry("--batch " + std::string(batch), "2000 steps of 7 x 32 tokens");
  }
  dry("12", "12 steps of 1 x 32 tokens");
  dry("-- 12", "12 steps of 1 x 32 tokens");
  dry("--batch 3 -- 012", "12 steps of 3 x 32 tokens");
  dry("2147483647 --warmup 2147483647", "2147483647 steps of 1 x 32 tokens");
  dry("--seed 0", plan_of_tiny);
  dry("--seed=9223372036854775807", plan_of_tiny);
  dry("--activation GELU", "activation gelu");
  for (const std::string family :
       {"llama", "llama3", "smollm2", "qwen2", "qwen3", "mistral", "gemma", "gemma2", "gemma3"}) {
    dry("--family " + family + " --kv-heads 1", "norm rms");
    dry("--positions learned --family " + family, "norm rms");
  }
  dry("--family qwen3 --head-width 64 --window 9",
      "positions rotary, rope-base 1e+06, heads 2, "
      "head-width 64, attention-bias no, qk-norm yes, window 9");
  dry("--norm RMS --activation silu --gated", "activation silu, gated yes");
  dry("--activation=Gelu-Tanh --tied --no-bias",
      "norm-bias no, heads 2, attention-bias no, ff 128, activation gelu-tanh, ff-bias no, tied "
      "yes");
  dry("--scalar Double", "double");
  dry("--optimizer AdamW-8bit", plan_of_tiny);
  dry("--clip 0 --dropout 0 --beta1 0 --beta2 0 --decay 0 --min-lr 0", plan_of_tiny);
  dry("--dropout 0.999999 --beta2 .999", plan_of_tiny);
  dry("--warmup 0 --patience 0 --threads 0 --eval-every 0 --sample-every 0 --log-every 0",
      plan_of_tiny);
  dry("--memory-report", "by kind:");
  dry("--memory-report --batch 2", "2000 steps of 2 x 32 tokens");
  for (const char* budget : {"1GB", "1gb", "1.5GiB", "5000000", "5e6", "5000kB", "1TB"}) {
    dry("--memory-budget " + std::string(budget), "memory budget ");
  }
  accepted(sandbox, {"train_full", "--dry-run", "--tiny", "--memory-budget", "5 MB"},
           "memory budget 5.00 MB: --micro-batch 1\n");
  CHECK(fs::is_empty(sandbox.path));
}
