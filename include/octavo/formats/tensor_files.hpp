// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/files/byte_source.hpp>
#include <octavo/formats/folder_hint.hpp>
#include <octavo/formats/json_object.hpp>
#include <octavo/formats/safetensors_reader.hpp>

namespace OCTAVO_NAMESPACE {

/// The tensors of a folder: those of "model.safetensors", or, if it is missing, of the files listed
/// in "model.safetensors.index.json", which are all opened. The index's "weight_map" must map
/// exactly the tensors of these files to their files.
class TensorFiles {
 public:
  /// Error of code no_input if a file cannot be opened, FormatError if one violates its format.
  explicit TensorFiles(const std::string& folder, FileSystem& files = real_file_system())
      : folder_(folder) {
    const std::string single = detail::concat({folder, "/model.safetensors"});
    try {
      add(single, files);
      listing_ = single;
    } catch (const IoError& error) {
      if (error.reason() != std::errc::no_such_file_or_directory) throw;
      add_listed(single, files);
    }
  }

  /// The file with this tensor; null if there is none.
  const SafetensorsReader* find(const std::string& name) const {
    const auto found = holders_.find(name);
    return found == holders_.end() ? nullptr : found->second;
  }

  /// The names of all tensors, with their files.
  const std::map<std::string, const SafetensorsReader*>& holders() const noexcept {
    return holders_;
  }

  /// See SafetensorsReader::restore_sums; `names`: the tensors that Octavo wrote. A file whose
  /// content another program has changed has no checksums.
  void restore_sums(std::span<const std::string> names) {
    for (File& file : files_) file.reader.restore_sums(names);
  }

  /// Size of all files together.
  std::size_t bytes() const noexcept {
    std::size_t sum = 0;
    for (const File& file : files_) sum += file.source.size();
    return sum;
  }

  /// Throws a FormatError about the whole, with the name of the only file or of the index.
  [[noreturn]] void fail(const std::string& what, std::string hint = {}) const {
    throw FormatError(detail::concat({"cannot load ", printable(listing_), ": ", what}),
                      std::move(hint));
  }

 private:
  struct File {
    File(const std::string& path, FileSystem& files) : source(path, files), reader(source) {}

    FileSource source;
    SafetensorsReader reader;
  };

  const SafetensorsReader& add(const std::string& path, FileSystem& files) {
    const SafetensorsReader& reader = files_.emplace_back(path, files).reader;
    for (const auto& [name, tensor] : reader.tensors()) {
      const auto [found, added] = holders_.emplace(name, &reader);
      if (!added)
        reader.fail(detail::concat({"tensor ", printable(name), " is in another file as well"}));
    }
    return reader;
  }

  void add_listed(const std::string& single, FileSystem& files) {
    listing_ = detail::concat({single, ".index.json"});
    const JsonObject index = open_index(single, files);
    const auto& map = index.field("weight_map");
    if (!map.is_object() || map.empty())
      index.fail("'weight_map' is not a list of tensors and files");
    std::map<std::string, const SafetensorsReader*> by_name;
    for (const auto& [tensor, file] : map.items()) {
      if (!file.is_string())
        index.fail(detail::concat({"tensor ", printable(tensor), ": its file is not a name"}));
      by_name[file.get<std::string>()] = nullptr;
    }
    if (by_name.size() > most_files) {
      index.fail(
          detail::concat({"it lists ", by_name.size(), " files, expected at most ", most_files}));
    }
    for (auto& [name, reader] : by_name) {
      if (!is_plain_name(name)) {
        index.fail(detail::concat(
            {"file ", printable(name), ": expected the name of a file of this folder"}));
      }
      reader = &add(detail::concat({folder_, "/", name}), files);
    }
    for (const auto& [tensor, file] : map.items()) {
      const SafetensorsReader* const reader = by_name.at(file.get<std::string>());
      if (!reader->tensors().contains(tensor)) {
        reader->fail(detail::concat(
            {"tensor ", printable(tensor), " is missing, though the index places it here"}));
      }
    }
    for (const auto& [tensor, reader] : holders_) {
      if (!map.contains(tensor)) {
        reader->fail(detail::concat({"tensor ", printable(tensor), " is not listed in the index"}));
      }
    }
  }

  JsonObject open_index(const std::string& single, FileSystem& files) const {
    try {
      return JsonObject(FileSource(listing_, files));
    } catch (const IoError& error) {
      if (error.reason() != std::errc::no_such_file_or_directory) throw;
      throw IoError(
          ErrorCode::no_input,
          detail::concat({"cannot open ", printable(single), " nor ", printable(listing_)}),
          error.reason(),
          detail::folder_hint(folder_, "name a folder with a model of Hugging Face's"));
    }
  }

  /// Whether a name stays within the folder.
  static bool is_plain_name(std::string_view name) {
    return name.ends_with(".safetensors") && !name.starts_with('.') && name.size() <= 255 &&
           name.find_first_of(std::string_view("/\\\0", 3)) == name.npos;
  }

  static constexpr std::size_t most_files = 200;

  std::string folder_;
  std::string listing_;
  std::list<File> files_;
  std::map<std::string, const SafetensorsReader*> holders_;
};

}  // namespace OCTAVO_NAMESPACE
