"""Us: a server over a data directory of its own, and repoctl, curl and gpgv beside it."""

import json
import os
import re
import signal
import socket
import subprocess
import time

import archive
from programs import Failed, Spent, free_port, has_ipv6, run, say, tree_bytes

SUITE = "stable"
# Heads of a suite are at least a second apart: whoever publishes after this pause waits for nobody.
QUIET_SECONDS = 1.2

# What packages of Debian's own list do to all hosts: a suite takes them only where it was told to.
PRIVILEGES = ("essential", "protected")
# What repoctl says when it does not know.
UNKNOWN = "the change may have been made"

# How a build of ours from before is called in the tables.
BEFORE = "repod, before"


class Ours:
    """A running repod with an empty suite."""

    LABEL = "repod"

    def __init__(self, binaries, work, label=LABEL):
        self.label = label
        os.makedirs(work, exist_ok=True)
        self.repod, self.repoctl = os.path.join(binaries, "repod"), os.path.join(binaries, "repoctl")
        self.work, self.data = work, os.path.join(work, "data")
        self.own = os.path.join(self.data, "operator")
        self.log = os.path.join(work, "repod.log")
        self.port, self.server, self.archive = free_port(), None, None
        listen = [f"127.0.0.1:{self.port}"] + ([f"[::1]:{self.port}"] if has_ipv6() else [])
        run([self.repod, "init", "--data", self.data, "--name", "localhost", "--port", self.port,
             "--local", f"127.0.0.1:{free_port()}", *(w for at in listen for w in ("--listen", at))])
        self.configure()
        self.environment = {**os.environ, "REPOCTL_CONFIG": os.path.join(self.own, "config.toml")}
        self.ring = os.path.join(work, "ours.gpg")
        home = os.path.join(work, "dearmor")
        os.makedirs(home, mode=0o700)
        run(["gpg", "--batch", "--homedir", home, "--output", self.ring, "--dearmor",
             os.path.join(self.data, "keys/archive-key.asc")])
        try:
            self.start()
            self.create(SUITE)
        except BaseException:
            self.stop()
            raise
        self.archive = archive.OverHttps(self.port, self.own)
        self.stranger = archive.OverHttps(self.port, self.own)

    def configure(self):
        """Log lines for programs, with the milliseconds of each phase where the server tells them."""
        path = os.path.join(self.data, "repod.toml")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        text = re.sub(r"^# level = .*", 'level = "repod=debug,info"', text, flags=re.M)
        text = re.sub(r"^# format = .*", 'format = "json"', text, flags=re.M)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def start(self, patience=120):
        """Starts the server; gives the seconds until it listens."""
        begun = time.monotonic()
        with open(self.log, "ab") as log:
            self.server = subprocess.Popen(
                [self.repod, "serve", "--config", os.path.join(self.data, "repod.toml")],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return time.monotonic() - begun
            if self.server.poll() is not None or time.monotonic() - begun > patience:
                raise Failed(f"repod does not listen; see what it said:\n{self.said()[-2000:]}")
            time.sleep(0.002)

    def stop(self):
        """Ends the server, if one runs."""
        if self.server is None:
            return
        if self.archive:
            self.archive.close()
        self.server.send_signal(signal.SIGTERM)
        try:
            self.server.wait(30)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()
        self.server = None

    def said(self, offset=0):
        """The log from an offset."""
        with open(self.log, "rb") as log:
            log.seek(offset)
            return log.read().decode(errors="replace")

    def phases(self, offset):
        """Phase → milliseconds, of the first publication that was logged since the offset."""
        for line in self.said(offset).splitlines():
            try:
                fields = json.loads(line).get("fields", {})
            except ValueError:
                continue
            if str(fields.get("message", "")).startswith("published"):
                found = {key[:-3]: float(value) for key, value in fields.items() if key.endswith("_ms")}
                if found:
                    return found
        return {}

    def ctl(self, *arguments, **options):
        """repoctl, as the first operator."""
        return run([self.repoctl, *arguments], env=self.environment, **options)

    def knows(self, option, *command):
        """Whether a command of this build has an option: one of before may not."""
        return re.search(rf"^ .*{option}\b", self.ctl(*command, "--help")[1].decode(), re.M) is not None

    def create(self, suite):
        """A suite that takes all of Debian's packages."""
        allow = [word for one in PRIVILEGES for word in ("--allow", one)]
        self.ctl("suite", "create", suite, "--architectures", "amd64",
                 *(allow if self.knows("--allow", "suite", "create") else []))

    def roll_back(self, *names):
        """A rollback of packages, or of the whole suite, timed. Builds of before 2026-11-29 asked for fewer words.

        A whole suite of Debian's packages has some that cannot be beside each other, so it is forced.
        """
        words = ["--yes"] if names else ["--all", "--yes", "--force"]
        known = [word for word in words if self.knows(word, "pin")]
        return self.timed("pin", "--suite", SUITE, "--rollback", *names, *known, "-m", "measured")

    def meter(self):
        """What the server has cost since it began: CPU seconds, bytes written."""
        pid = self.server.pid
        with open(f"/proc/{pid}/io", encoding="ascii") as io:
            written = int(re.search(r"^write_bytes: (\d+)", io.read(), re.M).group(1))
        # The CPU clock of another process, in nanoseconds: clock_getcpuclockid(3).
        return Spent(cpu=time.clock_gettime((~pid << 3) | 2), written=written)

    def memory_mb(self, what):
        """VmHWM (peak) or VmRSS (now) of the server."""
        with open(f"/proc/{self.server.pid}/status", encoding="ascii") as status:
            return int(re.search(rf"{what}:\s+(\d+)", status.read()).group(1)) / 1024

    def verified(self):
        """Fetches InRelease over a new TLS connection with a client certificate and has gpgv accept it."""
        out = os.path.join(self.work, "InRelease")
        begun, cpu = time.monotonic(), time.thread_time()
        with open(out, "wb") as file:
            file.write(self.stranger.read(f"dists/{SUITE}/InRelease"))
        self.stranger.close()
        fetch = Spent(wall=time.monotonic() - begun, cpu=time.thread_time() - cpu)
        check, _ = run(["gpgv", "--keyring", self.ring, out])
        return fetch, check

    def timed(self, *arguments, again=0):
        """One command of repoctl until its InRelease is verified, and what all of it cost.

        A command that was not answered in time is repeated, as it says itself, so many times at most.
        """
        os.sync()  # what is dirty now is not charged to what comes
        offset, before = os.path.getsize(self.log), self.meter()
        begun = time.monotonic()
        command, repeats = self.repeated(arguments, again)
        fetch, check = self.verified()
        wall, after = time.monotonic() - begun, self.meter()
        cpu = after.cpu - before.cpu + command.cpu + fetch.cpu + check.cpu
        return {"wall": wall, "cpu": cpu, "server_cpu": after.cpu - before.cpu, "command": command.wall,
                "fetch": fetch.wall, "gpgv": check.wall, "written": after.written - before.written + command.written,
                "phases": self.phases(offset), "repeats": repeats}

    def repeated(self, arguments, again):
        """One command, repeated while it says that it does not know what became of it."""
        spent = Spent()
        for turn in range(again + 1):
            try:
                command, _ = self.ctl(*arguments)
                return spent + command, turn
            except Failed as fault:
                if turn == again or UNKNOWN not in str(fault):
                    raise
                say(f"{self.label}: {str(fault).splitlines()[1]}; once more")
        raise AssertionError("unreachable")

    def settle(self, patience=900, quiet=QUIET_SECONDS):
        """Waits until the Release lists xz and stands still; nothing is under way then."""
        begun = since = time.monotonic()
        last = None
        while True:
            text, now = self.archive.read(f"dists/{SUITE}/InRelease"), time.monotonic()
            if text != last:
                last, since = text, now
            if now - since >= quiet and f"{archive.INDEX}.xz" in archive.listed(text):
                return
            if now - begun > patience:
                raise Failed(f"after {patience} s the Release does not list xz and stand still")
            time.sleep(0.05)

    def bulk(self, *folders, patience=None):
        """Everything in a directory as one change; in several, where one change does not take as much.

        No further one is begun once that has taken `patience` seconds.
        """
        parts, begun = [], time.monotonic()
        for folder in folders:
            if parts and patience and time.monotonic() - begun > patience:
                break
            parts.append(self.timed("upload", "--suite", SUITE, folder, "-m", "bulk", again=3))
            if len(folders) > 1:
                say(f"{self.label}: part {len(parts)} of {len(folders)}: {parts[-1]['wall']:.1f} s, server's CPU "
                    f"{parts[-1]['server_cpu']:.1f} s, peak {self.memory_mb('VmHWM'):.0f} MB")
        total = {key: sum(part[key] for part in parts) for key in ("wall", "cpu", "server_cpu", "written")}
        phases = {key: sum(part["phases"].get(key, 0.0) for part in parts) for key in parts[0]["phases"]}
        return {"total": {**total, "phases": phases}, "parts": parts}

    def publish(self, path):
        """One package."""
        return self.timed("upload", "--suite", SUITE, path)

    def expect(self, wanted):
        """Checks every encoding, by hash."""
        return archive.expect(self.archive, SUITE, wanted)

    def expect_as_timed(self, wanted):
        """Checks every encoding that the InRelease of the last timed command lists, by hash."""
        with open(os.path.join(self.work, "InRelease"), "rb") as file:
            return archive.expect(self.archive, SUITE, wanted, in_release=file.read())

    def await_xz(self, patience=900):
        """Waits until the Release lists xz; gives the seconds."""
        begun = time.monotonic()
        while f"{archive.INDEX}.xz" not in archive.listed(self.archive.read(f"dists/{SUITE}/InRelease")):
            if time.monotonic() - begun > patience:
                raise Failed(f"after {patience} s the Release does not list xz")
            time.sleep(0.01)
        return time.monotonic() - begun

    def status(self):
        """What repoctl says of the suite."""
        _, said = self.ctl("status", "--json")
        return next(suite for suite in json.loads(said)["suites"] if suite["suite"] == SUITE)

    def disk(self):
        """Bytes on disk: the packages, the packs of chunks, and all the rest."""
        pool = os.path.join(self.data, "pool")
        of = {name: tree_bytes(os.path.join(pool, name)) for name in ("blobs", "bundles", "packs")}
        return {"blobs": of["blobs"] + of["bundles"], "packs": of["packs"], "rest": tree_bytes(self.data, (pool,))}
