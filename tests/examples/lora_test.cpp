// SPDX-License-Identifier: MIT
// --lora of generate and convert.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/checkpoint/model_file.hpp>
#include <octavo/files/read_file.hpp>
#include <octavo/interop/gguf_adapter.hpp>

#include "examples/micro.hpp"

namespace {

using octavo::read_file;
using Words = std::vector<std::string>;

/// A small llama in "g/model.safetensors", and an adapter of it in "a.gguf" and in folder "p".
struct Adapted : Sandbox {
  octavo::ModelConfig config;

  Adapted() {
    check_error(start(*this, words_of("train_full 2 --family llama --layers 1 --heads 2 --width 16 "
                                      "--ff 24 --context 16 --sequence 12 --threads 1 --save-every "
                                      "0 --log-every 0 --sample-every 0 --eval-every 0 --out g")),
                0, "");
    config = octavo::load_model<float>(*this / "g/model.safetensors").config;
    octavo::LoraAdapter adapter(config);
    const std::vector<float> a(16 * 2, 0.5f), b(2 * 16, 1.5f);
    adapter.add<float>("blocks.0.attention.qkv.weight", 32, 16, 2, a, b);
    adapter.add<float>("blocks.0.feed_forward.down.weight", 0, 16, 2,
                       std::vector<float>(24 * 2, -0.25f), b);
    octavo::save_gguf_adapter(*this / "a.gguf", adapter);
    octavo::save_peft_adapter(*this / "p", adapter);
  }

  std::string written(const std::string& arguments) const {
    const Words words =
        words_of("generate " + arguments + " --tokens 12 --temperature 0 --threads 1");
    INFO(told(words));
    const Outcome got = start(*this, words);
    check_error(got, 0, "");
    return got.out;
  }
  void refused(const std::string& arguments, int status, const std::string& message) const {
    const Words words = words_of(arguments);
    INFO(told(words));
    check_error(start(*this, words), status, words[0] + ": error: " + message + "\n");
  }
};

}  // namespace

TEST_CASE("an adapter changes the text, and a merged one changes it alike") {
  const Adapted models;
  const std::string model = "g/model.safetensors";
  const std::string plain = models.written(model),
                    adapted = models.written(model + " --lora a.gguf");
  CHECK(adapted != plain);
  CHECK(models.written(model + " --lora p") == adapted);
  CHECK(models.written(model + " --lora a.gguf:0") == plain);
  CHECK(models.written(model + " --lora a.gguf:0.5 --lora p:0.5") == adapted);
  CHECK(models.written(model + " --lora a.gguf --lora a.gguf:-1") == plain);
  for (const std::string target : {"m.safetensors", "m.gguf", "m"}) {
    check_error(start(models, words_of("convert " + model + " " + target + " --lora p")), 0, "");
    CHECK(models.written(target) == adapted);
  }
  check_error(start(models, words_of("convert " + model + " n.safetensors --lora a.gguf")), 0, "");
  CHECK(read_file(models / "n.safetensors") == read_file(models / "m.safetensors"));
  check_error(start(models, words_of("convert " + model + " o.safetensors --lora p:0")), 0, "");
  CHECK(read_file(models / "o.safetensors") == read_file(models / model));
}

TEST_CASE("what is no adapter of the model is refused") {
  const Adapted models;
  const std::string model = "generate g/model.safetensors --lora ";
  models.refused(model + ":1", 64,
                 "--lora: got ':1', expected PATH[:SCALE], such as adapter.gguf or adapter:0.5");
  models.refused(model + "a.gguf:inf", 64,
                 "--lora: got 'a.gguf:inf', expected PATH[:SCALE], such as adapter.gguf or "
                 "adapter:0.5");
  models.refused(model + "g/model.safetensors", 65,
                 "cannot load 'g/model.safetensors': it is not a GGUF file");
  models.refused("generate a.gguf", 65,
                 "cannot load 'a.gguf': it is a LoRA adapter, expected a model\n"
                 "  hint: name its base, and this with --lora");
  models.refused("generate p", 65,
                 "cannot load 'p': it is a LoRA adapter, expected a model\n"
                 "  hint: name its base, and this with --lora");
  models.refused("convert --inspect g --lora a.gguf", 64, "--inspect: it takes no --lora");
  models.refused("convert g/model.safetensors a.gguf --lora a.gguf", 64,
                 "TO: got 'a.gguf', which would replace an input\n  hint: name another file");
  octavo::ModelConfig other = models.config;
  other.attention.kv_heads = 1;
  octavo::LoraAdapter adapter(other);
  adapter.add<float>("blocks.0.attention.qkv.weight", 24, 8, 2, std::vector<float>(32, 1),
                     std::vector<float>(16, 1));
  octavo::save_gguf_adapter(models / "b.gguf", adapter);
  models.refused(model + "b.gguf", 65,
                 "cannot load 'b.gguf': tensor 'blk.0.attn_v.weight.lora_b': its shape is [2, 8], "
                 "expected [2, 16]");
}
