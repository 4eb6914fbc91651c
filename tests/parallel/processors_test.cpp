// SPDX-License-Identifier: MIT
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <sched.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>

#include <doctest/doctest.h>

#include <octavo/parallel/processors.hpp>
#include <octavo/parallel/thread_pool.hpp>

using namespace octavo;

namespace {

/// A /proc and a /sys of the test's own.
struct Machine {
  Machine()
      : root((std::filesystem::temp_directory_path() /
              ("octavo_processors_" + std::to_string(::getpid())))
                 .string()) {
    std::filesystem::remove_all(root);
    std::filesystem::create_directories(root);
  }
  ~Machine() { std::filesystem::remove_all(root); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  void write(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = root + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text << '\n';
  }
  /// Version 2 with the process in `group`.
  void second_version(const std::string& group, const std::string& top = "/") const {
    write("/proc/self/mountinfo",
          "24 1 0:22 / /proc rw,nosuid shared:5 - proc proc rw\n"
          "30 23 0:26 " +
              top + " /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate");
    write("/proc/self/cgroup", "0::" + group);
  }
  /// Version 1 likewise, with a hierarchy of the second beside it, as systemd has it.
  void first_version(const std::string& group, const std::string& top = "/") const {
    write("/proc/self/mountinfo",
          "31 30 0:27 / /sys/fs/cgroup/unified rw shared:5 - cgroup2 cgroup2 rw\n"
          "35 30 0:31 / /sys/fs/cgroup/cpuset rw shared:9 - cgroup cgroup rw,cpuset\n"
          "36 30 0:32 " +
              top + " /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct");
    write("/proc/self/cgroup", "5:cpuset:/elsewhere\n4:cpu,cpuacct:" + group + "\n0::/other");
  }
  double quota() const { return usable_processors(root).quota; }

  std::string root;
};

}  // namespace

TEST_CASE("the quota of version 2 is that of the narrowest group on the way up") {
  const Machine machine;
  machine.second_version("/a.slice/b.scope");
  CHECK(machine.quota() == 0);  // no group says anything
  machine.write("/sys/fs/cgroup/a.slice/b.scope/cpu.max", "max 100000");
  CHECK(machine.quota() == 0);
  machine.write("/sys/fs/cgroup/a.slice/b.scope/cpu.max", "350000 100000");
  CHECK(machine.quota() == 3.5);
  machine.write("/sys/fs/cgroup/a.slice/cpu.max", "30000 20000");
  CHECK(machine.quota() == 1.5);
  machine.write("/sys/fs/cgroup/cpu.max", "900000 100000");
  CHECK(machine.quota() == 1.5);
  machine.write("/sys/fs/cgroup/cpu.max", "50000 100000");
  CHECK(machine.quota() == 0.5);
}

TEST_CASE("the quota of version 1 is found beside other hierarchies") {
  const Machine machine;
  machine.first_version("/batch/job7");
  CHECK(machine.quota() == 0);
  machine.write("/sys/fs/cgroup/cpu/batch/job7/cpu.cfs_quota_us", "-1");
  machine.write("/sys/fs/cgroup/cpu/batch/job7/cpu.cfs_period_us", "100000");
  CHECK(machine.quota() == 0);
  machine.write("/sys/fs/cgroup/cpu/batch/job7/cpu.cfs_quota_us", "250000");
  CHECK(machine.quota() == 2.5);
  machine.write("/sys/fs/cgroup/cpu/batch/cpu.cfs_quota_us", "40000");
  machine.write("/sys/fs/cgroup/cpu/batch/cpu.cfs_period_us", "20000");
  CHECK(machine.quota() == 2);
  machine.write("/sys/fs/cgroup/cpuset/elsewhere/cpu.cfs_quota_us", "1000");
  CHECK(machine.quota() == 2);
}

TEST_CASE("in a container the mount begins at the container's group") {
  const Machine machine;
  machine.first_version("/docker/1f2e", "/docker/1f2e");
  machine.write("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "150000");
  machine.write("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
  CHECK(machine.quota() == 1.5);
  machine.second_version("/docker/1f2e/inner", "/docker/1f2e");
  machine.write("/sys/fs/cgroup/inner/cpu.max", "120000 100000");
  CHECK(machine.quota() == 1.2);
  machine.second_version("/../../outside");  // a namespace that begins lower than the group
  machine.write("/sys/fs/cgroup/cpu.max", "100000 100000");
  machine.write("/sys/outside/cpu.max", "10000 100000");  // no group of that mount
  CHECK(machine.quota() == 1);
}

TEST_CASE(
    "a group that only shares letters with the mount's is elsewhere; a mount may have blanks") {
  const Machine machine;
  for (const auto& [top, group] :
       {std::pair("/docker/ab", "/docker/abc"), std::pair("/user.slice/a", "/user.slice/a.scope"),
        std::pair("/kub", "/kube"), std::pair("/a/b", "x")}) {
    machine.second_version(group, top);
    machine.write("/sys/fs/cgroup/cpu.max", "200000 100000");
    CHECK(machine.quota() == 2);
  }
  machine.write(
      "/proc/self/mountinfo",
      "30 23 0:26 / /my\\040groups rw - cgroup2 cgroup2 rw\n31 1 0:1 / /x\\ rw - proc p rw");
  machine.write("/proc/self/cgroup", "0::/g");
  machine.write("/my groups/g/cpu.max", "300000 100000");
  CHECK(machine.quota() == 3);
}

TEST_CASE("nonsense and absence are no limit") {
  const Machine machine;
  CHECK(machine.quota() == 0);
  for (const char* const text : {"", "max", "100000", "0 0", "-5 100000", "5 -1", "x y", "7 max"}) {
    machine.second_version("/g");
    machine.write("/sys/fs/cgroup/g/cpu.max", text);
    CHECK(machine.quota() == 0);
  }
  std::string nonsense(10000, 'x');
  nonsense += "\n\n - \n1 2 3";
  machine.write("/proc/self/mountinfo", nonsense);
  CHECK(machine.quota() == 0);
}

TEST_CASE("a quota is rounded up, and never gives more than the mask or fewer than one") {
  const auto usable = [](Index allowed, double quota) {
    return Processors{64, allowed, quota}.usable();
  };
  CHECK(usable(8, 0) == 8);
  CHECK(usable(8, 0.2) == 1);
  CHECK(usable(8, 1) == 1);
  CHECK(usable(8, 1.01) == 2);
  CHECK(usable(8, 3.5) == 4);
  CHECK(usable(8, 7.9) == 8);
  CHECK(usable(8, 100) == 8);
  CHECK(usable(1, 2) == 1);
}

TEST_CASE("a pool takes as many threads as the thread that makes it may use processors") {
  Index allowed = 0, taken = 0, said = 0;
  std::thread pinned([&] {  // the mask of a thread that ends here
    cpu_set_t mask;
    REQUIRE(::sched_getaffinity(0, sizeof(mask), &mask) == 0);
    std::size_t first = 0;
    while (!CPU_ISSET(first, &mask)) ++first;
    CPU_ZERO(&mask);
    CPU_SET(first, &mask);
    REQUIRE(::sched_setaffinity(0, sizeof(mask), &mask) == 0);
    const ThreadPool threads;
    allowed = threads.processors().allowed;
    taken = threads.size();
    said = ThreadPool(3).size();
  });
  pinned.join();
  CHECK(allowed == 1);
  CHECK(taken == 1);
  CHECK(said == 3);  // who says a number gets it
}
