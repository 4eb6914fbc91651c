// SPDX-License-Identifier: MIT
// The texts that a run of train_full reads: found by their names, and watched while they are read.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <octavo/octavo.hpp>

#include "support/train_full_options.hpp"

namespace support {

/// Whether what is called so can be read but once: standard input, a FIFO, a file that a shell has
/// opened.
bool is_read_once(const std::string& name);

/// A text, and how it is called.
struct Text {
  std::unique_ptr<octavo::ByteSource> source;
  const octavo::TextFiles* files = nullptr;  ///< the source, unless it is the built-in text
  std::string name;                          ///< for people
  std::string names;                         ///< as asked, with zero bytes between them
};

/// The text to train on.
Text find_text(const FullOptions& options);
/// The text that --val names, which must name one.
Text find_validation(const FullOptions& options);

/// Where the text's documents end.
octavo::DocumentBorders borders_of(const FullOptions& options, const Text& text);
/// The same in words for the corpus's identity: equal words, equal borders in the same text.
std::string documents_of(const FullOptions& options, const Text& text);

/// A text that shows how far it has been read, on a terminal, and that is not read on after a
/// signal.
class WatchedText final : public octavo::ByteSource {
 public:
  WatchedText(const octavo::ByteSource& text, std::string doing);
  ~WatchedText() override { erase(); }

  std::size_t size() const noexcept override { return text_.size(); }

  void read(std::size_t offset, std::span<std::byte> bytes) const override;

  /// Bytes per second since it was made.
  std::size_t speed(std::size_t bytes) const;
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;

  void erase() const;

  const octavo::ByteSource& text_;
  std::string doing_;
  bool terminal_;
  Clock::time_point start_ = Clock::now();
  mutable Clock::time_point last_drawn_ = start_;
  mutable bool drawn_ = false;
};

}  // namespace support
