// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/interop/model_source.hpp>
#include <octavo/training/trainer.hpp>

#include "interop/hf_folder.hpp"

using namespace octavo;
using octavo_test::gpt2_shape;
using octavo_test::gpt2_weights;
using octavo_test::TestFolder;

namespace {

std::string reference(const std::string& name) { return OCTAVO_TEST_REFERENCE_FOLDER "/" + name; }

template <Scalar T>
void check_bits(std::span<const T> got, std::span<const T> expected) {
  CHECK(std::ranges::equal(std::as_bytes(got), std::as_bytes(expected)));
}

}  // namespace

TEST_CASE_TEMPLATE("a folder's logits are PyTorch's", T, float, double) {
  for (const char* name : {"gpt2", "gpt2_sharded", "gpt2_f16"}) {
    INFO(std::string(name));
    CHECK(octavo_test::logits_difference<T, float>(reference(name)) < 1e-5);
  }
}

TEST_CASE("a folder's configuration") {
  const auto model = load_pretrained<float>(reference("gpt2_f16"));
  const ModelConfig expected{.vocabulary = 300,
                             .context = 12,
                             .layers = 2,
                             .width = 8,
                             .attention = {.heads = 2},
                             .feed_forward = {.d_ff = 20, .activation = Activation::gelu_tanh},
                             .head = {.tied = true}};
  CHECK(model.config.model == expected);
  CHECK(model.config.trained_length == 12);
  CHECK(model.config.begin_token == 299);
  CHECK(model.config.end_token == 299);
  CHECK(HuggingFaceFolder(reference("gpt2")).model_config().feed_forward.d_ff == 32);
}

TEST_CASE("masks that old files carry along are left aside, and named") {
  const std::vector<std::string> expected{"h.0.attn.bias", "h.0.attn.masked_bias", "h.1.attn.bias",
                                          "h.1.attn.masked_bias"};
  CHECK(load_pretrained<float>(reference("gpt2_sharded")).ignored == expected);
  CHECK(load_pretrained<float>(reference("gpt2")).ignored.empty());
}

TEST_CASE("a model comes back from a folder bit for bit") {
  const TestFolder folder = TestFolder::good();
  folder.put();
  const auto model = load_pretrained<float>(folder.path());
  CHECK(model.config.model == gpt2_shape);
  CHECK(model.config.trained_length == 3);
  CHECK(model.config.begin_token == 1);
  CHECK(model.config.end_token == 2);
  CHECK(model.ignored.empty());
  check_bits<float>(model.weights, gpt2_weights<float>());
  CHECK(reinterpret_cast<std::uintptr_t>(model.weights.data()) % alignment_bytes == 0);
  SUBCASE("and as it was loaded it is saved") {
    TestFolder again;
    save_pretrained<float>(again.path(), standard_model(model.config.model), model.config,
                           model.weights);
    again.take();
    CHECK(again.files == folder.files);
  }
  SUBCASE("a folder without what need not be said") {
    TestFolder other;
    save_pretrained<float>(other.path(), standard_model(gpt2_shape),
                           {gpt2_shape, gpt2_shape.context, {}, {}}, model.weights);
    const auto plain = load_pretrained<float>(other.path());
    CHECK(plain.config.trained_length == gpt2_shape.context);
    CHECK(!plain.config.begin_token);
    CHECK(!plain.config.end_token);
  }
}

TEST_CASE("sixteen bits are the nearest, and what was read of them is written again as it was") {
  const std::vector<float> weights = gpt2_weights<float>();
  for (const StoredType type : {StoredType::f16, StoredType::bf16}) {
    const TestFolder folder = TestFolder::good(type);
    folder.put();
    CHECK(folder.files.at("model.safetensors").find(name_of(type)) != std::string::npos);
    const auto model = load_pretrained<float>(folder.path());
    std::vector<float> rounded(weights);
    for (float& weight : rounded) {
      weight =
          type == StoredType::f16 ? to_float(to_float16(weight)) : to_float(to_bfloat16(weight));
    }
    check_bits<float>(model.weights, rounded);
    TestFolder again;
    save_pretrained<float>(again.path(), standard_model(model.config.model), model.config,
                           model.weights, type);
    again.take();
    CHECK(again.files == folder.files);
  }
}

TEST_CASE("double weights are written as the nearest floats") {
  const std::vector<double> weights = gpt2_weights<double>();
  TestFolder folder;
  save_pretrained<double>(folder.path(), standard_model(gpt2_shape), {gpt2_shape, 5, {}, {}},
                          weights);
  CHECK(load_pretrained<double>(folder.path()).weights[7] ==
        static_cast<double>(static_cast<float>(weights[7])));
  std::vector<double> large(weights);
  large[4] = 1e39;
  CHECK_THROWS_WITH_AS(
      save_pretrained<double>(folder.path(), standard_model(gpt2_shape), {gpt2_shape, 5, {}, {}},
                              large),
      "cannot write tensor 'transformer.wte.weight': number 4 is 1e+39, too large for F32", Error);
}

TEST_CASE("numbers that a type has not are refused, and what was there stays") {
  TestFolder folder = TestFolder::good();
  folder.put();
  const auto refuse = [&](float number, StoredType type, const char* message) {
    std::vector<float> weights = gpt2_weights<float>();
    weights[47] = number;  // of wpe, which has 44 numbers before it
    CHECK_THROWS_WITH_AS(save_pretrained<float>(folder.path(), standard_model(gpt2_shape),
                                                {gpt2_shape, 3, 1, 2}, weights, type),
                         message, Error);
  };
  const auto before = folder.files;
  const std::string tensor = "cannot write tensor 'transformer.wpe.weight': number 3 is ";
  refuse(70000, StoredType::f16, (tensor + "70000, too large for F16").c_str());
  refuse(-3.4e38f, StoredType::f16, (tensor + "-3.4e+38, too large for F16").c_str());
  refuse(3.4e38f, StoredType::bf16, (tensor + "3.4e+38, too large for BF16").c_str());
  refuse(std::nanf(""), StoredType::f32, (tensor + "not finite").c_str());
  refuse(HUGE_VALF, StoredType::bf16, (tensor + "not finite").c_str());
  folder.take();
  CHECK(folder.files == before);
}

TEST_CASE("a trainer begins with a folder's weights, or is left alone") {
  ThreadPool threads(1);
  TrainingOptions options;
  options.sequence = 3;
  Trainer<float> trainer(gpt2_shape, options, threads);
  TestFolder folder = TestFolder::good();
  folder.put();
  HuggingFaceFolder(folder.path()).load(trainer);
  check_bits<float>(trainer.weights(), gpt2_weights<float>());

  std::vector<float> before(trainer.weights().begin(), trainer.weights().end());
  folder.files["model.safetensors"].back() ^= 1;
  folder.put();
  CHECK_THROWS_AS(HuggingFaceFolder(folder.path()).load(trainer), FormatError);
  check_bits<float>(trainer.weights(), before);

  ModelConfig other = gpt2_shape;
  other.attention.heads = 1;
  Trainer<double> stranger(other, options, threads);
  CHECK_THROWS_WITH_AS(
      HuggingFaceFolder(reference("gpt2")).load(stranger),
      doctest::Contains("a folder's configuration must be the trainer's: got vocabulary "),
      ConfigError);
}

TEST_CASE("what is no GPT-2 is not written as one") {
  ModelConfig shape = gpt2_shape;
  const auto message = [&] {
    const std::vector<float> weights(static_cast<std::size_t>(parameter_count(shape)));
    try {
      save_pretrained<float>("folder", standard_model(shape), {shape, 3, {}, {}}, weights);
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::bad_data);
      return std::string(error.what()) + " / " + error.hint();
    }
    return std::string();
  };
  const std::string start = "cannot write 'folder': the model is not compatible with GPT-2: ";
  shape.feed_forward.activation = Activation::relu;  // which config.json has a name for
  shape.head.tied = false;
  CHECK(message() ==
        start +
            "its output head has a table and a bias of its own, GPT-2's shares the token table / "
            "train a model with a tied output head");
  shape = gpt2_shape;
  shape = without_biases(shape);
  CHECK(message() ==
        start + "it lacks biases, GPT-2 has them everywhere / train a model with biases");
  CHECK(!std::filesystem::exists("folder"));
}

TEST_CASE("tensors of other heads, masks of any dtype and double weights") {
  TestFolder folder = TestFolder::good();
  const std::string whole = folder.files.at("model.safetensors");
  const MemorySource source("x", std::as_bytes(std::span(whole)));
  const SafetensorsReader reader(source);
  std::vector<TensorToWrite> tensors;
  std::vector<std::vector<double>> doubles;
  for (const auto& [name, tensor] : reader.tensors()) {
    std::vector<float> numbers(tensor.bytes / sizeof(float));
    reader.read(tensor, 0, std::as_writable_bytes(std::span(numbers)));
    doubles.emplace_back(numbers.begin(), numbers.end());
    tensors.push_back({name, "F64", tensor.shape, std::as_bytes(std::span(doubles.back()))});
  }
  const std::string mask(25, '\1');
  for (const char* name : {"multiple_choice_head.summary.weight", "score.weight",
                           "transformer.h.0.attn.bias", "transformer.h.1.attn.masked_bias"}) {
    tensors.push_back({name, "F8_E4M3", {1, 1, 5, 5}, std::as_bytes(std::span(mask))});
  }
  octavo_test::HastyFileSystem hasty;
  folder.put();
  write_safetensors(folder.path() + "/model.safetensors", tensors, {}, hasty);
  const ModelSource model(folder.path());
  std::vector<float> weights(static_cast<std::size_t>(parameter_count(model.config())));
  model.read(std::span(weights));
  CHECK(weights == octavo_test::gpt2_weights<float>());
  CHECK(model.notes() ==
        std::vector<std::string>{"4 tensors are set aside, which the model does not need: "
                                 "'multiple_choice_head.summary.weight' to "
                                 "'transformer.h.1.attn.masked_bias'"});
}

TEST_CASE("large headers, and metadata that is null") {
  TestFolder folder = TestFolder::good();
  std::string& file = folder.files["model.safetensors"];
  const auto data = 8 + static_cast<std::size_t>(static_cast<unsigned char>(file[0])) +
                    256 * static_cast<std::size_t>(static_cast<unsigned char>(file[1]));
  nlohmann::json header = nlohmann::json::parse(file.substr(8, data - 8));
  const std::string numbers = file.substr(data);
  const auto loads = [&](const std::string& text) {
    const std::uint64_t size = text.size();
    file.assign(reinterpret_cast<const char*>(&size), sizeof(size));
    file += text + numbers;
    return folder.failure();
  };
  header.erase("__metadata__");
  CHECK(loads(header.dump() + std::string(5'000'000, ' ')) == "");
  header["__metadata__"] = nullptr;
  CHECK(loads(header.dump()) == "");
  header["__metadata__"] = {{"long", std::string(3'000'000, 'x')}};
  CHECK(loads(header.dump()) == "");
  const std::string tensors = header.dump();
  CHECK(loads("{\"transformer.wpe.weight\":{}," + tensors.substr(1)) ==
        "cannot load 'model.safetensors': the header names 'transformer.wpe.weight' twice");
}
