"""What was measured on."""

import os
import platform
import re
import subprocess

from programs import run, version

TOOLS = ("aptly", "reprepro", "apt", "gpg", "gpgv", "curl", "openssl", "xz-utils")


def describe(options, where):
    """The machine and the versions of everything that runs on it."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        processor = re.search(r"^model name\s*: (.*)$", file.read(), re.M)
    with open("/proc/meminfo", encoding="ascii") as file:
        memory = int(re.search(r"MemTotal:\s+(\d+)", file.read()).group(1))
    with open("/etc/os-release", encoding="utf-8") as file:
        system = re.search(r'^PRETTY_NAME="?([^"\n]*)', file.read(), re.M)
    kind = subprocess.run(["df", "--output=fstype", where], capture_output=True, text=True, check=True)
    return {
        "processor": processor.group(1) if processor else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gb": round(memory / 1024 / 1024),
        "kernel": f"Linux {platform.release()}",
        "filesystem": kind.stdout.split()[-1],
        "system": system.group(1) if system else "unknown",
        "load_before": load(),
        "repod": build(options.binaries),
        "before": f"{build(options.before)}, {options.before_name}".rstrip(", ") if options.before else None,
        "tools": {name: version(name) for name in TOOLS},
    }


def build(binaries):
    """What a build calls itself."""
    _, said = run([os.path.join(binaries, "repod"), "--version"])
    return said.decode().strip()


def load():
    """The load average of the last minute."""
    return f"{os.getloadavg()[0]:.1f}"
