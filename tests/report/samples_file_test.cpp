// SPDX-License-Identifier: MIT
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/report/samples_file.hpp>

using octavo::Index;
using octavo::SamplesFile;

namespace {

struct TemporaryFile {
  std::string path =
      std::filesystem::temp_directory_path() / ("octavo_samples_" + std::to_string(::getpid()));
  TemporaryFile() { std::filesystem::remove(path); }
  ~TemporaryFile() { std::filesystem::remove(path); }

  std::string content() const {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void append(std::string_view text) const {
    std::ofstream(path, std::ios::binary | std::ios::app) << text;
  }
  std::vector<std::pair<Index, std::string>> samples() const {
    std::vector<std::pair<Index, std::string>> found;
    const octavo::FileSource source(path);
    octavo::for_each_sample(
        source, [&](Index step, const std::string& text) { found.emplace_back(step, text); });
    return found;
  }
};

}  // namespace

TEST_CASE("samples: any bytes come back, in a file of whole lines of UTF-8") {
  const TemporaryFile file;
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  const std::string texts[] = {"To be, or\nnot to be", "", "a\\n\\x41\tb\\", "é€😀", bytes,
                               "half \xE2\x82"};
  SamplesFile samples(file.path, 0);
  Index step = 0;
  for (const std::string& text : texts) samples.add(++step, text);
  CHECK(file.content().starts_with("step\ttext\n1\tTo be, or\\nnot to be\n2\t\n3\ta\\\\n"));
  const auto found = file.samples();
  REQUIRE(found.size() == std::size(texts));
  for (std::size_t i = 0; i < found.size(); ++i) {
    CHECK(found[i].first == static_cast<Index>(i + 1));
    CHECK(found[i].second == texts[i]);
  }
  std::string content = file.content();
  for (std::string_view rest = content; !rest.empty();) {
    const std::size_t length = octavo::utf8_length(rest);
    REQUIRE(length > 0);
    rest.remove_prefix(length);
  }
}

TEST_CASE("samples: a run that goes on keeps those of its past alone") {
  const TemporaryFile file;
  {
    SamplesFile samples(file.path, 0);
    for (const Index step : {100, 200, 300}) samples.add(step, "text " + std::to_string(step));
    samples.add(300, "said already");
  }
  const std::string whole = file.content();
  file.append("400\tkilled in the mid");
  {
    SamplesFile samples(file.path, 250);
    CHECK(file.content() == "step\ttext\n100\ttext 100\n200\ttext 200\n");
    samples.add(300, "text 300");
  }
  CHECK(file.content() == whole);
  const SamplesFile again(file.path, 1000);
  CHECK(file.content() == whole);
  const SamplesFile at_a_sample(file.path, 300);  // which is of the run's past
  CHECK(file.content() == whole);
  const SamplesFile before(file.path, 299);
  CHECK(file.samples().size() == 2);
}

TEST_CASE("samples: long ones are cut between characters") {
  const TemporaryFile file;
  std::string text;
  while (text.size() < 3 * SamplesFile::most_bytes) text += "€";
  SamplesFile(file.path, 0).add(1, text);
  const auto found = file.samples();
  REQUIRE(found.size() == 1);
  CHECK(found[0].second == text.substr(0, SamplesFile::most_bytes / 3 * 3));
  std::string worst(2 * SamplesFile::most_bytes, '\x01');  // four letters for each
  SamplesFile(file.path, 1).add(2, worst);
  CHECK(file.samples().back().second.size() == SamplesFile::most_bytes);
}

TEST_CASE("samples: a table of something else is not written over") {
  const TemporaryFile file;
  const std::string text = "my,own\n1,2\n";
  file.append(text);
  CHECK_THROWS_AS(SamplesFile(file.path, 100), octavo::FormatError);
  CHECK(file.content() == text);
}

TEST_CASE("samples: damaged rows go, the others stay") {
  const TemporaryFile file;
  const auto check = [&](const std::string& rows, Index damaged, const std::string& left) {
    CAPTURE(rows);
    std::filesystem::remove(file.path);
    file.append("step\ttext\n" + rows);
    CHECK(SamplesFile(file.path, 100).damaged_rows() == damaged);
    CHECK(file.content() == "step\ttext\n" + left);
  };
  const std::string good = "5\tx\n", later = "9\ty\n";
  for (const std::string bad : {"no number\tx\n", "5 x\n", "-1\tx\n", "\n", "99\tz\n"}) {
    check(good + bad + later, 1, good + later);
    check(bad + good + later, 1, good + later);
  }
  check(good + std::string(200'000, '\0') + "\n" + later, 1, good + later);
  check(good + "5\tx\n" + later, 1, good + later);
  check(good + "700\tfuture\n" + later, 1, good + later);
  check(good + "700\tfuture\n800\tfuture\n", 0, good);
}
