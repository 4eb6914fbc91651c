# SPDX-License-Identifier: MIT
"""What a run costs more that shows itself: live line on a terminal, a row of metrics.csv every 10
steps and report.html at every evaluation, against the same run with --quiet, without either file.

    cmake --preset release && cmake --build --preset release
    python3 benchmarks/training/display_cost.py --data shakespeare.txt [OPTION ...]

Further options go to train_full (--small --threads 1 is the default). Both evaluate, sample and save
alike. The two runs of a round go at the same time on one and the same core, which the system gives
to each in turn for some milliseconds: whatever other programs do to that core, both suffer it. What
is compared is the processor time of each process, user and system: the median of the rounds' ratios.

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
    os.close(terminal)


def start(command, folder, shown, core):
    """A run on a terminal of its own. A folder in the page's place keeps the page from being written."""
    out = tempfile.mkdtemp(dir=folder)
    command = command + ["--out", out]
    if not shown:
        os.makedirs(os.path.join(out, "report.html", "no page"))
        command += ["--quiet", "--metrics-every", "0"]
    terminal, output = pty.openpty()
    threading.Thread(target=drain, args=(terminal,), daemon=True).start()
    environment = dict(os.environ, TERM="xterm-256color", LC_ALL="C.UTF-8")
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                               stderr=subprocess.DEVNULL, env=environment,
                               preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    os.close(output)
    return process, os.path.join(out, "report.html"), shown


def processor_seconds(process, page, shown):
    """Of a run, when it has ended."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(process.args)} ended with {process.returncode}")
    if shown != os.path.isfile(page):
        raise RuntimeError(f"{page}: a page was expected of the run that shows itself, and only there")
    return usage.ru_utime + usage.ru_stime


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", default="build/release/examples", metavar="DIR",
                        help="folder of train_full (%(default)s)")
    parser.add_argument("--data", required=True, metavar="FILE", help="text to train on")
    parser.add_argument("--steps", type=int, default=1500, help="per run (%(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="(%(default)s)")
    arguments, arguments.options = parser.parse_known_args()
    return arguments


def main():
    arguments = parse_arguments()
    command = [os.path.join(arguments.examples, "train_full"), str(arguments.steps), "--data",
               arguments.data, *(arguments.options or ["--small", "--threads", "1"])]
    core = max(os.sched_getaffinity(0))
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            for turn in range(arguments.rounds):
                runs = [start(command, folder, shown, core)
                        for shown in (turn % 2 == 0, turn % 2 == 1)]
                took = {run[2]: processor_seconds(*run) for run in runs}
                ratios.append(took[True] / took[False])
                print(f"quiet {took[False]:.3f} s, shown {took[True]:.3f} s", flush=True)
        except (OSError, RuntimeError) as error:
            print(f"display_cost: error: {error}", file=sys.stderr)
            return 2
    ratio = statistics.median(ratios)
    print(f"{' '.join(command[1:])}: shown / quiet {ratio:.4f}, median of {len(ratios)} rounds "
          f"({min(ratios):.4f} to {max(ratios):.4f})")
    return 0 if ratio <= 1.01 else 1


if __name__ == "__main__":
    sys.exit(main())
