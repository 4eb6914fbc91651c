// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/version.hpp>
#include <octavo/checkpoint/safetensors_reader.hpp>
#include <octavo/checkpoint/safetensors_writer.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/tokenizers/character_tokenizer.hpp>
#include <octavo/transformer/transformer.hpp>

namespace octavo {

/// Everything that generation needs: what a model file holds.
template <Scalar T>
struct LoadedModel {
  ModelShape shape;
  Index trained_length = 0;  ///< the longest sequence that training showed it
  CharacterTokenizer tokenizer;
  std::vector<T> weights;  ///< in the order of Transformer::parameters()
};

namespace detail {

inline constexpr std::string_view model_file_version = "1";

inline std::string to_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char symbol : bytes) {
    const auto byte = static_cast<unsigned char>(symbol);
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

/// Reads the header's entries, and says which one is wrong.
class ModelMetadata {
 public:
  explicit ModelMetadata(const SafetensorsReader& file) : file_(file) {}

  Index number(const std::string& key, Index least, Index most) const {
    const std::string& text = file_.metadata(key);
    Index value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most) {
      file_.fail("metadata " + printable(key) + ": got " + printable(text) + ", expected " +
                 std::to_string(least) + " to " + std::to_string(most));
    }
    return value;
  }

  bool truth(const std::string& key) const { return number(key, 0, 1) == 1; }

  Activation activation() const {
    const std::string& text = file_.metadata("activation");
    for (const auto kind : {Activation::relu, Activation::gelu, Activation::gelu_tanh}) {
      if (text == name_of(kind)) return kind;
    }
    file_.fail("metadata 'activation': got " + printable(text) +
               ", expected 'relu', 'gelu' or 'gelu-tanh'");
  }

  ModelShape shape() const {
    constexpr Index most = (Index{1} << 31) - 1;
    ModelShape shape;
    shape.vocabulary = number("vocabulary", 1, most);
    shape.context = number("context", 1, most);
    // Every block has tensors: the file bounds how many there can be.
    shape.layers = number("layers", 1, static_cast<Index>(file_.tensors().size()));
    shape.heads = number("heads", 1, most);
    shape.width = number("width", 1, most);
    shape.d_ff = number("d_ff", 1, most);
    shape.activation = activation();
    shape.bias = truth("bias");
    shape.tied = truth("tied");
    if (shape.width % shape.heads != 0) file_.fail("the width is not a multiple of the heads");
    return shape;
  }

  CharacterTokenizer tokenizer(Index vocabulary) const {
    const UnknownToken unknown =
        truth("unknown_token") ? UnknownToken::included : UnknownToken::excluded;
    try {
      return CharacterTokenizer(alphabet(), unknown, vocabulary);
    } catch (const ConfigError& error) {
      file_.fail("metadata 'alphabet': " + std::string(error.what()));
    }
  }

 private:
  std::string alphabet() const {
    const std::string& text = file_.metadata("alphabet");
    const auto digit = [&](char symbol) {
      return std::string_view("0123456789abcdef").find(symbol);
    };
    std::string bytes;
    bool sound = text.size() % 2 == 0 && text.size() <= 512;
    for (std::size_t i = 0; sound && i < text.size(); i += 2) {
      const std::size_t high = digit(text[i]);
      const std::size_t low = digit(text[i + 1]);
      sound = high < 16 && low < 16;
      bytes += static_cast<char>(static_cast<unsigned char>(high * 16 + low));
    }
    if (!sound) file_.fail("metadata 'alphabet' is not at most 256 bytes in hexadecimal");
    return bytes;
  }

  const SafetensorsReader& file_;
};

/// A tensor of scalar `From` into numbers of another, by pieces.
template <Scalar From, Scalar To>
void read_converted(const SafetensorsReader& file, const TensorInFile& tensor,
                    std::span<To> values) {
  std::array<From, 1024> piece;
  for (std::size_t first = 0; first < values.size(); first += piece.size()) {
    const auto part = std::span(piece).first(std::min(piece.size(), values.size() - first));
    file.read(tensor, first * sizeof(From), std::as_writable_bytes(part));
    std::transform(part.begin(), part.end(), values.begin() + static_cast<Index>(first),
                   [](From value) { return static_cast<To>(value); });
  }
}

}  // namespace detail

/// Saves weights, shape, trained length and tokenizer as one safetensors file, atomically. Tensor
/// names are those of Transformer::parameters().
template <Scalar T>
void save_model(const std::string& path, const ModelShape& shape, Index trained_length,
                const CharacterTokenizer& tokenizer, std::span<const T> weights) {
  const ParameterList parameters = Transformer<T>(RuntimeConfig(shape)).parameters();
  require_equal("save_model: numbers in the weights", static_cast<Index>(weights.size()),
                parameters.count());
  std::vector<TensorToWrite> tensors;
  for (const Parameter& parameter : parameters) {
    std::vector<Index> sizes{parameter.columns};
    if (parameter.rows != 0) sizes.insert(sizes.begin(), parameter.rows);
    const auto first = static_cast<std::size_t>(parameter.offset);
    tensors.push_back(
        tensor_to_write<T>(parameter.name, sizes,
                           weights.subspan(first, static_cast<std::size_t>(parameter.count()))));
  }
  const std::map<std::string, std::string> metadata{
      {"format", "pt"},
      {"octavo.kind", "model"},
      {"octavo.format_version", std::string(detail::model_file_version)},
      {"vocabulary", std::to_string(shape.vocabulary)},
      {"context", std::to_string(shape.context)},
      {"layers", std::to_string(shape.layers)},
      {"heads", std::to_string(shape.heads)},
      {"width", std::to_string(shape.width)},
      {"d_ff", std::to_string(shape.d_ff)},
      {"activation", std::string(name_of(shape.activation))},
      {"bias", shape.bias ? "1" : "0"},
      {"tied", shape.tied ? "1" : "0"},
      {"trained_length", std::to_string(trained_length)},
      {"tokenizer", "character"},
      {"unknown_token", tokenizer.has_unknown() ? "1" : "0"},
      {"alphabet", detail::to_hex(tokenizer.alphabet())},
  };
  write_safetensors(path, tensors, metadata);
}

/// Loads a model file; weights of the other scalar type are converted. Every tensor must be there,
/// of the shape that the metadata demands, and finite; nothing else may be. FormatError says what
/// differs.
template <Scalar T>
LoadedModel<T> load_model(const std::string& path) {
  const SafetensorsReader file(path);
  const detail::ModelMetadata metadata(file);
  if (const std::string& version = file.metadata("octavo.format_version");
      version != detail::model_file_version) {
    file.fail("format version " + printable(version) + ", this build reads 1",
              "update the library");
  }
  const ModelShape shape = metadata.shape();
  const Index trained_length = metadata.number("trained_length", 1, shape.context);
  const CharacterTokenizer tokenizer = metadata.tokenizer(shape.vocabulary);

  const ParameterList parameters = Transformer<T>(RuntimeConfig(shape)).parameters();
  if (file.tensors().size() != parameters.size()) {
    file.fail("it has " + std::to_string(file.tensors().size()) + " tensors, expected " +
              std::to_string(parameters.size()));
  }
  // All shapes before the first allocation: they bound it by the size of the file.
  for (const Parameter& parameter : parameters) {
    const TensorInFile& tensor = file.tensor(parameter.name);
    std::vector<Index> expected{parameter.columns};
    if (parameter.rows != 0) expected.insert(expected.begin(), parameter.rows);
    if (tensor.shape != expected) {
      file.fail("tensor " + printable(parameter.name) + ": its shape is not [" +
                (parameter.rows == 0 ? "" : std::to_string(parameter.rows) + ", ") +
                std::to_string(parameter.columns) + "] as the metadata demands");
    }
    if (tensor.dtype != "F32" && tensor.dtype != "F64") {
      file.fail("tensor " + printable(parameter.name) + ": dtype " + tensor.dtype +
                ", expected F32 or F64");
    }
  }
  LoadedModel<T> model{shape, trained_length, tokenizer, {}};
  model.weights.resize(static_cast<std::size_t>(parameters.count()));
  for (const Parameter& parameter : parameters) {
    const std::span<T> values = std::span(model.weights)
                                    .subspan(static_cast<std::size_t>(parameter.offset),
                                             static_cast<std::size_t>(parameter.count()));
    if (file.tensor(parameter.name).dtype == scalar_name<T>) {
      file.read(file.tensor(parameter.name), 0, std::as_writable_bytes(values));
    } else {
      using Other = std::conditional_t<std::is_same_v<T, float>, double, float>;
      detail::read_converted<Other>(file, file.tensor(parameter.name), values);
    }
    const auto wrong = std::find_if_not(values.begin(), values.end(),
                                        [](T value) { return std::isfinite(value); });
    if (wrong != values.end()) {
      file.fail("tensor " + printable(parameter.name) + ": number " +
                std::to_string(wrong - values.begin()) + " is not finite");
    }
  }
  return model;
}

}  // namespace octavo
