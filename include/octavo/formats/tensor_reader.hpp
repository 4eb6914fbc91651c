// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
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

/// Compares a tensor's checksum with the one stated in the file, if any; FormatError if it differs.
inline void check_sum(const SafetensorsReader& file, const std::string& name) {
  const TensorInFile& tensor = file.tensor(name);
  if (tensor.sum.empty()) return;
  std::vector<std::byte> piece(std::min(tensor.bytes, std::size_t{1} << 16));
  SumCheck sum;
  for (std::size_t first = 0; first < tensor.bytes; first += piece.size()) {
    const auto part = std::span(piece).first(std::min(piece.size(), tensor.bytes - first));
    file.read(tensor, first, part);
    sum.add(part);
  }
  sum.finish(file, name);
}

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
  check_sum(file, name);
}

/// Reads numbers of a tensor of floating-point numbers and converts them to T; call finish() after
/// the last. What is read in order, from the first number to the last, is compared with the file's
/// checksum.
template <Scalar T>
class TensorNumbers {
 public:
  TensorNumbers(const SafetensorsReader& file, const std::string& name)
      : file_(file), name_(name), tensor_(file.tensor(name)) {}

  /// Fills `numbers` from number `first` of the tensor on. FormatError if a number is too large for
  /// T.
  void operator()(std::size_t first, std::span<T> numbers) {
    in_order_ = in_order_ && first == next_;
    if (tensor_.dtype == "F32") read<float>(first, numbers);
    if (tensor_.dtype == "F64") read<double>(first, numbers);
    if (tensor_.dtype == "F16") read<Float16>(first, numbers);
    if (tensor_.dtype == "BF16") read<BFloat16>(first, numbers);
  }

  /// FormatError if the checksum differs, or a number that was read is not finite.
  void finish() const {
    if (in_order_ && bytes_ == tensor_.bytes) sum_.finish(file_, name_);
    if (!wrong_) return;
    file_.fail(concat({"tensor ", printable(name_), ": number ", *wrong_, " is not finite"}));
  }

 private:
  static constexpr std::size_t piece_bytes = 8192;

  template <typename N>
  void read(std::size_t first, std::span<T> numbers) {
    next_ = first + numbers.size();
    while (!numbers.empty()) {
      const std::size_t count = std::min(numbers.size(), piece_bytes / sizeof(N));
      const auto part = numbers.first(count);
      if constexpr (std::is_same_v<N, T>) {
        take<T>(first, part);
      } else {
        std::array<N, piece_bytes / sizeof(N)> piece;
        take<N>(first, std::span(piece).first(count));
        for (std::size_t i = 0; i < count; ++i) part[i] = converted(piece[i], first + i);
      }
      numbers = numbers.subspan(count);
      first += count;
    }
  }

  template <typename N>
  void take(std::size_t first, std::span<N> numbers) {
    const auto bytes = std::as_writable_bytes(numbers);
    file_.read(tensor_, first * sizeof(N), bytes);
    bytes_ += bytes.size();
    if (in_order_ && !tensor_.sum.empty()) sum_.add(bytes);
    const std::size_t wrong = first_not_finite<N>(numbers);
    if (wrong != numbers.size() && !wrong_) wrong_ = first + wrong;
  }

  template <typename N>
  T converted(N stored, std::size_t index) const {
    const auto number = widened(stored);
    if constexpr (sizeof(number) > sizeof(T)) {
      constexpr auto most = static_cast<double>(std::numeric_limits<T>::max());
      if (std::isfinite(number) && (number > most || number < -most)) {
        file_.fail(
            concat({"tensor ", printable(name_), ": number ", index, " is too large for float"}),
            "use double");
      }
    }
    return static_cast<T>(number);
  }

  const SafetensorsReader& file_;
  const std::string& name_;
  const TensorInFile& tensor_;
  SumCheck sum_;
  bool in_order_ = true;  ///< so far
  std::size_t next_ = 0;  ///< number, in order
  std::size_t bytes_ = 0;
  std::optional<std::size_t> wrong_;  ///< the first number that is not finite
};

/// Reads a tensor and converts it to T. values [numbers of the tensor]. FormatError if a number is
/// too large for T, if the checksum differs, or if a number is not finite.
template <Scalar T>
void read_tensor(const SafetensorsReader& file, const std::string& name, std::span<T> values) {
  TensorNumbers<T> numbers(file, name);
  numbers(0, values);
  numbers.finish();
}

}  // namespace OCTAVO_NAMESPACE::detail
