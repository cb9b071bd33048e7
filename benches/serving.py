"""Serving beside nginx: `benches/serve.py` measures and writes; here are its targets."""

import importlib
import os

from tables import TARGET_PACKAGES, target

# What a case begins with → how much of nginx's CPU it may take, and in words.
SHARES = {
    "new connection": (0.5, "half of"),
    "kept connection": (1.0, "as much as"),
    "20 MiB": (1.0, "as much as"),
}


def is_there():
    """Whether the part that measures is there."""
    return os.path.exists(os.path.join(os.path.dirname(os.path.abspath(__file__)), "serve.py"))


def measure(binaries, load, before):
    """The rows: what, entries in the revocation list, server, median."""
    return importlib.import_module("serve").rows(binaries, load, before=before)


def render(rows):
    """The section."""
    return importlib.import_module("serve").section(rows).rstrip("\n").split("\n") + [""]


def targets(rows):
    """What was asked for, and what came of it."""
    found = {(row["what"], row["crl"], row["server"]): row for row in rows}
    lines = []
    for (what, crl, server), ours in found.items():
        if server != "repod":
            continue
        theirs = found.get((what, crl, "nginx"))
        for begins, (share, words) in SHARES.items():
            if what.startswith(begins) and theirs:
                text = f"serving, {what}, {crl:,} in the CRL: at most {words} nginx's CPU"
                lines.append(target(text, ours["median"] / theirs["median"], share, TARGET_PACKAGES, unit=" of it"))
        if ours["unit"] == "memory":
            lines.append(target(f"serving, {what}: less than 300 MB", ours["median"] / 1e6, 300, TARGET_PACKAGES, unit=" MB"))
    return lines


def figures(rows):
    """What is held against the build before: the figure, and its samples by label, of which the medians are kept."""
    found = {}
    for row in rows:
        found.setdefault((row["what"], row["crl"], row["unit"]), {})[row["server"]] = [row["median"]]
    units = {"request": "µs of CPU a request", "GB": "s of CPU a GB", "memory": "bytes of memory"}
    for (what, crl, unit), samples in found.items():
        yield f"serving, {what}, {crl:,} in the CRL: {units[unit]}", samples
