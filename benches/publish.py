#!/usr/bin/env python3
"""One new package into a suite of N, a rollback, and a bulk import: us, reprepro and aptly.

Packages are made from the stanzas of the machine's own Debian Packages file. Every publish is timed
from the start of its command until an InRelease that gpgv accepts names the new index. Medians of
several runs; the spread beside them. Ratios count: the machine may be busy with other things.
"""

import glob
import gzip
import io
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time

RUNS = int(os.environ.get("BENCH_RUNS", "5"))
DROPPED = {"Filename", "Size", "MD5sum", "SHA1", "SHA256", "SHA512", "Description-md5", "Tag"}


def run(command, **options):
    """Runs a command, gives wall and CPU seconds; stops with its output when it fails."""
    before = os.times()
    begun = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    wall = time.monotonic() - begun
    after = os.times()
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout.decode(errors='replace')}")
    cpu = (after.children_user - before.children_user) + (after.children_system - before.children_system)
    return wall, cpu, done.stdout


def stanzas():
    """The machine's own Packages file, as apt keeps it."""
    names = sorted(glob.glob("/var/lib/apt/lists/*_main_binary-*_Packages*"), key=os.path.getsize)
    if not names:
        raise SystemExit("no package lists here: run apt-get update first")
    text = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", names[-1]], capture_output=True, check=True)
    return text.stdout.decode().split("\n\n")


def member(name, data):
    head = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode()
    return head + data + (b"\n" if len(data) % 2 else b"")


def tar(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, data in files:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(out.getvalue(), 6, mtime=0)


def deb(control, name):
    return (
        b"!<arch>\n"
        + member("debian-binary", b"2.0\n")
        + member("control.tar.gz", tar([("./control", control.encode())]))
        + member("data.tar.gz", tar([(f"./usr/share/doc/{name}/copyright", name.encode())]))
    )


def make_packages(where, count):
    """Writes `count` packages; gives their paths."""
    os.makedirs(where, exist_ok=True)
    paths, seen = [], set()
    for stanza in stanzas():
        fields, kept, skipping = {}, [], False
        for line in stanza.split("\n"):
            if line.startswith(" "):
                if not skipping:
                    kept.append(line)
                continue
            key, _, value = line.partition(":")
            skipping = key in DROPPED
            fields[key] = value.strip()
            if not skipping and line:
                kept.append(line)
        name, architecture = fields.get("Package"), fields.get("Architecture")
        if not name or name in seen or architecture not in ("amd64", "all"):
            continue
        seen.add(name)
        version = fields["Version"].split(":")[-1]
        path = os.path.join(where, f"{name}_{version}_{architecture}.deb")
        with open(path, "wb") as out:
            out.write(deb("\n".join(kept) + "\n", name))
        paths.append(path)
        if len(paths) == count:
            break
    return paths


def make_single(where, name, version):
    os.makedirs(where, exist_ok=True)
    control = (
        f"Package: {name}\nVersion: {version}\nArchitecture: amd64\nSection: utils\nPriority: optional\n"
        f"Maintainer: Bench <bench@example.org>\nDescription: one new package\n"
    )
    path = os.path.join(where, f"{name}_{version}_amd64.deb")
    with open(path, "wb") as out:
        out.write(deb(control, name))
    return path


def gpg_home(where):
    """A key for the peers: Ed25519, the quickest there is."""
    os.makedirs(where, mode=0o700)
    environment = {**os.environ, "GNUPGHOME": where}
    key = "bench@example.org"
    run(["gpg", "--batch", "--passphrase", "", "--quick-gen-key", key, "ed25519", "sign", "never"], env=environment)
    ring = os.path.join(where, "public.gpg")
    run(["gpg", "--batch", "--output", ring, "--export", key], env=environment)
    return environment, ring


def verify(ring, in_release):
    run(["gpgv", "--keyring", ring, in_release])


class Ours:
    name = "repod"

    def __init__(self, binaries, work):
        self.repod, self.repoctl = (os.path.join(binaries, p) for p in ("repod", "repoctl"))
        self.data, self.work = os.path.join(work, "data"), work
        self.port = free_port()
        run([self.repod, "init", "--data", self.data, "--name", "localhost", "--port", str(self.port),
             "--listen", f"127.0.0.1:{self.port}", "--local", f"127.0.0.1:{free_port()}"])
        self.environment = {**os.environ, "REPOCTL_CONFIG": os.path.join(self.data, "operator/config.toml")}
        self.ring = os.path.join(work, "ours.gpg")
        run(["gpg", "--batch", "--homedir", work, "--output", self.ring, "--dearmor",
             os.path.join(self.data, "keys/archive-key.asc")])
        self.server = subprocess.Popen([self.repod, "serve", "--config", os.path.join(self.data, "repod.toml")],
                                       stderr=open(os.path.join(work, "repod.log"), "w"))
        while socket.socket().connect_ex(("127.0.0.1", self.port)) != 0:
            time.sleep(0.02)
        self.ctl("suite", "create", "stable", "--architectures", "amd64")

    def ctl(self, *arguments):
        return run([self.repoctl, *arguments], env=self.environment)

    def server_cpu(self):
        with open(f"/proc/{self.server.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def timed(self, *arguments):
        time.sleep(1.1)  # a suite that was quiet for a second, as heads are a second apart
        cpu, begun = self.server_cpu(), time.monotonic()
        _, own, said = self.ctl(*arguments)
        out = os.path.join(self.work, "InRelease")
        own_dir = os.path.join(self.data, "operator")
        _, fetch, _ = run(["curl", "-sSf", "--cacert", f"{own_dir}/ca.crt", "--cert", f"{own_dir}/client.crt",
                           "--key", f"{own_dir}/client.key", "-o", out,
                           f"https://localhost:{self.port}/dists/stable/InRelease"])
        verify(self.ring, out)
        return time.monotonic() - begun, own + fetch + self.server_cpu() - cpu

    def bulk(self, directory):
        cpu, begun = self.server_cpu(), time.monotonic()
        _, own, _ = self.ctl("upload", "--suite", "stable", directory, "-m", "bulk")
        return time.monotonic() - begun, own + self.server_cpu() - cpu

    def add(self, path):
        return self.timed("upload", "--suite", "stable", path)

    def roll_back(self, name):
        return self.timed("pin", "--suite", "stable", "--rollback", name)

    def memory(self):
        with open(f"/proc/{self.server.pid}/status") as status:
            return int(re.search(r"VmHWM:\s+(\d+)", status.read()).group(1)) / 1024

    def stop(self):
        self.server.send_signal(signal.SIGTERM)
        self.server.wait()


class Reprepro:
    name = "reprepro"

    def __init__(self, work, environment, ring):
        self.base, self.environment, self.ring = os.path.join(work, "reprepro"), environment, ring
        os.makedirs(os.path.join(self.base, "conf"))
        with open(os.path.join(self.base, "conf/distributions"), "w") as conf:
            conf.write("Codename: stable\nArchitectures: amd64\nComponents: main\nSignWith: yes\n")

    def go(self, *arguments):
        return run(["reprepro", "--silent", "--silent", "-b", self.base, *arguments], env=self.environment)

    def bulk(self, directory):
        paths = sorted(glob.glob(f"{directory}/*.deb"))
        begun, cpu = time.monotonic(), 0
        for part in range(0, len(paths), 20000):
            cpu += self.go("--export=silent-never", "includedeb", "stable", *paths[part:part + 20000])[1]
        cpu += self.go("export", "stable")[1]
        return time.monotonic() - begun, cpu

    def add(self, path):
        begun = time.monotonic()
        _, cpu, _ = self.go("includedeb", "stable", path)
        verify(self.ring, os.path.join(self.base, "dists/stable/InRelease"))
        return time.monotonic() - begun, cpu


class Aptly:
    name = "aptly"

    def __init__(self, work, environment, ring):
        self.root, self.environment, self.ring = os.path.join(work, "aptly"), environment, ring
        os.makedirs(self.root)
        self.config = os.path.join(work, "aptly.json")
        with open(self.config, "w") as conf:
            conf.write('{"rootDir": "%s", "architectures": ["amd64"], "gpgProvider": "gpg"}' % self.root)
        self.go("repo", "create", "bench")

    def go(self, *arguments):
        return run(["aptly", f"-config={self.config}", *arguments], env=self.environment)

    def bulk(self, directory):
        begun = time.monotonic()
        cpu = self.go("repo", "add", "bench", directory)[1]
        cpu += self.go("publish", "repo", "-distribution=stable", "-batch", "bench")[1]
        return time.monotonic() - begun, cpu

    def add(self, path):
        begun = time.monotonic()
        cpu = self.go("repo", "add", "bench", path)[1]
        cpu += self.go("publish", "update", "-batch", "stable")[1]
        verify(self.ring, os.path.join(self.root, "public/dists/stable/InRelease"))
        return time.monotonic() - begun, cpu


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def summary(samples):
    walls, cpus = [s[0] for s in samples], [s[1] for s in samples]
    return (statistics.median(walls), min(walls), max(walls), statistics.median(cpus))


def measure(binaries, count, rows):
    with tempfile.TemporaryDirectory(prefix="bench-") as work:
        debs = os.path.join(work, "debs")
        made = len(make_packages(debs, count))
        environment, ring = gpg_home(os.path.join(work, "gpg"))
        tools = [Ours(binaries, work), Reprepro(work, environment, ring), Aptly(work, environment, ring)]
        for tool in tools:
            bulk = tool.bulk(debs)
            rows.append((made, tool.name, "bulk import and publish", (bulk[0], bulk[0], bulk[0], bulk[1])))
            print(rows[-1], flush=True)
        single = {tool.name: [] for tool in tools}
        for turn in range(RUNS):
            for tool in tools:  # in turn, so that a busy minute hits all alike
                path = make_single(os.path.join(work, tool.name + "-one"), f"bench-{turn}", "1.0")
                single[tool.name].append(tool.add(path))
        for tool in tools:
            rows.append((made, tool.name, "one new package", summary(single[tool.name])))
            print(rows[-1], flush=True)
        ours = tools[0]
        back = []
        for turn in range(RUNS):
            ours.add(make_single(os.path.join(work, "back"), f"bench-{turn}", "2.0"))
            back.append(ours.roll_back(f"bench-{turn}"))
        rows.append((made, ours.name, "roll one package back", summary(back)))
        print(rows[-1], f"peak {ours.memory():.0f} MB", flush=True)
        rows.append((made, ours.name, "peak memory of the server, MB", (ours.memory(),) * 3 + (0,)))
        ours.stop()


def write(rows, sizes):
    def cell(value):
        return f"{value:.2f}" if value < 100 else f"{value:.0f}"

    out = ["# Performance", "",
           "Written by `benches/run " + " ".join(map(str, sizes)) + "`: us and the peers in one run on one machine,",
           f"{os.cpu_count()} cores. Median of {RUNS} runs (least–most) for single publishes, one run for imports. Wall seconds",
           "are from the start of the command to an InRelease that gpgv accepts; ours is fetched over HTTPS with a",
           "client certificate, the peers' is read from disk. CPU is that of the command and, for us, of the server.", "",
           "| packages | what | tool | wall s | CPU s | wall, times ours |", "|---|---|---|---|---|---|"]
    for made, tool, what, (median, least, most, cpu) in sorted(rows, key=lambda r: (r[0], r[2], r[1] != "repod", r[1])):
        if what.startswith("peak"):
            out.append(f"| {made} | {what} | {tool} | {cell(median)} MB | | |")
            continue
        own = next((r[3][0] for r in rows if r[:3] == (made, "repod", what)), None)
        spread = f" ({cell(least)}–{cell(most)})" if least != most else ""
        ratio = f"{median / own:.1f}" if own and tool != "repod" else ""
        out.append(f"| {made} | {what} | {tool} | {cell(median)}{spread} | {cell(cpu)} | {ratio} |")
    with open("docs/performance.md", "w") as page:
        page.write("\n".join(out) + "\n")


def main():
    binaries = os.path.abspath(sys.argv[1])
    sizes = [int(text) for text in sys.argv[2:] if text] or [1000, 10000, 60000]
    rows = []
    for count in sizes:
        measure(binaries, count, rows)
        write(rows, sizes)


main()
