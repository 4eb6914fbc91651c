// SPDX-License-Identifier: MIT
// A folder of checkpoints among other processes, killed ones, and what users do to folders.
#include <algorithm>
#include <checkpoint/fault_files.hpp>
#include <checkpoint/small_run.hpp>
#include <csignal>
#include <functional>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <doctest/doctest.h>

using namespace octavo;
using namespace octavo_test;
namespace fs = std::filesystem;

namespace {

/// A process that does as it is told, and ends.
class Child {
 public:
  explicit Child(const std::function<void()>& body) : number_(::fork()) {
    if (number_ != 0) return;
    body();
    ::_exit(0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { end(); }

  pid_t number() const { return number_; }
  void kill() const { ::kill(number_, SIGKILL); }

  /// Waits for its end; whether it came by itself.
  bool end() {
    if (!ended_) ::waitpid(number_, &status_, 0);
    ended_ = true;
    return WIFEXITED(status_);
  }

 private:
  pid_t number_;
  bool ended_ = false;
  int status_ = 0;
};

/// While one lives the process has no more rights than a stranger, even if it is root.
class FewRights {
 public:
  FewRights() : was_(::geteuid()) { few_ = was_ != 0 || ::seteuid(65534) == 0; }
  FewRights(const FewRights&) = delete;
  FewRights& operator=(const FewRights&) = delete;
  ~FewRights() {
    if (::seteuid(was_) != 0) std::abort();
  }
  explicit operator bool() const { return few_; }

 private:
  uid_t was_;
  bool few_;
};

/// No file may grow beyond so many bytes while one lives.
class FileLimit {
 public:
  explicit FileLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &was_);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, was_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;
  ~FileLimit() {
    ::setrlimit(RLIMIT_FSIZE, &was_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit was_{};
  void (*handler_)(int);
};

/// Code and message of what a call throws.
void expect(const std::function<void()>& call, ErrorCode code, const std::string& text) {
  try {
    call();
    FAIL_CHECK("expected an error");
  } catch (const Error& error) {
    CHECK(error.code() == code);
    CHECK_MESSAGE(std::string(error.what()).find(text) != std::string::npos, error.what());
  }
}

}  // namespace

TEST_CASE("one process at a time works in a folder, and a killed one leaves it free") {
  const Folder folder;
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  Child other([&] {
    const CheckpointFolder checkpoints(folder.path(), 1);
    [[maybe_unused]] const ssize_t told = ::write(ready[1], "!", 1);
    ::pause();
  });
  char sign = 0;
  REQUIRE(::read(ready[0], &sign, 1) == 1);
  expect([&] { CheckpointFolder(folder.path(), 1); }, ErrorCode::cannot_create,
         "cannot lock folder " + printable(folder.path()) + ": process " +
             std::to_string(other.number()) + " works in it");
  other.kill();
  CHECK_FALSE(other.end());
  const CheckpointFolder free_again(folder.path(), 1);
  expect([&] { CheckpointFolder(folder.path(), 1); }, ErrorCode::cannot_create,
         "cannot lock folder " + printable(folder.path()) + ": this process has locked it already");
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("a process killed at any call of a save leaves the old run or the new one") {
  const SmallRun old(2), fresh(3);
  for (const Index saved : {0, 2}) {
    int killed = 0, leftovers = 0;
    for (bool ended = false; !ended; ++killed) {
      CAPTURE(killed);
      const Folder folder;
      if (saved > 0) {
        CheckpointFolder checkpoints(folder.path(), 1);
        old.save(checkpoints);
      }
      Child child([&] {
        FaultFiles files;
        files.inject({.number = killed, .error = EIO, .kills = true});
        CheckpointFolder checkpoints(folder.path(), 1, {}, files);
        fresh.save(checkpoints);
      });
      ended = child.end();
      leftovers += has_leftovers(folder.contents());
      const CheckpointFolder restart(folder.path(), 1);
      CHECK_FALSE(has_leftovers(folder.contents()));
      const auto found = newest_run(folder.path());
      const auto before = saved > 0 ? std::optional(old.now()) : std::nullopt;
      CHECK((found == fresh.now() || (!ended && found == before)));
    }
    CHECK(killed > 20);
    CHECK(leftovers > 10);
  }
}

TEST_CASE("a start removes what killed processes have left, and nothing of the user's") {
  const Folder folder;
  const Contents kept{
      {"best.safetensors", "1"}, {"notes.tmp.txt", "2"}, {"a.tmp.", "3"}, {"model.tmp", "4"}};
  Contents all = kept;
  all["checkpoint-00000001.safetensors.tmp.77"] = "5";
  all["best.safetensors.tmp.4711.3"] = "6";
  folder.fill(all);
  const CheckpointFolder checkpoints(folder.path(), 1);
  CHECK(folder.contents() == kept);
}

TEST_CASE("names that are nearly a checkpoint's are none") {
  const Folder folder;
  folder.fill({{"checkpoint--0000005.safetensors", ""},
               {"checkpoint-5x.safetensors", ""},
               {"checkpoint-.safetensors", ""},
               {"checkpoint-5.safetensors.tmp", ""},
               {"my-checkpoint-5.safetensors", ""},
               {"checkpoint-0000007.safetensors", ""}});
  const auto found = find_checkpoints(folder.path());
  REQUIRE(found.size() == 1);
  CHECK(found[0].step == 7);
}

TEST_CASE("what came after the step that a run was taken up at is set aside") {
  const Folder folder;
  SmallRun run;
  {
    CheckpointFolder saves(folder.path(), 5);
    for (int i = 0; i < 3; ++i) {
      run.train(1);
      run.save(saves);
    }
  }
  Contents expected = folder.contents();
  run.load(folder / "checkpoint-00000001.safetensors");
  CheckpointFolder saves(folder.path(), 5);
  run.train(1);
  run.save(saves);
  CHECK(find_checkpoints(folder.path()).front().step == 2);
  const std::string last = "checkpoint-00000003.safetensors";
  CHECK(read_file(folder / ("earlier-1/" + last)) == expected[last]);
  expected.erase(last);
  for (const auto& [name, bytes] : expected) CHECK(read_file(folder / name) == bytes);
}

TEST_CASE("a folder that goes away in the middle of a run") {
  const SmallRun run(1);
  const Folder folder;
  const std::string inner = folder / "run";
  fs::create_directory(inner);
  CheckpointFolder checkpoints(inner, 1);
  run.save(checkpoints);
  fs::remove_all(inner);
  expect([&] { run.save(checkpoints); }, ErrorCode::cannot_create,
         "cannot create " + printable(inner).substr(0, inner.size() + 1));
  fs::create_directory(inner);
  run.save(checkpoints);
  CHECK(newest_run(inner) == run.now());
  fs::remove_all(inner);
  expect([&] { CheckpointFolder(inner, 1); }, ErrorCode::cannot_create, printable(inner));
  expect([&] { newest_valid_checkpoint(inner, {}); }, ErrorCode::no_input, printable(inner));
}

TEST_CASE("a folder that was made anew under a run belongs to whoever has locked it since") {
  const SmallRun run(1);
  const Folder folder;
  const std::string inner = folder / "run";
  fs::create_directory(inner);
  CheckpointFolder forgotten(inner, 1);
  run.save(forgotten);
  fs::remove_all(inner);
  fs::create_directory(inner);
  const SmallRun other(2);
  const auto untouched = [&](const std::string& output, const std::function<void()>& call) {
    expect(call, ErrorCode::cannot_create,
           "cannot create " + printable(inner + "/" + output) + ": folder " + printable(inner) +
               " has been removed and made anew, and another process has worked in it");
    CHECK(newest_run(inner) == other.now());
  };
  {
    CheckpointFolder owner(inner, 1);
    other.save(owner);
    for (int holder = 0; holder < 2; ++holder) {
      untouched(detail::checkpoint_name(1), [&] { run.save(forgotten); });
      untouched("best.safetensors", [&] { run.save_best(forgotten); });
      untouched("model.safetensors", [&] { forgotten.set_aside(); });
      untouched("best.safetensors", [&] { forgotten.set_aside_after(1); });
      untouched("model.safetensors", [&] { forgotten.forget_after(1); });
      untouched("report.html", [&] { forgotten.check(forgotten.report()); });
    }
    other.save(owner);
  }
  untouched(detail::checkpoint_name(1), [&] { run.save(forgotten); });  // nor when it has ended
}

TEST_CASE("a lock that is no regular file is not written to") {
  const Folder folder;
  REQUIRE(::mkfifo((folder / ".lock").c_str(), 0600) == 0);
  expect([&] { CheckpointFolder(folder.path(), 1); }, ErrorCode::cannot_create,
         "its .lock is a FIFO, expected a regular file");
}

TEST_CASE("a save has succeeded even if the folder cannot be listed after it") {
  struct Vanishing : FileSystem {
    int rename(const char* from, const char* to) override {
      const int result = FileSystem::rename(from, to);
      parent = fs::path(to).parent_path();
      return result;
    }
    int fsync(int file) override {
      if (!parent.empty()) fs::remove_all(parent);
      return FileSystem::fsync(file);
    }
    fs::path parent;
  };
  const Folder folder;
  const std::string inner = folder / "run";
  fs::create_directory(inner);
  Vanishing files;
  CheckpointFolder checkpoints(inner, 1, {}, files);
  CHECK_NOTHROW(SmallRun(1).save(checkpoints));
  CHECK_FALSE(fs::exists(inner));
}

TEST_CASE("a folder that may not be written") {
  const SmallRun run(1);
  const Folder folder;
  {
    CheckpointFolder checkpoints(folder.path(), 1);
    run.save(checkpoints);
  }
  fs::permissions(folder.path(), fs::perms(0555));
  fs::permissions(folder / ".lock", fs::perms(0666));
  if (const FewRights rights; rights) {
    CheckpointFolder checkpoints(folder.path(), 1);
    expect([&] { run.save(checkpoints); }, ErrorCode::cannot_create, "Permission denied");
    CHECK(newest_run(folder.path()) == run.now());
  }
  fs::permissions(folder / ".lock", fs::perms(0444));
  if (const FewRights rights; rights) {
    expect([&] { CheckpointFolder(folder.path(), 1); }, ErrorCode::cannot_create,
           "Permission denied");
  }
  fs::permissions(folder.path(), fs::perms(0755));
}

TEST_CASE("a limit on the size of files") {
  SmallRun run(1);
  const Folder folder;
  CheckpointFolder checkpoints(folder.path(), 1);
  run.save(checkpoints);
  const Contents before = folder.contents();
  const Snapshot old = run.now();
  run.train(1);
  for (const rlim_t bytes : {0u, 1u, 1000u}) {
    const FileLimit limit(bytes);
    expect([&] { run.save(checkpoints); }, ErrorCode::io, "File too large");
    CHECK(folder.contents() == before);
  }
  CHECK(newest_run(folder.path()) == old);
  run.save(checkpoints);
  CHECK(newest_run(folder.path()) == run.now());
}

TEST_CASE("names that cannot be written to") {
  const SmallRun run(1);
  const Folder folder;
  const std::string directory = folder / "directory";
  fs::create_directory(directory);
  expect([&] { run.save_model(directory); }, ErrorCode::io, "cannot rename");
  CHECK(fs::is_empty(directory));
  fs::remove(directory);
  // The temporary name is longer; with it a file system takes 255 bytes.
  run.save_model(folder / std::string(230, 'x'));
  CHECK(folder.contents().size() == 1);
  for (const std::size_t length : {255u, 256u}) {
    expect([&] { run.save_model(folder / std::string(length, 'x')); }, ErrorCode::cannot_create,
           "File name too long");
  }
  CHECK(folder.contents().size() == 1);
}

TEST_CASE("a symbolic link as target stays one") {
  const SmallRun old(1), fresh(2);
  const Folder folder, elsewhere;
  old.save_model(elsewhere / "model");
  fs::create_symlink(elsewhere / "model", folder / "absolute");
  fs::create_symlink("../" + fs::path(elsewhere.path()).filename().string() + "/model",
                     folder / "relative");
  fs::create_symlink(elsewhere / "new", folder / "dangling");
  for (const char* name : {"absolute", "relative", "dangling"}) {
    CAPTURE(name);
    fresh.save_model(folder / name);
    CHECK(fs::is_symlink(folder / name));
    CHECK(std::ranges::equal(load_model<float>(folder / name).weights, fresh.now().weights));
    old.save_model(folder / name);
    CHECK(std::ranges::equal(load_model<float>(folder / name).weights, old.now().weights));
  }
  CHECK(elsewhere.contents().size() == 2);
  CHECK_FALSE(has_leftovers(elsewhere.contents()));
  fs::create_symlink(folder / "loop", folder / "loop");
  expect([&] { fresh.save_model(folder / "loop"); }, ErrorCode::cannot_create,
         printable(folder / "loop"));
  CHECK(fs::is_symlink(folder / "loop"));
  fs::remove(folder / "loop");
}
