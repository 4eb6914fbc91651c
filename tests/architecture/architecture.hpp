// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

/// The rules of the house, over texts: what a header may include, how long it may be, where it must
/// be listed. Each check returns sentences, one per broken rule; no sentence means all is well.
namespace architecture {

/// A header by its include path, such as octavo/base/error.hpp.
struct Header {
  std::string path;
  std::string text;
};

/// A line of CMakeLists.txt's file sets: which library installs which header.
struct Listing {
  std::string library;
  std::string path;

  friend bool operator<(const Listing& left, const Listing& right) {
    return left.path != right.path ? left.path < right.path : left.library < right.library;
  }
};

using Violations = std::vector<std::string>;

inline constexpr int most_lines = 400;

/// A folder is on a floor; it may include only floors beneath it, so that neighbours do not see
/// each other, but for the `stairs` below.
inline const std::map<std::string, int>& floors() {
  static const std::map<std::string, int> result = {
      {"base", 0},       {"numeric", 1},    {"parallel", 1}, {"files", 1},       {"memory", 2},
      {"tokenizers", 2}, {"data", 2},       {"tensor", 3},   {"formats", 3},     {"kernels", 4},
      {"layers", 5},     {"optimizers", 5}, {"testing", 6},  {"transformer", 6}, {"training", 7},
      {"generation", 7}, {"checkpoint", 7}, {"interop", 7},  {"report", 8},      {"runs", 8},
      {"c", 9},
  };
  return result;
}

/// Whether a folder may include its neighbour: a checkpoint holds the state of training, interop/
/// opens a model whatever its format, a checkpoint's among them, and runs/ writes the page of a
/// run.
inline bool stairs(const std::string& from, const std::string& to) {
  return (from == "checkpoint" && to == "training") || (from == "interop" && to == "checkpoint") ||
         (from == "runs" && to == "report");
}

/// The library whose headers a folder has. Those of octavo do not include those of
/// octavo_checkpoint, which needs nlohmann_json.
inline std::string library_of(const std::string& folder) {
  static const std::set<std::string> opt_in = {"formats", "checkpoint", "interop", "runs", "c"};
  if (folder == "mpi") return "octavo_mpi";
  if (folder == "octavo.h") return "octavo_c";
  return opt_in.contains(folder) ? "octavo_checkpoint" : "octavo";
}

/// The folder of octavo/<folder>/<name>.hpp; empty for a door, octavo/<name>.hpp.
inline std::string folder_of(const std::string& path) {
  const auto first = path.find('/');
  const auto last = path.rfind('/');
  return first == last ? std::string() : path.substr(first + 1, last - first - 1);
}

/// What C sees of all.
inline constexpr std::string_view c_header = "octavo/octavo.h";

/// The <name> of a door octavo/<name>.hpp.
inline std::string door_name(const std::string& path) {
  const auto start = path.find('/') + 1;
  if (path == c_header) return path.substr(start);
  return path.substr(start, path.rfind('.') - start);
}

inline bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// What follows #include on each line that has one, with its brackets or quotes.
inline std::vector<std::string> includes_of(const std::string& text) {
  std::vector<std::string> result;
  for (const std::string& line : lines_of(text)) {
    const auto skip_spaces = [&](std::string::size_type from) {
      return std::min(line.find_first_not_of(" \t", from), line.size());
    };
    auto at = skip_spaces(0);
    if (at == line.size() || line[at] != '#') continue;
    at = skip_spaces(at + 1);
    if (line.compare(at, 7, "include") != 0) continue;
    at = skip_spaces(at + 7);
    if (at == line.size() || line.compare(at, 11, "OCTAVO_FILE") == 0) continue;  // itself
    const char closing = line[at] == '<' ? '>' : line[at];
    const auto end = line.find(closing, at + 1);
    result.push_back(line.substr(at, end == std::string::npos ? end : end - at + 1));
  }
  return result;
}

/// The octavo headers among them, without brackets.
inline std::vector<std::string> own_includes_of(const std::string& text) {
  std::vector<std::string> result;
  for (const std::string& include : includes_of(text)) {
    if (starts_with(include, "<octavo/")) result.push_back(include.substr(1, include.size() - 2));
  }
  return result;
}

/// OCTAVO_KERNELS_MATMUL_HPP for octavo/kernels/matmul.hpp.
inline std::string guard_of(const std::string& path) {
  std::string guard;
  for (const char c : path) {
    guard += c == '/' || c == '.'   ? '_'
             : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A')
                                    : c;
  }
  return guard;
}

/// Licence first, then the guard; no longer than a reader's patience.
inline void check_form(const Header& header, Violations& violations) {
  const auto lines = lines_of(header.text);
  const bool for_c = header.path == c_header;
  const std::string licence =
      for_c ? "/* SPDX-License-Identifier: MIT */" : "// SPDX-License-Identifier: MIT";
  if (lines.empty() || lines[0] != licence) {
    violations.push_back(header.path + ": line 1 is not '" + licence + "'");
  }
  // A header of kernels is included once more per instruction set: see numeric/isa.hpp.
  const bool once = lines.size() > 1 && lines[1] == "#pragma once";
  const std::string guard = guard_of(header.path);
  const std::string condition = for_c ? "#ifndef " + guard : "#if !defined(" + guard + ")";
  const bool guarded = lines.size() > 2 && lines[1] == condition && lines[2] == "#define " + guard;
  if (!once && !guarded && !header.path.ends_with(".inc")) {
    violations.push_back(header.path + ": line 2 is not '#pragma once', nor a guard " + guard);
  }
  for (const std::string& line : lines) {
    if (!starts_with(line, "namespace octavo")) continue;
    violations.push_back(header.path + ": '" + line + "': write OCTAVO_NAMESPACE, see abi.hpp");
  }
  if (lines.size() > most_lines) {
    violations.push_back(header.path + ": " + std::to_string(lines.size()) + " lines, at most " +
                         std::to_string(most_lines) + " allowed");
  }
}

/// Names types of all floors and includes what names them: everybody may include it.
inline constexpr std::string_view forward_declarations = "octavo/fwd.hpp";
/// What octavo::compiled holds: above all folders of octavo, as octavo.hpp, which alone includes
/// it.
inline constexpr std::string_view compiled_list = "octavo/compiled.hpp";

/// Folders of which octavo.hpp includes some headers instead of the door: all of them would double
/// what it costs the compiler.
inline bool partly_in_octavo_hpp(const std::string& folder) {
  return folder == "data" || folder == "generation" || folder == "tokenizers";
}

/// The one header that uses MPI, for programs alone.
inline constexpr std::string_view mpi_header = "octavo/mpi.hpp";

/// Folders whose doors octavo.hpp does not include.
inline bool outside_octavo_hpp(const std::string& door) {
  return door == "testing" || door == "report" || door == "files" || partly_in_octavo_hpp(door) ||
         library_of(door) != "octavo";
}

/// Why an arrow from one octavo header to another is wrong; empty if it is right.
inline std::string wrong_arrow(const std::string& from, const std::string& to) {
  const std::string from_folder = folder_of(from);
  const std::string to_folder = folder_of(to);
  if (to == forward_declarations || (to == c_header && from_folder == "c")) return "";
  if (from == forward_declarations) {
    const bool light = to_folder == "base" || to == "octavo/numeric/scalar.hpp";
    return light ? "" : "fwd.hpp includes only base/ and the scalar types";
  }
  if (from_folder.empty()) {
    const std::string door = door_name(from);
    if (from == compiled_list) {
      return library_of(to_folder) == "octavo" ? ""
                                               : "compiled.hpp includes headers of octavo only";
    }
    if (from == mpi_header) {
      return to_folder == "base" || to_folder == "parallel"
                 ? ""
                 : "mpi.hpp includes only base/, parallel/";
    }
    if (door != "octavo") {
      return to_folder == door ? "" : "the door of " + door + "/ includes only " + door + "/";
    }
    if (!to_folder.empty()) {
      return partly_in_octavo_hpp(to_folder) ? "" : "octavo.hpp includes the door of " + to_folder;
    }
    const std::string opened = door_name(to);
    return outside_octavo_hpp(opened) ? opened + "/ is not part of octavo.hpp" : "";
  }
  if (to_folder.empty()) return "only octavo.hpp includes a door";
  if (from_folder == to_folder) return "";
  if (!floors().contains(from_folder) || !floors().contains(to_folder)) return "";
  if (to_folder == "testing") return "testing/ is for authors of layers, no folder builds on it";
  if (library_of(from_folder) == "octavo" && library_of(to_folder) != "octavo") {
    return to_folder + "/ is part of octavo_checkpoint, " + from_folder + "/ is not";
  }
  if (stairs(from_folder, to_folder)) return "";
  const int from_floor = floors().at(from_folder);
  const int to_floor = floors().at(to_folder);
  if (to_floor < from_floor) return "";
  return to_floor == from_floor ? "the arrow runs sideways" : "the arrow runs upward";
}

/// Why a header that is not ours may not be included here; empty if it may.
inline std::string wrong_foreign_include(const std::string& from, const std::string& include) {
  const std::string folder = folder_of(from);
  if (include.front() != '<') return "write <octavo/...> with angle brackets";
  const std::string path = include.substr(1, include.size() - 2);
  if (starts_with(path, "Eigen/")) {
    const bool is_public = path.find('/', 6) == std::string::npos;
    return is_public ? "" : "a private path of Eigen";
  }
  if (starts_with(path, "nlohmann/")) {
    if (folder != "formats" && folder != "interop") {
      return "nlohmann_json belongs to formats/ and interop/ alone";
    }
    return path == "nlohmann/json.hpp" ? "" : "a private path of nlohmann_json";
  }
  if (path == "immintrin.h" || path == "arm_neon.h") {
    return folder == "numeric" ? "" : "vector instructions belong to numeric/ alone";
  }
  if (path == "mpi.h") return from == mpi_header ? "" : "MPI belongs to mpi.hpp alone";
  if (from == c_header) return path == "stddef.h" || path == "stdint.h" ? "" : "not C's";
  const bool is_standard = path.find_first_of("/.") == std::string::npos;
  static const std::set<std::string> asking = {
      "octavo/base/parse_number.hpp",    "octavo/base/read_lines.hpp",
      "octavo/memory/huge_pages.hpp",    "octavo/memory/process_memory.hpp",
      "octavo/parallel/event_count.hpp", "octavo/parallel/processors.hpp",
      "octavo/parallel/thread_pool.hpp"};
  const bool may_ask_system = folder == "files" || asking.contains(from);
  if (is_standard || (may_ask_system && path.ends_with(".h"))) return "";
  return "neither the standard library, Eigen nor Octavo";
}

inline void check_includes(const Header& header, const std::map<std::string, Header>& all,
                           Violations& violations) {
  for (const std::string& include : includes_of(header.text)) {
    std::string reason;
    if (starts_with(include, "<octavo/")) {
      const std::string path = include.substr(1, include.size() - 2);
      reason = all.contains(path) ? wrong_arrow(header.path, path) : "there is no such header";
    } else {
      reason = wrong_foreign_include(header.path, include);
    }
    if (!reason.empty()) {
      violations.push_back(header.path + " includes " + include + ": " + reason);
    }
  }
}

/// Each header stands in a known folder or is the door of one.
inline void check_place(const Header& header, Violations& violations) {
  const std::string folder = folder_of(header.path);
  if (folder.empty()) {
    const std::string door = door_name(header.path);
    const bool known = header.path == forward_declarations || header.path == compiled_list ||
                       header.path == mpi_header || header.path == c_header || door == "octavo" ||
                       floors().contains(door);
    if (!known) violations.push_back(header.path + ": a door must have the name of its folder");
  } else if (!floors().contains(folder)) {
    violations.push_back(header.path + ": the folder '" + folder + "' has no floor");
  }
}

/// Every header that a chain of includes leads to, the start among them.
inline std::set<std::string> reachable(const std::string& start,
                                       const std::map<std::string, Header>& all) {
  std::set<std::string> seen = {start};
  std::vector<std::string> open = {start};
  while (!open.empty()) {
    const Header& header = all.at(open.back());
    open.pop_back();
    for (const std::string& next : own_includes_of(header.text)) {
      if (all.contains(next) && seen.insert(next).second) open.push_back(next);
    }
  }
  return seen;
}

/// No header leads back to itself, and a door leads to everything behind it.
inline void check_paths(const Header& header, const std::map<std::string, Header>& all,
                        Violations& violations) {
  for (const std::string& next : own_includes_of(header.text)) {
    if (all.contains(next) && reachable(next, all).contains(header.path)) {
      violations.push_back(header.path + " includes <" + next + ">, which leads back to it");
    }
  }
  if (!folder_of(header.path).empty() || header.path == forward_declarations ||
      header.path == mpi_header || header.path == c_header) {
    return;
  }
  const std::string door = door_name(header.path);
  const auto inside = reachable(header.path, all);
  for (const auto& [path, other] : all) {
    const std::string folder = folder_of(path);
    const bool other_door = folder.empty() && path != header.path;
    const bool behind =
        door == "octavo" ? other_door && !outside_octavo_hpp(door_name(path)) : folder == door;
    if (behind && !inside.contains(path)) {
      violations.push_back(header.path + " does not lead to <" + path + ">");
    }
  }
}

/// CMakeLists.txt lists each header once, in the library it belongs to.
inline void check_listing(const std::map<std::string, Header>& all,
                          const std::vector<Listing>& listings, Violations& violations) {
  std::multiset<Listing> listed(listings.begin(), listings.end());
  for (const auto& [path, header] : all) {
    const std::string folder = folder_of(path);
    const std::string library = library_of(folder.empty() ? door_name(path) : folder);
    const auto found = listed.find({library, path});
    if (found == listed.end()) {
      violations.push_back(path + ": not listed; add include/" + path + " to the headers of " +
                           library + " in CMakeLists.txt");
    } else {
      listed.erase(found);
    }
  }
  for (const auto& [library, path] : listed) {
    violations.push_back(path + ": listed once too often or in the wrong library, " + library);
  }
}

/// Folders of headers that do not all have a test by their name yet. The list only shrinks.
inline const std::set<std::string>& folders_without_all_tests() {
  static const std::set<std::string> result = {};
  return result;
}

/// tests/<folder>/<name>_test.cpp tests octavo/<folder>/<name>.hpp; `tests` are paths below tests/.
/// Doors have none, nor have parts of headers.
inline Violations check_tests(const std::vector<std::string>& headers,
                              const std::set<std::string>& tests,
                              const std::set<std::string>& excepted) {
  Violations violations;
  std::map<std::string, std::size_t> missing;  // by folder
  for (const std::string& path : headers) {
    const std::string folder = folder_of(path);
    if (folder.empty() || !path.ends_with(".hpp")) continue;
    const std::string name = path.substr(path.rfind('/') + 1);
    const std::string test = folder + "/" + name.substr(0, name.size() - 4) + "_test.cpp";
    const bool is_there = tests.contains(test);
    missing[folder] += is_there ? 0 : 1;
    if (!is_there && !excepted.contains(folder)) {
      violations.push_back(path + ": there is no tests/" + test);
    }
  }
  for (const auto& [folder, count] : missing) {
    if (count > 0 || !excepted.contains(folder)) continue;
    violations.push_back(folder +
                         "/: every header has its test; take it off the list of exceptions");
  }
  return violations;
}

inline Violations check(const std::vector<Header>& headers, const std::vector<Listing>& listings) {
  std::map<std::string, Header> all;
  for (const Header& header : headers) all.emplace(header.path, header);
  Violations violations;
  for (const auto& [path, header] : all) {
    check_form(header, violations);
    check_place(header, violations);
    check_includes(header, all, violations);
    check_paths(header, all, violations);
  }
  check_listing(all, listings, violations);
  return violations;
}

}  // namespace architecture
