#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures what the compiler needs for a file that trains and generates.

    benchmarks/compilation/compile_time.py [--compiler g++] [--rounds 5] [--include FOLDER ...]

Compiles the files of this folder in turn, without and with OCTAVO_COMPILED (what linking
octavo::compiled defines), and prints medians of processor time and of the largest memory, as well
as the ratio of the times to that of a file with one Eigen product.
"""
import argparse
import os
import pathlib
import statistics
import subprocess

FOLDER = pathlib.Path(__file__).resolve().parent
CASES = {
    "one Eigen product": ["eigen_product.cpp"],
    "octavo.hpp alone": ["umbrella.cpp"],
    "octavo.hpp alone, compiled": ["umbrella.cpp", "-DOCTAVO_COMPILED"],
    "trains and generates": ["train_and_generate.cpp"],
    "trains and generates, compiled": ["train_and_generate.cpp", "-DOCTAVO_COMPILED"],
}


def measure(command):
    """Processor seconds and MB of one compilation."""
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"failed: {' '.join(map(str, command))}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--include", nargs="*", default=[FOLDER.parents[1] / "include"])
    parser.add_argument("--eigen", default="/usr/include/eigen3")
    arguments = parser.parse_args()
    flags = ["-std=c++20", "-O2", "-isystem", arguments.eigen]
    flags += [f"-I{folder}" for folder in arguments.include]
    results = {name: [] for name in CASES}
    for _ in range(arguments.rounds):
        for name, (file, *more) in CASES.items():
            results[name].append(measure(
                [arguments.compiler, *flags, *more, "-c", FOLDER / file, "-o", os.devnull]))
    unit = statistics.median(time for time, _ in results["one Eigen product"])
    for name, runs in results.items():
        time = statistics.median(time for time, _ in runs)
        memory = statistics.median(memory for _, memory in runs)
        print(f"{name:32} {time:6.2f} s  {time / unit:5.2f} x  {memory:5.0f} MB")


if __name__ == "__main__":
    main()
