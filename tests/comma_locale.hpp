// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <locale>
#include <string>
#include <string_view>
#include <unistd.h>

#include <doctest/doctest.h>

namespace octavo_test {

/// Sets a C and C++ locale whose decimal point is a comma, as a host program may, for as long as it
/// lives: one that is installed, or one that localedef makes of the C library's sources. False,
/// with a line in the log, where there is neither.
class CommaLocale {
 public:
  CommaLocale() : before_(std::setlocale(LC_ALL, nullptr)) {
    for (const char* name : {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"}) {
      if (set(name)) return;
    }
    make();
    if (!set("de_DE.UTF-8")) MESSAGE("skipped: there is no locale with a decimal comma");
  }
  CommaLocale(const CommaLocale&) = delete;
  CommaLocale& operator=(const CommaLocale&) = delete;
  ~CommaLocale() {
    std::locale::global(std::locale::classic());
    std::setlocale(LC_ALL, before_.c_str());
    std::error_code ignored;
    if (made_.empty()) return;
    ::unsetenv("LOCPATH");
    std::filesystem::remove_all(made_, ignored);
  }

  explicit operator bool() const noexcept { return set_; }

 private:
  bool set(const char* name) {
    if (std::setlocale(LC_ALL, name) == nullptr) return false;
    try {
      std::locale::global(std::locale(name));
    } catch (const std::runtime_error&) {  // a C++ library that knows the C locale alone
      std::setlocale(LC_ALL, name);
    }
    std::array<char, 8> text;
    std::snprintf(text.data(), text.size(), "%.1f", 0.5);
    return set_ = std::string_view(text.data()) == "0,5";
  }

  void make() {
    made_ =
        std::filesystem::temp_directory_path() / ("octavo_locale_" + std::to_string(::getpid()));
    std::filesystem::create_directory(made_);
    const std::string command = "localedef --no-archive -i de_DE -f UTF-8 '" +
                                (made_ / "de_DE.UTF-8").string() + "' >/dev/null 2>&1";
    if (std::system(command.c_str()) == 0) ::setenv("LOCPATH", made_.c_str(), 1);
  }

  std::string before_;
  std::filesystem::path made_;
  bool set_ = false;
};

}  // namespace octavo_test
