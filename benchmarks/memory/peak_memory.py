# SPDX-License-Identifier: MIT
"""Peak memory of every preset, each in a process of its own, as Markdown: plan and peak of every
option set, the least that lossy options reach beside its target, and the same models in PyTorch.

    cmake --preset release && cmake --build --preset release
    python3 benchmarks/memory/peak_memory.py --data shakespeare.txt [PRESET ...]

A run makes a few steps, generates a sample and saves the model. Runs on --data are stopped after
three steps: validation works in memory that the steps have touched. Peaks are what the programs
read of themselves: getrusage counts for a child what this interpreter had when it forked.

Exit status: 0 if every target that was measured is met, 1 if one is missed, 2 if something could
not be run.
"""
import argparse
import itertools
import os
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections import namedtuple

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from compare import SETTINGS, pytorch_step

# program of the default run and of the leanest, their options, whether they want --data, targets
# in MB for either, the setting of compare.py
Preset = namedtuple("Preset", "program options lean_program lean_options data targets setting")


def preset_of_train_full(options, data, targets, setting):
    return Preset("train_full", options, "train_full", options, data, targets, setting)


PRESETS = {
    "train_v2": Preset(
        "train_v2", "", "train_full",
        "--layers 2 --heads 4 --width 128 --ff 256 --context 64 --batch 1 --sequence 32",
        False, (7.5, 4.5), SETTINGS["v2"]),
    "tiny": preset_of_train_full("--tiny", False, (3, 2.6), SETTINGS["tiny"]),
    "small": preset_of_train_full("--small", False, (10, 5.5), SETTINGS["small"]),
    "medium": preset_of_train_full("--medium", True, (46, 27), SETTINGS["medium"]),
    "large": preset_of_train_full("--large", True, (155, 80), SETTINGS["large"]),
    "nano": preset_of_train_full(
        "--layers 4 --heads 4 --width 128 --ff 512 --context 64 --batch 12 --sequence 64"
        " --activation gelu --no-bias --tied --no-unknown", True, (20, 13), SETTINGS["nano"]),
    "gpt2": Preset("step_memory", "", "step_memory", "", False, (2050, 1000),
                   (12, 12, 768, 3072, 4, 64, 50257, 1024, "gelu-tanh", True, True)),
}
LEAN_OPTIONS = ("--micro-batch 1", "--recompute", "--fused-update", "--optimizer adamw-8bit",
                "--recompute-logits")
NOTES = """\
MB are millions of bytes. The peak is the most that the operating system counted (VmHWM), read by
the program itself at its end; tokens are the text's, beside the plan; the overhead is the rest:
program, C++ library, stacks. Leanest: of all combinations of {options}, the one with the smallest
plan (float, 2 threads). train_v2 has no such options: its leanest run is `train_full {v2}` on the
built-in text, whose vocabulary is smaller (35 instead of 70). nano is nanoGPT's CPU setting, gpt2
GPT-2's shape with 124 million parameters, random weights and random tokens (4 x 64).
""".format(options=", ".join(f"`{option}`" for option in LEAN_OPTIONS),
           v2=PRESETS["train_v2"].lean_options)


class Failure(Exception):
    """Something could not be run."""


Measured = namedtuple("Measured", "plan tokens peak")


def found(output, pattern, command):
    match = re.search(pattern, output, re.MULTILINE)
    if not match:
        raise Failure(f"{' '.join(command)} did not print {pattern}:\n{output}")
    return int(match.group(1))


def run(command, stop_after=0):
    """Output of a program, interrupted once it has printed that many lines that begin with step."""
    lines, steps = [], 0
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout:
            lines.append(line)
            steps += line.startswith("step ")
            if stop_after and steps == stop_after:
                process.send_signal(signal.SIGINT)
                stop_after = -1
        stopped = stop_after < 0
    if process.returncode != 0 and not (stopped and process.returncode == 128 + signal.SIGINT):
        raise Failure(f"{' '.join(command)} ended with {process.returncode}:\n{''.join(lines)}")
    return "".join(lines)


class Octavo:
    """The programs, and what was measured of them."""

    def __init__(self, arguments, scratch):
        self.arguments, self.scratch = arguments, scratch
        self.leanest, self.measured = {}, {}

    def command(self, name, lean):
        preset = PRESETS[name]
        program = preset.lean_program if lean else preset.program
        path = (self.arguments.gpt2 if program == "step_memory"
                else os.path.join(self.arguments.examples, program))
        if not os.path.exists(path):
            raise Failure(f"no program {path}: build it, or name where it is (see --help)")
        command = [path, *(preset.lean_options if lean else preset.options).split()]
        return command + (["--data", self.arguments.data] if preset.data else [])

    def lean_options(self, name):
        """The combination with the smallest plan; of equal ones the shortest."""
        if name not in self.leanest:
            command, plans = self.command(name, True), []
            for count in range(len(LEAN_OPTIONS) + 1):
                for options in itertools.combinations(LEAN_OPTIONS, count):
                    if "--recompute-logits" in options and "--fused-update" not in options:
                        continue
                    words = " ".join(options).split()
                    dry = command + words + ["--threads", "2", "--dry-run"]
                    if PRESETS[name].lean_program == "train_full":
                        dry.append("--memory-report")
                    plans.append((found(run(dry), r"^total (\d+) bytes", dry), count, words))
            self.leanest[name] = min(plans)[2]
        return self.leanest[name]

    def measure(self, name, lean, scalar="float", threads=2):
        """Plan and peak; the greatest peak of three runs where these take no time."""
        key = name, lean, scalar, threads
        if key in self.measured:
            return self.measured[key]
        command, preset = self.command(name, lean), PRESETS[name]
        if lean:
            command += self.lean_options(name)
        program = preset.lean_program if lean else preset.program
        if program != "train_v2":
            command += ["--scalar", scalar]
        if program == "train_full":
            command += ["1000" if preset.data else "5", "--out", self.scratch,
                        "--eval-every", "0", "--log-every", "1"]
        elif program == "train_v2":
            command += ["5", "--out", self.scratch]
        command += ["--threads", str(threads), "--memory-report"]
        runs = []
        for _ in range(1 if preset.data or name == "gpt2" else 3):
            output = run(command, stop_after=3 if preset.data else 0)
            plan = found(output, r"memory planned (\d+) bytes", command)
            planned = found(output, r"^ *(\d+)  planned$", command)
            runs.append(Measured(plan, planned - plan, found(output, r"^ *(\d+)  peak$", command)))
        self.measured[key] = max(runs, key=lambda measured: measured.peak)
        return self.measured[key]


def print_all(octavo, names):
    print("| preset | options | scalar | threads | plan | tokens | peak | overhead |\n"
          "|---|---|---|---|---|---|---|---|")
    for name in names:
        for lean, scalar, threads in itertools.product((False, True), ("float", "double"), (1, 2)):
            program = PRESETS[name].lean_program if lean else PRESETS[name].program
            if program == "train_v2" and scalar == "double":
                continue
            if name == "gpt2" and (scalar, threads) != ("float", 2) and not octavo.arguments.all:
                continue
            plan, tokens, peak = octavo.measure(name, lean, scalar, threads)
            what = "leanest" if lean else "default"
            print(f"| {name} | {what} | {scalar} | {threads} | {plan:,} | {tokens:,} | {peak:,} | "
                  f"{peak - plan - tokens:,} |", flush=True)


def print_targets(octavo, names):
    """Returns the targets missed, in words."""
    missed = []

    def cells(name, lean):
        peak, target = octavo.measure(name, lean).peak / 1e6, PRESETS[name].targets[lean]
        if peak > target:
            what = "leanest" if lean else "default"
            missed.append(f"{name}, {what}: peak {peak:.2f} MB, target {target} MB")
        return f"{peak:.2f} | {target}, {'met' if peak <= target else '**missed**'}"

    print("\n| preset | default (AdamW, float) MB | target | leanest MB | target | options of the "
          "leanest |\n|---|---|---|---|---|---|")
    for name in names:
        print(f"| {name} | {cells(name, False)} | {cells(name, True)} | "
              f"`{' '.join(octavo.lean_options(name))}` |", flush=True)
    return missed


def print_pytorch(octavo, names, python):
    def peak(name):
        return int(run([python, __file__, "--pytorch-child", name])) / 1e6

    if subprocess.run([python, "-c", "import torch"], capture_output=True).returncode != 0:
        print(f"\nNo comparison with PyTorch: {python} cannot import torch.")
        return
    library = peak("nothing")
    print(f"\nThree steps with AdamW in PyTorch, float, 2 threads; {library:.0f} MB of each are "
          "PyTorch itself.\n\n| preset | PyTorch MB | Octavo MB | ratio | leanest MB | ratio |\n"
          "|---|---|---|---|---|---|")
    for name in names:
        theirs = peak(name)
        ours, lean = (octavo.measure(name, lean).peak / 1e6 for lean in (False, True))
        print(f"| {name} | {theirs:.0f} | {ours:.2f} | {theirs / ours:.1f}x | {lean:.2f} | "
              f"{theirs / lean:.1f}x |", flush=True)


def pytorch_child(name):
    """In a process of its own: prints the peak of three steps, or of nothing but PyTorch."""
    import torch
    if name in PRESETS:
        step = pytorch_step(PRESETS[name].setting, 2)
        for _ in range(3):
            step()
    with open("/proc/self/status", encoding="ascii") as status:
        print(1024 * int(re.search(r"VmHWM:\s*(\d+) kB", status.read()).group(1)))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("presets", nargs="*", metavar="PRESET",
                        help=f"only these of {', '.join(PRESETS)}")
    parser.add_argument("--examples", default="build/release/examples", metavar="DIR",
                        help="folder of train_v2 and train_full (%(default)s)")
    parser.add_argument("--gpt2", default="build/release/benchmarks/step_memory", metavar="FILE",
                        help="the program step_memory (%(default)s)")
    parser.add_argument("--data", metavar="FILE",
                        help="tiny Shakespeare; without it medium, large and nano are left out")
    parser.add_argument("--all", action="store_true",
                        help="run gpt2 also in double and with 1 thread: minutes, 4.2 GB")
    parser.add_argument("--pytorch", default=sys.executable, metavar="PYTHON",
                        help="Python that may be able to import torch (%(default)s)")
    parser.add_argument("--no-pytorch", action="store_true", help="no comparison with PyTorch")
    parser.add_argument("--pytorch-child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    unknown = [name for name in arguments.presets if name not in PRESETS]
    if unknown:
        parser.error(f"no preset {unknown[0]}; there are {', '.join(PRESETS)}")
    return arguments


def main():
    arguments = parse_arguments()
    if arguments.pytorch_child:
        pytorch_child(arguments.pytorch_child)
        return 0
    names = arguments.presets or list(PRESETS)
    left_out = [name for name in names if PRESETS[name].data and not arguments.data]
    names = [name for name in names if name not in left_out]
    if not names:
        print("peak_memory: error: all of it needs --data", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        octavo = Octavo(arguments, scratch)
        try:
            print_all(octavo, names)
            missed = print_targets(octavo, names)
            print("\n" + textwrap.fill(NOTES, 100))
            if left_out:
                print(f"Left out, for want of --data: {', '.join(left_out)}.")
            if not arguments.no_pytorch:
                print_pytorch(octavo, names, arguments.pytorch)
        except Failure as failure:
            print(f"peak_memory: error: {failure}", file=sys.stderr)
            return 2
    for line in missed:
        print(f"peak_memory: missed: {line}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
