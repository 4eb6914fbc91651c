// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <octavo/base/config.hpp>
#include <octavo/files/byte_source.hpp>

namespace OCTAVO_NAMESPACE {

/// The kind of a file by its first bytes, if it is neither a text nor a format of Octavo.
struct FileKind {
  std::string_view name;    ///< with an article, "a gzip file"; empty: unknown
  std::string_view unpack;  ///< the command that turns it into text; empty: there is none
};

/// Whether a file with these first bytes is a text: it has no control characters other than white
/// space.
constexpr bool begins_as_text(std::string_view start) noexcept {
  constexpr auto is_text = [](char symbol) {
    const auto byte = static_cast<unsigned char>(symbol);
    return byte >= 0x20 ? byte != 0x7f
                        : byte == '\n' || byte == '\r' || byte == '\t' || byte == '\f';
  };
  return !start.empty() && std::all_of(start.begin(), start.end(), is_text);
}

/// Whether a file with these first bytes is a text in UTF-16: a byte order mark, and an ASCII
/// character, such as a space or a line feed, among the first characters.
constexpr bool begins_as_utf16(std::string_view start) noexcept {
  const bool little = start.starts_with("\xff\xfe");
  if (!little && !start.starts_with("\xfe\xff")) return false;
  for (std::size_t at = 2; at + 1 < start.size(); at += 2) {
    const auto high = static_cast<unsigned char>(start[little ? at + 1 : at]);
    const auto low = static_cast<unsigned char>(start[little ? at : at + 1]);
    if (high == 0 && low > 0 && low < 0x80) return true;
  }
  return false;
}

/// Recognises a file by its first bytes.
constexpr FileKind kind_of_file(std::string_view start) noexcept {
  using namespace std::string_view_literals;
  struct Magic {
    std::string_view bytes;
    FileKind kind;
  };
  constexpr Magic all[] = {{"\x1f\x8b"sv, {"a gzip file", "gunzip"}},
                           {"BZh"sv, {"a bzip2 file", "bunzip2"}},
                           {"\xfd"
                            "7zXZ\0"sv,
                            {"an xz file", "unxz"}},
                           {"\x28\xb5\x2f\xfd"sv, {"a zstd file", "unzstd"}},
                           {"\x04\x22\x4d\x18"sv, {"an lz4 file", "unlz4"}},
                           {"\x1f\x9d"sv, {"a compressed file", "uncompress"}},
                           {"7z\xbc\xaf\x27\x1c"sv, {"a 7-Zip archive", "7z x"}},
                           {"Rar!\x1a\x07"sv, {"a RAR archive", "unrar x"}},
                           {"PK\x03\x04"sv, {"a zip archive", "unzip"}},
                           {"%PDF-"sv, {"a PDF document", "pdftotext"}},
                           {"{\\rtf"sv, {"an RTF document", {}}},
                           {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"sv, {"an old Office document", {}}},
                           {"PAR1"sv, {"a Parquet file", {}}},
                           {"ARROW1"sv, {"an Arrow file", {}}},
                           {"SQLite format 3\0"sv, {"an SQLite database", {}}},
                           {"\x89HDF\r\n\x1a\n"sv, {"an HDF5 file", {}}},
                           {"\x93NUMPY"sv, {"a NumPy file", {}}},
                           {"\x89PNG"sv, {"a picture", {}}},
                           {"\xff\xd8\xff"sv, {"a picture", {}}},
                           {"GIF8"sv, {"a picture", {}}},
                           {"\x7f"
                            "ELF"sv,
                            {"a program", {}}},
                           {"GGUF"sv, {"a GGUF model", {}}},
                           {"lmgg"sv, {"an old GGML model", {}}},
                           {"fmgg"sv, {"an old GGML model", {}}},
                           {"tjgg"sv, {"an old GGML model", {}}},
                           {"\x80\x02"sv, {"a Python pickle", {}}},
                           {"\x80\x03"sv, {"a Python pickle", {}}},
                           {"\x80\x04"sv, {"a Python pickle", {}}},
                           {"\x80\x05"sv, {"a Python pickle", {}}}};
  // A safetensors file: eight bytes of length, which may equal another format's magic number (640
  // is a pickle's), then JSON.
  if (start.size() > 8 && start[8] == '{' && start[6] == '\0' && start[7] == '\0') {
    return {"a safetensors file", {}};
  }
  const bool is_text =
      begins_as_text(start);  // such as a text about a format, which starts with the format's name
  for (const Magic& magic : all) {
    const bool as_text = magic.bytes[0] == '%' || magic.bytes[0] == '{';
    if (start.starts_with(magic.bytes) && (!is_text || as_text)) return magic.kind;
  }
  if (begins_as_utf16(start)) return {"a text in UTF-16", "iconv -f UTF-16 -t UTF-8"};
  if (start.size() > 262 && start.substr(257, 5) == "ustar") return {"a tar archive", "tar -xf"};
  return {};
}

/// The first bytes of a file, as many as kind_of_file needs.
OCTAVO_INLINE std::string start_of(const ByteSource& source);

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE std::string start_of(const ByteSource& source) {
  std::string start(std::min<std::size_t>(source.size(), 512), '\0');
  source.read(0, std::as_writable_bytes(std::span(start)));
  return start;
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
