// SPDX-License-Identifier: MIT
#include "support/texts.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>
#include <unistd.h>

#include "support/download.hpp"
#include "support/program.hpp"
#include "support/run_saver.hpp"
#include "support/sha256.hpp"

namespace support {
namespace {

using octavo::printable;
using octavo::readable_bytes;

/// tiny Shakespeare's file, downloaded if it is not there; nothing if that failed.
std::optional<std::string> find_shakespeare(bool dry_run) {
  const std::string path = "data/shakespeare.txt";
  std::error_code unknown;
  if (std::filesystem::exists(path, unknown)) return path;
  if (dry_run) {
    std::fprintf(stderr,
                 "train_full: warning: %s, which a run would download, is not there: this is the "
                 "plan for the built-in text\n",
                 path.c_str());
    return std::nullopt;
  }
  print("downloading tiny Shakespeare to " + path + "\n");
  std::fflush(stdout);
  try {
    download(tiny_shakespeare, path);
  } catch (const octavo::Error& error) {
    std::fprintf(stderr,
                 "train_full: warning: %s\n  hint: %s\n"
                 "  hint: training on the built-in text instead\n",
                 error.what(), error.hint().c_str());
    return std::nullopt;
  }
  return path;
}

/// What the names of a corpus are called in a log.
std::string told(const std::vector<std::string>& names, const octavo::TextFiles& files) {
  constexpr std::size_t most = 3;
  std::string text;
  for (std::size_t i = 0; i < std::min(most, names.size()); ++i) {
    text += (i == 0 ? "" : ", ") + (names[i] == "-" ? "standard input" : names[i]);
  }
  if (names.size() > most) text += " and " + std::to_string(names.size() - most) + " more";
  const octavo::TextFiles::LeftOut& left_out = files.left_out();
  const bool folders = left_out.hidden + left_out.binary + left_out.others + left_out.runs > 0;
  if (files.file_count() < 2 && !folders) return text;
  text += " (" + std::to_string(files.file_count()) + " files";
  if (folders) {
    text += "; left out: " + std::to_string(left_out.hidden) + " hidden, " +
            std::to_string(left_out.binary) + " binary, " + std::to_string(left_out.others) +
            " other";
    if (left_out.runs > 0) text += ", " + std::to_string(left_out.runs) + " folders of runs";
  }
  return text + ")";
}

std::unique_ptr<octavo::TextFiles> open_texts(const char* option, const FullOptions& options,
                                              const std::vector<std::string>& names) {
  // With a budget the texts of streams may take a part of it only.
  const std::size_t memory = options.memory_budget == 0
                                 ? options.map_above
                                 : std::min(options.map_above, options.memory_budget / 8);
  auto files = std::make_unique<octavo::TextFiles>(names, memory);
  if (join_names(names).size() > octavo::most_corpus_name_bytes) {
    throw octavo::ConfigError(
        std::string(option) + ": the names have " + std::to_string(join_names(names).size()) +
            " bytes, expected at most " + std::to_string(octavo::most_corpus_name_bytes),
        "name the folder that they are in");
  }
  return files;
}

Text text_of(const char* option, const FullOptions& options,
             const std::vector<std::string>& names) {
  auto files = open_texts(option, options, names);
  Text text{nullptr, files.get(), told(names, *files), join_names(names)};
  if (files->size() == 0) {
    throw octavo::DataError("corpus " + printable(files->name()) + " is empty", "name a text file");
  }
  text.source = std::move(files);
  return text;
}

}  // namespace

bool is_read_once(const std::string& name) {
  return name == "-" || name == "/dev/stdin" || name.starts_with("/dev/fd/") ||
         name.starts_with("/proc/self/fd/") || octavo::is_stream(name);
}

Text find_text(const FullOptions& options) {
  std::vector<std::string> names = options.data;
  if (names.empty() && options.wants_shakespeare) {
    if (const auto path = find_shakespeare(options.dry_run)) names.push_back(*path);
  }
  if (!names.empty()) return text_of("--data", options, names);
  return {std::make_unique<octavo::MemorySource>("the built-in text",
                                                 std::as_bytes(std::span(octavo::soliloquy))),
          nullptr, "the built-in text", ""};
}

Text find_validation(const FullOptions& options) {
  return text_of("--val", options, options.validation);
}

octavo::DocumentBorders borders_of(const FullOptions& options, const Text& text) {
  using octavo::DocumentBorders;
  if (options.documents.empty()) return {};
  if (options.documents == "line") return DocumentBorders::lines();
  if (options.documents != "file") return DocumentBorders::markers(options.documents.substr(4));
  return DocumentBorders::places(text.files == nullptr ? std::vector<std::size_t>()
                                                       : text.files->file_ends());
}

std::string documents_of(const FullOptions& options, const Text& text) {
  if (options.documents != "file") return options.documents;
  std::string ends;
  for (const std::size_t end :
       text.files == nullptr ? std::vector<std::size_t>() : text.files->file_ends()) {
    ends += std::to_string(end) + ' ';
  }
  return "file " + sha256(ends).substr(0, 16);
}

WatchedText::WatchedText(const octavo::ByteSource& text, std::string doing)
    : ByteSource(text.name()),
      text_(text),
      doing_(std::move(doing)),
      terminal_(::isatty(STDOUT_FILENO) == 1) {}

void WatchedText::read(std::size_t offset, std::span<std::byte> bytes) const {
  text_.read(offset, bytes);
  if (caught_signal() != 0) {
    erase();
    throw Interrupted{caught_signal(), "stopped while reading the text; no tokens are kept"};
  }
  const auto now = Clock::now();
  if (!terminal_ || now - last_drawn_ < std::chrono::milliseconds(100)) return;
  last_drawn_ = now;
  drawn_ = true;
  const std::size_t done = offset + bytes.size();
  std::printf("\r\x1b[K%s: %.0f%% of %s, %s/s", doing_.c_str(),
              100 * static_cast<double>(done) / static_cast<double>(size()),
              readable_bytes(size()).c_str(), readable_bytes(speed(done)).c_str());
  std::fflush(stdout);
}

std::size_t WatchedText::speed(std::size_t bytes) const {
  return static_cast<std::size_t>(static_cast<double>(bytes) / std::max(seconds(), 1e-3));
}

void WatchedText::erase() const {
  if (std::exchange(drawn_, false)) print("\r\x1b[K");
}

}  // namespace support
