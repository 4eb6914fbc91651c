// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <string_view>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>

// Turns exceptions into a status and a text, which octavo_error() returns.
namespace OCTAVO_NAMESPACE {

/// Why the last function failed on this thread. A fixed size, because there may be no memory left.
class LastFailure {
 public:
  static const char* text() noexcept { return buffer().data(); }

  static void set(std::string_view message, std::string_view hint) noexcept {
    std::size_t size = 0;
    const auto add = [&](std::string_view part) {
      const std::size_t bytes = std::min(part.size(), buffer().size() - 1 - size);
      std::copy_n(part.data(), bytes, buffer().data() + size);
      size += bytes;
    };
    add(message);
    if (!hint.empty()) add(" ("), add(hint), add(")");
    buffer()[size] = '\0';
  }

 private:
  static std::array<char, 2048>& buffer() noexcept {
    thread_local std::array<char, 2048> text{};
    return text;
  }
};

/// Calls body(); returns 0, or the ErrorCode of what it throws, whose text LastFailure then has.
template <typename Body>
int status_of(Body body) noexcept {
  try {
    body();
    return 0;
  } catch (const Error& error) {
    LastFailure::set(error.what(), error.hint());
    return static_cast<int>(error.code());
  } catch (const std::bad_alloc&) {
    LastFailure::set("there is not enough memory", "use a smaller model or batch");
    return static_cast<int>(ErrorCode::out_of_memory);
  } catch (const std::exception& error) {
    LastFailure::set(error.what(), "");
  } catch (...) {
    LastFailure::set("an unknown error", "");
  }
  return static_cast<int>(ErrorCode::internal);
}

/// body()'s result, a pointer to a new object; null if it throws.
template <typename Object, typename Body>
Object* object_or_null(Body body) noexcept {
  Object* object = nullptr;
  status_of([&] { object = body(); });
  return object;
}

/// body()'s result; -1 if it throws.
template <typename Body>
std::int64_t number_or_minus_one(Body body) noexcept {
  std::int64_t number = -1;
  status_of([&] { number = body(); });
  return number;
}

/// ConfigError if a pointer that C passes is null.
template <typename Object>
Object& given(Object* object, std::string_view name) {
  require(object != nullptr, [&] {
    return detail::concat({name, ": got NULL, expected one that exists"});
  });
  return *object;
}

/// A text of C; NULL is empty.
inline std::string_view text_or_empty(const char* text) noexcept {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

/// A text of so many bytes; ConfigError for NULL with bytes.
inline std::string_view text_of(const char* text, std::size_t bytes) {
  if (bytes > 0) given(text, "text");
  return {text, bytes};
}

}  // namespace OCTAVO_NAMESPACE
