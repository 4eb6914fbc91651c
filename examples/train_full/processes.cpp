// SPDX-License-Identifier: MIT
#include "train_full/processes.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unistd.h>
#include <utility>
#include <vector>

#include <octavo/checkpoint/field_metadata.hpp>
#include <octavo/formats/metadata.hpp>
#include <octavo/octavo.hpp>
#include <octavo/runs/sha256.hpp>

namespace support {
namespace {

using Clock = std::chrono::steady_clock;

/// Other processes, and how long this one has waited for them.
class TimedRanks final : public octavo::Ranks {
 public:
  explicit TimedRanks(octavo::Ranks& ranks) : ranks_(ranks) {}

  octavo::Index count() const noexcept override { return ranks_.count(); }
  octavo::Index rank() const noexcept override { return ranks_.rank(); }
  void send(octavo::Index to, std::span<const std::byte> bytes) override { ranks_.send(to, bytes); }
  void receive(octavo::Index from, std::span<std::byte> bytes) override {
    ranks_.receive(from, bytes);
  }
  bool has_message(octavo::Index from) override { return ranks_.has_message(from); }
  void wait() override {
    const Clock::time_point begin = Clock::now();
    ranks_.wait();
    waited_ += std::chrono::duration<double>(Clock::now() - begin).count();
  }
  void progress() override { ranks_.progress(); }

  double waited() const noexcept { return waited_; }

 private:
  octavo::Ranks& ranks_;
  double waited_ = 0;
};

std::optional<TimedRanks> timed;
octavo::Ranks* all_processes = nullptr;
std::size_t library_bytes = 0;

/// What decides a run's results, by name.
std::vector<std::pair<std::string, std::string>> identity_of(const FullOptions& options,
                                                             const octavo::Corpus& corpus,
                                                             const octavo::ResumedRun* resumed) {
  octavo::MetadataWriter model, training;
  for_each_field(options.config, octavo::detail::FieldWriter{model});
  for_each_field(options.training, octavo::detail::FieldWriter{training});
  const auto text_of = [](const octavo::MetadataWriter& writer) {
    std::string text;
    for (const auto& [name, value] : writer.entries()) text += name + "=" + value + "\n";
    return text;
  };
  return {
      {"program", octavo::version_string},
      {"text", corpus.identity.hash + corpus.identity.validation_hash + corpus.identity.documents},
      {"model", text_of(model) + (options.double_precision ? "double" : "float")},
      {"options", text_of(training) + std::to_string(options.training.micro_batch) + " " +
                      std::to_string(options.training.zero)},
      {"checkpoint",
       resumed == nullptr ? "none" : std::to_string(resumed->info().state.steps_done)},
      {"steps between saves", std::to_string(options.saving.save_every)}};
}

}  // namespace

void set_processes(octavo::Ranks* ranks) {
  timed.reset();
  if (ranks != nullptr) timed.emplace(*ranks);
  all_processes = ranks == nullptr ? nullptr : &*timed;
}

octavo::Ranks* processes() noexcept { return all_processes; }

std::size_t program_bytes() noexcept { return process_overhead + library_bytes; }
void set_library_bytes(std::size_t bytes) noexcept { library_bytes = bytes; }

bool is_first_process() noexcept { return all_processes == nullptr || all_processes->rank() == 0; }

double agreed(const std::function<double()>& of_first) {
  double value = 0;
  if (is_first_process()) value = of_first();
  if (all_processes == nullptr) return value;
  const std::span<double> bytes(&value, 1);
  if (is_first_process()) {
    for (octavo::Index rank = 1; rank < all_processes->count(); ++rank) {
      all_processes->send(rank, std::as_bytes(bytes));
    }
  } else {
    all_processes->receive(0, std::as_writable_bytes(bytes));
  }
  all_processes->wait();
  return value;
}

void wait_for_first() {
  static_cast<void>(agreed([] { return 0.0; }));
}

ProcessTimes::ProcessTimes() : waited_(timed ? timed->waited() : 0) {}

std::string ProcessTimes::operator()(octavo::Index steps) {
  if (all_processes == nullptr || all_processes->count() == 1 || steps == 0) return "";
  struct Time {
    double seconds = 0, waited = 0;
    std::array<char, 64> machine{};
  };
  std::vector<Time> all(static_cast<std::size_t>(all_processes->count()));
  Time& own = all[static_cast<std::size_t>(all_processes->rank())];
  own.seconds = std::chrono::duration<double>(Clock::now() - began_).count();
  own.waited = timed->waited() - waited_;
  gethostname(own.machine.data(), own.machine.size() - 1);
  octavo::gather_all(*all_processes, std::as_writable_bytes(std::span(all)), sizeof(Time));
  const auto share = [](const Time& time) { return 100 * time.waited / time.seconds; };
  std::string text = "processes: " +
                     std::string(octavo::FormattedNumber::general(
                         all[0].seconds / static_cast<double>(steps), 3)) +
                     " s a step; each waits";
  constexpr std::size_t most = 16;
  for (std::size_t i = 0; i < std::min(most, all.size()); ++i) {
    text += " " + std::string(octavo::FormattedNumber::fixed(share(all[i]), 0)) + "%";
  }
  if (all.size() > most) text += " ...";
  const auto busiest = std::min_element(
      all.begin(), all.end(), [&](const Time& a, const Time& b) { return share(a) < share(b); });
  return text + " of it; the least: process " + std::to_string(busiest - all.begin()) + " on " +
         octavo::one_line(busiest->machine.data());
}

void share(FullOptions& options, bool leaves_given) {
  octavo::TrainingOptions& training = options.training;
  if (training.diloco.on()) {  // steps are not shared; rounds end with equal weights to save
    options.saving.save_every = training.diloco.rounded_up(options.saving.save_every);
    return;
  }
  if (all_processes == nullptr) return;
  const octavo::Index count = all_processes->count();
  if (!leaves_given && training.sequences() < count) {
    throw octavo::ConfigError("--batch: got " + std::to_string(training.sequences()) +
                                  " sequences a step, too few for " + std::to_string(count) +
                                  " processes",
                              "choose a larger --batch or --accumulate, or start fewer processes");
  }
  if (!leaves_given) training.leaves = training.sequences();
  if (training.leaves % count != 0) {
    throw octavo::ConfigError("--leaves: got " + std::to_string(training.leaves) +
                                  ", which cannot be dealt evenly to " + std::to_string(count) +
                                  " processes",
                              leaves_given ? "start as many processes as divide it"
                                           : "start as many processes as divide it, or choose "
                                             "another --batch");
  }
  if (options.saving.rollback && count > 1) {
    throw octavo::ConfigError("--rollback: several processes cannot go back together",
                              "leave it out, or use one process");
  }
  training.ranks = count;
}

void agree_on_memory(octavo::TrainingOptions& training) {
  const auto agree = [](auto& value) {
    using Value = std::remove_reference_t<decltype(value)>;
    value = static_cast<Value>(agreed([&] { return static_cast<double>(value); }));
  };
  agree(training.micro_batch);
  agree(training.recompute);
  agree(training.recompute_logits);
  agree(training.fused_update);
}

void require_equal_runs(const FullOptions& options, const octavo::Corpus& corpus,
                        const octavo::ResumedRun* resumed) {
  if (all_processes == nullptr) return;
  constexpr std::size_t length = 64;
  for (const auto& [what, text] : identity_of(options, corpus, resumed)) {
    const std::string own = octavo::sha256(text);
    std::string hashes(length * static_cast<std::size_t>(all_processes->count()), ' ');
    const std::span<char> all(hashes);
    own.copy(&hashes[length * static_cast<std::size_t>(all_processes->rank())], length);
    octavo::gather_all(*all_processes, std::as_writable_bytes(all), length);
    for (octavo::Index rank = 1; rank < all_processes->count(); ++rank) {
      const std::size_t at = static_cast<std::size_t>(rank) * length;
      if (std::string_view(hashes).substr(at, length) == hashes.substr(0, length)) continue;
      throw octavo::ConfigError("processes 0 and " + std::to_string(rank) + " differ in their " +
                                    what + ": " + hashes.substr(0, 12) + "... and " +
                                    hashes.substr(at, 12) + "...",
                                "give all processes the same program, options and files");
    }
  }
}

}  // namespace support
