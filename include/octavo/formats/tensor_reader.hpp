// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/formats/safetensors_reader.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/numeric/stored_type.hpp>

// Reads tensors of safetensors files and checks shape, checksum and that numbers are finite.
namespace OCTAVO_NAMESPACE::detail {

inline std::string readable(std::span<const Index> sizes) {
  std::string text;
  for (const Index size : sizes) text += detail::concat({(text.empty() ? "" : ", "), size});
  return detail::concat({"[", text, "]"});
}

/// A dtype for messages; it may be any text.
inline std::string readable(const std::string& dtype) {
  const auto plain = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !dtype.empty() && std::all_of(dtype.begin(), dtype.end(), plain) ? dtype
                                                                          : printable(dtype);
}

/// FormatError unless the file has this tensor with these sizes and one of these dtypes.
inline void check_tensor(const SafetensorsReader& file, const std::string& name,
                         const std::vector<Index>& sizes,
                         std::span<const std::string_view> dtypes) {
  const TensorInFile& tensor = file.tensor(name);
  if (tensor.shape != sizes) {
    file.fail(detail::concat({"tensor ", printable(name), ": its shape is ", readable(tensor.shape),
                              ", expected ", readable(sizes)}));
  }
  if (std::find(dtypes.begin(), dtypes.end(), tensor.dtype) == dtypes.end()) {
    std::string expected;
    for (const auto dtype : dtypes)
      expected += (expected.empty() ? "" : " or ") + std::string(dtype);
    file.fail(detail::concat({"tensor ", printable(name), ": its dtype is ", readable(tensor.dtype),
                              ", expected ", expected}));
  }
}

/// Compares a tensor's checksum with the one stated in the file, if any.
class SumCheck {
 public:
  void add(std::span<const std::byte> bytes) noexcept { sum_ = crc32c(bytes, sum_); }

  void finish(const SafetensorsReader& file, const std::string& name) const {
    const std::string& expected = file.tensor(name).sum;
    if (expected.empty() || expected == sum_text(sum_)) return;
    file.fail(detail::concat({"tensor ", printable(name), ": its CRC-32C is ", sum_text(sum_),
                              ", expected ", printable(expected)}),
              "the file is damaged; use another copy");
  }

 private:
  std::uint32_t sum_ = 0;
};

/// Calls body(index of the first number, numbers) for the pieces of a tensor of T, any type that
/// `widened` takes. FormatError if the checksum differs or a number is not finite.
template <typename T, typename Body>
void for_each_piece(const SafetensorsReader& file, const std::string& name, Body body) {
  const TensorInFile& tensor = file.tensor(name);
  const std::size_t count = tensor.bytes / sizeof(T);
  std::array<T, 4096 / sizeof(T)> piece;
  SumCheck sum;
  std::size_t wrong = count;
  for (std::size_t first = 0; first < count; first += piece.size()) {
    const auto part = std::span(piece).first(std::min(piece.size(), count - first));
    file.read(tensor, first * sizeof(T), std::as_writable_bytes(part));
    sum.add(std::as_bytes(part));
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (wrong == count && !std::isfinite(widened(part[i]))) wrong = first + i;
    }
    body(first, std::span<const T>(part));
  }
  sum.finish(file, name);
  if (wrong != count) {
    file.fail(detail::concat({"tensor ", printable(name), ": number ", wrong, " is not finite"}));
  }
}

/// for_each_piece for floating-point numbers of any width; returns false, without a call, for other
/// dtypes.
template <typename Body>
bool for_each_piece_of_numbers(const SafetensorsReader& file, const std::string& name, Body body) {
  const std::string& dtype = file.tensor(name).dtype;
  if (dtype == "F32") return for_each_piece<float>(file, name, body), true;
  if (dtype == "F64") return for_each_piece<double>(file, name, body), true;
  if (dtype == "F16") return for_each_piece<Float16>(file, name, body), true;
  if (dtype == "BF16") return for_each_piece<BFloat16>(file, name, body), true;
  return false;
}

/// Checks a whole tensor without storing it; for dtypes other than floating point only the
/// checksum.
inline void verify_tensor(const SafetensorsReader& file, const std::string& name) {
  if (for_each_piece_of_numbers(file, name, [](auto...) {})) return;
  const TensorInFile& tensor = file.tensor(name);
  std::array<std::byte, 4096> piece;
  SumCheck sum;
  for (std::size_t first = 0; first < tensor.bytes; first += piece.size()) {
    const auto part = std::span(piece).first(std::min(piece.size(), tensor.bytes - first));
    file.read(tensor, first, part);
    sum.add(part);
  }
  sum.finish(file, name);
}

/// Calls body(index of the first number, numbers) for the pieces of a tensor, converted to T.
/// FormatError if a number is too large for T.
template <Scalar T, typename Body>
void for_each_converted_piece(const SafetensorsReader& file, const std::string& name, Body body) {
  for_each_piece_of_numbers(file, name, [&](std::size_t first, auto piece) {
    std::array<T, 4096 / sizeof(Float16)> numbers;
    for (std::size_t i = 0; i < piece.size(); ++i) {
      using Wider = std::common_type_t<T, decltype(widened(piece[i]))>;
      const auto number = static_cast<Wider>(widened(piece[i]));
      constexpr auto most = static_cast<Wider>(std::numeric_limits<T>::max());
      if (std::isfinite(number) && (number > most || number < -most)) {
        file.fail(detail::concat({"tensor ", printable(name), ": number ", first + i,
                                  " is too large for float"}),
                  "use double");
      }
      numbers[i] = static_cast<T>(number);
    }
    body(first, std::span<const T>(numbers).first(piece.size()));
  });
}

/// Reads a tensor and converts it to T. values [numbers of the tensor]. FormatError if a number is
/// too large for T.
template <Scalar T>
void read_tensor(const SafetensorsReader& file, const std::string& name, std::span<T> values) {
  for_each_converted_piece<T>(file, name, [&](std::size_t first, std::span<const T> numbers) {
    std::copy(numbers.begin(), numbers.end(), values.begin() + static_cast<std::ptrdiff_t>(first));
  });
}

}  // namespace OCTAVO_NAMESPACE::detail
