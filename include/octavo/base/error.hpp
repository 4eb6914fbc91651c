// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <octavo/base/concat.hpp>

namespace OCTAVO_NAMESPACE {

/// The kind of error, as a process exit status (the subset of sysexits.h that the programs use).
enum class ErrorCode : int {
  diverged = 1,        ///< loss or gradient is not finite
  usage = 64,          ///< an invalid option or configuration
  bad_data = 65,       ///< a file or text with invalid content
  no_input = 66,       ///< an input that cannot be opened
  internal = 70,       ///< a defect of the library or program
  out_of_memory = 71,  ///< the operating system refused memory or threads
  cannot_create = 73,  ///< an output file or folder that cannot be created
  io = 74,             ///< reading or writing failed midway
};

/// Base class of the library's exceptions. what() is one line without a final full stop: where the
/// error is, what was found, what was expected. hint() is the one thing to do about it; it may be
/// empty.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message, std::string hint = {})
      : std::runtime_error(message), code_(code), hint_(std::move(hint)) {}

  ErrorCode code() const noexcept { return code_; }
  const std::string& hint() const noexcept { return hint_; }

 private:
  ErrorCode code_;
  std::string hint_;
};

/// A size, option or argument outside its valid range.
class ConfigError : public Error {
 public:
  explicit ConfigError(const std::string& message, std::string hint = {})
      : Error(ErrorCode::usage, message, std::move(hint)) {}
};

/// The operating system refused a file operation.
class IoError : public Error {
 public:
  IoError(ErrorCode code, const std::string& message, std::error_code reason,
          std::string hint = {});

  std::error_code reason() const noexcept { return reason_; }

 private:
  std::error_code reason_;
};

/// A file that violates its format. what() names the file, the field and the place.
class FormatError : public Error {
 public:
  explicit FormatError(const std::string& message, std::string hint = {})
      : Error(ErrorCode::bad_data, message, std::move(hint)) {}
};

/// A text or token sequence that cannot be trained on.
class DataError : public Error {
 public:
  explicit DataError(const std::string& message, std::string hint = {})
      : Error(ErrorCode::bad_data, message, std::move(hint)) {}
};

/// A byte of a text for which the tokenizer has no token.
class UnknownSymbol : public Error {
 public:
  UnknownSymbol(const std::string& message, std::size_t offset, std::string hint = {})
      : Error(ErrorCode::bad_data, message, std::move(hint)), offset_(offset) {}

  /// Byte offset in the text that was encoded.
  std::size_t offset() const noexcept { return offset_; }

 private:
  std::size_t offset_;
};

/// The loss or the gradient norm is not finite. Thrown before the update, so the weights are
/// unchanged.
class Diverged : public Error {
 public:
  Diverged(const std::string& message, std::int64_t step, double loss, std::string hint = {})
      : Error(ErrorCode::diverged, message, std::move(hint)), step_(step), loss_(loss) {}

  std::int64_t step() const noexcept { return step_; }
  double loss() const noexcept { return loss_; }

 private:
  std::int64_t step_;
  double loss_;
};

/// Makes input text printable: in single quotes, control bytes and bytes outside ASCII as \xNN, cut
/// after `limit` bytes.
OCTAVO_INLINE std::string printable(std::string_view text, std::size_t limit = 80);

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE IoError::IoError(ErrorCode code, const std::string& message, std::error_code reason,
                               std::string hint)
    : Error(reason == std::errc::not_enough_memory ? ErrorCode::out_of_memory : code,
            detail::concat({message, ": ", reason.message()}), std::move(hint)),
      reason_(reason) {}

OCTAVO_INLINE std::string printable(std::string_view text, std::size_t limit) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string result = "'";
  for (const char symbol : text.substr(0, limit)) {
    const auto byte = static_cast<unsigned char>(symbol);
    if (byte >= 0x20 && byte < 0x7f) {
      result += symbol;
    } else {
      result += "\\x";
      result += digits[byte >> 4];
      result += digits[byte & 15];
    }
  }
  if (text.size() > limit) result += "...";
  return result += "'";
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
