// SPDX-License-Identifier: MIT
// convert from every kind of model to every other, and what it refuses.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/files/read_file.hpp>

#include "examples/micro.hpp"

namespace {

using octavo::read_file;
using Words = std::vector<std::string>;

/// A GPT-2 whose sizes Q8_0 has blocks for, in folder "g"; a model of --small's kind in "s".
struct Models : Sandbox {
  Models() {
    const std::string run =
        "train_full 2 --layers 1 --heads 2 --width 32 --ff 64 --context 16 --sequence 12 --threads "
        "1 "
        "--save-every 0 --log-every 0 --sample-every 0 --eval-every 0 ";
    check_error(start(*this, words_of(run + "--gpt2 --out g")), 0, "");
    check_error(start(*this, words_of(run + "--out s")), 0, "");
  }
};

std::string converted(const Sandbox& sandbox, const std::string& arguments) {
  const Words words = words_of("convert " + arguments);
  INFO(told(words));
  const Outcome got = start(sandbox, words);
  check_error(got, 0, "");
  return got.out;
}

void refused(const Sandbox& sandbox, const Words& arguments, int status, const std::string& message,
             const std::string& hint = "") {
  const Words words = Words{"convert"} + arguments;
  INFO(told(words));
  const auto before = names_in(sandbox.path);
  check_error(start(sandbox, words), status,
              "convert: error: " + message + (hint.empty() ? "" : "\n  hint: " + hint) + "\n");
  CHECK(names_in(sandbox.path) == before);
}

const std::string no_gpt2 =
    ": the model is not compatible with GPT-2: its activation is relu, GPT-2's in GGUF is "
    "gelu-tanh; its output "
    "head has a "
    "table and a bias of its own, GPT-2's shares the token table";
const std::string how =
    "train a model with activation gelu-tanh and a tied output head: train_full --gpt2";

}  // namespace

TEST_CASE("a model goes to every format and comes back to the byte") {
  const Models models;
  const std::string model = read_file(models / "g/model.safetensors");
  const std::string shape =
      ": vocabulary 35, context 16, layers 1, width 32, heads 2, ff 64, activation gelu-tanh, "
      "tied yes\n";
  CHECK(converted(models, "g/model.safetensors a.gguf") ==
        "'g/model.safetensors'" + shape + "'a.gguf': GGUF, f32\n");
  CHECK(converted(models, "a.gguf a.safetensors") ==
        "'a.gguf'" + shape + "'a.safetensors': Octavo, f32\n");
  CHECK(read_file(models / "a.safetensors") == model);
  CHECK(converted(models, "g/ h/") == "'g'" + shape + "'h': Hugging Face, f32\n");
  CHECK(converted(models, "a.gguf i") == "'a.gguf'" + shape + "'i': Hugging Face, f32\n");
  CHECK(read_file(models / "h/model.safetensors") == read_file(models / "i/model.safetensors"));
  CHECK(read_file(models / "h/config.json") == read_file(models / "i/config.json"));
  converted(models, "h i --type bf16");
  CHECK(read_file(models / "i/model.safetensors").find("BF16") != std::string::npos);
  CHECK(converted(models, "s s.safetensors").ends_with("'s.safetensors': Octavo, f32\n"));
  CHECK(read_file(models / "s.safetensors") == read_file(models / "s/model.safetensors"));
}

TEST_CASE("a model of another family goes to a folder, is used there, and comes back to the byte") {
  for (const std::string family : {"smollm2", "qwen2", "gemma3"}) {
    INFO(family);
    const Sandbox sandbox;
    const std::string run =
        "--sequence 12 --threads 1 --save-every 0 --log-every 0 --sample-every 0 --eval-every 0 ";
    check_error(start(sandbox, words_of("train_full 2 --layers 2 --heads 4 --kv-heads 2 --width 32 "
                                        "--ff 40 --context 16 --out g --family " +
                                        family + " " + run)),
                0, "");
    CHECK(converted(sandbox, "g h/").ends_with("'h': Hugging Face, f32\n"));
    const std::string config = read_file(sandbox / "h/config.json");
    const std::string type = family == "smollm2"  ? "llama"
                             : family == "gemma3" ? "gemma3_text"
                                                  : family;
    CHECK(config.find("\"model_type\": \"" + type + "\"") != std::string::npos);
    converted(sandbox, "h i.safetensors");
    CHECK(read_file(sandbox / "i.safetensors") == read_file(sandbox / "g/model.safetensors"));
    const std::string text = " --prompt To --tokens 9 --temperature 0 --threads 1";
    const Outcome ours = start(sandbox, words_of("generate g" + text));
    const Outcome theirs = start(sandbox, words_of("generate h" + text));
    check_error(theirs, 0, "");
    CHECK(theirs.out == ours.out);
    check_error(start(sandbox, words_of("train_full 1 --from h --out t " + run)), 0, "");
    CHECK(converted(sandbox, "h x.gguf").ends_with("'x.gguf': GGUF, f32\n"));
    CHECK(start(sandbox, words_of("generate x.gguf" + text)).out == ours.out);
  }
}

TEST_CASE("types decide how large a file is") {
  const Models models;
  std::size_t last = 0;
  for (const std::string type : {"q4_0", "q5_1", "q8_0", "bf16", "f32"}) {
    CHECK(converted(models, "g a.gguf --type=" + type).ends_with("'a.gguf': GGUF, " + type + "\n"));
    const std::size_t size = read_file(models / "a.gguf").size();
    CHECK(size > last);
    last = size;
    converted(models, "a.gguf b.safetensors");
    CHECK(start(models, words_of("generate b.safetensors --tokens 3")).status == 0);
  }
}

TEST_CASE("what GPT-2 cannot express is refused, with the option that trains what it can") {
  const Models models;
  const std::string from = "s/model.safetensors";
  refused(models, {from, "x.gguf"}, 65, "cannot write 'x.gguf'" + no_gpt2, how);
  refused(models, {from, "x/", "--type", "f16"}, 65,
          "cannot write 'x': the model is not compatible with GPT-2: its output head has a table "
          "and a bias of its "
          "own, GPT-2's shares the token table",
          "train a model with a tied output head: train_full --gpt2");
}

TEST_CASE("what no class of transformers computes is refused") {
  const Sandbox sandbox;
  check_error(start(sandbox, micro("--family llama --arrangement parallel --out a")), 0, "");
  refused(sandbox, {"a", "x/"}, 65,
          "cannot write 'x': no model class of transformers computes this model: the nearest, "
          "Llama, has arrangement pre-norm, not arrangement parallel",
          "train a model of one family: train_full --family NAME");
}

TEST_CASE("a folder's tokenizer goes along") {
  const Models models;
  converted(models, "g h");
  converted(models, "h h.gguf");
  converted(models, "g g.gguf");
  CHECK(read_file(models / "h.gguf") == read_file(models / "g.gguf"));
  converted(models, "h h.safetensors");
  CHECK(read_file(models / "h.safetensors") == read_file(models / "g/model.safetensors"));
  fs::remove(models.path / "h/tokenizer.json");  // the other two say the same
  converted(models, "h i.safetensors");
  CHECK(read_file(models / "i.safetensors") == read_file(models / "g/model.safetensors"));
  write_file(models, "h/tokenizer.json", "{}");
  refused(models, {"h", "x.gguf"}, 65,
          "cannot load 'h/tokenizer.json': 'pre_tokenizer': got null, expected one of type "
          "'ByteLevel'");
}

TEST_CASE("a folder without a tokenizer gives no model file and no GGUF") {
  const Models models;
  converted(models, "g h");
  for (const char* file : {"tokenizer.json", "vocab.json", "merges.txt"}) {
    fs::remove(models.path / "h" / file);
  }
  for (const std::string to : {"x.gguf", "x.safetensors"}) {
    refused(models, {"h", to}, 65, "cannot write '" + to + "': the model came without a tokenizer",
            "put a tokenizer.json, or vocab.json and merges.txt, into its folder");
  }
}

TEST_CASE("names and types that fit no format are refused") {
  const Models models;
  const std::string from = "g/model.safetensors";
  refused(models, {from, "x.bin"}, 64,
          "TO: got 'x.bin', expected a name that ends with .gguf or .safetensors, or a folder",
          "write / at the end of a folder's name");
  refused(models, {from, "x.safetensors", "--type", "f16"}, 64,
          "--type: got 'f16', expected f32 for .safetensors");
  refused(models, {from, "x", "--type=q8_0"}, 64,
          "--type: got 'q8_0', expected f32, f16 or bf16 for a folder");
  refused(models, {from}, 64, "TO is required", "see convert --help");
  refused(models, {from, ""}, 64, "TO: got '', expected a name");
  refused(models, {from, "a", "b"}, 64, "unexpected argument 'b'", "see convert --help");
  refused(models, {from, "a", "--typ", "f16"}, 64, "unknown option '--typ'",
          "did you mean '--type'?");
  const Outcome help = start(models, {"convert", "--help"});
  check_error(help, 0, "");
  CHECK(help.out.find("Usage: convert") != std::string::npos);
}

TEST_CASE("models that cannot be opened or are none, and places that cannot be written") {
  const Models models;
  refused(models, {"nowhere", "x.gguf"}, 66, "cannot open 'nowhere': No such file or directory",
          "check the path and its permissions");
  fs::create_directory(models.path / "empty");
  refused(models, {"empty", "x.gguf"}, 66, "there is no checkpoint in 'empty'",
          "name a folder to which a run has been saved");
  write_file(models, "text", "To be or not to be");
  refused(models, {"text", "x.gguf"}, 65, "cannot load 'text': it is a text, not a model",
          "name a model file, a folder, or a GGUF file");
  write_file(models, "bad.gguf", "GGUF\3");
  refused(models, {"bad.gguf", "x"}, 65,
          "cannot load 'bad.gguf': it ends within its header, after 5 bytes",
          "the copy is incomplete");
  for (const char* to : {"nowhere/x.gguf", "nowhere/x", "text/x"}) {
    const Outcome got = start(models, {"convert", "g", to});
    CHECK(got.status == 73);
    CHECK(got.err.starts_with("convert: error: cannot create "));
  }
}

TEST_CASE("a model of Octavo's and one of Hugging Face's are not written over each other") {
  const Models models;
  const std::string before = octavo::read_file(models / "g/model.safetensors");
  refused(models, {"g/model.safetensors", "g"}, 73,
          "cannot write 'g': its model.safetensors is not a Hugging Face model",
          "name another folder");
  CHECK(octavo::read_file(models / "g/model.safetensors") == before);
  check_error(start(models, {"convert", "g/model.safetensors", "h"}), 0, "");
  const std::string folder = octavo::read_file(models / "h/model.safetensors");
  refused(models, {"g/model.safetensors", "h/model.safetensors"}, 73,
          "cannot write 'h/model.safetensors': it is a Hugging Face model", "name another file");
  CHECK(octavo::read_file(models / "h/model.safetensors") == folder);
  check_error(start(models, {"convert", "g/model.safetensors", "h"}), 0, "");
}

TEST_CASE("--gpt2 chooses what GPT-2 can express, and nothing else may be asked with it") {
  const Sandbox sandbox;
  const auto run = [&](const std::string& options) {
    return start(sandbox, micro("--dry-run --gpt2 " + options));
  };
  const Outcome plain = run("");
  check_error(plain, 0, "");
  CHECK(plain.out.find("ff 24, activation gelu-tanh, tied yes") != std::string::npos);
  check_error(run("--tied --activation gelu-tanh"), 0, "");
  const auto refuse = [&](const std::string& options, const std::string& message) {
    check_error(run(options), 64, "train_full: error: --gpt2: GPT-2 has " + message + "\n");
  };
  refuse("--no-bias", "biases everywhere, but --no-bias was asked");
  for (const std::string kind : {"--norm rms", "--gated", "--positions rotary", "--window 3"}) {
    const Outcome got = run(kind);
    CHECK(got.status == 64);
    CHECK(
        got.err.starts_with("train_full: error: --gpt2: the model is not compatible with GPT-2: "
                            "it has layers that GPT-2 does not have: " +
                            kind.substr(2)));
  }
  refuse("--activation relu", "gelu-tanh, but --activation relu was asked");
  refuse("--activation GELU", "gelu-tanh, but --activation gelu was asked");
}
