"""The hot parts of a publish, each alone: `benches/micro.rs` over an index as it was served."""

import json
import os

import archive
from programs import run, say
from tables import median, number, spread, table

TITLE = "The hot parts alone"
PARTS = {
    "cut": "cut the whole index into chunks",
    "recut": "cut it again where one package changed",
    "key": "name every chunk",
    "prove": "one chunk: read back by the strict parser",
    "gz": "one chunk: gzip",
    "xz": "one chunk: xz",
    "sha256": "one chunk: SHA-256",
    "sign": "a head: floor raised durably, two signatures, both checked by the other implementation",
    "verify": "one signature checked, the certificate read anew",
}


def measure(stand, options):
    """Microseconds of each run of each part."""
    if not options.micro:
        return None
    stand.ours.settle()
    files = archive.listed(stand.ours.archive.read("dists/stable/InRelease"))
    path = os.path.join(stand.work, "Packages")
    with open(path, "wb") as out:
        out.write(archive.plain(stand.ours.archive, "stable", files, ""))
    _, said = run([options.micro, path])
    figures = json.loads(said)
    say(f"{stand.count}: hot parts measured")
    return figures


def render(results):
    """The table of this section."""
    count, figures = max(results.items())
    lines = [f"Library calls over the plain index of {count:,} packages, on one core; the chunk is one from the middle,",
             f"of {number(figures['chunk_bytes'][0] / 1024)} KiB.", ""]
    rows = [[text, spread([value / 1000 for value in figures[part]])] for part, text in PARTS.items() if part in figures]
    if "sha256" in figures:
        rate = figures["chunk_bytes"][0] / median(figures["sha256"])
        lines += table(["part", "milliseconds"], rows)
        return lines + [f"SHA-256 runs at {number(rate)} MB/s.", ""]
    return lines + table(["part", "milliseconds"], rows)


def targets(_results):
    """Nothing was asked for here."""
    return []
