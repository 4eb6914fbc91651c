// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string>
#include <string_view>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/checkpoint/field_metadata.hpp>
#include <octavo/formats/metadata.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/transformer/model_config.hpp>
#include <octavo/transformer/model_description.hpp>

// The metadata about the model in each of Octavo's files: format version and configuration. For the
// tokenizer see tokenizer_metadata.hpp.
namespace OCTAVO_NAMESPACE::detail {

/// The version that is written. Version 1 is read as well; it has one entry, "bias", for all
/// biases.
inline constexpr Index format_version = 2;

inline void write_format(MetadataWriter& metadata, std::string_view kind) {
  metadata.text("format", "pt");
  metadata.text("octavo.kind", kind);
  metadata.whole("octavo.format_version", format_version);
}

/// The index in `kinds` of the file's kind.
inline std::size_t read_format(const MetadataReader& metadata,
                               std::span<const std::string_view> kinds) {
  if (!metadata.file().metadata().contains("octavo.kind")) {
    metadata.file().fail("it is a safetensors file, but not one of Octavo's",
                         "name a model or a checkpoint of Octavo's");
  }
  constexpr Index any = (Index{1} << 31) - 1;
  const Index version = metadata.whole("octavo.format_version", 1, any);
  if (version > format_version) {
    metadata.file().fail(
        concat({"format version ", version, ", this build reads 1 to ", format_version}),
        "it was written by a newer Octavo: update the library");
  }
  metadata.text(std::string(header_checksum_key));  // must exist; the file's reader compares it
  metadata.text(std::string(tensor_sums_key));
  return metadata.choice("octavo.kind", kinds,
                         kinds.size() > 1 ? ""
                                          : "a model file has no state to resume from; "
                                            "name a checkpoint");
}

/// The configuration of the model in a file. It has been compared with the file's size, so that
/// memory for this configuration is at most a few times the file.
inline ModelConfig read_config(const MetadataReader& metadata) {
  // Every block has at least four tensors (of two norms, and the attention's two matrices), so the
  // number of tensors bounds the number of blocks.
  const auto tensors = std::ssize(metadata.file().tensors());
  const bool has_base = metadata.has("base.fingerprint");  // a file of adapters: two for each map
  metadata.whole("layers", 1, std::max<Index>(1, tensors / (has_base ? 2 : 4)));
  ModelConfig config;
  for_each_field(config, FieldReader{metadata});
  if (config.attention.head_width == 0 && config.width % config.attention.heads != 0) {
    metadata.file().fail(concat({"metadata 'heads': got ", config.attention.heads,
                                 ", expected a divisor of the width ", config.width}));
  }
  try {
    check_attention(config.attention, config.width);
    check_positions(config.positions, config.head_width());
  } catch (const ConfigError& error) {
    metadata.file().fail(concat({"metadata: ", error.what()}));
  }
  // In floating point, because whole numbers could overflow.
  const auto real = [](Index size) { return static_cast<double>(size); };
  const bool learned = config.positions.kind == PositionKind::learned;
  const double of_base =
      real(config.width) *
      (real(config.vocabulary) + (learned ? real(config.context) : 0) +
       real(config.layers) * (2 * real(config.query_width()) + 2 * real(config.kv_width()) +
                              2 * real(config.feed_forward.d_ff)));
  const double weights =
      (has_base ? 0 : of_base) + 2 * real(config.layers) * real(config.lora.rank);
  const auto bytes = static_cast<double>(metadata.file().bytes());
  if (weights * sizeof(float) > bytes) {
    metadata.file().fail(
        "the configuration in the metadata has more weights than the file has room for");
  }
  return config;
}

/// The model of a file, of this kind. FormatError if none can be made from the configuration.
inline ModelDescription describe_model(const MetadataReader& metadata, ModelKind kind,
                                       const ModelConfig& config) {
  try {
    return kind(config);
  } catch (const ConfigError& error) {
    metadata.file().fail(concat({"metadata: ", error.what()}));
  }
}

/// Writes the name of the user's own part in the model, if it has one: see ModelDescription.
inline void write_part(MetadataWriter& metadata, std::string_view part) {
  if (!part.empty()) metadata.text("part", part);
}
/// The name of the user's own part in the file's model; empty if it has none.
inline std::string read_part(const MetadataReader& metadata) {
  return metadata.has("part") ? metadata.text("part") : std::string();
}

/// FormatError, with this hint, if the part of the file's model is not the expected one.
inline void check_part(const SafetensorsReader& file, std::string_view got,
                       std::string_view expected, const char* hint) {
  if (got == expected) return;
  const auto in_words = [](std::string_view part) {
    return part.empty() ? std::string("only standard parts")
                        : concat({"the part ", printable(part)});
  };
  file.fail(concat({"it is of a model with ", in_words(got), ", expected ", in_words(expected)}),
            hint);
}

template <Scalar T>
bool all_finite(std::span<const T> numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](T x) { return std::isfinite(x); });
}

/// ConfigError if a file with these values could not be loaded.
inline void check_saved(const ModelConfig& config, Index trained_length, Index tokens) {
  require(trained_length >= 1 && trained_length <= config.context, [&] {
    return concat({"trained length: got ", trained_length, ", expected 1 to ", config.context,
                   ", the model's context"});
  });
  require(tokens >= 1 && tokens <= config.vocabulary, [&] {
    return concat({"tokenizer: got ", counted(tokens, "token"), ", expected 1 to ",
                   config.vocabulary, ", the model's vocabulary"});
  });
}

/// The longest sequence in the model's training.
inline Index read_trained_length(const MetadataReader& metadata, const ModelConfig& config) {
  return metadata.whole("trained_length", 1, config.context);
}

}  // namespace OCTAVO_NAMESPACE::detail
