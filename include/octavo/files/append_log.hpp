// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <sys/stat.h>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/files/atomic_file.hpp>
#include <octavo/files/byte_source.hpp>
#include <octavo/files/file_descriptor.hpp>

namespace OCTAVO_NAMESPACE {

/// Calls body(line), without the line feed, for every whole line of a text, until body returns
/// false. Text after the last line feed, which a killed process may have left, is ignored. Lines
/// are cut after 64 KiB.
template <typename Body>
void for_each_line(const ByteSource& source, Body body) {
  constexpr std::size_t most = 65536;
  std::string rest;
  bool too_long = false;
  std::array<char, 4096> piece;
  for (std::size_t at = 0; at < source.size();) {
    const std::size_t count = std::min(piece.size(), source.size() - at);
    source.read(at, std::as_writable_bytes(std::span(piece)).first(count));
    at += count;
    std::string_view text(piece.data(), count);
    if (too_long) {
      text.remove_prefix(std::min(text.find('\n'), text.size()));
      if (text.empty()) continue;
      too_long = false;
    }
    rest.append(text);
    std::size_t begin = 0;
    for (std::size_t end; (end = rest.find('\n', begin)) != rest.npos; begin = end + 1) {
      if (!body(std::string_view(rest).substr(begin, end - begin))) return;
    }
    rest.erase(0, begin);
    too_long = rest.size() > most;
  }
}

/// A text file that grows by lines. Lines are collected in fixed memory and written when it is
/// full, or by flush(); no heap call. Errors: no_input or cannot_create if the file cannot be
/// opened, io after that.
class AppendLog {
 public:
  /// Whether a line is kept; the decision may depend on the next line, which is empty after the
  /// last one.
  using Keep = std::function<bool(std::string_view line, std::string_view next)>;

  /// If the file exists, the lines that `keep` accepts are kept; the file is replaced atomically.
  AppendLog(const std::string& path, const Keep& keep, FileSystem& files = real_file_system());

  const std::string& path() const noexcept { return path_; }

  /// `text` must end with a line feed. Texts longer than 4 KiB are written to the file directly.
  void append(std::string_view text);

  /// Writes to the operating system, not to the disk: a power cut may lose lines, but not a run.
  void flush();

 private:
  void replace(const Keep& keep);

  void write(std::string_view text);

  std::string path_;
  FileSystem& files_;
  detail::FileDescriptor file_;
  std::array<char, 4096> buffer_;
  std::size_t filled_ = 0;
};

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE AppendLog::AppendLog(const std::string& path, const Keep& keep, FileSystem& files)
    : path_(path), files_(files) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) replace(keep);
  file_ = detail::open_file(files, path, O_WRONLY | O_CREAT | O_APPEND, 0666);
  if (!file_) {
    throw IoError(ErrorCode::cannot_create, detail::concat({"cannot write ", printable(path)}),
                  detail::last_error(), "check the folder's permissions");
  }
}

OCTAVO_INLINE void AppendLog::append(std::string_view text) {
  if (text.size() > buffer_.size() - filled_) flush();
  if (text.size() > buffer_.size()) {
    write(text);
  } else {
    std::copy(text.begin(), text.end(), buffer_.begin() + static_cast<std::ptrdiff_t>(filled_));
    filled_ += text.size();
  }
}

OCTAVO_INLINE void AppendLog::flush() {
  const std::size_t count = std::exchange(filled_, 0);
  write({buffer_.data(), count});
}

OCTAVO_INLINE void AppendLog::replace(const Keep& keep) {
  AtomicFile copy(path_, files_);
  const FileSource source(path_, files_);
  std::string line;
  bool waiting = false;  // a line waits for the next one
  const auto settle = [&](std::string_view next) {
    if (!waiting || !keep(line, next)) return;
    copy.write(line.append("\n"));
  };
  for_each_line(source, [&](std::string_view next) {
    settle(next);
    line = next;
    return waiting = true;
  });
  settle("");
  copy.commit();
}

OCTAVO_INLINE void AppendLog::write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t done =
        detail::uninterrupted([&] { return files_.write(file_.get(), text.data(), text.size()); });
    if (done < 0) {
      throw IoError(ErrorCode::io, detail::concat({"cannot write ", printable(path_)}),
                    detail::last_error(), "free some space");
    }
    text.remove_prefix(static_cast<std::size_t>(done));
  }
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
