// SPDX-License-Identifier: MIT
// generate with every kind of prompt, number, model and output.
#include <string>
#include <sys/stat.h>

#include <doctest/doctest.h>

#include <octavo/files/read_file.hpp>
#include <octavo/generation/utf8_assembler.hpp>
#include <octavo/parallel/processors.hpp>

#include "examples/generating.hpp"

using namespace generating;

namespace {

/// With U+FFFD for what is not UTF-8.
std::string whole(const std::string& text) {
  std::string result;
  const auto write = [&](std::string_view character) { result += character; };
  octavo::Utf8Assembler assembler;
  for (const char byte : text) assembler.add(byte, write);
  assembler.finish(write);
  return result;
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
    for (const bool keep : {false, true}) {
      INFO(told(words));
      const Outcome got = start(sandbox, keep ? words + Words{"--invalid-utf8", "keep"} : words);
      CHECK(got.status == 0);
      CHECK((got.err.empty() || got.err.starts_with("generate: note: prompt: ")));
      const std::string shown = keep ? prompt : whole(prompt);
      CHECK(got.out.starts_with(shown));
      CHECK(got.out.size() == shown.size() + 8);
      CHECK(got.out.ends_with('\n'));
    }
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
    const Outcome got = start(sandbox, written("--tokens 30", prompt));  // with a note
    CHECK(got.status == 0);
    return got.out.substr(prompt.size());
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
           Row{"GGUF\3" + std::string(60, '\0'), "there is no entry 'general.architecture'", ""},
           Row{"PK\3\4" + std::string(60, 'x'), expected("a zip archive, perhaps PyTorch's"),
               convert},
           Row{"\x80\x02}q" + std::string(60, 'x'), expected("a Python pickle, perhaps PyTorch's"),
               convert},
           Row{"\x1f\x8b" + std::string(60, 'x'), expected("a gzip file"), "name a model"},
           Row{"Just a text.", "it is a text, not a model",
               "name a model file, a folder, or a GGUF file"},
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
          "name a folder to which a run has been saved");
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
    CHECK(outcome("m.gguf", options + " --mmap") == expected);
    CHECK(outcome("hf", options + " --mmap") == expected);
  }
  refused(sandbox, {"generate", "m.gguf", "--mmap", "--lora", "x"}, 64,
          "--mmap: it cannot be combined with --lora, which changes the weights");
  fs::remove(sandbox.path / "hf/tokenizer.json");
  fs::remove(sandbox.path / "hf/vocab.json");
  refused(sandbox, {"generate", "hf"}, 65,
          "cannot generate with 'hf': it has no tokenizer that Octavo reads");
}

TEST_CASE("output that cannot be written ends every program with status 74") {
  const Sandbox sandbox;
  train(sandbox);
  const std::string gone = "cannot write to standard output";
  const std::string why = "it is closed or full, or its reader has ended";
  for (const char* output : {"", "/dev/full"}) {
    INFO("output '", output, "'");
    const Start how{.output = output};
    refused(sandbox, written("--tokens 20"), 74, gone, why, how);
    refused(sandbox, written("--tokens 2147483647"), 74, gone, why, how);
    Start talk = how;
    talk.input = "To be\n";
    refused(sandbox, {"generate", model, "--interactive"}, 74, gone, why, talk);
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

TEST_CASE("fewer positions than the model was trained on can be asked for, more cannot") {
  const Sandbox sandbox;
  train(sandbox);
  const std::string text = text_of(sandbox, written("--tokens 30 --context 12"));
  CHECK(text == text_of(sandbox, written("--tokens 30")));
  CHECK(text_of(sandbox, written("--tokens 30 --context 6")).size() > 6);
  refused(sandbox, written("--context 13"), 64,
          "--context: got 13, the model was trained on 12 positions");
}
