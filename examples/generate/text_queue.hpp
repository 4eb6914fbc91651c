// SPDX-License-Identifier: MIT
// Texts that grow together, printed one after the other.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <octavo/generation/visible_text.hpp>

#include "support/program.hpp"

namespace support {

/// The first text that has not ended is printed as it grows, the others wait for it. Where there
/// are several each has a headline. Pieces are whole characters; a terminal gets them as
/// visible_text(), anything else as they are.
class TextQueue {
 public:
  explicit TextQueue(octavo::Index texts) : waiting_(static_cast<std::size_t>(texts)) {
    ended_.resize(waiting_.size());
    print_headline();
  }

  void write(octavo::Index text, std::string_view piece) {
    const auto i = static_cast<std::size_t>(text);
    if (i == front_) {
      show(piece);
    } else {
      waiting_[i] += piece;
    }
  }

  void end(octavo::Index text) {
    ended_[static_cast<std::size_t>(text)] = true;
    while (front_ < ended_.size() && ended_[front_]) {
      if (++front_ == ended_.size()) return;
      print_headline();
      show(waiting_[front_]);
    }
  }

 private:
  void show(std::string_view text) const {
    print(terminal_ ? octavo::visible_text(text) : std::string(text));
  }

  void print_headline() const {
    if (waiting_.size() > 1) std::printf("=== %zu of %zu ===\n", front_ + 1, waiting_.size());
  }

  bool terminal_ = ::isatty(STDOUT_FILENO) == 1;
  std::vector<std::string> waiting_;
  std::vector<bool> ended_;
  std::size_t front_ = 0;
};

}  // namespace support
