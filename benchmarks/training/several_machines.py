#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How long a step of several machines takes: a model of it, and measurements on slow networks.

  several_machines.py table                     efficiency of 4 to 4096 machines, by the model
  several_machines.py measure build/mpi/examples/train_full
      two processes in network namespaces whose link has a limited rate and a delay, beside the
      model, which is given the step's time without either. As root, with iproute2 and Open MPI.

The model follows a step of several passes over the sequences of a process. The gradients of the parts
of the model, from the head to the embedding, are complete one after the other in the backward of the
last pass. When a part is complete, and the messages that were begun with the part before it are there,
a process begins to send the numbers of this part and the sums of the part before it. Messages of n
bytes to p - 1 others are there after

    3 a + (p - 1) o + n / b

(latency a, thrice because MPI asks before it sends a large message; time o to begin a message; bytes
per second b); a process sends (p - 1) / p of the bytes of a part, and as many of its sums. A step ends
when the last sums are there. Forward is a third of the arithmetic; backward is divided among the parts
by their parameters, the embedding's being free.
"""

import collections
import fcntl
import multiprocessing
import os
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import time


def step_seconds(compute, passes, parts, p, a, o, b):
    """parts: bytes of the gradients of head, blocks, embedding, in this order."""
    if p == 1:
        return compute
    arithmetic = sum(parts[:-1])
    backward = compute * 2 / 3 / passes
    now, there, sums = compute - backward, 0.0, 0.0

    def exchange(begin, size):
        return begin + 3 * a + (p - 1) * o + (p - 1) / p * size / b

    for index, size in enumerate(parts):
        if index < len(parts) - 1:
            now += backward * size / arithmetic
        if size == 0:
            continue
        now = max(now, there)
        there = exchange(now, size + sums)
        sums = size
    return exchange(max(now, there), sums)


# Parameters of head, one block, and embedding; blocks; tokens of a step, near the largest that does
# not need more tokens in all.
MODELS = {
    "--large, 8.5 M": (0.0, 0.79e6, 10, 0.6e6, 32768),
    "GPT-2, 124 M": (0.0, 7.09e6, 12, 39.4e6, 524288),
    "SmolLM2-135M": (0.0, 3.54e6, 30, 28.3e6, 524288),
    "1 B": (0.0, 58e6, 16, 131e6, 2097152),
}
# Latency, time to begin a message, bytes per second.
NETWORKS = {
    "10 Gbit/s, 25 us": (25e-6, 2e-6, 1.1e9),
    "100 Gbit/s, 2 us": (2e-6, 0.5e-6, 11e9),
    "100 Mbit/s, 30 ms": (30e-3, 2e-6, 12.5e6),
}
MACHINE = 3.0e12  # floating-point operations per second that 64 cores with AVX-512 sustain
PASS = 8192  # tokens of a pass on such a machine
ROUND = 100  # steps, for DiLoCo with 8 bits


def table():
    print(f"machine: {MACHINE:.2g} operations per second, {PASS} tokens a pass; "
          f"DiLoCo: rounds of {ROUND} steps, 8 bits")
    for name, (a, o, b) in NETWORKS.items():
        print(f"{name}: latency {a:g} s, {o:g} s to begin a message, {b:g} bytes per second")
    print()
    machines = (4, 16, 64, 256, 1024, 4096)
    print("| model, tokens a step | network |" + "".join(f" {p} |" for p in machines))
    print("|---|---|" + "---|" * len(machines))
    for model, (head, block, blocks, embedding, tokens) in MODELS.items():
        parts = [4 * head] + [4 * block] * blocks + [4 * embedding]
        parameters = sum(parts) / 4
        for network, (a, o, b) in NETWORKS.items():
            cells = []
            for p in machines:
                compute = 6 * parameters * tokens / p / MACHINE
                passes = max(1, tokens / p / PASS)
                shared = compute / step_seconds(compute, passes, parts, p, a, o, b)
                sent = 2 * (a + (p - 1) * o) + 2 * (p - 1) / p * parameters * 260 / 256 / b
                diloco = ROUND * compute / (ROUND * compute + sent)
                cells.append(f"{100 * shared:.0f} / {100 * diloco:.0f}")
            print(f"| {model}, {tokens} | {network} | " + " | ".join(cells) + " |")


STEPS = 20  # of a measured run
HOSTS = ("octavo1", "octavo2")
DEVICES = ("left", "right")


def run(*words, check=True):
    return subprocess.run(words, check=check, capture_output=True, text=True)


def relay(ends, delay, rate):
    """Passes packets on between two devices, each direction at `rate` bytes a second and after
    `delay` seconds; one that would wait for longer than 0.1 s for its turn is lost."""
    queues = {end: collections.deque() for end in ends}
    free = {end: 0.0 for end in ends}
    while True:
        now = time.monotonic()
        due = [queue[0][0] - now for queue in queues.values() if queue]
        readable, _, _ = select.select(ends, [], [], max(0.0, min(due)) if due else None)
        now = time.monotonic()
        for end in readable:
            packet = os.read(end, 65536)
            begin = max(now, free[end])
            if begin - now > 0.1:
                continue
            free[end] = begin + len(packet) / rate
            queues[ends[1 - ends.index(end)]].append((free[end] + delay, packet))
        for end, queue in queues.items():
            while queue and queue[0][0] <= now:
                packet = queue.popleft()[1]
                try:
                    os.write(end, packet)
                except OSError:  # the other device is not up yet: lost
                    pass


def tunnel(name):
    """A device whose packets the returned file has."""
    file = os.open("/dev/net/tun", os.O_RDWR)
    # TUNSETIFF: packets of IP, without a header of the device.
    fcntl.ioctl(file, 0x400454CA, struct.pack("16sH", name.encode(), 0x1001))
    return file


class Network:
    """Two namespaces and a link between them; with a delay through relay()."""

    def __init__(self, megabits=0, delay=0.0):
        self.megabits, self.delay, self.relay = megabits, delay, None

    def __enter__(self):
        self.__exit__()
        for host in HOSTS:
            run("ip", "netns", "add", host)
        if self.delay > 0:
            ends = [tunnel(device) for device in DEVICES]
            self.relay = multiprocessing.Process(
                target=relay, args=(ends, self.delay, self.megabits * 1e6 / 8), daemon=True)
            self.relay.start()
            for end in ends:
                os.close(end)
        else:
            run("ip", "link", "add", DEVICES[0], "type", "veth", "peer", "name", DEVICES[1])
        for host, device, address in zip(HOSTS, DEVICES, ("10.9.9.1/24", "10.9.9.2/24")):
            run("ip", "link", "set", device, "netns", host)
            within = ("ip", "netns", "exec", host)
            run(*within, "ip", "addr", "add", address, "dev", device)
            run(*within, "ip", "link", "set", device, "mtu", "9000", "up")
            run(*within, "ip", "link", "set", "lo", "up")
            # A connection that was idle for a step's arithmetic does not begin slowly again.
            run(*within, "sysctl", "-w", "net.ipv4.tcp_slow_start_after_idle=0")
            if self.megabits > 0 and self.delay == 0:
                run(*within, "tc", "qdisc", "replace", "dev", device, "root", "tbf", "rate",
                    f"{self.megabits}mbit", "burst", "256kb", "latency", "50ms")
        return self

    def __exit__(self, *_):
        if self.relay is not None:
            self.relay.kill()
        for host in HOSTS:
            run("ip", "netns", "del", host, check=False)
        run("ip", "link", "del", DEVICES[0], check=False)


def measure(program):
    """Medians of three runs, as the program prints the time of a step."""
    blocks, width, hidden, vocabulary, context = 6, 256, 1024, 256, 128
    shape = ["--layers", blocks, "--heads", 4, "--width", width, "--ff", hidden, "--context", context,
             "--sequence", context, "--batch", 8, "--micro-batch", 1, "--threads", 1, "--eval-every", 0,
             "--sample-every", 0, "--metrics-every", 0, "--tokenizer", "byte"]
    block = 4 * width * width + 2 * width * hidden + 9 * width + hidden
    parts = [4 * (vocabulary * width + 2 * width)] + [4 * block] * blocks
    parts += [4 * (vocabulary + context) * width]
    folder = tempfile.mkdtemp()
    text = os.path.join(folder, "text")
    with open(text, "w", encoding="utf-8") as file:
        for i in range(4000):
            file.write(f"The {i}th line of a text, of which no other has a number like it.\n")
    agent = os.path.join(folder, "agent")
    with open(agent, "w", encoding="utf-8") as file:
        file.write('#!/bin/sh\nhost=$1\nshift\nexec ip netns exec "$host" sh -c "$*"\n')
    os.chmod(agent, 0o755)
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")

    def seconds(count):
        words = ["ip", "netns", "exec", HOSTS[0], "mpirun", "-n", count, "--mca", "btl", "tcp,self",
                 "--mca", "plm_rsh_agent", agent, "--mca", "rtc", "^hwloc",
                 "--mca", "btl_tcp_if_include", "10.9.9.0/24",
                 "--mca", "oob_tcp_if_include", "10.9.9.0/24", "--bind-to", "none",
                 "--host", ",".join(HOSTS[:count]), program, STEPS, *shape, "--leaves", 2, "--data",
                 text, "--out", os.path.join(folder, "run")]
        found = []
        for _ in range(3):
            result = subprocess.run([str(word) for word in words], env=environment,
                                    capture_output=True, text=True, timeout=600)
            if count == 1:
                line = re.search(r"([0-9.]+) s of training", result.stdout)
                found.append(float(line[1]) / STEPS if line else float("nan"))
            else:
                lines = re.findall(r"processes: ([0-9.e-]+) s a step", result.stdout)
                if not lines:
                    sys.exit(result.stdout[-2000:] + result.stderr[-2000:])
                found.append(float(lines[-1]))
        return sorted(found)[1]

    try:
        with Network():
            fast = seconds(2)
        print(f"{sum(parts) / 1e6:.1f} MB of gradients; without a limit {fast:.4f} s a step")
        print("| Mbit/s | delay, ms | measured, s | model, s | ratio |\n|---|---|---|---|---|")
        for megabits, delay in ((100, 0), (250, 0), (500, 0), (1000, 0), (2500, 0), (10000, 0),
                                (100, 0.01), (100, 0.03), (400, 0.01), (400, 0.03)):
            with Network(megabits, delay):
                measured = seconds(2)
            # Headers of TCP take 1% of packets of 9000 bytes.
            modelled = step_seconds(fast, 4, parts, 2, 50e-6 + delay, 10e-6, megabits * 1e6 / 8 * 0.99)
            print(f"| {megabits} | {1000 * delay:.0f} | {measured:.4f} | {modelled:.4f} "
                  f"| {measured / modelled:.2f} |", flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    if sys.argv[1:] == ["table"]:
        table()
    elif len(sys.argv) == 3 and sys.argv[1] == "measure":
        measure(os.path.abspath(sys.argv[2]))
    else:
        sys.exit(__doc__)
