// SPDX-License-Identifier: MIT
// generate with every kind of prompt, number, model and output.
#include <cmath>
#include <cstdlib>
#include <string>
#include <sys/stat.h>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/base/error.hpp>
#include <octavo/files/read_file.hpp>
#include <octavo/parallel/processors.hpp>

#include "examples/micro.hpp"

namespace {

using Words = std::vector<std::string>;

const std::string model = "a/model.safetensors";

/// Trains a model into folder "a" (and more, by `options`).
void train(const Sandbox& sandbox, const std::string& options = "") {
  write_file(sandbox, "text", std::string(octavo::soliloquy) + std::string(octavo::soliloquy));
  check_error(start(sandbox, micro("--data text --out a " + options)), 0, "");
}

Words written(const std::string& options, const std::string& prompt = "To be") {
  return Words{"generate", model, "--prompt", prompt} + words_of("--threads 1 " + options);
}

/// What is written; the status must be 0 and nothing be on standard error.
std::string text_of(const Sandbox& sandbox, const Words& words, const Start& how = {}) {
  INFO(told(words));
  const Outcome got = start(sandbox, words, how);
  check_error(got, 0, "");
  return got.out;
}

void refused(const Sandbox& sandbox, const Words& words, int status, const std::string& message,
             const std::string& hint = "", const Start& how = {}) {
  INFO(told(words));
  const Outcome got = start(sandbox, words, how);
  check_error(got, status,
              "generate: error: " + message + (hint.empty() ? "" : "\n  hint: " + hint) + "\n");
}

}  // namespace

TEST_CASE("a prompt may be any bytes: those that the model does not know count as unknown") {
  const Sandbox sandbox;
  train(sandbox);
  for (const std::string& prompt : {
           std::string("T"),
           std::string("To be"),
           std::string("To be or not to be"),
           std::string("\xc3\xa9\xe2\x82\xac"),
           std::string("\xff\xfe\xc0\xaf"),
           std::string("\xe2\x82"),
           std::string("\x1b[31m"),
           std::string("%s%n"),
           std::string("-x"),
           std::string("--tokens=5"),
           std::string("a\nb\r\n"),
           std::string(11, 'T'),
           std::string(12, 'T'),
           std::string(13, 'T'),
           std::string(16, 'T'),
           std::string(17, 'T'),
           std::string(100'000, 'T'),
       }) {
    const bool is_option = prompt == "--tokens=5";
    const Words words = is_option ? Words{"generate", model, "--tokens", "7", "--prompt=" + prompt}
                                  : written("--tokens 7", prompt);
    const std::string text = text_of(sandbox, words);
    CHECK(text.starts_with(prompt));
    CHECK(text.size() == prompt.size() + 8);
    CHECK(text.ends_with('\n'));
  }
  CHECK(text_of(sandbox, written("--tokens 7", "")).size() == 8);
  CHECK(text_of(sandbox, {"generate", model, "--tokens", "7"}).size() == 8);
  CHECK(text_of(sandbox, {"generate", "--prompt=", model, "--tokens=7"}).size() == 8);
  CHECK(text_of(sandbox, {"generate", "--tokens=7", "--", model}).size() == 8);
}

TEST_CASE("of a long prompt the end alone counts") {
  const Sandbox sandbox;
  train(sandbox);
  const std::string end = "To be or not to be, that is the question. Whether";
  const auto continued = [&](const std::string& prompt) {
    return text_of(sandbox, written("--tokens 30", prompt)).substr(prompt.size());
  };
  const std::string expected = continued(std::string(49'951, 'x') + end);
  CHECK(continued(std::string(49'951, 'T') + end) == expected);
  CHECK(continued(std::string(49'951, ' ') + end) == expected);
  CHECK(continued(std::string(49'952, 'x') + "Some other words that end it") != expected);
}

TEST_CASE("without an unknown token a prompt of unknown characters is refused, with its place") {
  const Sandbox sandbox;
  train(sandbox, "--no-unknown");
  const std::string symbols = " is not among the 34 symbols of this vocabulary";
  const std::string hint = "leave it out, or say --unknown skip";
  struct Row {
    std::string prompt, message;
  };
  for (const Row& row :
       {Row{"To be\x1b[31m", "byte 5: '\\x1b'"}, Row{"\xc3\xa9", "byte 0: '\\xc3'"},
        Row{"To\tbe", "byte 2: '\\x09'"}, Row{"To be\xff", "byte 5: '\\xff'"},
        Row{std::string(50'000, 'T') + "9", "byte 50000: '9'"}}) {
    refused(sandbox, written("", row.prompt), 65, "prompt: " + row.message + symbols, hint);
  }
  CHECK(text_of(sandbox, written("--tokens 7", "")).size() == 8);
  CHECK(text_of(sandbox, written("--tokens 7")).size() == 13);
}

TEST_CASE("numbers at the ends of their ranges work; the next ones are refused") {
  const Sandbox sandbox;
  train(sandbox);
  const std::string greedy = text_of(sandbox, written("--tokens 20 --temperature 0"));
  for (const char* same : {"--temperature 0 --seed 5", "--temperature 1e-30",
                           "--temperature 1e-300", "--top-k 1", "--top-p 1e-9", "--top-p 1e-300",
                           "--temperature=0.0", "--temperature 0 --top-k 5 --top-p 0.5"}) {
    CHECK(text_of(sandbox, written("--tokens 20 " + std::string(same))) == greedy);
  }
  const std::string sampled = text_of(sandbox, written("--tokens 20"));
  for (const char* same : {"--temperature 0.8", "--top-k 0", "--top-p 1", "--top-k 35",
                           "--top-k 36", "--top-k 2147483647", "--top-p 1.0", "--seed 1"}) {
    CHECK(text_of(sandbox, written("--tokens 20 " + std::string(same))) == sampled);
  }
  CHECK(text_of(sandbox, written("--tokens 20 --temperature 1e30")).size() == 26);
  CHECK(text_of(sandbox, written("--tokens 20 --temperature 1e308")).size() == 26);
  CHECK(text_of(sandbox, written("--tokens 0")) == "To be\n");
  CHECK(text_of(sandbox, written("--tokens 0", "")) == "\n");
  CHECK(text_of(sandbox, written("--tokens 3000")).size() == 3006);
  const auto refuse = [&](const std::string& option, const std::string& value,
                          const std::string& expected) {
    refused(sandbox, {"generate", model, option, value}, 64,
            option + ": got '" + value + "', expected " + expected);
  };
  for (const char* value : {"-1", "nan", "inf", "-1e-30", "1e309", "-nan"}) {
    refuse("--temperature", value, "a finite number, 0 or more");
  }
  for (const char* value : {"0", "1.1", "-0.5", "nan", "1.0000001"}) {
    refuse("--top-p", value, "a number more than 0, at most 1");
  }
  for (const char* option : {"--top-k", "--tokens"}) {
    refuse(option, "-1", "a whole number from 0 to 2147483647");
    refuse(option, "2147483648", "a whole number from 0 to 2147483647");
  }
  refuse("--threads", "1025", "a whole number from 0 to 1024");
}

TEST_CASE("equal seeds write equal bytes, with any threads; other seeds write others") {
  const Sandbox sandbox;
  train(sandbox);
  const auto with = [&](const std::string& options) {
    return text_of(sandbox, words_of("generate " + model + " --prompt To --tokens 60 " + options));
  };
  const std::string text = with("--seed 7 --threads 1");
  for (octavo::Index threads = 1; threads <= 4; ++threads) {
    const Outcome got = start(
        sandbox, words_of("generate " + model + " --prompt To --tokens 60 --seed 7 --threads " +
                          std::to_string(threads)));
    CHECK(got.out == text);
    const bool warned = got.err.find(" threads take turns on ") != std::string::npos;
    CHECK(warned == (threads > octavo::usable_processors().usable()));
  }
  CHECK(with("--seed 8") != text);
  CHECK(with("--seed 0") != text);
  CHECK(with("--seed 9223372036854775807") != text);
}

TEST_CASE("checkpoints and models in double are models; everything else is refused by its kind") {
  const Sandbox sandbox;
  train(sandbox);
  const std::string text = text_of(sandbox, written("--tokens 20"));
  const auto by = [&](const std::string& name) {
    return text_of(sandbox, Words{"generate", name, "--prompt", "To be"} +
                                words_of("--tokens 20 --threads 1"));
  };
  CHECK(by("a/checkpoint-00000002.safetensors") == text);
  CHECK(by("a") == text);  // the newest checkpoint
  fs::create_symlink(model, sandbox.path / "link");
  CHECK(by("link") == text);
  const std::string bytes = octavo::read_file(sandbox / model);
  check_error(start(sandbox, micro("--data text --scalar double --out d")), 0, "");
  CHECK(by("d/model.safetensors").size() == text.size());
  CHECK(by("d/checkpoint-00000002.safetensors") == by("d/model.safetensors"));

  struct Row {
    std::string content, why, hint;
  };
  const std::string convert = "convert it to safetensors first";
  const std::string whole = "is it a safetensors file, and the whole of it?";
  const auto expected = [](const std::string& kind) {
    return "it is " + kind + ", expected a safetensors file";
  };
  const std::string size = std::to_string(bytes.size());
  for (const Row& row : {
           Row{"GGUF\3" + std::string(60, '\0'), "the tensors end at byte 32 of 65",
               "the copy is incomplete, or something was added"},
           Row{"PK\3\4" + std::string(60, 'x'), expected("a PyTorch or zip file"), convert},
           Row{"\x80\x02}q" + std::string(60, 'x'), expected("a Python pickle"), convert},
           Row{"\x1f\x8b" + std::string(60, 'x'), expected("a gzip file"), convert},
           Row{"Just a text.", "the header length is 8367794899674953034, expected at most 4",
               whole},
           Row{"", "it has 0 bytes, expected 10 or more", whole},
           Row{bytes.substr(0, 9), "it has 9 bytes, expected 10 or more", whole},
           Row{bytes + "x",
               "the tensors end at byte " + size + " of " + std::to_string(bytes.size() + 1),
               whole},
           Row{bytes.substr(0, bytes.size() - 1),
               "tensor 'lm_head.bias': bytes 13472 to 13612 are not within the data, which has "
               "13611",
               "the copy is incomplete"},
       }) {
    write_file(sandbox, "model", row.content);
    refused(sandbox, {"generate", "model"}, 65, "cannot load 'model': " + row.why, row.hint);
  }
  refused(sandbox, {"generate", "missing\x1b[31m"}, 66,
          "cannot open 'missing\\x1b[31m': No such file or directory",
          "check the path and its permissions");
  const std::string regular = ", expected a regular file";
  REQUIRE(::mkfifo((sandbox / "fifo").c_str(), 0666) == 0);
  fs::create_directory(sandbox.path / "empty");
  refused(sandbox, {"generate", "empty"}, 66, "there is no checkpoint in 'empty'",
          "name a folder that train_v2 or train_full has saved a run to");
  refused(sandbox, {"generate", "fifo"}, 66, "cannot open 'fifo': it is a FIFO" + regular,
          "name a file");
  refused(sandbox, {"generate", "/dev/zero"}, 66,
          "cannot open '/dev/zero': it is a device" + regular, "name a file");
}

TEST_CASE("a model writes and scores the same from every format that it is converted to") {
  const Sandbox sandbox;
  train(sandbox, "--gpt2");
  check_error(start(sandbox, {"convert", model, "m.gguf"}), 0, "");
  check_error(start(sandbox, {"convert", model, "hf"}), 0, "");
  const auto outcome = [&](const std::string& name, const std::string& options) {
    return text_of(sandbox, Words{"generate", name} + words_of("--threads 1 " + options));
  };
  for (const std::string options : {"--prompt To --tokens 40", "--score text"}) {
    const std::string expected = outcome(model, options);
    CHECK(outcome("m.gguf", options) == expected);
    CHECK(outcome("hf", options) == expected);
  }
  fs::remove(sandbox.path / "hf/tokenizer.json");
  fs::remove(sandbox.path / "hf/vocab.json");
  refused(sandbox, {"generate", "hf"}, 65,
          "cannot generate with 'hf': it has no tokenizer that Octavo reads");
}

TEST_CASE("output that cannot be written ends every program with status 74") {
  const Sandbox sandbox;
  train(sandbox);
  const std::string gone = "cannot write to standard output";
  const std::string why = "it is closed, full, or whoever read it is gone";
  for (const char* output : {"", "/dev/full"}) {
    INFO("output '", output, "'");
    const Start how{.output = output};
    refused(sandbox, written("--tokens 20"), 74, gone, why, how);
    refused(sandbox, written("--tokens 2147483647"), 74, gone, why, how);
    refused(sandbox, {"generate", model, "--interactive"}, 74, gone, why, how);
    refused(sandbox, {"generate", "--help"}, 74, gone, why, how);
    refused(sandbox, {"generate", "--version"}, 74, gone, why, how);
    const std::string error = "train_full: error: " + gone + "\n  hint: " + why + "\n";
    check_error(start(sandbox, micro("--data text --out b"), how), 74, error);
    // What was to be printed has not found its way into a file of the run, the lock least of all:
    // it is opened first.
    CHECK(fs::file_size(sandbox.path / "b/.lock") == fs::file_size(sandbox.path / "a/.lock"));
    for (const char* name : {"model.safetensors", "checkpoint-00000002.safetensors"}) {
      CHECK(octavo::read_file(sandbox / ("b/" + std::string(name))) ==
            octavo::read_file(sandbox / ("a/" + std::string(name))));
    }
    fs::remove_all(sandbox.path / "b");
  }
}

TEST_CASE("a conversation is the same from a pipe, and survives what it does not understand") {
  const Sandbox sandbox;
  train(sandbox, "--no-unknown");
  const auto converse = [&](const std::string& input) {
    return text_of(sandbox,
                   words_of("generate " + model +
                            " --interactive --threads 1 --tokens 3 "
                            "--temperature 0"),
                   {.input = input});
  };
  const std::string hello = "Type the beginning of a text, or /help.\n";
  CHECK(converse("") == hello + "> \n");
  CHECK(converse("/quit\nTo be\n") == hello + "> ");
  const std::string empty = converse("\n/quit\n");
  CHECK(empty.size() == hello.size() + 2 + 4 + 2);
  CHECK(converse("To be") == converse("To be\n"));
  struct Row {
    std::string input, reply;
  };
  const std::string whole = "expected a whole number from ";
  for (const Row& row : {
           Row{"/temp", "/temp: got '', expected a number, 0 or more"},
           Row{"/temp x", "/temp: got 'x', expected a number, 0 or more"},
           Row{"/temp -1", "/temp: got '-1', expected a number, 0 or more"},
           Row{"/temp nan", "/temp: got 'nan', expected a number, 0 or more"},
           Row{"/temp  1", "/temp: got ' 1', expected a number, 0 or more"},
           Row{"/temp 1 ", "/temp: got '1 ', expected a number, 0 or more"},
           Row{"/topk -1", "/topk: got '-1', " + whole + "0 to 2147483647"},
           Row{"/topk 1.5", "/topk: got '1.5', " + whole + "0 to 2147483647"},
           Row{"/topp 0", "/topp: got '0', expected more than 0, at most 1"},
           Row{"/topp 1.1", "/topp: got '1.1', expected more than 0, at most 1"},
           Row{"/minp 2", "/minp: got '2', expected 0 to 1"},
           Row{"/rep 0", "/rep: got '0', expected a number > 0"},
           Row{"/len 0", "/len: got '0', " + whole + "1 to 2147483647"},
           Row{"/len 1e3", "/len: got '1e3', " + whole + "1 to 2147483647"},
           Row{"/", "unknown command '/'; try /help"},
           Row{"/Quit", "unknown command '/Quit'; try /help"},
           Row{"/\x1b[31m\r", "unknown command '/\\x1b[31m\\x0d'; try /help"},
           Row{"\x1b[31m",
               "prompt: byte 0: '\\x1b' is not among the 34 symbols of this vocabulary"},
       }) {
    INFO(row.input);
    CHECK(converse(row.input + "\n") == hello + "> " + row.reply + "\n> \n");
  }
  const std::string changed = converse("/temp 0\n/topk 1\n/topp 0.5\n/len 9\nTo\n/help\n");
  CHECK(changed.starts_with(hello + "> > > > > To"));
  CHECK(changed.find("/temp X   temperature, 0 is greedy (0)\n") != std::string::npos);
  CHECK(changed.find("/topk N   the N likeliest only, 0 is all (1)\n") != std::string::npos);
  CHECK(changed.find("(0.5)\n/minp X ") != std::string::npos);
  CHECK(changed.find("(1)\n/len N    tokens to write (9)\n") != std::string::npos);
}

TEST_CASE("several prompts are written together, each as alone with the next seed") {
  const Sandbox sandbox;
  train(sandbox);
  const std::string options = "--tokens 40 --threads 2 --seed ";
  const auto alone = [&](const std::string& prompt, const std::string& seed) {
    return text_of(sandbox,
                   Words{"generate", model, "--prompt", prompt} + words_of(options + seed));
  };
  const std::string together = text_of(
      sandbox, Words{"generate", model, "--prompt", "To be", "--prompt=The", "--prompt", ""} +
                   words_of(options + "7"));
  CHECK(together == "=== 1 of 3 ===\n" + alone("To be", "7") + "=== 2 of 3 ===\n" +
                        alone("The", "8") + "=== 3 of 3 ===\n" + alone("", "9"));
  CHECK(text_of(sandbox, Words{"generate", model, "--prompt", "a", "--prompt", "b"} +
                             words_of("--tokens 0")) == "=== 1 of 2 ===\na\n=== 2 of 2 ===\nb\n");
}

TEST_CASE("a prompt from a file or standard input is that prompt, but for its last line end") {
  const Sandbox sandbox;
  train(sandbox);
  const std::string expected = text_of(sandbox, written("--tokens 9", "To be\n"));
  write_file(sandbox, "prompt", "To be\n\n");
  const Words words = words_of("generate " + model + " --tokens 9 --threads 1 --prompt-file");
  CHECK(text_of(sandbox, words + Words{"prompt"}) == expected);
  CHECK(text_of(sandbox, words + Words{"-"}, {.input = "To be\n\n"}) == expected);
  CHECK(text_of(sandbox, words + Words{"-"}, {.input = ""}).size() == 10);
  const std::string both = text_of(sandbox, words + Words{"prompt", "--prompt", "The"});
  CHECK(both.starts_with("=== 1 of 2 ===\nThe"));
  CHECK(both.find("=== 2 of 2 ===\nTo be\n") != std::string::npos);
  refused(sandbox, words + Words{"missing"}, 66, "cannot open 'missing': No such file or directory",
          "check the path and its permissions");
}

TEST_CASE("a text ends before the first stop string, whatever the tokens are") {
  const Sandbox sandbox;
  train(sandbox);
  const std::string text = text_of(sandbox, written("--tokens 60"));
  const std::string reply = text.substr(5, 60);
  for (const std::size_t at : {0u, 1u, 17u, 50u}) {
    const std::string stop = reply.substr(at, 4);
    const std::string expected = "To be" + reply.substr(0, reply.find(stop)) + "\n";
    CHECK(text_of(sandbox, written("--tokens 60") + Words{"--stop", stop}) == expected);
    CHECK(text_of(sandbox, written("--tokens 60") + Words{"--stop=zzz", "--stop", stop}) ==
          expected);
  }
  CHECK(text_of(sandbox, written("--tokens 60") + Words{"--stop", "zzz"}) == text);
  // The beginning of a stop string at the end of the text was none.
  CHECK(text_of(sandbox, written("--tokens 60") + Words{"--stop", reply.substr(55) + "zzz"}) ==
        text);
  // The prompt is no reply.
  CHECK(text_of(sandbox, written("--tokens 60") + Words{"--stop", "To be"}).starts_with("To be"));
  refused(sandbox, written("") + Words{"--stop", ""}, 64,
          "--stop: got '', expected at least one character");
}

TEST_CASE("biases forbid and demand tokens, by number and by text") {
  const Sandbox sandbox;
  train(sandbox);
  const auto biased = [&](const Words& words) {
    return text_of(sandbox, written("--tokens 30") + words).substr(5);
  };
  CHECK(biased({"--logit-bias", "'u'=1000"}) == std::string(30, 'u') + "\n");
  const std::string without =
      biased({"--logit-bias", "'eot'=-inf", "--logit-bias", "'.'=-1", "--logit-bias", "' '=-inf"});
  CHECK(without.find_first_of("eot ") == std::string::npos);
  CHECK(biased({"--logit-bias=5=1000", "--logit-bias=5=-1000"}) == biased({}));
  CHECK(biased({"--logit-bias=5=1000"}) ==
        std::string(30, biased({"--logit-bias=5=1000"})[0]) + "\n");
  const std::string hint =
      "TOKEN is a token's number, or a text in single quotes (the shell takes away one pair: write "
      "\"'e'=-inf\")";
  for (const std::string given : {"", "5", "=5", "5=", "5=x", "e=5", "''=5", "-1=5", "5=inf",
                                  "5=nan", "5=1e999", "5 =1", "99999999999=1", "'e=5"}) {
    refused(sandbox, written("") + Words{"--logit-bias=" + given}, 64,
            "--logit-bias: got '" + given + "', expected TOKEN=VALUE, such as 17=-2.5 or 'e'=-inf",
            hint);
  }
  refused(sandbox, written("--logit-bias 35=1"), 64,
          "--logit-bias '35=1': the model's tokens are 0 to 34");
  refused(sandbox, written("--logit-bias 'a9'=1"), 65,
          "--logit-bias ''a9'=1': byte 1: '9' is not in the model's vocabulary");
  Words all = written("--tokens 5");
  for (int token = 0; token < 35; ++token) {
    all.push_back("--logit-bias=" + std::to_string(token) + "=-inf");
  }
  refused(sandbox, all, 65, "no token can follow: every logit is minus infinity",
          "forbid fewer tokens by logit bias", {.output = "/dev/null"});
}

TEST_CASE("min-p, repetition penalty and window at the ends of their ranges") {
  const Sandbox sandbox;
  train(sandbox);
  const std::string greedy = text_of(sandbox, written("--tokens 20 --temperature 0"));
  CHECK(text_of(sandbox, written("--tokens 20 --min-p 1")) == greedy);
  const std::string sampled = text_of(sandbox, written("--tokens 20"));
  for (const char* same :
       {"--min-p 0", "--repetition-penalty 1", "--repetition-penalty 9 --repetition-window 0"}) {
    CHECK(text_of(sandbox, written("--tokens 20 " + std::string(same))) == sampled);
  }
  // Greedy and never a token twice as long as the window reaches: a run of 12 that sees all.
  const std::string varied = text_of(
      sandbox,
      written("--tokens 11 --temperature 0 --repetition-penalty 1e30 --repetition-window -1", "T"));
  for (std::size_t i = 0; i + 1 < varied.size(); ++i) CHECK(varied.find(varied[i]) == i);
  refused(sandbox, written("--repetition-window -2"), 64,
          "--repetition-window: got '-2', expected a whole number from -1 to 2147483647");
}

TEST_CASE("a prompt too long slides, keeps its end, or is refused with its place") {
  const Sandbox sandbox;
  train(sandbox);
  const std::string prompt = "To be or not to be";  // 18 tokens; the model was trained on 12
  const auto continued = [&](const std::string& text, const std::string& options) {
    return text_of(sandbox, written("--tokens 20 " + options, text)).substr(text.size());
  };
  const std::string end = prompt.substr(6);
  CHECK(continued(prompt, "--too-long keep-last") == continued(end, ""));
  CHECK(continued(prompt, "--too-long slide") == continued(prompt, ""));
  CHECK(continued(end, "--too-long refuse") == continued(end, ""));
  refused(sandbox, written("--too-long refuse", prompt), 65,
          "prompt: byte 12: the prompt has 18 tokens, expected at most 12, the length that the "
          "model was trained on: token 12 is the first too many",
          "shorten it, or say --too-long slide or --too-long keep-last");
}

TEST_CASE("characters that the model does not know are refused with their place, or skipped") {
  const Sandbox sandbox;
  for (const char* with : {"", "--no-unknown"}) {
    train(sandbox, with);
    CHECK(text_of(sandbox, written("--unknown skip", "T9o\xc3\xa9 be\xff")) ==
          text_of(sandbox, written("")));
    CHECK(text_of(sandbox, written("--unknown refuse")) == text_of(sandbox, written("")));
    refused(sandbox, written("--unknown refuse", "To b\xc3\xa9"), 65,
            "prompt: byte 4: '\\xc3\\xa9' is not in the model's vocabulary",
            "leave it out, or say --unknown skip");
    refused(
        sandbox,
        Words{"generate", model, "--prompt", "To", "--prompt", "9"} + words_of("--unknown refuse"),
        65, "prompt 2: byte 0: '9' is not in the model's vocabulary",
        "leave it out, or say --unknown skip");
    fs::remove_all(sandbox.path / "a");
  }
}

namespace {

/// The number behind `before` in `text`.
double number_behind(const std::string& text, const std::string& before) {
  const std::size_t at = text.find(before);
  REQUIRE(at != std::string::npos);
  return std::strtod(text.c_str() + at + before.size(), nullptr);
}

}  // namespace

TEST_CASE("a score is the sum of its tokens, and equals the loss that training measures") {
  const Sandbox sandbox;
  train(sandbox);
  const std::string text = "To be or not to be, that is it";
  write_file(sandbox, "score", text);
  const Words words = words_of("generate " + model + " --threads 1 --score");
  const std::string by_file = text_of(sandbox, words + Words{"score"});
  CHECK(text_of(sandbox, words + Words{"-"}, {.input = text}) == by_file);
  CHECK(by_file.starts_with("29 tokens scored: 29 bytes, 29 characters\n"));
  const double mean = number_behind(by_file, "likelihood ");
  CHECK(number_behind(by_file, "perplexity ") == doctest::Approx(std::exp(mean)).epsilon(1e-5));
  CHECK(number_behind(by_file, "token\n") == doctest::Approx(mean / std::log(2)).epsilon(1e-5));
  const std::string listed = text_of(sandbox, words + Words{"score", "--per-token"});
  double sum = 0;
  std::size_t line = listed.find('\n') + 1;
  for (std::size_t i = 1; i < text.size(); ++i, line = listed.find('\n', line) + 1) {
    const std::size_t end = listed.find('\n', line);
    const std::string row = listed.substr(line, end - line);
    CHECK(row.starts_with(std::to_string(i) + "\t"));
    CHECK(row.ends_with("\t'" + text.substr(i, 1) + "'"));
    sum += number_behind(row.substr(row.find('\t', row.find('\t') + 1)), "\t");
  }
  CHECK(-sum / 29 == doctest::Approx(mean).epsilon(1e-5));
  CHECK(listed.substr(line) == by_file);
  CHECK(text_of(sandbox, words + Words{"score", "--stride", "12"}) == by_file);
  CHECK(text_of(sandbox, words + Words{"score", "--stride", "1"}) != by_file);
  // An uncertain model says so: two bytes of a character are two tokens.
  const std::string other = text_of(sandbox, words + Words{"-"}, {.input = "To b\xc3\xa9"});
  CHECK(other.starts_with("5 tokens scored: 5 bytes, 4 characters\n"));
  CHECK(text_of(sandbox, words + Words{"-", "--unknown", "skip"}, {.input = "To 9be"}) ==
        text_of(sandbox, words + Words{"-"}, {.input = "To be"}));
}

TEST_CASE("what cannot be scored is refused") {
  const Sandbox sandbox;
  train(sandbox);
  const Words words = words_of("generate " + model + " --score");
  const std::string hint = "the first is not scored: nothing comes before it";
  refused(sandbox, words + Words{"-"}, 65, "text '-' has 0 tokens, expected at least 2", hint);
  refused(sandbox, words + Words{"-"}, 65, "text '-' has 1 tokens, expected at least 2", hint,
          {.input = "T"});
  refused(sandbox, words + Words{"-", "--unknown", "refuse"}, 65,
          "text '-': byte 2: '9' is not in the model's vocabulary",
          "leave it out, or say --unknown skip", {.input = "To9"});
  refused(sandbox, words + Words{"-", "--stride", "13"}, 64,
          "--stride: got 13, expected at most 12, the length that the model was trained on");
  refused(sandbox, words + Words{"missing"}, 66, "cannot open 'missing': No such file or directory",
          "check the path and its permissions");
  const std::string alone = "--score: it goes without --prompt, --prompt-file and --interactive";
  refused(sandbox, words + Words{"-", "--prompt", "x"}, 64, alone);
  refused(sandbox, words + Words{"-", "--prompt-file", "x"}, 64, alone);
  refused(sandbox, words + Words{"-", "--interactive"}, 64, alone);
  const std::string score_only = "--stride, --per-token: they go with --score only";
  refused(sandbox, written("--stride 2"), 64, score_only);
  refused(sandbox, written("--per-token"), 64, score_only);
  refused(sandbox, written("--interactive"), 64,
          "--interactive: it goes without --prompt and --prompt-file");
}

TEST_CASE("what is written is UTF-8, unless it is asked for as it is") {
  const Sandbox sandbox;
  write_file(sandbox, "text", [] {
    std::string text;
    for (int i = 0; i < 60; ++i) text += "\xc3\xa9\xc3\xa8\xe2\x82\xac";
    return text;
  }());
  check_error(start(sandbox, micro("--data text --tokenizer byte --out a")), 0, "");
  const std::string replaced = text_of(sandbox, written("--tokens 99 --temperature 2", ""));
  const std::string kept =
      text_of(sandbox, written("--tokens 99 --temperature 2 --invalid-utf8 keep", ""));
  CHECK(kept.size() == 100);
  CHECK(replaced != kept);
  CHECK(replaced.find("\xEF\xBF\xBD") != std::string::npos);
}
