# SPDX-License-Identifier: MIT
"""What a run costs more that shows itself: live line on a terminal, a row of metrics.csv every 10
steps and report.html at every evaluation, against the same run with --quiet, without either file.

    cmake --preset release && cmake --build --preset release
    python3 benchmarks/training/display_cost.py --data shakespeare.txt [OPTION ...]

Further options go to train_full (--small --threads 1 is the default). The two kinds of run take
turns; both evaluate, sample and save alike. What is compared is the processor time of the whole
process, user and system, which other programs disturb less than the clock: the ratio of medians.

Exit status: 0 if showing costs at most 1%, 1 if more, 2 if something could not be run.
"""
import argparse
import os
import pty
import statistics
import subprocess
import sys
import tempfile
import threading


def drain(terminal):
    """Reads what is shown until nobody shows anything."""
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:
        pass


def processor_seconds(command, folder, shown):
    """Of one run. A folder in the page's place keeps the page from being written."""
    out = tempfile.mkdtemp(dir=folder)
    command = command + ["--out", out]
    if not shown:
        os.makedirs(os.path.join(out, "report.html", "no page"), exist_ok=True)
        command += ["--quiet", "--metrics-every", "0"]
    terminal, output = pty.openpty()
    reader = threading.Thread(target=drain, args=(terminal,))
    reader.start()
    environment = dict(os.environ, TERM="xterm-256color", LC_ALL="C.UTF-8")
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                               stderr=subprocess.DEVNULL, env=environment)
    os.close(output)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    reader.join()
    os.close(terminal)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    if shown != os.path.isfile(os.path.join(out, "report.html")):
        raise RuntimeError(f"{out}: a page was expected of the run that shows itself, and only there")
    return usage.ru_utime + usage.ru_stime


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", default="build/release/examples", metavar="DIR",
                        help="folder of train_full (%(default)s)")
    parser.add_argument("--data", required=True, metavar="FILE", help="text to train on")
    parser.add_argument("--steps", type=int, default=1500, help="per run (%(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="runs of each kind (%(default)s)")
    arguments, arguments.options = parser.parse_known_args()
    return arguments


def main():
    arguments = parse_arguments()
    command = [os.path.join(arguments.examples, "train_full"), str(arguments.steps), "--data",
               arguments.data, *(arguments.options or ["--small", "--threads", "1"])]
    seconds = {True: [], False: []}
    with tempfile.TemporaryDirectory() as folder:
        try:
            for turn in range(2 * arguments.rounds + 2):
                took = processor_seconds(command, folder, turn % 2 == 1)
                if turn >= 2:  # the first two warm up
                    seconds[turn % 2 == 1].append(took)
        except (OSError, RuntimeError) as error:
            print(f"display_cost: error: {error}", file=sys.stderr)
            return 2
    shown, quiet = statistics.median(seconds[True]), statistics.median(seconds[False])
    print(f"{' '.join(command[1:])}: {arguments.rounds} runs each, processor seconds (median)\n"
          f"  quiet  {quiet:.3f}  ({min(seconds[False]):.3f} to {max(seconds[False]):.3f})\n"
          f"  shown  {shown:.3f}  ({min(seconds[True]):.3f} to {max(seconds[True]):.3f})\n"
          f"  ratio  {shown / quiet:.4f}")
    return 0 if shown <= 1.01 * quiet else 1


if __name__ == "__main__":
    sys.exit(main())
