// SPDX-License-Identifier: MIT
#include "support/run_saver.hpp"

#include <algorithm>

#include "support/program.hpp"
#include "support/sha256.hpp"

namespace support {
namespace {

/// What a process that was killed has moved by halves comes back, unless another is at it.
void recover(const std::string& folder) {
  const octavo::EarlierRuns earlier(folder);
  if (!earlier.is_unfinished()) return;
  try {
    const octavo::FolderLock lock(folder);
    earlier.recover();
  } catch (const octavo::Error&) {
  }
}

}  // namespace

void add_save_options(CLI::App& app, SaveOptions& options) {
  add_name(
      app, "--out", options.out,
      "Folder for checkpoints, the trained model, metrics.csv, samples.tsv and report.html; an "
      "earlier run's are moved to its folder earlier-1, earlier-2, ..." +
          (options.default_out.empty() ? "" : " (" + options.default_out + ")"))
      ->type_name("DIR");
  add_integer(app, "--save-every", options.save_every, 0,
              "Steps between checkpoints; 0: only at the end (500)");
  add_integer(app, "--keep", options.keep, 1, "Checkpoints that stay, the newest (2)");
  app.add_option_function<std::string>(
         "--resume",
         [&options](const std::string& path) {
           options.resume = true;
           options.resume_from = path;
         },
         "Go on with a checkpoint, or with the newest valid one of a folder (--out's)")
      ->type_name("[FILE|DIR]")
      ->expected(0, 1);
  app.add_flag("--allow-corpus-change", options.allow_corpus_change,
               "Go on with another text than the run began with");
}

std::unique_ptr<Resumed> find_resumed(SaveOptions& options, const char* program) {
  if (options.out.empty() && options.resume_from.empty()) options.out = options.default_out;
  if (!options.resume) return nullptr;
  std::string path = options.resume_from.empty() ? options.out : options.resume_from;
  if (path.empty()) {
    throw octavo::ConfigError("--resume: expected a checkpoint, a folder, or --out DIR");
  }
  const bool number =
      std::all_of(path.begin(), path.end(), [](char c) { return c >= '0' && c <= '9'; });
  std::error_code unknown;  // opening it will say what is wrong
  if (number && !std::filesystem::exists(path, unknown)) {
    throw octavo::ConfigError(
        "--resume: there is no checkpoint or folder " + octavo::printable(path),
        "write ITERATIONS before --resume");
  }
  if (std::filesystem::is_directory(path, unknown)) {
    if (options.out.empty()) options.out = path;
    recover(path);
    path = octavo::newest_valid_checkpoint(path, [&](const octavo::Error& error) {
             std::fprintf(stderr, "%s: warning: skipped: %s\n", program, error.what());
           }).path;
  }
  std::string from = std::filesystem::path(path).parent_path().string();
  if (from.empty()) from = ".";
  if (options.out.empty()) options.out = from;
  options.resumed_folder = from;
  options.same_folder = std::filesystem::equivalent(from, options.out, unknown);
  options.replaces_future = options.replaces_future || options.allow_corpus_change;
  return std::make_unique<Resumed>(path);
}

std::string saves_of(const SaveOptions& options) {
  std::string line = "saves to " + one_line(options.out) + ": a checkpoint ";
  if (options.save_every == 0) {
    line += "at the end";
  } else {
    line += options.save_every == 1 ? "every step"
                                    : "every " + std::to_string(options.save_every) + " steps";
    line += options.keep == 1 ? ", the newest stays"
                              : ", the newest " + std::to_string(options.keep) + " stay";
  }
  if (options.rollback) {
    line += "; for rollbacks every " + std::to_string(octavo::rollback_interval) + " steps";
  }
  return line;
}

void check_out(const SaveOptions& options) {
  namespace fs = std::filesystem;
  std::error_code unknown;
  const auto refuse = [](const fs::path& path, const char* why) {
    throw octavo::Error(octavo::ErrorCode::cannot_create,
                        "cannot create " + octavo::printable(path.string()) + ": " + why,
                        "choose another folder with --out");
  };
  const fs::path model = fs::path(options.out) / "model.safetensors";
  for (const fs::path& path : {model, fs::path(options.out) / "best.safetensors"}) {
    const fs::file_status status = fs::status(path, unknown);
    if (fs::is_other(status)) refuse(path, "what lies there is no regular file");
  }
  if (fs::is_directory(model, unknown)) refuse(model, "it is a folder");
  // Its weights may have other names: shards, or pytorch_model.bin.
  if (!options.same_folder && fs::exists(model.parent_path() / "config.json", unknown)) {
    refuse(model, "the folder is Hugging Face's, with a config.json");
  }
}

void check_corpus(const SaveOptions& options, const Resumed& resumed,
                  const octavo::CorpusIdentity& corpus) {
  const octavo::CorpusIdentity& before = resumed.info().corpus;
  if (options.allow_corpus_change || corpus.same_text(before)) return;
  throw octavo::DataError("cannot resume " + octavo::printable(resumed.path()) +
                              ": the text is another: got " + std::to_string(corpus.bytes) +
                              " bytes with SHA-256 " + corpus.hash.substr(0, 12) +
                              "..., expected " + std::to_string(before.bytes) + " with " +
                              before.hash.substr(0, 12) + "...",
                          "name the same text with --data, or say --allow-corpus-change");
}

std::string join_names(const std::vector<std::string>& names) {
  std::string joined;
  for (const std::string& name : names) {
    if (!joined.empty()) joined += '\0';
    joined += name;
  }
  return joined;
}

std::vector<std::string> split_names(const std::string& joined) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at < joined.size();) {
    const std::size_t end = std::min(joined.find('\0', at), joined.size());
    names.push_back(joined.substr(at, end - at));
    at = end + 1;
  }
  return names;
}

octavo::CorpusIdentity identity_of(const std::string& name, std::string_view text) {
  return {name, text.size(), sha256(text)};
}

}  // namespace support
