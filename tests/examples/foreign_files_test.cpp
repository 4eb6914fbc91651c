// SPDX-License-Identifier: MIT
// Files that others have written, through the programs: what is set aside is told, what is no model
// or no text is named.
#include <string>

#include <doctest/doctest.h>

#include <octavo/files/read_file.hpp>

#include "examples/micro.hpp"

namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != text.npos);
  return text.replace(at, from.size(), to);
}

struct Models : Sandbox {
  Models() {
    write_file(*this, "text", octavo::sample_text);
    check_error(start(*this, micro("--gpt2 --tokenizer bpe --vocab 270 --data text --out a")), 0,
                "");
    check_error(start(*this, {"convert", "a/model.safetensors", "hf/"}), 0, "");
  }
};

}  // namespace

TEST_CASE("what is set aside is told on standard error, and the model loads") {
  const Models models;
  std::string config = octavo::read_file(models / "hf/config.json");
  config = replaced(config, "\"eos_token_id\": 269", "\"eos_token_id\": [50256, 269]");
  config = replaced(config, "\"n_ctx\": 16", "\"n_ctx\": 512");
  config = replaced(config, "gelu_new", "gelu_pytorch_tanh");
  write_file(models, "hf/config.json", config);
  const std::string notes =
      ": note: 'n_ctx' of 'hf/config.json' is 512: the context is 16, as 'n_positions' says\n";
  const std::string eos =
      ": note: 'eos_token_id' of 'hf/config.json' is 50256, which no token has "
      "(0 to 269): it is set aside\n";
  check_error(start(models, {"convert", "hf", "b.safetensors"}), 0,
              "convert" + notes + "convert" + eos);
  CHECK(octavo::read_file(models / "b.safetensors") ==
        octavo::read_file(models / "a/model.safetensors"));
  const Outcome going_on = start(
      models, words_of("train_full --from hf --data text --out c --threads 1 --sequence 12 1"));
  CHECK(going_on.status == 0);
  CHECK(going_on.err.find("train_full" + eos) != std::string::npos);
}

TEST_CASE("where a text ends goes along from format to format") {
  const Models models;
  std::string config = octavo::read_file(models / "hf/config.json");
  config = replaced(config, "\"eos_token_id\": 269", "\"eos_token_id\": [12, 269]");
  write_file(models, "hf/config.json", config);
  for (const char* to : {"b.safetensors", "c/", "d.gguf", "e.safetensors", "f/"}) {
    static std::string from = "hf";
    CAPTURE(to);
    check_error(start(models, {"convert", from, to}), 0, "");
    from = to;
  }
  CHECK(octavo::read_file(models / "e.safetensors") == octavo::read_file(models / "b.safetensors"));
  CHECK(octavo::read_file(models / "f/config.json") == octavo::read_file(models / "c/config.json"));
  CHECK(octavo::read_file(models / "c/config.json").find("12,\n    269") != std::string::npos);
  const Outcome going_on = start(
      models, words_of("train_full --from f --data text --out g --threads 1 --sequence 12 1"));
  check_error(going_on, 0, "");
  CHECK(octavo::read_file(models / "g/model.safetensors").find("\"end_tokens\":\"12 269\"") !=
        std::string::npos);
}

TEST_CASE("what is no model is named, with what to do") {
  const Models models;
  fs::create_directory(models.path / "torch");
  write_file(models, "torch/config.json", octavo::read_file(models / "hf/config.json"));
  write_file(models, "torch/pytorch_model.bin", std::string("PK\x03\x04\0\0\0\0\0\0", 10));
  write_file(models, "llama.json", "{}");
  fs::create_directory(models.path / "tokens");
  write_file(models, "tokens/x.gguf", "");
  const auto refused = [&](const std::string& from, int status, const std::string& message) {
    check_error(start(models, {"convert", from, "x.gguf"}), status,
                "convert: error: " + message + "\n");
  };
  refused("text", 65,
          "cannot load 'text': it is a text, not a model\n"
          "  hint: name a model file, a folder, or a GGUF file");
  refused("hf/tokenizer.json", 65,
          "cannot load 'hf/tokenizer.json': it is a JSON file, not a model\n"
          "  hint: name the folder in which it lies");
  refused(
      "torch/pytorch_model.bin", 65,
      "cannot load 'torch/pytorch_model.bin': it is a zip archive, perhaps PyTorch's, expected a "
      "safetensors file\n  hint: convert it to safetensors first");
  refused("torch", 66,
          "cannot open 'torch/model.safetensors' nor 'torch/model.safetensors.index.json': No such "
          "file or directory\n  hint: its weights are in 'pytorch_model.bin': load them with "
          "transformers and save them as safetensors (model.save_pretrained(folder))");
  refused("tokens", 66,
          "there is no checkpoint in 'tokens'\n  hint: name the file: 'tokens/x.gguf'");
  write_file(models, "torch/config.json", R"({"model_type": "bloom"})");
  refused("torch", 65,
          "cannot load 'torch/config.json': 'model_type': got 'bloom', expected one of 'gpt2', "
          "'llama', 'qwen2', 'qwen3', 'mistral', 'gemma', 'gemma2', 'gemma3_text'\n"
          "  hint: Octavo has no layers of another type");
}

TEST_CASE("a compressed text is named, with what unpacks it") {
  const Sandbox sandbox;
  write_file(sandbox, "x.gz", std::string("\x1f\x8b\x08\0\0\0\0\0\0\x03 and so on", 22));
  write_file(sandbox, "x.pdf", "%PDF-1.7\n");
  check_error(start(sandbox, micro("--data x.gz")), 65,
              "train_full: error: text 'x.gz' is a gzip file, expected a text\n"
              "  hint: make a text of it first, for instance with gunzip\n");
  check_error(start(sandbox, micro("--data x.pdf")), 65,
              "train_full: error: text 'x.pdf' is a PDF document, expected a text\n"
              "  hint: make a text of it first, for instance with pdftotext\n");
}
