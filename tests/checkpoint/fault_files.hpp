// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <optional>
#include <ostream>

#include <octavo/files/file_system.hpp>

namespace octavo_test {

enum class Call {
  open,
  close,
  pread,
  write,
  pwrite,
  mmap,
  fstat,
  stat,
  fchmod,
  fsync,
  flock,
  rename,
  unlink
};

/// What goes wrong: call `number` (from 0) of those that it concerns.
struct Fault {
  int number = 0;
  int error = 0;         ///< errno of the failing call; 0: it reads or writes less than asked for
  bool half = false;     ///< such a call moves half of the bytes, not one
  bool forever = false;  ///< and so do all calls after it
  bool kills = false;    ///< the process, instead of the call
  std::optional<Call> only = {};  ///< the one kind of call that it concerns

  friend std::ostream& operator<<(std::ostream& out, const Fault& fault) {
    return out << "call " << fault.number << ", errno " << fault.error
               << (fault.half ? ", half" : "") << (fault.forever ? ", forever" : "");
  }
};

/// The operating system with one thing wrong. A close that fails has closed the file, as on Linux.
/// "Forever" ends after 1000 interruptions: nobody sends signals without end. Flushing is left out:
/// these tests outlive their files.
class FaultFiles : public octavo::FileSystem {
 public:
  static constexpr int most_interruptions = 1000;

  /// From the next call on.
  void inject(const Fault& fault) { fault_ = fault, seen_ = 0; }
  void relent() { fault_.reset(); }

  bool fired() const { return first_.has_value(); }
  /// The call that went wrong first, and whether on a folder.
  Call first() const { return *first_; }
  bool on_folder() const { return on_folder_; }
  int calls() const { return calls_; }
  int open_files() const { return open_files_; }

  int open(const char* path, int flags, mode_t mode) override {
    if (fails(Call::open, (flags & O_DIRECTORY) != 0)) return -1;
    const int file = FileSystem::open(path, flags, mode);
    if (file >= 0) ++open_files_;
    return file;
  }
  int close(int file) override {
    const bool failing = fails(Call::close, is_folder(file));
    const int result = FileSystem::close(file);
    if (result == 0) --open_files_;
    if (!failing) return result;
    errno = fault_->error;
    return -1;
  }
  ssize_t pread(int file, void* bytes, std::size_t count, off_t offset) override {
    if (fails(Call::pread)) return -1;
    return FileSystem::pread(file, bytes, cut_short(Call::pread, count), offset);
  }
  ssize_t write(int file, const void* bytes, std::size_t count) override {
    if (fails(Call::write)) return -1;
    return FileSystem::write(file, bytes, cut_short(Call::write, count));
  }
  ssize_t pwrite(int file, const void* bytes, std::size_t count, off_t offset) override {
    if (fails(Call::pwrite)) return -1;
    return FileSystem::pwrite(file, bytes, cut_short(Call::pwrite, count), offset);
  }
  void* mmap(int file, std::size_t count) override {
    return fails(Call::mmap) ? MAP_FAILED : FileSystem::mmap(file, count);
  }
  int fstat(int file, struct stat* status) override {
    return fails(Call::fstat) ? -1 : FileSystem::fstat(file, status);
  }
  int stat(const char* path, struct stat* status) override {
    return fails(Call::stat) ? -1 : FileSystem::stat(path, status);
  }
  int fchmod(int file, mode_t mode) override {
    return fails(Call::fchmod) ? -1 : FileSystem::fchmod(file, mode);
  }
  int fsync(int file) override { return fails(Call::fsync, is_folder(file)) ? -1 : 0; }
  int flock(int file, int operation) override {
    return fails(Call::flock) ? -1 : FileSystem::flock(file, operation);
  }
  int rename(const char* from, const char* to) override {
    return fails(Call::rename) ? -1 : FileSystem::rename(from, to);
  }
  int unlink(const char* path) override {
    return fails(Call::unlink) ? -1 : FileSystem::unlink(path);
  }

 private:
  static bool is_folder(int file) {
    struct stat status {};
    return ::fstat(file, &status) == 0 && S_ISDIR(status.st_mode);
  }

  bool fails(Call call, bool folder = false) {
    ++calls_;
    if (!fault_ || fault_->error == 0 || !due(call, folder)) return false;
    errno = fault_->error;
    return true;
  }

  std::size_t cut_short(Call call, std::size_t count) {
    if (count < 2 || !fault_ || fault_->error != 0 || !due(call, false)) return count;
    return fault_->half ? count / 2 : 1;
  }

  bool due(Call call, bool folder) {
    if (fault_->only && fault_->only != call) return false;
    const int number = seen_++;
    if (number < fault_->number || (number > fault_->number && !fault_->forever)) return false;
    if (fault_->error == EINTR && interruptions_++ == most_interruptions) {
      fault_.reset();
      return false;
    }
    if (fault_->kills) ::kill(::getpid(), SIGKILL);
    if (!first_) first_ = call, on_folder_ = folder;
    return true;
  }

  std::optional<Fault> fault_;
  int seen_ = 0;
  int calls_ = 0;
  int interruptions_ = 0;
  int open_files_ = 0;
  std::optional<Call> first_;
  bool on_folder_ = false;
};

}  // namespace octavo_test
