// SPDX-License-Identifier: MIT
// What the fuzz targets share. A target is a function of bytes that throws anything but what it
// promises where it finds a defect. Linked with libFuzzer it is given bytes that reach new code;
// linked with fuzz_main.cpp, random ones.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <octavo/base/error.hpp>
#include <octavo/numeric/random.hpp>

// The names are libFuzzer's (llvm.org/docs/LibFuzzer.html).
extern "C" {
int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);
/// Changes an input of `size` bytes, for which there is room for `most`; returns its new size.
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* bytes, std::size_t size, std::size_t most,
                                    unsigned seed);
/// The same without any knowledge of the format; not a target's own.
std::size_t LLVMFuzzerMutate(std::uint8_t* bytes, std::size_t size, std::size_t most);
}

namespace fuzz {

/// Reports a defect.
inline void demand(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

/// What `body` returns, unless it throws one of the library's errors.
template <typename Body>
auto unless_refused(Body body) -> std::optional<std::invoke_result_t<Body>> {
  try {
    return body();
  } catch (const octavo::Error&) {
    return std::nullopt;
  }
}

/// Choices that depend on a seed alone.
class Choices {
 public:
  explicit Choices(std::uint64_t seed) : random_(seed, octavo::RandomStream::sampling) {}

  /// 0 to bound - 1.
  std::size_t below(std::size_t bound) {
    return static_cast<std::size_t>(random_.below(position_++, bound));
  }
  bool one_in(std::size_t bound) { return below(bound) == 0; }
  template <typename List>
  const auto& one_of(const List& list) {
    return list[below(std::size(list))];
  }

 private:
  octavo::CounterRandom random_;
  std::uint64_t position_ = 0;
};

inline std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

/// One of the values, or names, of a JSON text becomes one of `words`.
template <typename Words>
void change_json(std::string& text, const Words& words, Choices& choices) {
  if (text.empty()) return;
  const std::size_t begin = text.find_first_of(":,{[", choices.below(text.size()));
  if (begin == text.npos) return;
  std::size_t end = text.find_first_of(",}]:", begin + 1);
  if (end == text.npos) end = text.size();
  text.replace(begin + 1, end - begin - 1, choices.one_of(words));
}

/// Makes `text` the input if there is room for it; otherwise changes the input blindly.
inline std::size_t give(std::string_view text, std::uint8_t* bytes, std::size_t size,
                        std::size_t most) {
  if (text.size() > most) return LLVMFuzzerMutate(bytes, size, most);
  text.copy(reinterpret_cast<char*>(bytes), text.size());
  return text.size();
}

}  // namespace fuzz
