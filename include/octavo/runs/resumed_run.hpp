// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <system_error>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/checkpoint/earlier_runs.hpp>
#include <octavo/checkpoint/named_checkpoint.hpp>
#include <octavo/checkpoint/training_checkpoint.hpp>
#include <octavo/files/byte_source.hpp>
#include <octavo/files/folder_lock.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

/// Undoes the unfinished move of a killed process in a run's folder, unless another process works
/// there.
inline void recover_run(const std::string& folder) {
  const EarlierRuns earlier(folder);
  if (!earlier.is_unfinished()) return;
  try {
    const FolderLock lock(folder);
    earlier.recover();
  } catch (const Error&) {
  }
}

/// The checkpoint at `path`: the file itself, or the newest valid checkpoint of a folder.
inline std::string checkpoint_of(const std::string& path,
                                 const std::function<void(const Error&)>& skipped,
                                 const CheckpointKinds& kinds) {
  std::error_code unknown;  // opening it will report the error
  if (!std::filesystem::is_directory(path, unknown)) return path;
  recover_run(path);
  return newest_valid_checkpoint(path, skipped, kinds).path;
}

}  // namespace detail

/// The checkpoint from which a run continues. Not copyable.
class ResumedRun {
 public:
  /// `path`: a checkpoint, or a folder, whose newest valid checkpoint is used; `skipped` is called
  /// for invalid ones. `kinds`: of a run with a part or an optimizer of the user's. Error of code
  /// no_input if there is none; FormatError if the named checkpoint is invalid.
  explicit ResumedRun(const std::string& path,
                      const std::function<void(const Error&)>& skipped = {},
                      const CheckpointKinds& kinds = {})
      : source_(detail::checkpoint_of(path, skipped, kinds)), file_(source_, kinds) {}
  ResumedRun(const ResumedRun&) = delete;
  ResumedRun& operator=(const ResumedRun&) = delete;

  const std::string& path() const noexcept { return source_.name(); }
  const CheckpointInfo& info() const noexcept { return file_.info(); }
  const CheckpointFile& file() const noexcept { return file_; }

  /// The path of the checkpoint.
  std::string folder() const {
    const std::string folder = std::filesystem::path(path()).parent_path().string();
    return folder.empty() ? "." : folder;
  }
  /// Whether the checkpoint is in `folder`, under any name of the folder.
  bool lies_in(const std::string& other) const {
    std::error_code unknown;
    return std::filesystem::equivalent(folder(), other, unknown);
  }

  /// DataError, with the differences, unless `corpus` is the text that the run was trained on.
  void require_same_text(const CorpusIdentity& corpus) const {
    const CorpusIdentity& before = info().corpus;
    if (corpus.same_text(before)) return;
    const auto refuse = [&](const char* what, const std::string& got, const std::string& expected) {
      throw DataError(detail::concat({"cannot resume ", printable(path()), ": the ", what,
                                      " another: got ", got, ", expected ", expected}),
                      "name the same text, or allow another one");
    };
    const auto of = [](std::size_t bytes, const char* with, const std::string& hash) {
      return hash.empty() ? "none" : detail::concat({bytes, with, hash.substr(0, 12), "..."});
    };
    if (corpus.bytes != before.bytes || corpus.hash != before.hash) {
      refuse("text is", of(corpus.bytes, " bytes with SHA-256 ", corpus.hash),
             of(before.bytes, " with ", before.hash));
    }
    if (corpus.validation_hash != before.validation_hash) {
      refuse("validation text is",
             of(corpus.validation_bytes, " bytes with SHA-256 ", corpus.validation_hash),
             of(before.validation_bytes, " with ", before.validation_hash));
    }
    refuse("division into documents is", printable(corpus.documents), printable(before.documents));
  }

 private:
  FileSource source_;
  CheckpointFile file_;
};

}  // namespace OCTAVO_NAMESPACE
