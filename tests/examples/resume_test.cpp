// SPDX-License-Identifier: MIT
// A run that is interrupted and taken up again ends with the bytes of one that never was.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/checkpoint/model_file.hpp>
#include <octavo/data/sample_text.hpp>
#include <octavo/files/read_file.hpp>

#include "examples/sandbox.hpp"

namespace {

std::string checkpoint(int step) {
  std::string digits = std::to_string(step);
  return "checkpoint-" + std::string(8 - digits.size(), '0') + digits + ".safetensors";
}

void write_text(const Sandbox& sandbox) {
  std::ofstream text(sandbox / "text");
  for (int i = 0; i < 3; ++i) text << octavo::sample_text;
}

bool same_file(const Sandbox& sandbox, const std::string& a, const std::string& b) {
  return octavo::read_file(sandbox / a) == octavo::read_file(sandbox / b);
}

/// Starts a program in the background and sends it a signal after a while; its exit status.
int interrupted(const Sandbox& sandbox, const std::string& command, const char* signal,
                double seconds) {
  const std::string line = "cd '" + sandbox.path.string() + "' && { " OCTAVO_EXAMPLES_FOLDER "/" +
                           command + " >>log 2>&1 </dev/null & p=$!; sleep " +
                           std::to_string(seconds) + "; kill -" + signal +
                           " $p 2>/dev/null; wait $p; }";
  const int status = std::system(("bash -c '" + line + "'").c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

const std::string micro =
    "--layers 1 --heads 2 --width 16 --ff 24 --context 16 --sequence 12 --data text ";

}  // namespace

TEST_CASE("resumed at any step, with other threads and memory, a run ends with the same bytes") {
  const Sandbox sandbox;
  write_text(sandbox);
  const std::string variants[] = {
      "",
      "--dropout 0.2 --batch 2",
      "--optimizer adamw-8bit --seed 9",
      "--optimizer lion --lr 1e-4 --clip 0",
      "--optimizer sgd --dropout 0.1",
      "--optimizer adam --decay 0.01",
      "--fused-update",
      "--ema 0.9 --eval-every 5",
      "--ema 0.5 --optimizer muon --train-last 1 --fused-update",
      "--batch 3 --accumulate 2 --eval-every 3 --patience 100",
      "--scalar double --activation gelu --tied --no-bias",
      "--scalar double --optimizer adamw-8bit --fused-update --dropout 0.3",
  };
  for (const std::string& variant : variants) {
    fs::remove_all(sandbox.path / "whole");
    const std::string begin = "train_full 24 " + micro + variant + " ";
    const Result whole = sandbox.run(begin + "--threads 1 --save-every 1 --keep 100 --out whole");
    expect(whole, 0, "saved whole/" + checkpoint(24));
    for (const int stop : {1, 2, 7, 12, 23}) {
      INFO(variant, ", resumed at step ", stop);
      fs::remove_all(sandbox.path / "again");
      const Result again = sandbox.run(
          "train_full --save-every 0 --threads 3 --micro-batch 2 --recompute --out again --resume "
          "whole/" +
          checkpoint(stop));
      expect(again, 0, "continuing from whole/" + checkpoint(stop));
      expect(again, 0, std::to_string(stop) + " of 24 steps are done");
      CHECK(same_file(sandbox, "whole/" + checkpoint(24), "again/" + checkpoint(24)));
      CHECK(same_file(sandbox, "whole/model.safetensors", "again/model.safetensors"));
    }
    // The command that began the run, again, with --resume: nothing is left to do.
    expect(sandbox.run(begin + "--out again --resume"), 0, "24 of 24 steps are done");
    CHECK(same_file(sandbox, "whole/" + checkpoint(24), "again/" + checkpoint(24)));
  }
}

TEST_CASE("with --ema the model is the average, of a file of either kind, and --ema is the run's") {
  const Sandbox sandbox;
  write_text(sandbox);
  const std::string begin = "train_full 20 " + micro + "--threads 1 --eval-every 10 ";
  expect(sandbox.run(begin + "--out plain"), 0, "adamw\n");
  expect(sandbox.run(begin + "--ema 0.9 --out run"), 0, "adamw, ema 0.9\n");
  const auto model = [&](const std::string& name) {
    const auto loaded = octavo::load_model<float>(sandbox / name);
    return std::vector<float>(loaded.weights.begin(), loaded.weights.end());
  };
  CHECK(model("run/model.safetensors") == model("run/" + checkpoint(20)));
  CHECK(model("run/model.safetensors") != model("plain/model.safetensors"));
  const auto says = [&](const std::string& path) {
    return sandbox.run("generate " + path + " --prompt T --tokens 30 --temperature 0").output;
  };
  CHECK(says("run") == says("run/model.safetensors"));
  expect(sandbox.run("train_full --resume run --ema 0.5"), 64,
         "--resume: the run has ema 0.9, but 0.5 was asked");
  expect(sandbox.run("train_full --resume plain --ema 0.5"), 64,
         "--resume: the run has ema 0, but 0.5 was asked");
}

TEST_CASE("a chain of resumes, each from the checkpoint of the one before") {
  const Sandbox sandbox;
  write_text(sandbox);
  for (const int length : {2, 5, 10}) {
    fs::remove_all(sandbox.path / "whole");
    fs::remove_all(sandbox.path / "chain");
    const std::string run = "train_full 20 " + micro + "--dropout 0.1 --save-every 1 --keep 100 ";
    expect(sandbox.run(run + "--out whole"), 0, "saved whole");
    fs::create_directory(sandbox.path / "chain");
    fs::copy(sandbox.path / "whole" / checkpoint(1), sandbox.path / "chain" / checkpoint(1));
    for (int link = 1; link <= length; ++link) {
      // What came after the checkpoint that this link begins with is lost.
      expect(sandbox.run(run + "--out chain --resume --threads " + std::to_string(link)), 0,
             "saved");
      if (link == length) break;
      for (int step = 20 * link / length + 1; step <= 20; ++step) {
        fs::remove(sandbox.path / "chain" / checkpoint(step));
      }
    }
    CHECK(same_file(sandbox, "whole/" + checkpoint(20), "chain/" + checkpoint(20)));
  }
}

TEST_CASE("train_v2 goes on bit for bit, and only with its own runs") {
  const Sandbox sandbox;
  expect(sandbox.run("train_v2 60 --out whole --save-every 20 --keep 9 --threads 1"), 0, "saved");
  for (const int stop : {20, 40}) {
    expect(sandbox.run("train_v2 60 --out again --threads 2 --resume whole/" + checkpoint(stop)), 0,
           "continuing from");
    CHECK(same_file(sandbox, "whole/" + checkpoint(60), "again/" + checkpoint(60)));
    fs::remove_all(sandbox.path / "again");
  }
  const std::string end = octavo::read_file(sandbox / ("whole/" + checkpoint(60)));
  fs::remove(sandbox.path / "whole" / checkpoint(60));
  expect(sandbox.run("train_v2 --resume whole"), 0, "step     60/60");  // the run's own length
  CHECK(octavo::read_file(sandbox / ("whole/" + checkpoint(60))) == end);
  expect(sandbox.run("train_v2 70 --resume whole"), 64, "the run has 60 iterations, but 70 were");
  expect(sandbox.run("train_v2 60 --seed 3 --resume whole"), 64, "the run has seed 5, but 3 was");
  expect(sandbox.run("train_v2 --resume"), 64, "expected a checkpoint, a folder, or --out DIR");
  expect(sandbox.run("train_full --tiny 5 --out tiny"), 0, "saved");
  expect(sandbox.run("train_v2 --resume tiny"), 64, "it is not a run of train_v2");
}

TEST_CASE("interrupted by signals until it is done, a run ends with the same bytes") {
  const Sandbox sandbox;
  const std::string run = "train_full --tiny 2000 --save-every 50 --log-every 0 --sample-every 0 ";
  expect(sandbox.run(run + "--out whole"), 0, "saved");
  const char* const signals[] = {"TERM", "INT", "HUP"};
  const int statuses[] = {143, 130, 129};
  int caught = 0;
  for (int i = 0; i < 200; ++i) {
    const auto which = static_cast<std::size_t>(i % 3);
    const bool first = !fs::exists(sandbox.path / "parts");
    const int status =
        interrupted(sandbox, run + "--out parts" + (first ? "" : " --resume"), signals[which], 0.1);
    if (status == 0) break;
    // A signal that comes before the run has begun ends it at once, like any program.
    const bool ours = status == statuses[which];
    CHECK(ours);
    caught += ours;
  }
  CHECK(caught > 0);
  CHECK(same_file(sandbox, "whole/" + checkpoint(2000), "parts/" + checkpoint(2000)));
  CHECK(same_file(sandbox, "whole/model.safetensors", "parts/model.safetensors"));
}

TEST_CASE("the schedule belongs to the run") {
  const Sandbox sandbox;
  write_text(sandbox);
  const std::string run = "train_full " + micro;
  expect(sandbox.run(run + "10 --lr 1e-3 --out a"), 0, "saved a/" + checkpoint(10));
  expect(sandbox.run(run + "20 --out a --resume"), 64,
         "error: --resume: the run has steps 10, but 20 was asked\n"
         "  hint: leave it out, or say --new-schedule to replace the run's own");
  expect(sandbox.run("train_full --lr 1e-2 --resume a"), 64, "the run has learning_rate 0.001");
  const Result longer = sandbox.run("train_full 20 --resume a --new-schedule");
  expect(longer, 0, "10 of 20 steps are done; new schedule: there were 10");
  expect(longer, 0, "saved a/" + checkpoint(20));
  expect(sandbox.run("train_full 15 --resume a --new-schedule"), 64,
         "error: ITERATIONS: got 15, but 20 steps of the run are done already\n"
         "  hint: ITERATIONS counts from the beginning of the run");
  expect(sandbox.run("train_full --new-schedule"), 64, "hint: say --resume too, or leave it out");
  for (const char* other : {"--width 32", "--batch 2", "--dropout 0.5", "--seed 3", "--tied",
                            "--optimizer lion", "--scalar double", "--fused-update", "--medium"}) {
    INFO(other);
    const Result refused = sandbox.run(std::string("train_full --resume a ") + other);
    expect(refused, 64, "error: --resume: the run has ");
    expect(refused, 64, "hint: leave it out, or begin a new run");
  }
}

TEST_CASE("the command that a stopped run prints says again what no checkpoint does") {
  const Sandbox sandbox;
  write_text(sandbox);
  const std::string options =
      " --save-every 7 --keep 5 --threads 1 --sample-every 0 --log-every 0 --metrics-every 3";
  const std::string run = "train_full 100000000 " + micro + options + " --out \"a b\"";
  std::string log;
  for (const double seconds : {0.3, 3.0, 10.0}) {  // a signal before the run has begun just ends it
    CHECK(interrupted(sandbox, run, "TERM", seconds) == 143);
    log = octavo::read_file(sandbox / "log");
    if (log.find("stopped at step") != log.npos) break;
  }
  CHECK(log.find("\nContinue with: " OCTAVO_EXAMPLES_FOLDER "/train_full --resume 'a b'" + options +
                 "\n") != log.npos);
}

TEST_CASE("what cannot be resumed is named, and the newest that can is taken") {
  const Sandbox sandbox;
  write_text(sandbox);
  expect(sandbox.run("train_full 9 " + micro + "--save-every 3 --keep 5 --out a"), 0, "saved");
  fs::resize_file(sandbox.path / "a" / checkpoint(9), 4000);
  {
    std::fstream file(sandbox / ("a/" + checkpoint(6)), std::ios::in | std::ios::out);
    file.seekp(-5, std::ios::end);
    file.put('\x7f');
  }
  const Result result = sandbox.run("train_full --resume a");
  expect(result, 0, "train_full: warning: skipped: cannot load 'a/" + checkpoint(9) + "': tensor ");
  expect(result, 0,
         "warning: skipped: cannot load 'a/" + checkpoint(6) +
             "': tensor 'optimizer.state': its CRC-32C is ");
  expect(result, 0, "3 of 9 steps are done");
  expect(sandbox.run("train_full --resume nowhere"), 66, "cannot open 'nowhere'");
  fs::create_directory(sandbox.path / "empty");
  expect(sandbox.run("train_full --resume empty"), 66, "there is no checkpoint in 'empty'");
  expect(sandbox.run("train_full --resume 500"), 64, "write ITERATIONS before --resume");
  expect(sandbox.run("train_full --resume a/model.safetensors"), 65,
         "metadata 'octavo.kind': got 'model', expected 'checkpoint'\n"
         "  hint: a model file has no state to resume from; name a checkpoint");
  std::ofstream(sandbox / "other")
      << "Another text, that is long enough to be trained on, or so "
         "one hopes; it goes on and on until it is long enough. And then it "
         "goes on for a while.";
  expect(sandbox.run("train_full --resume a --data other"), 65, "the text is another: got ");
  expect(sandbox.run("train_full --resume a --data other --allow-corpus-change --save-every 0"), 0,
         "9 of 9 steps are done");
}

TEST_CASE("a new run sets an earlier one's checkpoints aside, and two never share a folder") {
  const Sandbox sandbox;
  write_text(sandbox);
  expect(sandbox.run("train_full 9 " + micro + "--save-every 3 --keep 2 --out a"), 0, "saved");
  CHECK(!fs::exists(sandbox.path / "a" / checkpoint(3)));
  CHECK(fs::exists(sandbox.path / "a" / checkpoint(6)));
  const std::string model = octavo::read_file(sandbox / "a/model.safetensors");
  expect(sandbox.run("train_full 4 " + micro + "--out a"), 0,
         "a holds an earlier run: moved to a/earlier-1\n");
  CHECK(octavo::read_file(sandbox / "a/earlier-1/model.safetensors") == model);
  CHECK(fs::exists(sandbox.path / "a/earlier-1" / checkpoint(9)));
  CHECK(!fs::exists(sandbox.path / "a" / checkpoint(9)));
  CHECK(fs::exists(sandbox.path / "a" / checkpoint(4)));
  std::ofstream(sandbox / "a/x.tmp.123") << "half";
  const Result back = sandbox.run("train_full --resume a/earlier-1 --out a");
  expect(back, 0, "9 of 9 steps are done");
  expect(back, 0, "a holds an earlier run: moved to a/earlier-2\n");
  CHECK(fs::exists(sandbox.path / "a/earlier-2" / checkpoint(4)));
  CHECK(!fs::exists(sandbox.path / "a/x.tmp.123"));
  expect(sandbox.run("train_full 4 " + micro + "--out a"), 0,
         "a holds an earlier run: moved to a/earlier-3\n");
  // A run that goes on elsewhere finds another's checkpoints there.
  expect(sandbox.run("train_full 5 --seed 2 " + micro + "--out other"), 0, "saved");
  expect(sandbox.run("train_full --resume a --out other"), 0,
         "other holds an earlier run: moved to other/earlier-1\n");
  CHECK(fs::exists(sandbox.path / "other/earlier-1" / checkpoint(5)));
  CHECK(!fs::exists(sandbox.path / "other" / checkpoint(5)));

  const int status =
      std::system(("cd '" + sandbox.path.string() +
                   "' && flock a/.lock " OCTAVO_EXAMPLES_FOLDER "/train_full --resume a >log 2>&1")
                      .c_str());
  CHECK(WEXITSTATUS(status) == 73);
  CHECK(octavo::read_file(sandbox / "log").find("cannot lock folder 'a': process ") !=
        std::string::npos);
}

TEST_CASE("a run that diverges stops before the update, and names its last good checkpoint") {
  const Sandbox sandbox;
  write_text(sandbox);
  const std::string run =
      "train_full 60 " + micro + "--optimizer sgd --clip 0 --warmup 0 --keep 100 ";
  const Result result = sandbox.run(run + "--lr 1e30 --save-every 1 --out a");
  expect(result, 1, "error: training diverged at step ");
  expect(result, 1, "the last good checkpoint is a/checkpoint-");
  const Result back = sandbox.run(run + "--lr 1e30 --save-every 1 --out b --rollback");
  expect(back, 1, "; back to b/" + checkpoint(0) + ", learning rate times 0.5 from now on");
  expect(back, 1,
         "and there is no checkpoint to go back to\n  hint: a rollback goes to a multiple of 50");
  const Result early =
      sandbox.run(run + "--lr 1e300 --scalar double --save-every 0 --out c --rollback");
  expect(early, 1, "and there is no checkpoint to go back to");
}

TEST_CASE("a save that fails does not end a run, three in a row do") {
  const Sandbox sandbox;
  write_text(sandbox);
  const std::string run = "train_full 40 " + micro + "--lr 1e-2 --save-every 0 ";
  for (const char* folder : {"a", "b"}) {  // with a name in it that cannot be renamed over
    fs::create_directories(sandbox.path / folder / "best.safetensors/full");
  }
  const Result two = sandbox.run(run + "--eval-every 20 --out a");
  expect(two, 0, "warning: cannot rename 'a/best.safetensors.tmp.");
  expect(two, 0, "saved a/" + checkpoint(40));
  expect(sandbox.run(run + "--eval-every 1 --out b"), 74, "error: cannot rename 'b/best.");
}

TEST_CASE("patience ends a run, and the best model is kept") {
  const Sandbox sandbox;
  write_text(sandbox);
  const std::string run = "train_full 3000 " + micro + "--lr 1e-2 --eval-every 20 --patience 5 ";
  const Result result = sandbox.run(run + "--out a");
  expect(result, 0, "stopped at step ");
  expect(result, 0, "the best evaluation's model is a/best.safetensors");
  expect(sandbox.run("generate a/best.safetensors --tokens 5"), 0, "");
  // Taken up again it stays stopped.
  expect(sandbox.run("train_full --resume a"), 0, "stopped at step ");
}
