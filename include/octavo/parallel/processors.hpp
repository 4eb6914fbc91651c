// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

#include <octavo/base/config.hpp>
#include <octavo/base/read_lines.hpp>

namespace OCTAVO_NAMESPACE {

/// The processors that a process may use. A container, `taskset` or a batch system often allows
/// less than std::thread::hardware_concurrency() counts.
struct Processors {
  Index online = 1;   ///< processors of the machine
  Index allowed = 1;  ///< processors in the calling thread's affinity mask
  double quota = 0;   ///< processor time that the cgroups allow, in processors; 0: no limit

  /// The number of threads that can compute at the same time: the quota rounded up, at most
  /// `allowed`.
  Index usable() const noexcept;
};

namespace detail {

/// The number of processors in the affinity mask; `otherwise` if the system does not report it.
[[gnu::cold]] OCTAVO_INLINE Index allowed_processors(Index otherwise) noexcept;

/// Removes the next word from `line` and returns it.
[[gnu::cold]] OCTAVO_INLINE std::string_view take_word(std::string_view& line,
                                                       char separator = ' ');

/// A number at the start of `text`; -1 if there is none ("max").
[[gnu::cold]] OCTAVO_INLINE std::int64_t leading_number(std::string_view text) noexcept;

/// Decodes a path of mountinfo, in which a blank is "\\040".
[[gnu::cold]] OCTAVO_INLINE std::string unescaped(std::string_view text);

[[gnu::cold]] OCTAVO_INLINE bool lists_word(std::string_view list, std::string_view word);

/// Reads the limits on processor time of this process's cgroups, version 1 and 2, and of their
/// parent groups. `root` is put before every path: empty, or, in tests, a folder with its own /proc
/// and /sys.
class CgroupQuota {
 public:
  explicit CgroupQuota(const std::string& root);

  /// The limit in processors; 0: no limit.
  double processors() const noexcept { return least_; }

 private:
  /// A line such as "33 24 0:29 /docker/1f2e /sys/fs/cgroup/cpu rw shared:1 - cgroup cgroup
  /// rw,cpu".
  void see_mount(std::string_view line);

  /// The path of this process's group: "/a/b".
  std::string group_of_process(bool second) const;

  void see_group(const std::string& folder, bool second);

  std::string root_;
  double least_ = 0;
};

}  // namespace detail

/// The processors that this process may use now. `root`: see detail::CgroupQuota.
[[gnu::cold]] OCTAVO_INLINE Processors usable_processors(const std::string& root = {});

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

[[gnu::cold]] OCTAVO_INLINE Index Processors::usable() const noexcept {
  const auto by_quota = quota > 0 && quota < static_cast<double>(allowed)
                            ? static_cast<Index>(std::ceil(quota))
                            : allowed;
  return std::max<Index>(1, by_quota);
}

}  // namespace OCTAVO_NAMESPACE

namespace OCTAVO_NAMESPACE::detail {

OCTAVO_INLINE Index allowed_processors(Index otherwise) noexcept {
#if defined(__linux__)
  // The kernel refuses a mask that is smaller than its own mask.
  constexpr std::size_t words = 16384 / (8 * sizeof(unsigned long));
  unsigned long mask[words] = {};
  if (::sched_getaffinity(0, sizeof(mask), reinterpret_cast<cpu_set_t*>(mask)) == 0) {
    Index count = 0;
    for (const unsigned long word : mask) count += __builtin_popcountl(word);
    if (count > 0) return count;
  }
#endif
  return otherwise;
}

OCTAVO_INLINE std::string_view take_word(std::string_view& line, char separator) {
  const std::string_view word = line.substr(0, line.find(separator));
  line.remove_prefix(std::min(line.size(), word.size() + 1));
  return word;
}

OCTAVO_INLINE std::int64_t leading_number(std::string_view text) noexcept {
  std::int64_t number = -1;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

OCTAVO_INLINE std::string unescaped(std::string_view text) {
  std::string path;
  while (!text.empty()) {
    int byte = 0;
    const std::size_t end = std::min<std::size_t>(4, text.size());
    const bool octal =
        text[0] == '\\' &&
        std::from_chars(text.data() + 1, text.data() + end, byte, 8).ptr == text.data() + 4;
    path += octal ? static_cast<char>(byte) : text[0];
    text.remove_prefix(octal ? 4 : 1);
  }
  return path;
}

OCTAVO_INLINE bool lists_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    if (take_word(list, ',') == word) return true;
  }
  return false;
}

[[gnu::cold]] OCTAVO_INLINE CgroupQuota::CgroupQuota(const std::string& root) : root_(root) {
  read_lines((root_ + "/proc/self/mountinfo").c_str(),
             [&](std::string_view line) { see_mount(line); });
}

[[gnu::cold]] OCTAVO_INLINE void CgroupQuota::see_mount(std::string_view line) {
  for (int column = 0; column < 3; ++column) take_word(line);
  const std::string_view top = take_word(line), mounted_at = take_word(line);
  const std::size_t dash = line.find(" - ");
  if (dash == line.npos) return;
  line.remove_prefix(dash + 3);
  const std::string_view type = take_word(line);
  take_word(line);  // the source
  const bool second = type == "cgroup2";
  if (!second && !(type == "cgroup" && lists_word(line, "cpu"))) return;
  std::string group = group_of_process(second);
  // In a container the mount shows only the groups below `top`.
  if (top != "/") {
    const bool is_below = group.starts_with(top) && group.substr(top.size()).starts_with('/');
    group = is_below ? group.substr(top.size()) : "";
  }
  if (!group.starts_with('/') || group.find("..") != group.npos) group.clear();
  const std::string mount = root_ + unescaped(mounted_at);
  while (true) {
    see_group(mount + group, second);
    if (group.empty()) return;
    group.erase(group.rfind('/'));
  }
}

[[gnu::cold]] OCTAVO_INLINE std::string CgroupQuota::group_of_process(bool second) const {
  std::string group;
  read_lines((root_ + "/proc/self/cgroup").c_str(), [&](std::string_view line) {
    const std::string_view number = take_word(line, ':'), controllers = take_word(line, ':');
    if (second ? number == "0" && controllers.empty() : lists_word(controllers, "cpu")) {
      group = line;
    }
  });
  return group;
}

[[gnu::cold]] OCTAVO_INLINE void CgroupQuota::see_group(const std::string& folder, bool second) {
  std::int64_t quota = -1, period = -1;
  if (second) {
    read_lines((folder + "/cpu.max").c_str(), [&](std::string_view line) {
      quota = leading_number(take_word(line));
      period = leading_number(line);
    });
  } else {
    const auto number_in = [&](const char* name, std::int64_t& number) {
      read_lines((folder + name).c_str(),
                 [&](std::string_view line) { number = leading_number(line); });
    };
    number_in("/cpu.cfs_quota_us", quota);
    number_in("/cpu.cfs_period_us", period);
  }
  if (quota <= 0 || period <= 0) return;
  const double processors = static_cast<double>(quota) / static_cast<double>(period);
  least_ = least_ == 0 ? processors : std::min(least_, processors);
}

}  // namespace OCTAVO_NAMESPACE::detail

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE Processors usable_processors(const std::string& root) {
  Processors result;
  result.online = static_cast<Index>(std::max(1u, std::thread::hardware_concurrency()));
  result.allowed = detail::allowed_processors(result.online);
  result.quota = detail::CgroupQuota(root).processors();
  return result;
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
