// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/files/byte_source.hpp>
#include <octavo/files/file_kind.hpp>
#include <octavo/files/file_stamp.hpp>
#include <octavo/files/list_files_recursive.hpp>
#include <octavo/files/stream.hpp>

namespace OCTAVO_NAMESPACE {

/// Text files and folders as one text: the files in the order of the list, the files of a folder
/// sorted by the bytes of their paths (see list_files_recursive). A file that does not end with a
/// line feed gets one, unless it is the last. Binary files in folders (a zero byte among the first
/// 8000, git's rule) are left out; files named in the list are always taken. Files are opened one
/// at a time, when they are read. A stream in the list (see is_stream; "-" is standard input) is
/// read to its end by the constructor.
class TextFiles final : public ByteSource {
 public:
  /// What was left out in folders.
  struct LeftOut {
    std::size_t hidden = 0;
    std::size_t binary = 0;
    std::size_t others = 0;  ///< symbolic links, FIFOs, sockets, devices
    std::size_t runs = 0;    ///< folders to which a run is saved
  };

  /// Error of code no_input if something cannot be read, usage if a file is named twice; DataError
  /// for a folder without texts. Up to `stream_memory` bytes of each stream are kept in memory; a
  /// longer stream is kept in a file, see SpooledSource.
  explicit TextFiles(std::span<const std::string> names,
                     std::size_t stream_memory = std::size_t{1} << 26,
                     FileSystem& files = real_file_system());

  std::size_t size() const noexcept override { return size_; }
  std::size_t file_count() const noexcept { return parts_.size(); }
  const LeftOut& left_out() const noexcept { return left_out_; }
  /// Whether a part is a stream, which cannot be read again.
  bool has_streams() const noexcept { return has_streams_; }
  /// The ends of the files, as offsets in the whole text.
  std::vector<std::size_t> file_ends() const;
  /// The paths of the files, - for standard input, in their order.
  std::vector<std::string> paths() const {
    std::vector<std::string> paths;
    for (const Part& part : parts_) paths.push_back(part.path);
    return paths;
  }
  /// Bytes of memory used by streams.
  std::size_t memory_bytes() const noexcept;

  OCTAVO_INLINE void read(std::size_t offset, std::span<std::byte> bytes) const override;

  /// Inode, size and times of every file, as text: equal stamps are taken to mean an equal text.
  /// Empty if there are streams.
  std::string stamp() const;

  /// DataError, naming the file, if a file has changed since construction.
  void check_unchanged() const;

 private:
  struct Part {
    std::string path;
    FileStamp stamp;
    bool line_feed = false;                       ///< whether a line feed is added
    std::size_t begin = 0;                        ///< in the whole text
    std::shared_ptr<const SpooledSource> stream;  ///< null: a file
  };

  [[noreturn]] static void refuse_changed(const Part& part);

  void add_folder(const std::string& folder);

  void add_file(const std::string& path, const std::string& name);

  /// A compressed file or a binary document would be learned byte by byte.
  static void require_text(const FileSource& source);

  /// `name`: the name as given.
  void add(std::string path, const FileSource& source, const std::string& name);

  void add_stream(const std::string& name);

  /// What the environment names, as std::filesystem::temp_directory_path does; empty if that is no
  /// folder.
  static std::string temporary_folder();

  static bool is_binary(const FileSource& source);

  const ByteSource& open(const Part& part) const;

  struct Seen {
    std::string path;
    const std::string* name;
  };

  FileSystem& files_;
  std::size_t stream_memory_;
  bool has_streams_ = false;
  std::vector<Part> parts_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, Seen> seen_;  ///< by device and inode
  LeftOut left_out_;
  std::size_t size_ = 0;
  mutable std::unique_ptr<FileSource> open_;  ///< the file read last
  mutable const Part* open_part_ = nullptr;
};

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE TextFiles::TextFiles(std::span<const std::string> names, std::size_t stream_memory,
                                   FileSystem& files)
    : ByteSource(names.size() == 1 ? names.front() : "texts"),
      files_(files),
      stream_memory_(stream_memory) {
  for (const std::string& name : names) {
    if (name == "-" || is_stream(name, files)) {
      add_stream(name);
    } else if (file_stamp(name).is_folder) {
      add_folder(name);
    } else {
      add_file(name, name);
    }
  }
  seen_.clear();
  if (!parts_.empty()) parts_.back().line_feed = false;
  for (Part& part : parts_) {
    part.begin = size_;
    size_ += part.stamp.size + (part.line_feed ? 1 : 0);
  }
}

OCTAVO_INLINE std::vector<std::size_t> TextFiles::file_ends() const {
  std::vector<std::size_t> ends;
  for (const Part& part : parts_) {
    ends.push_back(part.begin + part.stamp.size + (part.line_feed ? 1 : 0));
  }
  return ends;
}

OCTAVO_INLINE std::size_t TextFiles::memory_bytes() const noexcept {
  std::size_t bytes = 0;
  for (const Part& part : parts_) {
    bytes += part.stream == nullptr ? 0 : part.stream->memory_bytes();
  }
  return bytes;
}

OCTAVO_INLINE void TextFiles::read(std::size_t offset, std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    const auto after =
        std::upper_bound(parts_.begin(), parts_.end(), offset,
                         [](std::size_t place, const Part& part) { return place < part.begin; });
    const Part& part = *std::prev(after);
    const std::size_t within = offset - part.begin;
    std::size_t count = 1;
    if (within == part.stamp.size) {
      bytes.front() = std::byte{'\n'};
    } else {
      count =
          static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), part.stamp.size - within));
      open(part).read(within, bytes.first(count));
    }
    bytes = bytes.subspan(count);
    offset += count;
  }
}

OCTAVO_INLINE std::string TextFiles::stamp() const {
  std::string text;
  if (has_streams_) return text;
  for (const Part& part : parts_) {
    text += detail::concat({part.stamp.inode, ' ', part.stamp.size, ' ', part.stamp.written, ' ',
                            part.stamp.changed, '\n'});
  }
  return text;
}

OCTAVO_INLINE void TextFiles::check_unchanged() const {
  for (const Part& part : parts_) {
    if (part.stream == nullptr && file_stamp(part.path) != part.stamp) refuse_changed(part);
  }
}

[[noreturn]] OCTAVO_INLINE void TextFiles::refuse_changed(const Part& part) {
  throw DataError(
      detail::concat({"text ", printable(part.path), " changed while it was being read"}),
      "begin again when nobody writes to it");
}

OCTAVO_INLINE void TextFiles::add_folder(const std::string& folder) {
  FileListing below = list_files_recursive(folder);
  left_out_.hidden += below.hidden;
  left_out_.others += below.others;
  left_out_.runs += below.runs;
  std::size_t binary = 0, taken = 0;
  for (std::string& path : below.paths) {
    const FileSource source(path, files_);
    if (is_binary(source)) {
      ++binary;
    } else {
      add(std::move(path), source, folder);
      ++taken;
    }
  }
  left_out_.binary += binary;
  if (taken > 0) return;
  throw DataError(detail::concat({"folder ", printable(folder), " holds no text: ", binary,
                                  " binary files, ", below.hidden, " hidden names and ",
                                  below.others, " links or devices were left out"}),
                  "name text files, or a folder that holds some");
}

OCTAVO_INLINE void TextFiles::add_file(const std::string& path, const std::string& name) {
  const FileSource source(path, files_);
  require_text(source);
  add(path, source, name);
}

OCTAVO_INLINE void TextFiles::require_text(const FileSource& source) {
  const FileKind kind = kind_of_file(start_of(source));
  if (kind.name.empty()) return;
  std::string hint = "make a text of it first";
  if (!kind.unpack.empty()) hint += detail::concat({", for instance with ", kind.unpack});
  throw DataError(
      detail::concat({"text ", printable(source.name()), " is ", kind.name, ", expected a text"}),
      hint);
}

OCTAVO_INLINE void TextFiles::add(std::string path, const FileSource& source,
                                  const std::string& name) {
  const FileStamp stamp = file_stamp(path);
  const auto [twin, is_new] = seen_.try_emplace({stamp.device, stamp.inode}, Seen{path, &name});
  // Two names (hard links) of a file within one folder count as two files.
  if (!is_new && twin->second.name != &name) {
    throw ConfigError(detail::concat({"text ", printable(path), " is ",
                                      printable(twin->second.path), " once more"}),
                      "name each text once");
  }
  if (stamp.size != source.size()) refuse_changed({path, stamp, false, 0, nullptr});
  if (stamp.size == 0) return;
  std::byte last{};
  source.read(stamp.size - 1, {&last, 1});
  parts_.push_back({std::move(path), stamp, last != std::byte{'\n'}, 0, nullptr});
}

OCTAVO_INLINE std::string TextFiles::temporary_folder() {
  std::string folder = "/tmp";
  for (const char* const name : {"TMPDIR", "TMP", "TEMP", "TEMPDIR"}) {
    if (const char* const value = std::getenv(name)) {
      folder = value;
      break;
    }
  }
  return file_stamp(folder).is_folder ? folder : std::string();
}

OCTAVO_INLINE void TextFiles::add_stream(const std::string& name) {
  const std::string folder = temporary_folder();
  const FileStamp stamp = file_stamp(name == "-" ? "/dev/stdin" : name);
  if (!seen_.try_emplace({stamp.device, stamp.inode}, Seen{name, &name}).second) {
    throw ConfigError(detail::concat({"text ", printable(name), " is named twice"}),
                      "name each text once");
  }
  const auto spooled = [&] {
    if (name != "-") {
      return std::make_shared<const SpooledSource>(name, stream_memory_, folder,
                                                   SpooledSource::most_bytes, files_);
    }
    return std::make_shared<const SpooledSource>("standard input", detail::standard_input(files_),
                                                 stream_memory_, folder);
  }();
  has_streams_ = true;
  if (spooled->size() == 0) return;
  std::byte last{};
  spooled->read(spooled->size() - 1, {&last, 1});
  FileStamp size;
  size.size = spooled->size();
  parts_.push_back({name, size, last != std::byte{'\n'}, 0, spooled});
}

OCTAVO_INLINE bool TextFiles::is_binary(const FileSource& source) {
  std::array<std::byte, 8000> bytes;
  const auto first = std::span(bytes).first(std::min(bytes.size(), source.size()));
  source.read(0, first);
  return std::find(first.begin(), first.end(), std::byte{0}) != first.end();
}

OCTAVO_INLINE const ByteSource& TextFiles::open(const Part& part) const {
  if (part.stream != nullptr) return *part.stream;
  if (open_ == nullptr || open_part_ != &part) {
    open_ = std::make_unique<FileSource>(part.path, files_);
    open_part_ = &part;
    if (open_->size() != part.stamp.size) refuse_changed(part);
  }
  return *open_;
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
