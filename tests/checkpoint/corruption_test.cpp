// SPDX-License-Identifier: MIT
#include <cctype>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/checkpoint/training_checkpoint.hpp>

#include "checkpoint/forged_file.hpp"

using namespace octavo;
using octavo_test::checkpoint_bytes;
using octavo_test::ForgedFile;
using octavo_test::least_shape;
using octavo_test::SavedRun;
using octavo_test::state_bytes;

namespace {

/// What a checkpoint says, as it would be saved again.
std::map<std::string, std::string> entries(const CheckpointInfo& info) {
  MetadataWriter writer;
  for_each_field(info.config, detail::FieldWriter{writer});
  for_each_field(info.options, detail::FieldWriter{writer});
  detail::write_state(writer, info.state);
  detail::write_tokenizer(writer, info.tokenizer);
  detail::write_corpus(writer, info.corpus);
  writer.truth("double", info.double_precision);
  return writer.entries();
}

CheckpointInfo info_of(const std::string& bytes) {
  const MemorySource source("x", std::as_bytes(std::span(bytes)));
  return CheckpointFile(source).info();
}

struct HeaderField {
  std::size_t at = 0;
  std::size_t digits = 0;
};

/// Every whole number of a header: sizes, offsets and entries of the metadata.
std::vector<HeaderField> whole_numbers(const std::string& header) {
  std::vector<HeaderField> fields;
  for (std::size_t i = 1; i < header.size(); ++i) {
    if (std::string_view("[,\"").find(header[i - 1]) == std::string_view::npos) continue;
    std::size_t end = i;
    while (end < header.size() && std::isdigit(static_cast<unsigned char>(header[end]))) ++end;
    if (end == i || std::string_view(",]\"").find(header[end]) == std::string_view::npos) continue;
    fields.push_back({i, end - i});
  }
  return fields;
}

std::vector<std::string> boundary_values(std::uint64_t truth) {
  constexpr std::uint64_t one = 1;
  std::vector<std::string> values{"-1", "18446744073709551616"};
  for (const std::uint64_t value :
       {0 * one, one, truth - 1, truth + 1, (one << 31) - 1, one << 31, (one << 32) - 1, one << 32,
        one << 62, (one << 63) - 1, one << 63, ~std::uint64_t{0}}) {
    values.push_back(std::to_string(value));
  }
  return values;
}

}  // namespace

TEST_CASE("a whole checkpoint loads, bit for bit") {
  SavedRun run(least_shape);
  CHECK(run.good.size() < 4000);
  CHECK(run.failure(run.good) == "");
  CHECK(state_bytes(run.other) == state_bytes(run.saved));
  CHECK(checkpoint_bytes(run.other) == run.good);
}

TEST_CASE("every truncation and everything appended is refused") {
  SavedRun run(least_shape);
  for (std::size_t size = 0; size < run.good.size(); ++size) {
    if (run.failure(run.good.substr(0, size)) == "") FAIL_CHECK("accepted bytes: " << size);
  }
  for (const char symbol : {' ', '\0', '}', '\n', 'x'}) {
    for (std::size_t more = 1; more <= 64; ++more) {
      if (run.failure(run.good + std::string(more, symbol)) == "") {
        FAIL_CHECK("accepted bytes behind the end: " << more);
      }
    }
  }
}

TEST_CASE("every corruption of a single byte is refused") {
  SavedRun run(least_shape);
  const std::size_t data = run.good.size() - ForgedFile::from(run.good).data.size();
  std::size_t tried = 0;
  for (std::size_t at = 0; at < run.good.size(); ++at) {
    const auto truth = static_cast<unsigned char>(run.good[at]);
    std::set<unsigned char> wrong{0x00, 0xFF, static_cast<unsigned char>(truth + 1)};
    for (int bit = 0; bit < 8; ++bit) {
      if (at < data || bit == 0 || bit == 7) {
        wrong.insert(static_cast<unsigned char>(truth ^ 1 << bit));
      }
    }
    wrong.erase(truth);
    std::string bytes = run.good;
    for (const unsigned char value : wrong) {
      bytes[at] = static_cast<char>(value);
      ++tried;
      if (run.failure(bytes) == "") FAIL_CHECK("accepted byte " << at << " as " << int(value));
    }
  }
  CHECK(tried > 20'000);
}

TEST_CASE("a whole number that lies is refused, or the file is one that could have been saved") {
  SavedRun run(least_shape);
  const ForgedFile good = ForgedFile::from(run.good);
  std::size_t tried = 0, accepted = 0;
  for (const HeaderField& field : whole_numbers(good.header)) {
    const std::string digits = good.header.substr(field.at, field.digits);
    if (digits.size() > 8) continue;  // the checksums, which are put right
    for (const std::string& value : boundary_values(std::stoull(digits))) {
      ForgedFile forged = good;
      forged.header.replace(field.at, field.digits, value);
      const std::string bytes = forged.seal().bytes();
      ++tried;
      if (run.failure(bytes) != "") continue;
      ++accepted;
      INFO(good.header.substr(field.at - 20, 20) << value);
      const auto said = entries(info_of(bytes));
      for (const auto& [key, text] : said) forged.set(key, text);
      CHECK(entries(info_of(forged.seal().bytes())) == said);
      // The trainer's part of it comes back from a file that the trainer saves.
      const RunState state = run.other.state();
      const std::string before = run.untouched;
      CHECK(run.failure(checkpoint_bytes(run.other)) == "");
      CHECK(run.other.state() == state);
      CHECK(run.untouched == before);
    }
  }
  CHECK(tried > 800);
  CHECK(accepted > 20);
}

TEST_CASE("the length of the header is refused unless it is right") {
  SavedRun run(least_shape);
  const ForgedFile good = ForgedFile::from(run.good);
  for (const std::string& value : boundary_values(good.header.size())) {
    if (value.size() > 19 || value[0] == '-') continue;
    CHECK(run.failure(good.with_length(std::stoull(value))) != "");
  }
  CHECK(run.failure(good.with_length(~std::uint64_t{0})) != "");
}
