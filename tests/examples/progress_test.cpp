// SPDX-License-Identifier: MIT
// What a run shows on a terminal, and the table that it leaves.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/ioctl.h>
#include <thread>
#include <unistd.h>

#include <doctest/doctest.h>

#include <octavo/files/read_file.hpp>

#include "examples/micro.hpp"
#include "examples/process.hpp"

namespace {

/// A terminal of some width, and what was written to it.
class Terminal {
 public:
  explicit Terminal(unsigned short columns) : master_(::posix_openpt(O_RDWR | O_NOCTTY)) {
    REQUIRE(master_ >= 0);
    REQUIRE(::grantpt(master_) == 0);
    REQUIRE(::unlockpt(master_) == 0);
    name_ = ::ptsname(master_);
    slave_ = ::open(name_.c_str(), O_RDWR | O_NOCTTY);
    REQUIRE(slave_ >= 0);
    const winsize size{40, columns, 0, 0};
    REQUIRE(::ioctl(slave_, TIOCSWINSZ, &size) == 0);
    reader_ = std::thread([this] {
      std::array<char, 4096> piece;
      for (ssize_t n; (n = ::read(master_, piece.data(), piece.size())) > 0;) {
        text_.append(piece.data(), static_cast<std::size_t>(n));
      }
    });
  }
  Terminal(const Terminal&) = delete;
  ~Terminal() {
    if (reader_.joinable()) static_cast<void>(text());
    ::close(master_);
  }

  const char* name() const { return name_.c_str(); }

  /// Once whoever wrote has gone.
  const std::string& text() {
    ::close(slave_);
    reader_.join();
    return text_;
  }

 private:
  int master_;
  int slave_;
  std::string name_;
  std::string text_;
  std::thread reader_;
};

/// A variable of the environment, as long as this lives.
struct Variable {
  Variable(const char* variable, const char* value) : name(variable) {
    ::setenv(variable, value, 1);
  }
  Variable(const Variable&) = delete;
  ~Variable() { ::unsetenv(name); }
  const char* name;
};

/// A run of the smallest model that evaluates, unlike micro()'s.
std::vector<std::string> watched(const std::string& options, const char* steps) {
  return words_of(
             "train_full --layers 1 --heads 2 --context 16 --sequence 12 --threads 1 "
             "--sample-every 0 --width 16 --ff 24 " +
             options) +
         std::vector<std::string>{steps};
}

std::string words_and_numbers(const Sandbox& sandbox) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += "word " + std::to_string(i % 17) + "\n";
  write_file(sandbox, "text", text);
  return "--data text --eval-every 10 --keep 100 ";
}

/// The run of `words` on a terminal.
std::string shown(const Sandbox& sandbox, const std::vector<std::string>& words,
                  unsigned short columns) {
  Terminal terminal(columns);
  const Outcome outcome = start(sandbox, words, {.output = terminal.name()});
  CHECK(outcome.status == 0);
  return terminal.text();
}

/// The longest of the lines, from one return or feed to the next, that the run draws itself.
std::size_t longest_drawn(const std::string& text) {
  std::size_t longest = 0, columns = 0;
  std::string line;
  for (std::size_t at = 0; at <= text.size(); ++at) {
    if (at == text.size() || text[at] == '\r' || text[at] == '\n') {
      const bool drawn = line.find("% ") != line.npos || line.find('|') != line.npos;
      if (drawn) longest = std::max(longest, columns);
      line.clear();
      columns = 0;
    } else if (text[at] == '\x1b') {
      while (at < text.size() && !std::isalpha(static_cast<unsigned char>(text[at]))) ++at;
    } else {
      line += text[at];
      columns += (text[at] & 0xC0) != 0x80;
    }
  }
  return longest;
}

/// The columns of a table that do not depend on time.
std::string timeless(const fs::path& path) {
  std::ifstream file(path);
  REQUIRE(file);
  std::string result;
  for (std::string line; std::getline(file, line);) {
    std::istringstream cells(line);
    std::string cell;
    for (int column = 0; std::getline(cells, cell, ','); ++column) {
      if (column != 4 && column != 5 && column != 7) result += cell + ",";
    }
    result += "\n";
  }
  return result;
}

}  // namespace

TEST_CASE("progress: on a terminal the line fits, at every width") {
  const Variable locale("LC_ALL", "C"), colours("NO_COLOR", "1"), kind("TERM", "xterm");
  const std::array<unsigned short, 7> widths = {20, 27, 40, 61, 80, 120, 200};
  for (const unsigned short columns : widths) {
    CAPTURE(columns);
    const Sandbox sandbox;
    const std::string text =
        shown(sandbox, watched(words_and_numbers(sandbox) + "--out o", "30"), columns);
    CHECK(text.find("100%") != std::string::npos);
    CHECK(text.find("validation loss") != std::string::npos);
    CHECK((text.find("+--") != std::string::npos) == (columns >= 26));
    CHECK(longest_drawn(text) < columns);
    CHECK(longest_drawn(text) > 3);
    for (std::size_t at = text.find('\x1b'); at != text.npos; at = text.find('\x1b', at + 1)) {
      const std::size_t end = text.find_first_not_of("[0123456789;", at + 1);
      REQUIRE(end != text.npos);
      CHECK(text[end] != 'm');  // no colour
    }
  }
}

TEST_CASE("progress: colours and blocks where the terminal has them, nothing on a dumb one") {
  const Sandbox sandbox;
  const auto words = watched(words_and_numbers(sandbox) + "--out o", "30");
  {
    const Variable locale("LC_ALL", "C.UTF-8"), kind("TERM", "xterm");
    const std::string text = shown(sandbox, words, 100);
    CHECK(text.find("\x1b[0;36m") != std::string::npos);
    CHECK(text.find("█") != std::string::npos);
    CHECK(text.find("●") != std::string::npos);
  }
  const Variable kind("TERM", "dumb");
  const std::string text = shown(sandbox, words, 100);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find("step     30/30") != std::string::npos);
}

TEST_CASE("progress: the table of a run that was taken up is that of one that was not") {
  const Sandbox sandbox;
  const std::string options = words_and_numbers(sandbox) + "--metrics-every 3 ";
  CHECK(start(sandbox, watched(options + "--save-every 8 --out whole", "30")).status == 0);
  const std::string whole = timeless(sandbox / "whole/metrics.csv");
  CHECK(std::count(whole.begin(), whole.end(), '\n') > 10);
  CHECK(whole.find("\n10,") != std::string::npos);  // an evaluation's
  fs::copy(sandbox / "whole", sandbox / "part");
  {
    std::ofstream file(sandbox / "part/metrics.csv", std::ios::app);
    file << "31,0.5,0.";  // killed in the midst of a row
  }
  for (const char* step : {"24", "16", "08"}) {
    CAPTURE(step);
    const auto words = words_of(
        "train_full --threads 1 --log-every 0 --sample-every 0 --keep 100 "
        "--save-every 8 --metrics-every 3 --eval-every 10 --resume "
        "part/checkpoint-000000" +
        std::string(step) + ".safetensors");
    CHECK(start(sandbox, words).status == 0);
    CHECK(timeless(sandbox / "part/metrics.csv") == whole);
  }
}

TEST_CASE("progress: a new run in an old folder begins a new table, and keeps the old") {
  const Sandbox sandbox;
  const std::string options = words_and_numbers(sandbox) + "--out o";
  CHECK(start(sandbox, watched(options, "20")).status == 0);
  const std::string first = timeless(sandbox / "o/metrics.csv");
  CHECK(start(sandbox, watched(options, "10")).status == 0);
  CHECK(timeless(sandbox / "o/earlier-1/metrics.csv") == first);
  CHECK(timeless(sandbox / "o/metrics.csv") != first);
}

TEST_CASE("progress: a table of something else is not written over") {
  const Sandbox sandbox;
  fs::create_directory(sandbox / "o");
  write_file(sandbox, "o/metrics.csv", "my,own\n1,2\n");
  const Outcome got = start(sandbox, watched("--out o", "5"));
  CHECK(got.status == 65);
  CHECK(got.err.find("o/metrics.csv': got a first line of 'my,own'") != std::string::npos);
}

TEST_CASE("progress: hints are said once, where a run goes wrong") {
  const Sandbox sandbox;
  const auto hint = [&](const std::vector<std::string>& words) {
    const Outcome got = start(sandbox, words);
    CHECK(got.status == 0);
    const std::size_t at = got.out.find("hint: ");
    CHECK(got.out.find("hint: ", at + 1) == std::string::npos);
    return at == std::string::npos ? "" : got.out.substr(at, got.out.find('\n', at) - at);
  };
  CHECK(hint(watched("--lr 1e-9 --min-lr 1e-9", "100")).starts_with("hint: hardly moving"));
  CHECK(
      hint(watched("--lr 3 --min-lr 3 --clip 0 --warmup 0", "100")).starts_with("hint: diverging"));
  CHECK(hint(watched("--lr 3e-3", "300")).empty());

  std::string order = "ab", chance;  // what follows a token is known only by chance
  std::uint64_t state = 1;
  const auto draw = [&](std::uint64_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
  };
  for (int i = 0; i < 20000; ++i) {
    chance += "abcdefgh"[draw(8)];
    order +=
        static_cast<char>('a' + (static_cast<std::uint64_t>(order.back() - 'a') * 3 + draw(2)) % 8);
  }
  write_file(sandbox, "chance", chance);
  write_file(sandbox, "order", order);
  CHECK(hint(watched("--no-unknown --data chance --lr 3e-3", "400"))
            .starts_with("hint: stuck at 2.0"));
  CHECK(hint(watched("--no-unknown --data order --lr 3e-3", "6000"))
            .starts_with("hint: stuck at 0.7"));

  write_file(sandbox, "little", chance.substr(0, 150));
  const std::string over = hint(words_of(
      "train_full --layers 1 --heads 2 --context 16 --sequence 12 --width 32 --ff 128 --batch 4 "
      "--threads 1 --no-unknown --data little --lr 1e-2 --min-lr 1e-2 --eval-every 100 800"));
  CHECK_MESSAGE(over.starts_with("hint: overfitting since step 100"), over);
}

TEST_CASE("progress: --timings shows the phases of a step, and changes no bit") {
  const Sandbox sandbox;
  const std::string options = words_and_numbers(sandbox);
  const Outcome timed = start(sandbox, watched("--timings --out timed " + options, "20"));
  const Outcome other = start(sandbox, watched("--out other " + options, "20"));
  CHECK(timed.status == 0);
  CHECK(octavo::read_file(sandbox / "timed/model.safetensors") ==
        octavo::read_file(sandbox / "other/model.safetensors"));
  const std::size_t begin = timed.out.find("\nA step's phases (between steps: batches");
  REQUIRE(begin != timed.out.npos);
  for (const char* phase :
       {"embed", "attention", "feed-forward", "head and loss", "feed-forward back",
        "attention back", "embed back", "update", "between steps"}) {
    CAPTURE(phase);
    CHECK(timed.out.find(std::string("%  ") + phase + "\n", begin) != timed.out.npos);
  }
  CHECK(timed.out.find("in all\n", begin) != timed.out.npos);
  CHECK(other.out.find("phases") == other.out.npos);
}
