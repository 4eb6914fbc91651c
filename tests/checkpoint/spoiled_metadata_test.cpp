// SPDX-License-Identifier: MIT
// Every entry of a checkpoint's metadata, the model's among them, is spoiled once.
#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/checkpoint/training_checkpoint.hpp>

#include "checkpoint/forged_file.hpp"

using namespace octavo;
using octavo_test::ForgedFile;
using octavo_test::SavedRun;

namespace {

/// One entry of the metadata, what it should be, and what it must not be.
struct EntryRange {
  const char* key;
  const char* expected;
  std::initializer_list<const char*> bad;
};

constexpr const char* sizes = "1 to 2147483647";
constexpr const char* sizes_or_none = "0 to 2147483647";
constexpr const char* positive = "5e-324 to 1.7976931348623157e+308";
constexpr const char* counts = "0 to 9223372036854775807";
constexpr const char* shares = "0 to 0.9999999999999999";
constexpr const char* not_negative = "0 to 1.7976931348623157e+308";
constexpr const char* finite = "-1.7976931348623157e+308 to 1.7976931348623157e+308";
constexpr const char* more_than_one = "1.0000000000000002";

const EntryRange whole_numbers[] = {
    {"vocabulary", sizes, {"0", "-1", "2147483648", "9223372036854775807"}},
    {"context", sizes, {"0", "-3", "2147483648"}},
    {"layers", "1 to 4", {"0", "-1", "5", "512", "4294967297", "9223372036854775807"}},
    {"heads", sizes, {"0", "-2", "2147483648"}},
    {"kv_heads", sizes_or_none, {"-1", "2147483648"}},
    {"head_width", sizes_or_none, {"-1", "2147483648"}},
    {"window", sizes_or_none, {"-1", "2147483648"}},
    {"window_pattern", sizes_or_none, {"-1", "2147483648"}},
    {"rotary_width", sizes_or_none, {"-1", "2147483648"}},
    {"conv_taps", "0 to 8", {"-1", "9"}},
    {"rope_original_context", sizes_or_none, {"-1", "2147483648"}},
    {"lora_rank", sizes_or_none, {"-1", "2147483648"}},
    {"lora_rank_stable", "0 to 1", {"2", "-1"}},
    {"qk_norm", "0 to 1", {"2", "-1"}},
    {"attention_output_bias", "0 to 1", {"2", "-1"}},
    {"width", sizes, {"0", "-4", "2147483648", "4611686018427387904"}},
    {"d_ff", sizes, {"0", "-2", "2147483648"}},
    {"norm_bias", "0 to 1", {"2", "-1"}},
    {"norm_unit_offset", "0 to 1", {"2", "-1"}},
    {"attention_bias", "0 to 1", {"2", "-1"}},
    {"gated", "0 to 1", {"2", "-1"}},
    {"ff_bias", "0 to 1", {"2", "-1"}},
    {"head_bias", "0 to 1", {"2", "-1"}},
    {"tied", "0 to 1", {"2", "-1"}},
    {"unknown_token", "0 to 1", {"2", "-1"}},
    {"double", "0 to 1", {"2", "-1"}},
    {"trained_length", "1 to 3", {"0", "4", "-1"}},
    {"octavo.format_version", sizes, {"0", "-1", "2147483648"}},
    {"steps", counts, {"-1"}},
    {"batch", sizes, {"0", "-1", "2147483648"}},
    {"sequence", sizes, {"0", "-1", "2147483648"}},
    {"accumulate", sizes, {"0", "-1", "2147483648"}},
    {"leaves", sizes, {"0", "-1", "2147483648"}},
    {"warmup", counts, {"-1"}},
    {"evaluate_every", counts, {"-1"}},
    {"patience", counts, {"-1"}},
    {"stop_at_spike", "0 to 1", {"2", "-1"}},
    {"evaluation_tokens", counts, {"-1"}},
    {"train_last", counts, {"-1"}},
    {"fused_update", "0 to 1", {"2", "-1"}},
    {"zero_init", "0 to 1", {"2", "-1"}},
    {"stored_base", "0 to 1", {"2", "-1"}},
    {"step", "0 to 4611686018427387903", {"-1", "4611686018427387904", "9223372036854775807"}},
    {"best_step", "0 to 2", {"-1", "3"}},
    {"evaluations_since_best", "0 to 2", {"-1", "3"}},
    {"corpus.bytes", counts, {"-1"}},
};

const EntryRange real_numbers[] = {
    {"learning_rate", positive, {"0", "-0", "-1e-3", "inf", "-inf"}},
    {"minimum_learning_rate", finite, {"inf", "-inf"}},
    {"norm_epsilon", positive, {"0", "-1e-5", "inf"}},
    {"embedding_scale", positive, {"0", "-1", "inf"}},
    {"rope_base", positive, {"0", "-1", "inf"}},
    {"rope_local_base", not_negative, {"-1", "inf"}},
    {"rope_factor", positive, {"0", "-1", "inf"}},
    {"rope_low_factor", positive, {"0", "-1", "inf"}},
    {"rope_high_factor", positive, {"0", "-1", "inf"}},
    {"rope_beta_fast", positive, {"0", "-1", "inf"}},
    {"rope_beta_slow", positive, {"0", "-1", "inf"}},
    {"rope_attention_factor", not_negative, {"-1", "inf"}},
    {"attention_scale", not_negative, {"-1", "inf"}},
    {"attention_cap", not_negative, {"-1", "inf"}},
    {"head_cap", not_negative, {"-1", "inf"}},
    {"lora_alpha", not_negative, {"-1", "inf"}},
    {"lora_dropout", shares, {"1", "-0.1", more_than_one, "inf"}},
    {"clip", not_negative, {"-1", "inf", "-inf"}},
    {"cooldown", "0 to 1", {"-0.1", "1.5", "inf"}},
    {"ema", shares, {"1", "-0.1", more_than_one, "inf"}},
    {"dropout", shares, {"1", "-0.1", more_than_one, "inf"}},
    {"optimizer.beta1", shares, {"1", "-0.1", more_than_one, "inf"}},
    {"optimizer.beta2", shares, {"1", "-0.1", more_than_one, "-inf"}},
    {"optimizer.epsilon", not_negative, {"-1e-8", "inf"}},
    {"optimizer.decay", not_negative, {"-0.1", "inf"}},
    {"rate_factor", "0 to 1", {"-0.5", more_than_one, "inf"}},
    {"average_loss", finite, {"inf", "-inf"}},
};

/// What the state has beside them, and may be infinite.
constexpr const char* losses[] = {"best_validation", "lowest_average"};

const EntryRange others[] = {
    {"octavo.kind", "'checkpoint'", {"model", "Checkpoint", "", "checkpoint "}},
    {"activation",
     "'relu', 'gelu', 'gelu-tanh', 'silu' or 'relu2'",
     {"", "RELU", "swish", "gelu-tan"}},
    {"arrangement", "'pre-norm', 'pre-post-norm' or 'parallel'", {"", "post-norm"}},
    {"norm", "'layer' or 'rms'", {"", "RMS"}},
    {"positions", "'learned' or 'rotary'", {"", "absolute"}},
    {"rope_scaling", "'none', 'linear', 'dynamic', 'llama3' or 'yarn'", {"", "longrope"}},
    {"rope_pairing", "'halves' or 'neighbours'", {"", "interleaved"}},
    {"tokenizer", "'character', 'bpe' or 'sentence_piece'", {"", "bytes", "characters"}},
    {"schedule", "'constant', 'linear', 'cosine' or 'wsd'", {"", "cosinus", "0"}},
    {"optimizer",
     "'adamw', 'adamw-8bit', 'adam', 'lion', 'muon' or 'sgd'",
     {"", "AdamW", "adamw ", "rmsprop"}},
    {"alphabet", "at most 256 bytes in hexadecimal", {"6", "6162636", "zz", "6A", "0x61", "6 "}},
    {"corpus.name", "at most 65536 bytes in hexadecimal", {"7", "g0", "2F"}},
    {"sequence", "at most the context", {"4", "2147483647"}},
    {"batch", "at most 2^31 - 1 positions in a step", {"1073741824", "2147483647"}},
    {"train_last", "at most the layers", {"2"}},
    {"minimum_learning_rate", "at most the learning rate", {"0.0011", "1e300"}},
};

/// Every other way to fail, one entry changed.
struct Bad {
  const char* key;
  const char* value;
  const char* message;
};

constexpr const char* no_room =
    "the configuration in the metadata has more weights than the file has room for";

const Bad single[] = {
    {"octavo.format_version", "3", "format version 3, this build reads 1 to 2"},
    {"octavo.format_version", "2147483647", "format version 2147483647, this build reads 1 to 2"},
    {"width", "5", "metadata 'heads': got 2, expected a divisor of the width 5"},
    {"heads", "3", "metadata 'heads': got 3, expected a divisor of the width 4"},
    {"heads", "2147483647", "metadata 'heads': got 2147483647, expected a divisor of the width 4"},
    {"width", "2147483646", no_room},
    {"vocabulary", "2147483647", no_room},
    {"context", "2147483647", no_room},
    {"d_ff", "2147483647", no_room},
    {"width", "8", "tensor 'transformer.wte.weight': its shape is [5, 4], expected [5, 8]"},
    {"vocabulary", "6", "tensor 'transformer.wte.weight': its shape is [5, 4], expected [6, 4]"},
    {"context", "4", "tensor 'transformer.wpe.weight': its shape is [3, 4], expected [4, 4]"},
    {"lora_rank", "2", "tensor 'transformer.h.0.attn.c_attn.lora_a' is missing"},
    {"lora_rank", "2147483647", no_room},
    {"stored_base", "1", "metadata 'stored_base': got '1', expected 0 without a base"},
    {"train_too", "bias",
     "metadata 'freeze': train_too: the model has no adapters, so that everything trains already"},
    {"d_ff", "1", "tensor 'transformer.h.0.mlp.c_fc.weight': its shape is [4, 2], expected [4, 1]"},
    {"layers", "2", "tensor 'transformer.h.1.ln_1.weight' is missing"},
    {"head_bias", "0", "tensor 'lm_head.bias' does not belong to this model"},
    {"tied", "1", "tensor 'lm_head.bias' does not belong to this model"},
    {"double", "1", "tensor 'transformer.wte.weight': its dtype is F32, expected F64"},
    {"optimizer", "lion", "tensor 'optimizer.state': its shape is [2, 183], expected [1, 183]"},
    {"optimizer", "adamw-8bit", "tensor 'optimizer.state': its shape is [2, 183], expected [456]"},
    {"optimizer", "sgd", "the metadata has no entry 'optimizer.momentum'"},
    {"alphabet", "6161", "metadata 'alphabet': alphabet: byte 'a' occurs twice"},
    {"alphabet", "6162630061", "metadata 'alphabet': alphabet: byte 'a' occurs twice"},
    {"alphabet", "6162636465",
     "metadata 'alphabet': vocabulary: got 5 tokens, expected at least 6"},
    {"vocabulary", "4", "metadata 'alphabet': vocabulary: got 4 tokens, expected at least 5"},
};

void check_range(SavedRun& run, const EntryRange& range) {
  for (const char* value : range.bad) {
    const std::string key = range.key;
    const std::string bytes = ForgedFile::from(run.good).set(key, value).seal().bytes();
    CHECK(run.failure(bytes) ==
          "metadata '" + key + "': got '" + value + "', expected " + range.expected);
  }
}
bool is_later(std::string_view key) {
  constexpr std::string_view later[] = {"arrangement",
                                        "norm",
                                        "norm_epsilon",
                                        "norm_unit_offset",
                                        "conv_taps",
                                        "gated",
                                        "positions",
                                        "evaluation_tokens",
                                        "freeze",
                                        "train_last",
                                        "zero_init",
                                        "cooldown",
                                        "ema",
                                        "leaves",
                                        "kv_heads",
                                        "head_width",
                                        "attention_output_bias",
                                        "qk_norm",
                                        "window",
                                        "window_pattern",
                                        "attention_scale",
                                        "attention_cap",
                                        "embedding_scale",
                                        "head_cap",
                                        "rope_base",
                                        "rope_local_base",
                                        "rotary_width",
                                        "rope_pairing",
                                        "rope_scaling",
                                        "rope_factor",
                                        "rope_original_context",
                                        "rope_low_factor",
                                        "rope_high_factor",
                                        "rope_beta_fast",
                                        "rope_beta_slow",
                                        "rope_attention_factor"};
  return std::find(std::begin(later), std::end(later), key) != std::end(later);
}

}  // namespace

TEST_CASE("every entry of the metadata must be there") {
  SavedRun run;
  const ForgedFile good = ForgedFile::from(run.good);
  for (const std::string& key : good.metadata_keys()) {
    ForgedFile forged = good;
    const std::string bytes = forged.remove(key).seal().bytes();
    if (key == "format") {
      CHECK(run.failure(bytes) == "");  // other programs' entry, not ours
    } else if (key == "octavo.kind") {
      CHECK(run.failure(bytes) == "it is a safetensors file, but not one of Octavo's");
    } else if (is_later(key)) {
      CHECK(run.failure(bytes) == "");  // files of version 1 have none
    } else {
      CHECK(run.failure(bytes) == "the metadata has no entry '" + key + "'");
    }
  }
}

TEST_CASE("numbers of the metadata must be numbers") {
  SavedRun run;
  const auto check = [&](const std::string& key, std::initializer_list<const char*> bad) {
    for (const char* value : bad) check_range(run, {key.c_str(), "a number", {value}});
  };
  for (const EntryRange& range : whole_numbers) {
    check(range.key, {"", " 1", "1 ", "+1", "0x1", "1.0", "1e0", "one", "nan", "--1",
                      "9223372036854775808", "18446744073709551617", "-9223372036854775809"});
  }
  check("seed", {"", "-1", "+1", "0x1", "1.5", "18446744073709551616"});
  const auto check_real = [&](const std::string& key) {
    check(key, {"", " 1", "1 ", "+1", "0x1p0", "1,5", "one", "nan", "-nan", "1e400", "-1e400",
                "1e-400"});
  };
  for (const EntryRange& range : real_numbers) check_real(range.key);
  for (const char* key : losses) check_real(key);
}

TEST_CASE("numbers of the metadata must lie in their range") {
  SavedRun run;
  for (const EntryRange& range : whole_numbers) check_range(run, range);
  for (const EntryRange& range : real_numbers) check_range(run, range);
}

TEST_CASE("other entries of the metadata must be known, and numbers fit each other") {
  SavedRun run;
  for (const EntryRange& range : others) check_range(run, range);
  for (const Bad& bad : single) {
    INFO(std::string(bad.key), " ", std::string(bad.value));
    const std::string bytes = ForgedFile::from(run.good).set(bad.key, bad.value).seal().bytes();
    CHECK(run.failure(bytes) == std::string(bad.message));
  }
}

TEST_CASE("texts of the metadata that are too long are refused, and shown in part") {
  SavedRun run;
  const auto message = [&](const char* key, char symbol, std::size_t count) {
    const std::string value(count, symbol);
    return run.failure(ForgedFile::from(run.good).set(key, value).seal().bytes());
  };
  const std::string a_few(80, '1');
  CHECK(message("alphabet", '1', 514) ==
        "metadata 'alphabet': got '" + a_few + "...', expected at most 256 bytes in hexadecimal");
  CHECK(message("corpus.name", '1', 131'074) ==
        "metadata 'corpus.name': got '" + a_few +
            "...', expected at most 65536 bytes in hexadecimal");
  CHECK(message("width", '1', 100'000) ==
        "metadata 'width': got '" + a_few + "...', expected a number");
  CHECK(message("clip", '1', 100'000) ==
        "metadata 'clip': got '" + a_few + "...', expected a number");
}
