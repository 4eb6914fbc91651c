// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/utf8.hpp>
#include <octavo/checkpoint/training_metadata.hpp>
#include <octavo/data/document_borders.hpp>
#include <octavo/data/sample_text.hpp>
#include <octavo/data/text_files.hpp>
#include <octavo/files/byte_source.hpp>
#include <octavo/files/stream.hpp>
#include <octavo/runs/corpus_options.hpp>
#include <octavo/runs/run_callbacks.hpp>
#include <octavo/runs/sha256.hpp>

namespace OCTAVO_NAMESPACE {

/// Whether a path can be read only once: standard input, a FIFO, a file opened by a shell.
inline bool is_read_once(const std::string& name) {
  return name == "-" || name == "/dev/stdin" || name.starts_with("/dev/fd/") ||
         name.starts_with("/proc/self/fd/") || is_stream(name);
}

/// A text that reports its progress to RunCallbacks::reading.
class ObservedText final : public ByteSource {
 public:
  /// `text` and `callbacks` must outlive this object. `purpose`: the purpose of reading, for the
  /// callback.
  ObservedText(const ByteSource& text, const RunCallbacks& callbacks, std::string_view purpose)
      : ByteSource(text.name()), text_(text), callbacks_(callbacks), purpose_(purpose) {}

  std::size_t size() const noexcept override { return text_.size(); }
  void read(std::size_t offset, std::span<std::byte> bytes) const override {
    text_.read(offset, bytes);
    if (callbacks_.reading) callbacks_.reading(purpose_, offset + bytes.size(), size());
  }

 private:
  const ByteSource& text_;
  const RunCallbacks& callbacks_;
  std::string_view purpose_;
};

/// The opened text of a run: files, streams, or the built-in text.
class CorpusText {
 public:
  /// The built-in text.
  CorpusText()
      : source_(std::make_unique<MemorySource>("the built-in text",
                                               std::as_bytes(std::span(sample_text)))),
        name_("the built-in text") {}

  /// At least one file or folder: see TextFiles, also for errors. `setting`: the name of the
  /// option, for messages; `stream_memory`: texts from streams of up to this many bytes are kept in
  /// memory. DataError if the text is empty.
  CorpusText(const char* setting, const std::vector<std::string>& names, std::size_t stream_memory)
      : names_(join_names(names)) {
    auto files = std::make_unique<TextFiles>(names, stream_memory);
    if (names_.size() > most_corpus_name_bytes) {
      throw ConfigError(detail::concat({setting, ": the names have ", names_.size(),
                                        " bytes, expected at most ", most_corpus_name_bytes}),
                        "name the folder that they are in");
    }
    files_ = files.get();
    name_ = name_for_people(names, *files);
    if (files->size() == 0) {
      throw DataError(detail::concat({"corpus ", printable(files->name()), " is empty"}),
                      "name a text file");
    }
    source_ = std::move(files);
  }

  const ByteSource& source() const noexcept { return *source_; }
  /// The files and streams; null: the built-in text.
  const TextFiles* files() const noexcept { return files_; }
  std::size_t size() const noexcept { return source_->size(); }
  bool is_built_in() const noexcept { return files_ == nullptr; }
  /// For people.
  const std::string& name() const noexcept { return name_; }
  /// The names of the files, see join_names(); empty: the built-in text.
  const std::string& names() const noexcept { return names_; }
  /// A hash that identifies an unchanged text; empty for a stream.
  std::string stamp() const {
    return files_ == nullptr || files_->has_streams() ? "" : sha256(files_->stamp());
  }
  /// Memory of texts from streams.
  std::size_t stream_bytes() const { return files_ == nullptr ? 0 : files_->memory_bytes(); }
  /// DataError, naming the file, if a file has changed since construction.
  void check_unchanged() const {
    if (files_ != nullptr) files_->check_unchanged();
  }

  /// The borders of documents, according to CorpusOptions::documents.
  DocumentBorders borders(const std::string& documents) const {
    if (documents.empty()) return {};
    if (documents == "line") return DocumentBorders::lines();
    if (documents != "file") return DocumentBorders::markers(documents.substr(4));
    return DocumentBorders::places(file_ends());
  }
  /// The borders in words, for CorpusIdentity: equal words mean equal borders in the same text.
  std::string division(const std::string& documents) const {
    if (documents != "file") return documents;
    std::string ends;
    for (const std::size_t end : file_ends()) ends += detail::concat({end, ' '});
    return "file " + sha256(ends).substr(0, 16);
  }
  /// The first six characters of the text's first document.
  std::string beginning(const DocumentBorders& borders) const {
    constexpr std::size_t most = 6;
    std::string bytes(std::min<std::size_t>(4 * most, size()), '\0');
    source_->read(0, std::as_writable_bytes(std::span(bytes)));
    const auto border = borders.first_in(bytes, 0);
    if (border && border->begin > 0) bytes.resize(border->begin);
    std::size_t length = 0;
    for (std::size_t i = 0; i < most && length < bytes.size(); ++i) {
      length += character_length(std::string_view(bytes).substr(length));
    }
    return bytes.substr(0, length);
  }

 private:
  std::vector<std::size_t> file_ends() const {
    return files_ == nullptr ? std::vector<std::size_t>() : files_->file_ends();
  }

  static std::string name_for_people(const std::vector<std::string>& names,
                                     const TextFiles& files) {
    constexpr std::size_t most = 3;
    std::string text;
    for (std::size_t i = 0; i < std::min(most, names.size()); ++i) {
      text += (i == 0 ? "" : ", ") + (names[i] == "-" ? "standard input" : names[i]);
    }
    if (names.size() > most) text += detail::concat({" and ", names.size() - most, " more"});
    const TextFiles::LeftOut& out = files.left_out();
    const bool folders = out.hidden + out.binary + out.others + out.runs > 0;
    if (files.file_count() < 2 && !folders) return text;
    text += detail::concat({" (", files.file_count(), " files"});
    if (folders) {
      text += detail::concat(
          {"; left out: ", out.hidden, " hidden, ", out.binary, " binary, ", out.others, " other"});
      if (out.runs > 0) text += detail::concat({", ", out.runs, " folders of runs"});
    }
    return text + ")";
  }

  std::unique_ptr<const ByteSource> source_;
  const TextFiles* files_ = nullptr;  ///< the source; null: the built-in text
  std::string name_;
  std::string names_;
};

}  // namespace OCTAVO_NAMESPACE
