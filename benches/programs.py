"""Runs programs and says what they cost: seconds by the wall, CPU, bytes written, peak memory."""

import dataclasses
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time

BEGUN = time.monotonic()


class Failed(Exception):
    """A program that should have succeeded did not, or what it left behind is wrong."""


@dataclasses.dataclass
class Spent:
    """What a program and the children that it waited for have cost."""

    wall: float = 0.0
    cpu: float = 0.0
    written: int = 0
    peak_kb: int = 0

    def __add__(self, other):
        return Spent(self.wall + other.wall, self.cpu + other.cpu, self.written + other.written,
                     max(self.peak_kb, other.peak_kb))


def run(command, **options):
    """Runs a command to its end; gives what it cost and what it said.

    Bytes written are those that the kernel charged to the program and its children when they made
    pages of files dirty (`ru_oublock`, the sum that /proc/PID/io calls write_bytes). The peak of
    memory is that of the program alone, as last seen: `ru_maxrss` would begin with Python's own.
    """
    command = [str(word) for word in command]
    with tempfile.TemporaryFile() as said:
        begun = time.monotonic()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said,
                                 stderr=subprocess.STDOUT, **options)
        peak = Peak(child.pid)
        try:
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            child.kill()
            child.wait()
            raise
        finally:
            peak.end()
        wall = time.monotonic() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        output = said.read()
    if child.returncode != 0:
        shown = output.decode(errors="replace")[-4000:]
        raise Failed(f"{' '.join(command)[:400]}: exit code {child.returncode}\n{shown}")
    cpu = usage.ru_utime + usage.ru_stime
    return Spent(wall, cpu, usage.ru_oublock * 512, peak.kb), output


class Peak:
    """Watches the peak memory of a running program, now and then."""

    def __init__(self, pid):
        self.path, self.kb, self.over = f"/proc/{pid}/status", 0, threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        """Until the program or the watch ends."""
        pause = 0.005
        while not self.over.wait(pause):
            try:
                with open(self.path, encoding="ascii") as status:
                    line = next(line for line in status if line.startswith("VmHWM:"))
            except (OSError, StopIteration):
                return
            self.kb = int(line.split()[1])
            pause = min(0.25, pause * 2)

    def end(self):
        """Ends the watch."""
        self.over.set()
        self.thread.join()


def say(text):
    """A line of progress, with the seconds since the start."""
    print(f"[{time.monotonic() - BEGUN:7.1f} s] {text}", file=sys.stderr, flush=True)


def free_port():
    """A port of loopback that nobody listens on, and none that outgoing connections are given."""
    for _ in range(1000):
        port = random.randrange(10000, 30000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Failed("no port is free")


def has_ipv6():
    """Whether the loopback of IPv6 is there."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


def version(package):
    """The version of an installed Debian package."""
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True)
    return done.stdout.strip() or "not a package here"


def tree_bytes(top, without=()):
    """What the files below a directory take on disk."""
    total = 0
    for folder, folders, files in os.walk(top):
        folders[:] = [name for name in folders if os.path.join(folder, name) not in without]
        for name in files:
            try:
                total += os.lstat(os.path.join(folder, name)).st_blocks * 512
            except FileNotFoundError:
                pass
    return total
