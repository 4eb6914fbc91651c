// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <checkpoint/small_run.hpp>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <octavo/files/file_system.hpp>

namespace octavo_test {

/// One call that changed a folder, or that decides what of it outlives a power cut.
struct Operation {
  enum Kind { create, empty, write, flush, close, rename, rename_folder, unlink, flush_folder };
  Kind kind;
  std::size_t file = 0;  ///< which one, whatever its name
  std::string name = {};
  std::string new_name = {};
  std::size_t offset = 0;
  std::string bytes = {};
};

/// A folder on a disk that forgets: bytes are safe once their file is flushed, names once the
/// folder is, those of the folders in it as well.
class Disk {
 public:
  /// What becomes of bytes that were not flushed.
  enum class Loss { none, all, second_half, content, sector };
  static constexpr std::size_t sector_size = 512;

  explicit Disk(const Contents& safe) {
    for (const auto& [name, bytes] : safe) {
      safe_names_[name] = files_.size();
      files_.push_back({bytes, {}});
    }
  }

  void apply(const Operation& operation) {
    using Kind = Operation::Kind;
    if (operation.file >= files_.size()) files_.resize(operation.file + 1);
    File& file = files_[operation.file];
    switch (operation.kind) {
      case Kind::create:
        names_.push_back({"", operation.name, operation.file});
        break;
      case Kind::rename:
        names_.push_back({operation.name, operation.new_name, operation.file});
        break;
      case Kind::rename_folder:
        names_.push_back({operation.name + "/", operation.new_name + "/", 0});
        break;
      case Kind::unlink:
        names_.push_back({operation.name, "", operation.file});
        break;
      case Kind::empty:
        file.changes.push_back({true, 0, ""});
        break;
      case Kind::write:
        file.changes.push_back({false, operation.offset, operation.bytes});
        break;
      case Kind::flush:
        file = {content(file, Loss::none), {}};
        break;
      case Kind::flush_folder:
        safe_names_ = names_after((std::size_t{1} << names_.size()) - 1);
        names_.clear();
        break;
      case Kind::close:
        break;
    }
  }

  /// Every state in which a power cut may leave the folder: each choice among the names that were
  /// not flushed, with each loss of the bytes that were not.
  std::set<Contents> after_power_cut() const {
    std::set<Contents> states;
    for (std::size_t kept = 0; kept >> names_.size() == 0; ++kept) {
      const auto names = names_after(kept);
      const auto add = [&](Loss loss, std::size_t sector = 0) {
        Contents state;
        for (const auto& [name, file] : names) state[name] = content(files_[file], loss, sector);
        states.insert(std::move(state));
      };
      for (const Loss loss : {Loss::none, Loss::all, Loss::second_half, Loss::content}) add(loss);
      for (std::size_t sector = 0; sector <= longest() / sector_size; ++sector) {
        add(Loss::sector, sector);
      }
    }
    return states;
  }

 private:
  struct Change {
    bool empties;
    std::size_t offset;
    std::string bytes;
  };
  struct File {
    std::string safe;
    std::vector<Change> changes;
  };
  /// An empty name: none. Of a folder and all that is in it they end with a slash.
  struct Renaming {
    std::string from;
    std::string to;
    std::size_t file;
  };

  std::size_t longest() const {
    std::size_t bytes = 0;
    for (const File& file : files_) bytes = std::max(bytes, content(file, Loss::none).size());
    return bytes;
  }

  /// With those renamings that have a bit in `kept`.
  std::map<std::string, std::size_t> names_after(std::size_t kept) const {
    auto names = safe_names_;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if ((kept >> i & 1) == 0) continue;
      if (names_[i].from.ends_with('/')) {
        move_folder(names, names_[i]);
        continue;
      }
      if (!names_[i].from.empty()) names.erase(names_[i].from);
      if (!names_[i].to.empty()) names[names_[i].to] = names_[i].file;
    }
    return names;
  }

  static void move_folder(std::map<std::string, std::size_t>& names, const Renaming& renaming) {
    const auto before = names;
    for (const auto& [name, file] : before) {
      if (!name.starts_with(renaming.from)) continue;
      names.erase(name);
      names[renaming.to + name.substr(renaming.from.size())] = file;
    }
  }

  static std::string content(const File& file, Loss loss, std::size_t sector = 0) {
    std::string bytes = file.safe;
    if (loss == Loss::all) return bytes;
    std::size_t left = 0;
    for (const Change& change : file.changes) left += change.bytes.size();
    if (loss == Loss::second_half) left /= 2;
    for (const Change& change : file.changes) {
      if (change.empties) bytes.clear();
      const std::size_t size = std::min(left, change.bytes.size());
      if (bytes.size() < change.offset + size) bytes.resize(change.offset + size);
      for (std::size_t i = change.offset; i < change.offset + size; ++i) {
        const bool lost =
            loss == Loss::content || (loss == Loss::sector && i / sector_size == sector);
        bytes[i] = lost ? '\0' : change.bytes[i - change.offset];
      }
      left -= size;
    }
    return bytes;
  }

  std::vector<File> files_;
  std::map<std::string, std::size_t> safe_names_;
  std::vector<Renaming> names_;
};

/// The operating system, with a record of what is done to the files of one folder.
class CrashFiles : public octavo::FileSystem {
 public:
  /// What the folder holds is taken to be safe.
  explicit CrashFiles(const Folder& folder)
      : folder_(folder.path()), before_(folder.all_contents()) {
    for (const auto& [name, bytes] : before_) names_.emplace(name, names_.size());
    made_ = names_.size();
  }

  const std::vector<Operation>& operations() const { return operations_; }

  /// The disk after the first operations.
  Disk disk(std::size_t operations) const {
    Disk disk(before_);
    for (std::size_t i = 0; i < operations; ++i) disk.apply(operations_[i]);
    return disk;
  }

  int open(const char* path, int flags, mode_t mode) override {
    const int file = FileSystem::open(path, flags, mode);
    if (file < 0) return file;
    if (path == folder_) {
      opened_[file] = {};
    } else if (const auto name = name_of(path); name && (flags & O_ACCMODE) != O_RDONLY) {
      const bool is_new = !names_.contains(*name);
      if (is_new) {
        names_[*name] = made_;
        record({.kind = Operation::create, .file = made_++, .name = *name});
      }
      opened_[file] = {names_[*name], 0};
      if (!is_new && (flags & O_TRUNC)) {
        record({.kind = Operation::empty, .file = names_[*name]});
      }
    }
    return file;
  }
  int close(int file) override {
    const auto found = opened_.find(file);
    if (found != opened_.end()) {
      if (found->second.file) record({.kind = Operation::close, .file = *found->second.file});
      opened_.erase(found);
    }
    return FileSystem::close(file);
  }
  ssize_t write(int file, const void* bytes, std::size_t count) override {
    const ssize_t done = FileSystem::write(file, bytes, count);
    const auto found = opened_.find(file);
    if (done > 0 && found != opened_.end()) {
      const auto size = static_cast<std::size_t>(done);
      record({.kind = Operation::write,
              .file = found->second.file.value(),
              .offset = found->second.offset,
              .bytes = std::string(static_cast<const char*>(bytes), size)});
      found->second.offset += size;
    }
    return done;
  }
  ssize_t pwrite(int file, const void* bytes, std::size_t count, off_t offset) override {
    const ssize_t done = FileSystem::pwrite(file, bytes, count, offset);
    const auto found = opened_.find(file);
    if (done > 0 && found != opened_.end()) {
      const auto size = static_cast<std::size_t>(done);
      record({.kind = Operation::write,
              .file = found->second.file.value(),
              .offset = static_cast<std::size_t>(offset),
              .bytes = std::string(static_cast<const char*>(bytes), size)});
    }
    return done;
  }
  int fsync(int file) override {
    const auto found = opened_.find(file);
    if (found != opened_.end() && found->second.file) {
      record({.kind = Operation::flush, .file = *found->second.file});
    } else if (found != opened_.end()) {
      record({.kind = Operation::flush_folder});
    }
    return 0;
  }
  int rename(const char* from, const char* to) override {
    const int result = FileSystem::rename(from, to);
    if (result == 0) {
      const std::string name = name_of(from).value(), new_name = name_of(to).value();
      if (!names_.contains(name)) {
        rename_folder(name, new_name);
        return result;
      }
      const std::size_t file = names_.at(name);
      names_.erase(name);
      names_[new_name] = file;
      record({.kind = Operation::rename, .file = file, .name = name, .new_name = new_name});
    }
    return result;
  }
  int unlink(const char* path) override {
    const int result = FileSystem::unlink(path);
    if (result == 0) {
      const std::string name = name_of(path).value();
      record({.kind = Operation::unlink, .file = names_.at(name), .name = name});
      names_.erase(name);
    }
    return result;
  }

 private:
  struct Opened {
    std::optional<std::size_t> file;  ///< none: the folder itself
    std::size_t offset = 0;
  };

  /// None for files elsewhere and for the lock, which says nothing after a restart.
  std::optional<std::string> name_of(const std::string& path) const {
    if (!path.starts_with(folder_ + "/") || path.ends_with("/.lock")) return std::nullopt;
    return path.substr(folder_.size() + 1);
  }

  void rename_folder(const std::string& name, const std::string& new_name) {
    const auto before = names_;
    for (const auto& [inner, file] : before) {
      if (!inner.starts_with(name + "/")) continue;
      names_.erase(inner);
      names_[new_name + inner.substr(name.size())] = file;
    }
    record({.kind = Operation::rename_folder, .name = name, .new_name = new_name});
  }

  void record(Operation operation) { operations_.push_back(std::move(operation)); }

  std::string folder_;
  Contents before_;
  std::vector<Operation> operations_;
  std::map<std::string, std::size_t> names_;
  std::size_t made_ = 0;
  std::map<int, Opened> opened_;
};

}  // namespace octavo_test
