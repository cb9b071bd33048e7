#!/usr/bin/env python3
"""Serving over TLS with client certificates: us and nginx, in turn, in one run.

Server on core 0, load on core 1 (`benches/load.rs`). Both servers have the same key, the same
client CA, the same revocation list and the same files; both read the same certificate of the client.
What counts is the server's CPU for each request, for the machine may be busy with other things:
medians of several runs, the spread beside them.

    benches/serve.py BINARIES LOAD [results.json]      BINARIES holds repod and repoctl
"""

import contextlib
import datetime
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

RUNS = int(os.environ.get("BENCH_SERVE_RUNS", "5"))
CRLS = (1_000, 100_000)
IDLE = 10_000
DEB_BYTES = 20 << 20
TICK = os.sysconf("SC_CLK_TCK")
SERVER_CORE, LOAD_CORE = (0, 1) if os.cpu_count() > 1 else (0, 0)


def run(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout.decode(errors='replace')}")
    return done.stdout


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, process):
    for _ in range(3000):
        if process.poll() is not None:
            raise SystemExit(f"{process.args[0]} ended with {process.returncode} before it listened")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise SystemExit("the server does not listen")


def worker_of(master):
    """nginx listens a moment before its worker is there."""
    for _ in range(3000):
        with open(f"/proc/{master}/task/{master}/children") as children:
            found = children.read().split()
        if found:
            return int(found[0])
        time.sleep(0.02)
    raise SystemExit("nginx has no worker")


def pinned(core, command):
    return ["taskset", "-c", str(core), *command]


class Server:
    """A running server: which process works, and where it listens."""

    def __init__(self, name, pid, port):
        self.name, self.pid, self.port = name, pid, port

    def cpu(self):
        """CPU seconds of all its threads, ended ones included."""
        with open(f"/proc/{self.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory(self, field="VmRSS"):
        """Unit: bytes."""
        with open(f"/proc/{self.pid}/status") as status:
            line = next(line for line in status if line.startswith(field + ":"))
        return int(line.split()[1]) * 1024


class Site:
    """A data directory with one suite and one large package, and what nginx needs to serve the same."""

    def __init__(self, binaries, work, label="repod"):
        os.makedirs(work, exist_ok=True)
        os.chmod(work, 0o755)
        self.label = label
        self.repod, self.repoctl = (os.path.join(binaries, name) for name in ("repod", "repoctl"))
        self.work, self.data = work, os.path.join(work, "data")
        self.port = free_port()
        run([self.repod, "init", "--data", self.data, "--name", "localhost", "--port", str(self.port),
             "--listen", f"127.0.0.1:{self.port}", "--local", f"127.0.0.1:{free_port()}"])
        with open(os.path.join(self.data, "repod.toml")) as file:
            config = file.read()
        with open(os.path.join(self.data, "repod.toml"), "w") as file:
            file.write(limited(config))
        operator = os.path.join(self.data, "operator")
        self.client = os.path.join(work, "client")
        os.makedirs(self.client)
        for name in ("ca.crt", "client.crt", "client.key"):
            shutil.copy(os.path.join(operator, name), self.client)
        with self.serving() as server:
            environment = {**os.environ, "REPOCTL_CONFIG": os.path.join(operator, "config.toml")}
            run([self.repoctl, "suite", "create", "stable", "--architectures", "amd64"], env=environment)
            deb = os.path.join(work, "bench-large_1.0_amd64.deb")
            large_deb(deb)
            run([self.repoctl, "upload", "--suite", "stable", deb], env=environment)
            self.in_release = "/dists/stable/InRelease"
            self.stand_still(server)
            packages = self.fetch(server, "/dists/stable/main/binary-amd64/Packages").decode()
            self.deb = "/" + next(line[10:] for line in packages.splitlines() if line.startswith("Filename: "))
            self.files = os.path.join(work, "files")
            for path in (self.in_release, self.deb):
                where = self.files + path
                os.makedirs(os.path.dirname(where), exist_ok=True)
                with open(where, "wb") as file:
                    file.write(self.fetch(server, path))
        # Without the CA's key the server takes lists as they are laid down.
        self.authority = os.path.join(work, "authority")
        os.makedirs(self.authority)
        os.rename(os.path.join(self.data, "ca/ca.key"), os.path.join(self.authority, "ca.key"))
        for root, directories, names in os.walk(self.work):
            for name in directories + names:
                if root.startswith(self.files):
                    os.chmod(os.path.join(root, name), 0o755)
        # Our lists are numbered by the second, and none may be lower than the last.
        self.number = int(time.time()) + 1000

    def fetch(self, server, path):
        return run(["curl", "-sSf", "--cacert", f"{self.client}/ca.crt", "--cert", f"{self.client}/client.crt",
                    "--key", f"{self.client}/client.key", f"https://localhost:{server.port}{path}"])

    def stand_still(self, server):
        """Waits until the head lists all that follows a change: who asks for a 304 must not be given a newer one."""
        last, since = None, time.monotonic()
        while last is None or b"Packages.xz" not in last or time.monotonic() - since < 3:
            head = self.fetch(server, self.in_release)
            if head != last:
                last, since = head, time.monotonic()
            time.sleep(0.2)

    def revoke(self, count):
        """Lays down a list with `count` entries."""
        index = os.path.join(self.authority, "index.txt")
        with open(index, "w") as file:
            for serial in range(count):
                file.write(f"R\t400101000000Z\t250101000000Z\t{0x7000000000000000 + serial * 7919:X}\tunknown\t/CN=x\n")
        self.number += 1
        with open(os.path.join(self.authority, "crlnumber"), "w") as file:
            file.write(f"{self.number:010X}\n")
        config = os.path.join(self.authority, "openssl.cnf")
        with open(config, "w") as file:
            file.write(f"[ca]\ndefault_ca = own\n[own]\ndatabase = {index}\ncrlnumber = {self.authority}/crlnumber\n"
                       "default_md = sha256\ndefault_crl_days = 7\ncrl_extensions = ext\n"
                       "[ext]\nauthorityKeyIdentifier = keyid:always\n")
        run(["openssl", "ca", "-config", config, "-gencrl", "-keyfile", f"{self.authority}/ca.key",
             "-cert", f"{self.data}/ca/ca.crt", "-out", f"{self.data}/ca/crl.pem"])

    @contextlib.contextmanager
    def serving(self):
        """Us."""
        log = open(os.path.join(self.work, "repod.log"), "a")
        process = subprocess.Popen(
            pinned(SERVER_CORE, [self.repod, "serve", "--config", os.path.join(self.data, "repod.toml")]), stderr=log)
        try:
            wait_for(self.port, process)
            yield Server(self.label, process.pid, self.port)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()

    @contextlib.contextmanager
    def nginx(self):
        """The same files, the same keys, one worker."""
        port, base = free_port(), os.path.join(self.work, "nginx")
        shutil.rmtree(base, ignore_errors=True)
        os.makedirs(base)
        with open(os.path.join(base, "nginx.conf"), "w") as conf:
            conf.write(f"""
daemon off; worker_processes 1; pid {base}/pid; error_log {base}/error.log crit; worker_rlimit_nofile 20000;
{'user root;' if os.getuid() == 0 else ''}
events {{ worker_connections 16384; }}
http {{
  access_log off; sendfile on; tcp_nopush on; server_tokens off; default_type application/octet-stream;
  keepalive_requests 100000000; keepalive_timeout 300s; open_file_cache max=100;
  client_body_temp_path {base}/b; proxy_temp_path {base}/p; fastcgi_temp_path {base}/f;
  uwsgi_temp_path {base}/u; scgi_temp_path {base}/s;
  server {{
    listen 127.0.0.1:{port} ssl backlog=4096; root {self.files};
    ssl_certificate {self.data}/tls/server.crt; ssl_certificate_key {self.data}/tls/server.key;
    ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache off; ssl_session_tickets off;
    ssl_client_certificate {self.data}/ca/ca.crt; ssl_crl {self.data}/ca/crl.pem;
    ssl_verify_client on; ssl_verify_depth 2;
  }}
}}
""")
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        process = subprocess.Popen(pinned(SERVER_CORE, [nginx, "-p", base, "-c", os.path.join(base, "nginx.conf")]))
        try:
            wait_for(port, process)
            yield Server("nginx", worker_of(process.pid), port)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()

    def arguments(self, server, mode, path, connections, requests, status):
        return pinned(LOAD_CORE, [self.load, mode, f"127.0.0.1:{server.port}", self.client, path,
                                  str(connections), str(requests), str(status)])

    def sample(self, server, mode, path, connections, requests, status):
        cpu = server.cpu()
        said = json.loads(run(self.arguments(server, mode, path, connections, requests, status)))
        return {**said, "cpu": server.cpu() - cpu}

    def idle(self, server, path, count):
        """Memory of a server that just started, and with `count` connections that wait."""
        before = server.memory()
        load = subprocess.Popen(self.arguments(server, "idle", path, 1, count, 200),
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        opened = json.loads(load.stdout.readline() or b'{"open": 0}')["open"]
        after = server.memory()
        load.communicate()
        if opened != count:
            raise SystemExit(f"{server.name}: {opened} of {count} connections")
        return before, after


def limited(config):
    """The load comes from one address."""
    lines = "connections = 20000\nconnections_per_address = 20000\n"
    if "[limits]" in config:
        return config.replace("[limits]\n", "[limits]\n" + lines, 1)
    return config + "\n[limits]\n" + lines


def large_deb(path):
    import gzip
    import io
    import tarfile

    def tar(files, level):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for name, data in files:
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(data), 0o644
                archive.addfile(entry, io.BytesIO(data))
        return gzip.compress(out.getvalue(), level, mtime=0)

    def member(name, data):
        head = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode()
        return head + data + (b"\n" if len(data) % 2 else b"")

    control = ("Package: bench-large\nVersion: 1.0\nArchitecture: amd64\nSection: utils\nPriority: optional\n"
               "Maintainer: Bench <bench@example.org>\nDescription: twenty megabytes\n")
    with open(path, "wb") as out:
        out.write(b"!<arch>\n" + member("debian-binary", b"2.0\n")
                  + member("control.tar.gz", tar([("./control", control.encode())], 6))
                  + member("data.tar.gz", tar([("./usr/share/large", os.urandom(DEB_BYTES))], 0)))


# what, mode, path, connections, requests of one run, status, unit of the cost
CASES = [
    ("new connection and a 304, 8 at a time", "new", "in_release", 8, 1500, 304, "request"),
    ("kept connection, 304 of InRelease", "keep", "in_release", 16, 40000, 304, "request"),
    ("kept connection, 200 of InRelease", "keep", "in_release", 16, 40000, 200, "request"),
    ("20 MiB .deb, 1 connection", "bulk", "deb", 1, 60, 200, "GB"),
    ("20 MiB .deb, 32 connections", "bulk", "deb", 32, 64, 200, "GB"),
]


def cost(sample, unit):
    """CPU of one unit: microseconds for a request, seconds for a gigabyte."""
    if unit == "GB":
        return sample["cpu"] / (sample["bytes"] / 1e9)
    return sample["cpu"] / sample["requests"] * 1e6


def spread(values):
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def rows(binaries, load, only=None, before=None):
    """Measures everything and gives the rows: case, CRL entries, server, unit, median, least, most.

    A build of before serves a data directory of its own, for it may not read that of a later one.
    """
    out = []
    with tempfile.TemporaryDirectory(prefix="bench-serve-") as work:
        os.chmod(work, 0o755)
        sites = [Site(binaries, os.path.join(work, "now"))]
        if before:
            sites.append(Site(before, os.path.join(work, "before"), "repod, before"))
        for site in sites:
            site.load = load
        for entries in CRLS:
            for site in sites:
                site.revoke(entries)
            # The list matters where it is looked at: with each new connection.
            cases = [case for case in CASES if entries == CRLS[0] or case[1] == "new"]
            cases = [case for case in cases if not only or any(word in case[0] for word in only)]
            if not cases:
                continue
            with contextlib.ExitStack() as running:
                served = [(site, running.enter_context(site.serving())) for site in sites]
                served.append((sites[0], running.enter_context(sites[0].nginx())))
                for what, mode, path, connections, requests, status, unit in cases:
                    taken = {server.name: [] for _, server in served}
                    asked = [connections, requests, status]
                    for site, server in served:
                        few = max(requests // 10, connections)
                        site.sample(server, mode, getattr(site, path), connections, few, status)
                    for _ in range(RUNS):
                        for site, server in served:  # in turn, so that a busy minute hits all
                            taken[server.name].append(site.sample(server, mode, getattr(site, path), *asked))
                    for name, samples in taken.items():
                        out.append({"what": what, "crl": entries, "server": name, "unit": unit,
                                    **spread([cost(sample, unit) for sample in samples]),
                                    "p99_ms": statistics.median(sample["p99_ms"] for sample in samples)})
                        print(out[-1], flush=True)
        if not only or any(word in "idle" for word in only):
            for site in sites:
                site.revoke(CRLS[0])
            for site, start in [*((site, site.serving) for site in sites), (sites[0], sites[0].nginx)]:
                with start() as server:
                    before, after = site.idle(server, site.in_release, IDLE)
                    out.append({"what": f"{IDLE:,} idle connections", "crl": CRLS[0], "server": server.name,
                                "unit": "memory", "median": after, "least": after, "most": after,
                                "each": (after - before) / IDLE})
                    print(out[-1], flush=True)
    return out


def section(measured):
    """The section of docs/performance.md about these rows."""
    def number(row, value):
        return {"request": f"{value:.1f} µs" if value < 100 else f"{value:.0f} µs", "GB": f"{value:.2f} s",
                "memory": f"{value / 1e6:.0f} MB"}[row["unit"]]

    def cell(row):
        if row["unit"] == "memory":
            return f"{number(row, row['median'])}, {row['each'] / 1000:.1f} KB each"
        return f"{number(row, row['median'])} ({number(row, row['least'])}–{number(row, row['most'])})"

    found = {(row["what"], row["crl"], row["server"]): row for row in measured}
    lines = ["## Serving", "",
             f"TLS 1.3 with client certificates (ECDSA P-256, X25519), no resumption. The server has one core and the",
             f"load another; what is shown is the server's CPU for one request, or for 1 GB: median of {RUNS} runs",
             "(least–most), taken in turn from us and from nginx with one worker, the same keys, files and revocation",
             "list, `sendfile`, `open_file_cache`, and no access log.", "",
             "| what | entries in the CRL | repod | nginx | repod ÷ nginx |", "|---|---|---|---|---|"]
    for (what, crl, server), ours in found.items():
        if server != "repod":
            continue
        theirs = found.get((what, crl, "nginx"))
        ratio = f"{ours['median'] / theirs['median']:.2f}" if theirs else ""
        lines.append(f"| {what} | {crl:,} | {cell(ours)} | {cell(theirs) if theirs else ''} | {ratio} |")
    return "\n".join(lines) + "\n"


def main():
    binaries, load = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    only = os.environ.get("BENCH_SERVE_ONLY", "").split(",") if os.environ.get("BENCH_SERVE_ONLY") else None
    measured = rows(binaries, load, only)
    if len(sys.argv) > 3:
        with open(sys.argv[3], "w") as file:
            json.dump({"at": datetime.date.today().isoformat(), "rows": measured}, file, indent=1)
    print(section(measured))


if __name__ == "__main__":
    main()
