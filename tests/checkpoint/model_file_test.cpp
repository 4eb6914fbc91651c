// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/checkpoint/model_file.hpp>
#include <octavo/data/sample_text.hpp>
#include <octavo/files/read_file.hpp>
#include <octavo/transformer/initial_weights.hpp>

using namespace octavo;

namespace {

constexpr ModelConfig config{.vocabulary = 35,
                             .context = 4,
                             .layers = 1,
                             .width = 4,
                             .attention = {.heads = 2},
                             .feed_forward = {.d_ff = 3, .activation = Activation::gelu_tanh}};

std::string temporary(const std::string& name) {
  return (std::filesystem::temp_directory_path() / ("octavo_" + std::to_string(::getpid()) + name))
      .string();
}

template <Scalar T>
std::vector<T> some_weights() {
  const ParameterList list = Transformer<T>{config}.parameters();
  std::vector<T> weights(static_cast<std::size_t>(list.count()));
  set_initial_weights<T>(list, 1, 1, weights);
  return weights;
}

std::string saved_bytes() {
  const std::string path = temporary("saved");
  save_model<float>(path, standard_model(config), 3, CharacterTokenizer::from_text(sample_text),
                    some_weights<float>());
  const std::string bytes = read_file(path);
  std::filesystem::remove(path);
  return bytes;
}

/// The message of loading these bytes; empty if they load.
std::string failure(const std::string& bytes) {
  const std::string path = temporary("bad");
  std::ofstream(path, std::ios::binary) << bytes;
  std::string message;
  try {
    load_model<float>(path);
  } catch (const Error& error) {
    message = error.what();
    CHECK(error.code() == ErrorCode::bad_data);
  }
  std::filesystem::remove(path);
  return message;
}

/// A file with this header and as many bytes of data.
std::string file_of(std::string header, std::size_t data) {
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<char>(static_cast<unsigned char>(header.size() >> 8 * i));
  }
  return bytes + header + std::string(data, '\0');
}

/// The header's checksum put right again, as whoever forges a file would.
std::string sealed(std::string bytes) {
  const std::size_t data = bytes.find("}}") + 2;
  const std::string header = bytes.substr(8, (data + 7) / 8 * 8 - 8);
  return bytes.replace(8 + detail::find_header_checksum(header), 8,
                       detail::header_checksum(header));
}

std::string replaced(std::string bytes, const std::string& from, const std::string& to) {
  const std::size_t at = bytes.find(from);
  REQUIRE(at != std::string::npos);
  REQUIRE(from.size() == to.size());
  return sealed(bytes.replace(at, from.size(), to));
}

void expect(const std::string& bytes, const std::string& part) {
  const std::string message = failure(bytes);
  INFO(message);
  CHECK(message.find(part) != std::string::npos);
}

}  // namespace

TEST_CASE_TEMPLATE("a model comes back as it was saved", T, float, double) {
  const std::string path = temporary("model");
  const auto tokenizer = CharacterTokenizer::from_text(sample_text);
  const std::vector<T> weights = some_weights<T>();
  save_model<T>(path, standard_model(config), 3, tokenizer, weights);
  const auto model = load_model<T>(path);
  CHECK(model.config == config);
  CHECK(model.trained_length == 3);
  CHECK(model.tokenizer == tokenizer);
  CHECK(std::ranges::equal(model.weights, weights));
  CHECK(reinterpret_cast<std::uintptr_t>(model.weights.data()) % alignment_bytes == 0);
  const auto other = load_model<std::conditional_t<std::is_same_v<T, float>, double, float>>(path);
  CHECK(static_cast<float>(other.weights[5]) == static_cast<float>(weights[5]));
  std::filesystem::remove(path);
}

TEST_CASE("equal models make equal files") { CHECK(saved_bytes() == saved_bytes()); }

TEST_CASE("every truncation is refused") {
  const std::string bytes = saved_bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK(failure(bytes.substr(0, size)) != "");
  }
  expect(bytes + "x", "the tensors end at byte");
}

TEST_CASE("other formats are recognised") {
  expect("PK\x03\x04 and so on", "a zip archive, perhaps PyTorch's");
  expect(std::string("GGUF\x03\0\0\0 and so on", 18), "a GGUF model");
  expect("GGUF and so on", "it is a text, not a model");
  expect("To be or not to be", "it is a text, not a model");
  expect("{\"a\": 1}\n", "it is a JSON file, not a model");
}

TEST_CASE("headers that lie are refused by field") {
  expect(file_of("[]", 0), "does not begin with '{'");
  expect(file_of("{\"a\":", 0), "the header is not a JSON object");
  expect(file_of("{\"a\":1}", 0), "tensor 'a': 'dtype' is missing");
  const auto one = [](const std::string& dtype, const std::string& sizes,
                      const std::string& offsets) {
    return R"({"a":{"dtype":)" + dtype + R"(,"shape":)" + sizes + R"(,"data_offsets":)" + offsets +
           "}}";
  };
  expect(file_of(one("\"F99\"", "[2]", "[0,8]"), 8), "not one of Octavo's");
  expect(file_of(one("3", "[2]", "[0,8]"), 8), "'dtype' is not a string");
  expect(file_of(one("\"F32\"", "[-2]", "[0,8]"), 8), "'shape' is not a whole number");
  expect(file_of(one("\"F32\"", "2", "[0,8]"), 8), "'shape' is not a list");
  expect(file_of(one("\"F32\"", "[4194305,4194305,211106198978564]", "[0,16]"), 16),
         "more than 2^63 bytes");
  expect(file_of(one("\"F32\"", "[2]", "[0,12]"), 12), "has 12 bytes, expected 8");
  expect(file_of(one("\"F32\"", "[2]", "[8,0]"), 8), "are not within the data");
  expect(file_of(one("\"F32\"", "[2]", "[0,8]"), 4), "are not within the data");
  expect(file_of(one("\"F32\"", "[2]", "[8,16]"), 16), "overlap or leave a hole at byte 0");
  expect(file_of(one("\"F32\"", "[2]", "[0]"), 8), "'data_offsets' is not a pair");
  expect(file_of(R"({"a":{"dtype":"F32","dtype":"F32"}})", 0), "names 'dtype' twice");
  expect(file_of(std::string(1000, '{'), 0), "cannot load");
  expect(file_of(R"({"__metadata__":{"a":{"b":{"c":{"d":{"e":1}}}}}})", 0), "nests deeper than 4");
}

TEST_CASE("metadata that makes no model, and tensors that do not fit it, are refused") {
  const std::string good = saved_bytes();
  expect(replaced(good, "\"width\":\"4\"", "\"width\":\"5\""),
         "metadata 'heads': got 2, expected a divisor of the width 5");
  expect(replaced(good, "\"width\":\"4\"", "\"width\":\"0\""), "metadata 'width': got '0'");
  expect(replaced(good, "\"width\":\"4\"", "\"width\":\"8\""),
         "its shape is [35, 4], expected [35, 8]");
  expect(replaced(good, "\"layers\":\"1\"", "\"layers\":\"2\""),
         "tensor 'transformer.h.1.ln_1.weight' is missing");
  expect(replaced(good, "\"gelu-tanh\"", "\"gelu-tang\""), "metadata 'activation'");
  expect(replaced(good, "\"trained_length\":\"3\"", "\"trained_length\":\"9\""),
         "metadata 'trained_length': got '9', expected 1 to 4");
  expect(replaced(good, "\"octavo.format_version\":\"2\"", "\"octavo.format_version\":\"7\""),
         "format version 7, this build reads 1");
  expect(replaced(good, "\"norm_bias\":\"1\"", "\"norm_bias\":\"2\""), "metadata 'norm_bias'");
  expect(replaced(good, "\"alphabet\":\"0a", "\"alphabet\":\"zz"), "metadata 'alphabet'");
  expect(replaced(good, "transformer.wte.weight", "transformer.wtf.weight"),
         "tensor 'transformer.wte.weight' is missing");
  std::string nan = good;
  nan.replace(nan.size() - 4, 4, "\xff\xff\xff\xff");
  expect(nan, "its CRC-32C is ");
}

TEST_CASE("what could not be loaded is not saved") {
  const std::string path = temporary("refused.safetensors");
  const auto tokenizer = CharacterTokenizer::from_text(sample_text);
  auto weights = some_weights<float>();
  const auto save = [&](Index length, const AnyTokenizer& tokens) {
    save_model<float>(path, standard_model(config), length, tokens, weights);
  };
  CHECK_THROWS_WITH_AS(save(5, tokenizer),
                       "trained length: got 5, expected 1 to 4, the model's context", ConfigError);
  CHECK_THROWS_AS(save(0, tokenizer), ConfigError);
  std::string every(256, ' ');
  for (std::size_t i = 0; i < every.size(); ++i) every[i] = static_cast<char>(i);
  CHECK_THROWS_WITH_AS(save(3, CharacterTokenizer::from_text(every)),
                       "tokenizer: got 257 tokens, expected 1 to 35, the model's vocabulary",
                       ConfigError);
  weights.back() = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_AS(save(3, tokenizer), Error);
  CHECK_FALSE(std::filesystem::exists(path));
}
