#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The roofline of each kernel on one core, as a table and a drawing:

    python3 benchmarks/kernels/roofline.py build/release/benchmarks roofline.svg

The programs write JSON (any Google Benchmark does, with --benchmark_format=json). Across: floating-
point operations a byte of memory that the kernel touches; up: operations a second. The roof is what the
core can do at most: the FMA limit, or what it reads of a block as large as the kernel's, from a
cache or from memory, times the operations a byte.
"""
import argparse
import html
import json
import math
import pathlib
import subprocess
import sys

PROGRAMS = ("kernels_matmul_benchmark", "kernels_rowwise_benchmark")
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22",
           "#17becf", "#ff7f0e", "#000000")


def measure(folder, seconds):
    """The counters of all kernels, in order."""
    kernels = []
    for program in PROGRAMS:
        command = [folder / program, "--benchmark_format=json", f"--benchmark_min_time={seconds}"]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        kernels += [one for one in json.loads(output)["benchmarks"] if "of_roof" in one]
    return kernels


def table(kernels):
    lines = ["| kernel | FLOP/byte | GFLOP/s | of the FMA limit | GB/s | of the roof |",
             "|---|---|---|---|---|---|"]
    for one in kernels:
        lines.append(f"| {one['name']} | {one['FLOP/byte']:.3g} | {one['FLOP/s'] / 1e9:.1f} | "
                     f"{100 * one['of_limit']:.0f}% | {one['bytes/s'] / 1e9:.1f} | "
                     f"{100 * one['of_roof']:.0f}% |")
    return "\n".join(lines)


def drawing(kernels):
    """An SVG with both axes logarithmic."""
    width, height, margin = 900, 560, 60
    limit = max(one["limit_FLOP/s"] for one in kernels)
    slow = min(one["limit_bytes/s"] for one in kernels)
    fast = max(one["limit_bytes/s"] for one in kernels)
    x_range = (math.log10(0.2), math.log10(max(one["FLOP/byte"] for one in kernels) * 2))
    y_range = (math.log10(min(one["FLOP/s"] for one in kernels) / 2), math.log10(limit * 2))

    def place(intensity, rate):
        across = (math.log10(intensity) - x_range[0]) / (x_range[1] - x_range[0])
        up = (math.log10(rate) - y_range[0]) / (y_range[1] - y_range[0])
        return margin + across * (width - 2 * margin), height - margin - up * (height - 2 * margin)

    def line(points, style):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        return f'<polyline points="{path}" fill="none" {style}/>'

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
             'font-family="sans-serif" font-size="12">',
             f'<rect width="{width}" height="{height}" fill="white"/>']
    for bandwidth, name in ((slow, "memory"), (fast, "fastest cache")):
        ridge = limit / bandwidth
        low = max(10 ** x_range[0], 10 ** y_range[0] / bandwidth)
        points = [place(low, low * bandwidth), place(ridge, limit), place(10 ** x_range[1], limit)]
        parts.append(line(points, 'stroke="#444" stroke-dasharray="4 3"'))
        x, y = place(low * 1.1, low * 1.1 * bandwidth)
        parts.append(f'<text x="{x + 6:.1f}" y="{y + 4:.1f}">{name}: {bandwidth / 1e9:.0f} GB/s</text>')
    x, y = place(10 ** x_range[1], limit)
    parts.append(f'<text x="{x:.1f}" y="{y - 6:.1f}" text-anchor="end">FMA limit: '
                 f'{limit / 1e9:.0f} GFLOP/s</text>')
    names = list(dict.fromkeys(one["name"].split("/")[0] for one in kernels))
    for one in kernels:
        colour = COLOURS[names.index(one["name"].split("/")[0]) % len(COLOURS)]
        x, y = place(one["FLOP/byte"], one["FLOP/s"])
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}">'
                     f'<title>{html.escape(one["name"])}: {100 * one["of_roof"]:.0f}% of the roof</title></circle>')
    for i, name in enumerate(names):
        y = height - margin - 14 * (len(names) - i)
        parts.append(f'<circle cx="{width - 200}" cy="{y - 4}" r="4" '
                     f'fill="{COLOURS[i % len(COLOURS)]}"/>'
                     f'<text x="{width - 190}" y="{y}">{html.escape(name)}</text>')
    parts.append(f'<text x="{width / 2}" y="{height - 20}" text-anchor="middle">FLOP/byte</text>')
    parts.append(f'<text x="20" y="{height / 2}" transform="rotate(-90 20 {height / 2})" '
                 'text-anchor="middle">FLOP/s</text></svg>')
    return "\n".join(parts) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, help="of the benchmarks' programs")
    parser.add_argument("svg", type=pathlib.Path, nargs="?", help="the drawing")
    parser.add_argument("--seconds", type=float, default=0.3, help="of each kernel")
    arguments = parser.parse_args()
    missing = [name for name in PROGRAMS if not (arguments.folder / name).exists()]
    if missing:
        sys.exit(f"{arguments.folder} has no {missing[0]}: build the preset release first")
    kernels = measure(arguments.folder, arguments.seconds)
    print(table(kernels))
    if arguments.svg:
        arguments.svg.write_text(drawing(kernels))


if __name__ == "__main__":
    main()
