// SPDX-License-Identifier: MIT
// Prints texts that are generated together one after the other.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <octavo/generation/visible_text.hpp>

#include "support/program.hpp"

namespace support {

/// The first unfinished text is printed as it grows; later texts wait. If there are several texts,
/// each has a headline. Pieces are whole characters; a terminal gets them through visible_text(),
/// other outputs get them unchanged.
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
