// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cmath>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/formats/gguf_reader.hpp>
#include <octavo/formats/gguf_writer.hpp>
#include <octavo/interop/gguf_families.hpp>
#include <octavo/interop/pretrained_config.hpp>
#include <octavo/layers/rotary_frequencies.hpp>
#include <octavo/transformer/model_config.hpp>

// Rotary positions in GGUF files. Llama 3's scaling is a tensor there, "rope_freqs.weight", by
// which the frequencies are divided.
namespace OCTAVO_NAMESPACE::detail {

inline constexpr std::string_view rope_divisors = "rope_freqs.weight";

/// The divisors of Llama 3's scaling. [half of the turned numbers]
inline std::vector<float> llama3_divisors(const ModelConfig& model) {
  PositionConfig plain = model.positions;
  plain.scaling = RotaryScaling::none;
  const RotaryFrequencies before(plain, model.head_width(), false, model.context);
  const RotaryFrequencies after(model.positions, model.head_width(), false, model.context);
  std::vector<float> divisors;
  for (std::size_t i = 0; i < before.rotation().frequencies.size(); ++i) {
    divisors.push_back(
        static_cast<float>(before.rotation().frequencies[i] / after.rotation().frequencies[i]));
  }
  return divisors;
}

class GgufPositionsFile {
 public:
  GgufPositionsFile(const GgufReader& file, std::string prefix)
      : file_(file), prefix_(std::move(prefix)) {}

  void read(ModelConfig& model) const {
    PositionConfig& positions = model.positions;
    positions.base = positive("freq_base", 10'000);  // whatever is usual in the family
    if (positions.local_base != 0) {
      positions.local_base = positive("freq_base_swa", positions.local_base);
    }
    if (const auto width = file_.optional_whole(key("dimension_count"), 2, model.head_width())) {
      positions.rotary_width = *width;
    }
    const Index turned = turned_numbers(model);
    if (turned % 2 != 0 || turned > most_rotary_width) {
      file_.fail(concat({"its entries say that ", turned, " numbers of each head are turned, ",
                         "expected an even number, at most ", most_rotary_width}));
    }
    read_scaling(model);
    if (file_.tensors().contains(std::string(rope_divisors))) read_divisors(model);
  }

 private:
  std::string key(std::string_view name) const { return concat({prefix_, "rope.", name}); }

  static Index turned_numbers(const ModelConfig& model) {
    return model.positions.rotary_width == 0 ? model.head_width() : model.positions.rotary_width;
  }

  double positive(std::string_view name, double usual) const {
    const double value = file_.optional_real(key(name)).value_or(usual);
    if (!(value > 0)) file_.refuse(key(name), "a number > 0");
    return value;
  }

  void read_scaling(ModelConfig& model) const {
    PositionConfig& positions = model.positions;
    const std::string type_key = key("scaling.type");
    const std::string type = file_.has(type_key) ? file_.text(type_key) : "linear";
    if (type == "none") return;
    if (type != "linear" && type != "yarn") {
      file_.refuse(type_key, "'none', 'linear' or 'yarn'", true);
    }
    const double old = positive("scale_linear", 1);
    positions.factor = positive("scaling.factor", old);
    if (positions.factor == 1) return;
    positions.scaling = type == "yarn" ? RotaryScaling::yarn : RotaryScaling::linear;
    if (type != "yarn") return;
    positions.original_context =
        file_.optional_whole(key("scaling.original_context_length"), 1, most_in_config)
            .value_or(model.context);
    positions.beta_fast = positive("scaling.yarn_beta_fast", positions.beta_fast);
    positions.beta_slow = positive("scaling.yarn_beta_slow", positions.beta_slow);
    if (positive("scaling.yarn_ext_factor", 1) != 1) {
      file_.refuse(key("scaling.yarn_ext_factor"), "1");
    }
    const double factor = positive("scaling.attn_factor", 1);
    if (factor != 1) {
      positions.attention_factor = factor * std::fma(0.1, std::log(positions.factor), 1.0);
    }
  }

  /// Finds the scaling that has these divisors: the one that Octavo's own entries name, or that of
  /// Llama 3.
  void read_divisors(ModelConfig& model) const {
    const std::string name(rope_divisors);
    const GgufTensor& tensor = file_.tensor(name);
    const Index turned = turned_numbers(model);
    if (tensor.type != StoredType::f32 || tensor.shape != std::vector<Index>{turned / 2}) {
      file_.fail(
          concat({"tensor ", printable(name), ": expected ", turned / 2, " numbers of F32"}));
    }
    std::vector<float> divisors(static_cast<std::size_t>(turned / 2));
    file_.read(tensor, 0, std::as_writable_bytes(std::span(divisors)));
    float largest = 1;
    bool plain = true;
    for (const float divisor : divisors) {
      plain = plain && divisor == 1;
      largest = std::max(largest, divisor);
    }
    if (plain) return;
    PositionConfig& positions = model.positions;
    positions.scaling = RotaryScaling::llama3;
    positions.factor = file_.optional_real("octavo.rope_factor")
                           .value_or(std::round(static_cast<double>(largest)));
    positions.low_factor = file_.optional_real("octavo.rope_low_factor").value_or(1);
    positions.high_factor = file_.optional_real("octavo.rope_high_factor").value_or(4);
    positions.original_context =
        file_.optional_whole("octavo.rope_original_context", 1, most_in_config).value_or(8192);
    const bool possible = positions.factor >= 1 && positions.low_factor > 0 &&
                          positions.high_factor > positions.low_factor;
    const std::vector<float> expected = possible ? llama3_divisors(model) : std::vector<float>();
    for (std::size_t i = 0; i < divisors.size(); ++i) {
      if (possible && std::abs(expected[i] - divisors[i]) <= 1e-4f * divisors[i]) continue;
      file_.fail(concat({"tensor ", printable(name), ": number ", i,
                         " is not that of Llama 3's scaling by ",
                         FormattedNumber::general(positions.factor, 6)}),
                 "Octavo knows no other scaling with divisors");
    }
  }

  const GgufReader& file_;
  std::string prefix_;
};

/// The positions that a file of this architecture can state; `kinds`: the family's.
inline PositionConfig gguf_positions(const PositionConfig& positions, const PositionConfig& kinds,
                                     const GgufFamily& family) {
  PositionConfig meaning = positions;
  meaning.kind = PositionKind::rotary;
  meaning.pairing = RotaryPairing::halves;
  if (family.paired_rows) meaning.rotary_width = 0;  // llama.cpp turns whole heads there
  if (kinds.local_base == 0) meaning.local_base = 0;
  const bool possible =
      positions.scaling != RotaryScaling::dynamic &&
      (positions.scaling != RotaryScaling::llama3 || family.family == Family::llama);
  if (!possible) meaning.scaling = RotaryScaling::none;
  return meaning;
}

inline void add_gguf_positions(const ModelConfig& model, const GgufFamily& family,
                               GgufEntries& entries) {
  const PositionConfig& positions = model.positions;
  const auto key = [&](std::string_view name) {
    return concat({family.architecture, ".rope.", name});
  };
  const auto real = [&](std::string_view name, double value) {
    entries.real(key(name), static_cast<float>(value));
  };
  const auto whole = [](Index value) { return static_cast<std::uint32_t>(value); };
  entries.whole(key("dimension_count"),
                whole(positions.rotary_width == 0 ? model.head_width() : positions.rotary_width));
  real("freq_base", positions.base);
  if (positions.local_base != 0) real("freq_base_swa", positions.local_base);
  if (positions.scaling == RotaryScaling::linear || positions.scaling == RotaryScaling::yarn) {
    entries.text(key("scaling.type"), name_of(positions.scaling));
    real("scaling.factor", positions.factor);
  }
  if (positions.scaling == RotaryScaling::yarn) {
    entries.whole(key("scaling.original_context_length"), whole(positions.original_context));
    real("scaling.yarn_beta_fast", positions.beta_fast);
    real("scaling.yarn_beta_slow", positions.beta_slow);
    if (positions.attention_factor != 0) {
      real("scaling.attn_factor",
           positions.attention_factor / std::fma(0.1, std::log(positions.factor), 1.0));
    }
  }
  if (positions.scaling == RotaryScaling::llama3) {
    entries.real("octavo.rope_factor", static_cast<float>(positions.factor));
    entries.real("octavo.rope_low_factor", static_cast<float>(positions.low_factor));
    entries.real("octavo.rope_high_factor", static_cast<float>(positions.high_factor));
    entries.whole("octavo.rope_original_context", whole(positions.original_context));
  }
}

}  // namespace OCTAVO_NAMESPACE::detail
