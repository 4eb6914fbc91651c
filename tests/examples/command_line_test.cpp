// SPDX-License-Identifier: MIT
// Every option of every program with values that are none: each is refused with status 64 and a
// message that says what was got and what was expected, before anything is printed or made.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/base/error.hpp>

#include "examples/process.hpp"

namespace {

using Words = std::vector<std::string>;

struct OptionOf {
  std::string program, name;
  std::string kind;      ///< as --help calls its value
  std::string expected;  ///< what a refusal says
  bool whole = true;
};

std::string whole(long long least, long long most = 2147483647) {
  return "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
}

const std::string not_negative = "a finite number, 0 or more";
const std::string fraction = "0 to less than 1";
constexpr long long largest = 9223372036854775807;

const std::vector<OptionOf> numbers{
    {"train_full", "--batch", "N", whole(1)},
    {"train_full", "--sequence", "N", whole(1)},
    {"train_full", "--accumulate", "N", whole(1)},
    {"train_full", "--leaves", "N", whole(1)},
    {"train_full", "--layers", "N", whole(1, 10000)},
    {"train_full", "--heads", "N", whole(1)},
    {"train_full", "--width", "N", whole(1)},
    {"train_full", "--ff", "N", whole(1)},
    {"train_full", "--context", "N", whole(1)},
    {"train_full", "--kv-heads", "N", whole(0)},
    {"train_full", "--head-width", "N", whole(0)},
    {"train_full", "--window", "N", whole(0)},
    {"train_full", "--window-pattern", "N", whole(0)},
    {"train_full", "--conv-taps", "N", whole(0, 8)},
    {"train_full", "--lora-rank", "N", whole(0)},
    {"train_full", "--skip-bad", "N", whole(0)},
    {"generate", "--skip-bad", "N", whole(0)},
    {"train_full", "--rope-width", "N", whole(0)},
    {"train_full", "--rope-original-context", "N", whole(0)},
    {"train_full", "--warmup", "N", whole(0)},
    {"train_full", "--patience", "N", whole(0)},
    {"train_full", "--threads", "N", whole(0, 1024)},
    {"train_full", "--eval-every", "N", whole(0)},
    {"train_full", "--sample-every", "N", whole(0)},
    {"train_full", "--log-every", "N", whole(0)},
    {"train_full", "--micro-batch", "N", whole(1)},
    {"train_full", "--zero", "N", whole(0, 2)},
    {"train_full", "--save-every", "N", whole(0)},
    {"train_full", "--keep", "N", whole(1)},
    {"train_full", "--seed", "N", whole(0, largest)},
    {"train_v2", "--seed", "N", whole(0, largest)},
    {"train_v2", "--threads", "N", whole(0, 1024)},
    {"train_256kib", "--seed", "N", whole(0, largest)},
    {"generate", "--tokens", "N", whole(0)},
    {"generate", "--context", "N", whole(1)},
    {"generate", "--top-k", "N", whole(0)},
    {"generate", "--stride", "N", whole(1)},
    {"generate", "--threads", "N", whole(0, 1024)},
    {"train_full", "--lr", "X", "a finite number > 0", false},
    {"train_full", "--epochs", "X", "a finite number > 0", false},
    {"train_full", "--min-lr", "X", not_negative, false},
    {"train_full", "--decay", "X", not_negative, false},
    {"train_full", "--beta1", "X", fraction, false},
    {"train_full", "--beta2", "X", fraction, false},
    {"train_full", "--epsilon", "X", "a finite number > 0", false},
    {"train_full", "--momentum", "X", fraction, false},
    {"train_full", "--matrix-lr-scale", "X", not_negative, false},
    {"train_full", "--ns-steps", "X", "a whole number from 1 to 6", false},
    {"train_full", "--matrix-weight-decay", "X", not_negative, false},
    {"train_full", "--cooldown", "X", "0 to 1", false},
    {"train_full", "--clip", "X", not_negative, false},
    {"train_full", "--dropout", "X", fraction, false},
    {"train_full", "--lora-alpha", "X", not_negative, false},
    {"train_full", "--lora-dropout", "X", fraction, false},
    {"train_full", "--ema", "X", fraction, false},
    {"train_full", "--rope-base", "X", "a finite number > 0", false},
    {"train_full", "--rope-local-base", "X", not_negative, false},
    {"train_full", "--rope-factor", "X", "a finite number > 0", false},
    {"train_full", "--rope-low-factor", "X", "a finite number > 0", false},
    {"train_full", "--rope-high-factor", "X", "a finite number > 0", false},
    {"train_full", "--rope-beta-fast", "X", "a finite number > 0", false},
    {"train_full", "--rope-beta-slow", "X", "a finite number > 0", false},
    {"train_full", "--rope-attention-factor", "X", not_negative, false},
    {"train_full", "--embedding-scale", "X", "a finite number > 0", false},
    {"train_full", "--attention-scale", "X", not_negative, false},
    {"train_full", "--attention-cap", "X", not_negative, false},
    {"train_full", "--logit-cap", "X", not_negative, false},
    {"generate", "--temperature", "X", not_negative, false},
    {"generate", "--top-p", "X", "a number more than 0, at most 1", false},
    {"generate", "--min-p", "X", "a number from 0 to 1", false},
    {"generate", "--repetition-penalty", "X", "a finite number > 0", false},
};

const std::vector<OptionOf> others{
    {"train_full", "--norm", "NAME", "layer or rms"},
    {"train_full", "--train-on", "NAME", "answers or all"},
    {"train_full", "--long-rows", "NAME", "cut or split"},
    {"train_full", "--family", "NAME",
     "gpt2, llama, llama3, smollm2, qwen2, qwen3, mistral, gemma, gemma2 or gemma3"},
    {"train_full", "--positions", "NAME", "learned or rotary"},
    {"train_full", "--rope-pairing", "NAME", "halves or neighbours"},
    {"train_full", "--rope-scaling", "NAME", "none, linear, dynamic, llama3 or yarn"},
    {"train_full", "--arrangement", "NAME", "pre-norm, pre-post-norm or parallel"},
    {"train_full", "--activation", "NAME", "relu, gelu, gelu-tanh, silu or relu2"},
    {"train_full", "--scalar", "NAME", "float or double"},
    {"train_full", "--optimizer", "NAME", "adamw, adamw-8bit, adam, lion, muon or sgd"},
    {"train_full", "--data", "FILE|DIR", "a name"},
    {"train_full", "--token-file", "FILE", "a name"},
    {"train_full", "--base", "PATH", "a name"},
    {"generate", "--base", "PATH", "a name"},
    {"convert", "--base", "PATH", "a name"},
    {"train_full", "--map-above", "SIZE", "a size such as 30MB, 1.5GiB or 4000000"},
    {"train_full", "--time", "TIME", "a time such as 90s, 10min or 2h"},
    {"train_full", "--out", "DIR", "a name"},
    {"train_full", "--memory-budget", "SIZE", "a size such as 30MB, 1.5GiB or 4000000"},
    {"train_v2", "--out", "DIR", "a name"},
    {"generate", "--prompt-file", "FILE", "a name"},
    {"generate", "--score", "FILE", "a name"},
    {"generate", "--too-long", "NAME", "slide, keep-last or refuse"},
    {"generate", "--unknown", "NAME", "replace, refuse or skip"},
    {"generate", "--invalid-utf8", "NAME", "replace or keep"},
    {"convert", "--type", "NAME", "f32, f16, bf16, q8_0, q4_0, q4_1, q5_0 or q5_1"},
};

/// These may be given several times.
const std::vector<OptionOf> repeatable{
    {"generate", "--prompt", "TEXT", ""},
    {"generate", "--stop", "TEXT", "at least one character"},
    {"generate", "--logit-bias", "TOKEN=VALUE", ""},
    {"generate", "--lora", "PATH[:SCALE]", ""},
    {"convert", "--lora", "PATH[:SCALE]", ""},
};

const Words flags = words_of(
    "--gpt2 --tiny --small --medium --large --no-bias --tied "
    "--gated --no-unknown --rollback --qk-norm --recompute --fused-update --new-schedule "
    "--dry-run --allow-corpus-change --zero-init --lora --lora-rslora --timings "
    "--recompute-logits");

const std::string escapes = "\xff\xc3\x1b[31m";
const std::string escapes_told = "'\\xff\\xc3\\x1b[31m'";

int cases = 0;

const std::string twice = "leave one of the two out";

void refused(const Sandbox& sandbox, const Words& words, const std::string& message,
             const std::string& hint = "", int status = 64) {
  ++cases;
  INFO(told(words));
  const Outcome got = start(sandbox, words);
  check_error(got, status,
              words[0] + ": error: " + message + (hint.empty() ? "" : "\n  hint: " + hint) + "\n");
  CHECK(got.out.empty());
  CHECK(fs::is_empty(sandbox.path));
}

}  // namespace

TEST_CASE("numbers that are none are refused, all of them by all options") {
  const Sandbox sandbox;
  cases = 0;
  Words whole_only{"1e3", "1.5", "9223372036854775808", "18446744073709551616"};
  Words reals_only{"1e400", "-1e400", "1e-400", "-nan", "-inf", "1e", ".", "1_0"};
  const std::string digits(131'000, '7');
  for (const OptionOf& option : numbers) {
    Words values{"", "-1", "+5", "0x10", " 5", "5 ", "5abc", "nan", "inf", "1,5", "--", escapes};
    values = values + (option.whole ? whole_only : reals_only);
    if (option.whole && option.name != "--seed") values.push_back("2147483648");
    if (option.expected.find("from 1 ") != std::string::npos) values.push_back("0");
    if (option.expected == fraction) values.push_back("1");
    values.push_back(digits);  // a number too long for any machine
    bool joined = false;
    for (const std::string& value : values) {
      const std::string message =
          option.name + ": got " + octavo::printable(value) + ", expected " + option.expected;
      joined = !joined || value.empty();
      refused(sandbox,
              joined ? Words{option.program, option.name + "=" + value}
                     : Words{option.program, option.name, value},
              message);
    }
  }
  refused(sandbox, {"train_full", "--batch", escapes},
          "--batch: got " + escapes_told + ", expected " + whole(1));
  refused(sandbox, {"train_full", "--batch", digits},
          "--batch: got '" + std::string(80, '7') + "...', expected " + whole(1));
  refused(sandbox, {"train_full", "--lr", "0"}, "--lr: got '0', expected a finite number > 0");
  CHECK(cases >= 500);
}

TEST_CASE("the numbers of steps are numbers too") {
  const Sandbox sandbox;
  for (const char* value : {"", "0", "-5", "+5", "1e3", "0x10", " 5", "5abc", "2147483648", "nan",
                            "1.5", "1,5", "-", "18446744073709551616"}) {
    const std::string message =
        "ITERATIONS: got '" + std::string(value) + "', expected " + whole(1);
    refused(sandbox, {"train_full", value}, message);
    refused(sandbox, {"train_v2", "--seed", "3", value}, message);
    refused(sandbox, {"train_256kib", "text", value}, message);
    refused(sandbox, {"train_full", "--", value}, message);
  }
}

TEST_CASE("options without a value, with an empty one, or given twice are refused") {
  const Sandbox sandbox;
  const std::vector<OptionOf> lists[] = {numbers, others, repeatable};
  for (const auto& list : lists) {
    for (const OptionOf& option : list) {
      const std::string& name = option.name;
      const std::string usage = ", expected " + name + " " + option.kind;
      refused(sandbox, {option.program, name}, name + ": got no value" + usage,
              "see " + option.program + " --help");
      refused(sandbox, {option.program, name, "--help"},
              name + ": got no value before '--help'" + usage,
              "if that is the value, write " + name + "='--help'");
      if (&list == &lists[2] || name == "--data") continue;
      refused(sandbox, {option.program, name, "1", name + "=1"},
              name + ": given twice, expected at most once", twice);
    }
  }
  for (const OptionOf& option : others) {
    const std::string message = option.name + ": got '', expected " + option.expected;
    refused(sandbox, {option.program, option.name + "="}, message);
    refused(sandbox, {option.program, option.name, ""}, message);
  }
  for (const std::string program : {"train_full", "train_v2"}) {
    refused(sandbox, {program, "--resume="}, "--resume: got '', expected --resume [FILE|DIR]");
    refused(sandbox, {program, "--resume", "a", "--resume"},
            "--resume: given twice, expected at most once", twice);
  }
  for (const std::string program : {"train_full", "train_v2", "generate"}) {
    refused(sandbox, {program, "--memory-report="},
            "--memory-report: got '', expected --memory-report [FILE.svg]");
  }
  refused(sandbox, {"train_full", "--data", "--out=" + escapes},
          "--data: got no value before '--out=\\xff\\xc3\\x1b[31m', expected --data FILE|DIR",
          "if that is the value, write --data='--out=\\xff\\xc3\\x1b[31m'");
  refused(sandbox, {"train_256kib", "", "5"}, "FILE: got '', expected a name");
  refused(sandbox, {"generate", ""}, "MODEL: got '', expected a name");
  refused(sandbox, {"generate", "--prompt=", ""}, "MODEL: got '', expected a name");
}

TEST_CASE("flags take no value and come once") {
  const Sandbox sandbox;
  for (const std::string& flag : flags) {
    for (const std::string value : {"", "1", "true", "false", "abc"}) {
      refused(sandbox, {"train_full", flag + "=" + value},
              flag + ": got '" + value + "', expected no value");
    }
    refused(sandbox, {"train_full", flag, flag}, flag + ": given twice, expected at most once",
            twice);
  }
  for (const std::string program : {"train_full", "train_v2", "train_256kib", "generate"}) {
    for (const std::string flag : {"--help", "--version"}) {
      refused(sandbox, {program, flag + "=5"}, flag + ": got '5', expected no value");
    }
  }
  refused(sandbox, {"generate", "--interactive=yes"},
          "--interactive: got 'yes', expected no value");
}

TEST_CASE("unknown options are named, with the nearest that there is") {
  const Sandbox sandbox;
  struct Row {
    const char *program, *wrong, *right;
  };
  for (const Row& row : {
           Row{"train_full", "--bacth", "--batch"},
           {"train_full", "--batchs", "--batch"},
           {"train_full", "--bach", "--batch"},
           {"train_full", "-batch", "--batch"},
           {"train_full", "---batch", "--batch"},
           {"train_full", "--Batch", "--batch"},
           {"train_full", "--lrr", "--lr"},
           {"train_full", "--LR", ""},
           {"train_full", "--layer", "--layers"},
           {"train_full", "--head", "--heads"},
           {"train_full", "--seq", "--sequence"},
           {"train_full", "--opt", "--optimizer"},
           {"train_full", "--optimiser", "--optimizer"},
           {"train_full", "--drop-out", "--dropout"},
           {"train_full", "--no-biases", "--no-bias"},
           {"train_full", "--tied-weights", ""},
           {"train_full", "--mini", ""},
           {"train_full", "--tny", "--tiny"},
           {"train_full", "--smal", "--small"},
           {"train_full", "--eval_every", "--eval-every"},
           {"train_full", "--memory_budget", "--memory-budget"},
           {"train_full", "--dryrun", "--dry-run"},
           {"train_full", "--resum", "--resume"},
           {"train_full", "--learning-rate", "--lr"},
           {"train_full", "--batch_size", "--batch"},
           {"train_full", "--weight-decay", "--decay"},
           {"train_full", "--output", "--out"},
           {"generate", "--max-new-tokens", "--tokens"},
           {"generate", "-n", "--tokens"},
           {"convert", "--outtype", "--type"},
           {"train_full", "--vers", "--version"},
           {"train_full", "-x", ""},
           {"train_full", "--x", ""},
           {"train_full", "--5", ""},
           {"train_v2", "--batch", ""},
           {"train_v2", "--thread", "--threads"},
           {"train_v2", "--ou", "--out"},
           {"train_256kib", "--sed", "--seed"},
           {"train_256kib", "--threads", ""},
           {"generate", "--temp", "--temperature"},
           {"generate", "--topk", "--top-k"},
           {"generate", "--top_p", "--top-p"},
           {"generate", "--token", "--tokens"},
           {"generate", "--promt", "--prompt"},
           {"generate", "--repetition-penality", "--repetition-penalty"},
           {"generate", "--bias", ""},
           {"generate", "--stops", "--stop"},
           {"generate", "--hlep", "--help"},
           {"generate", "-i", "--interactive"},
           {"generate", "--n_predict", "--tokens"},
           {"generate", "--reverse-prompt", "--stop"},
           {"generate", "-j", ""},
       }) {
    const std::string hint = *row.right == '\0' ? "see " + std::string(row.program) + " --help"
                                                : "did you mean '" + std::string(row.right) + "'?";
    const std::string message = "unknown option '" + std::string(row.wrong) + "'";
    refused(sandbox, {row.program, row.wrong}, message, hint);
    refused(sandbox, {row.program, row.wrong + std::string("=5"), "7"}, message, hint);
  }
  for (const char* program : {"train_full", "train_v2"}) {
    for (const std::string name : {"--steps", "--epochs", "--max_iters"}) {
      if (name == "--epochs" && program == std::string("train_full"))
        continue;  // it has the option
      refused(sandbox, {program, name, "50"}, "unknown option '" + name + "'",
              "write ITERATIONS without a name before it, as in " + std::string(program) + " 2000");
    }
  }
  refused(sandbox, {"train_full", "--epochs", "50"}, "--epochs: it needs --data NAME.jsonl",
          "for a text write the steps, as in train_full 2000");
  refused(sandbox, {"train_full", "."},
          "ITERATIONS: got '.', expected a whole number from 1 to 2147483647",
          "to train on a text say --data .");
  const std::string help = "see train_full --help";
  refused(sandbox, {"train_full", "--" + escapes}, "unknown option '--\\xff\\xc3\\x1b[31m'", help);
  refused(sandbox, {"train_full", "--=5"}, "unknown option '--'", help);
  refused(sandbox, {"train_full", "---"}, "unknown option '---'", help);
  refused(sandbox, {"train_full", "- 5"}, "unknown option '- 5'", help);
  refused(sandbox, {"train_full", "--" + std::string(131'000, 'x')},
          "unknown option '--" + std::string(78, 'x') + "...'", help);
  refused(sandbox, {"train_full", "--bacth", "--help"}, "unknown option '--bacth'",
          "did you mean '--batch'?");
}

TEST_CASE("arguments that are too many, too few, or no option's are refused") {
  const Sandbox sandbox;
  const auto too_many = [&](const Words& words, const std::string& which) {
    refused(sandbox, words, "unexpected argument '" + which + "'", "see " + words[0] + " --help");
  };
  too_many({"train_full", "5", "6"}, "6");
  too_many({"train_full", "--tiny", "5", "--dry-run", "6"}, "6");
  too_many({"train_full", "--", "5", "6"}, "6");
  too_many({"train_full", "5", "--", "--tiny"}, "--tiny");
  too_many({"train_full", "5", "--", "--"}, "--");
  too_many({"train_full", "5", escapes}, "\\xff\\xc3\\x1b[31m");
  too_many({"train_v2", "5", "6"}, "6");
  too_many({"train_v2", "5", ""}, "");
  too_many({"train_256kib", "text", "5", "6"}, "6");
  refused(sandbox, {"generate", "a", "b"}, "unexpected argument 'b'",
          "to write on from it say --prompt 'b'; see generate --help");
  refused(sandbox, {"generate"}, "MODEL is required", "see generate --help");
  refused(sandbox, {"generate", "--tokens", "5"}, "MODEL is required", "see generate --help");
  refused(sandbox, {"generate", "--"}, "MODEL is required", "see generate --help");
  refused(sandbox, {"train_256kib", "--seed", "5", "-f"}, "unknown option '-f'",
          "see train_256kib --help");
  refused(sandbox, {"train_256kib", "5"}, "cannot open '5': No such file or directory",
          "check the path and its permissions", 66);
}
