"""What this machine cannot do faster: one sync, one signature, one block of xz."""

import hashlib
import lzma
import os
import tempfile
import time
import zlib

from programs import run
from tables import median, number, spread, table

TITLE = "The physical floor"
CHUNK = 256 * 1024


def measure(shelf):
    """Each a number of times; milliseconds."""
    chunk = "\n".join(shelf.stanzas[name] for name in shelf.real[:5000]).encode()[:CHUNK]
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 6}]
    return {
        "fsync": fsyncs(50),
        "signature": [signature()],
        "sha": timed(lambda: hashlib.sha256(chunk * 4).digest(), 20),
        "gz": timed(lambda: zlib.compress(chunk, 6), 20),
        "xz": timed(lambda: lzma.compress(chunk, format=lzma.FORMAT_XZ, filters=filters), 9),
        "gpgv": [spawn(["gpgv", "--version"]) for _ in range(9)],
        "curl": [spawn(["curl", "--version"]) for _ in range(9)],
    }


def timed(work, runs):
    """Milliseconds of each run."""
    found = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        found.append(1000 * (time.perf_counter() - begun))
    return found


def fsyncs(runs):
    """64 KiB appended and synced."""
    with tempfile.NamedTemporaryFile(prefix="bench-fsync-") as file:
        def once():
            file.write(os.urandom(65536))
            file.flush()
            os.fsync(file.fileno())
        return timed(once, runs)


def signature():
    """One Ed25519 signature by OpenSSL."""
    _, said = run(["openssl", "speed", "-seconds", "1", "ed25519"])
    return 1000 / float(said.decode().strip().splitlines()[-1].split()[-2])


def spawn(command):
    """A program that starts and ends."""
    return 1000 * run(command)[0].wall


def render(found):
    """The table of this section."""
    rows = [
        ["64 KiB appended and synced (fsync)", spread(found["fsync"])],
        ["one Ed25519 signature (openssl speed)", spread(found["signature"])],
        ["SHA-256 of 1 MiB", spread(found["sha"])],
        ["256 KiB of stanzas, gzip -6 (zlib)", spread(found["gz"])],
        ["256 KiB of stanzas, one block of xz -6 (liblzma)", spread(found["xz"])],
        ["`curl` that only starts and ends", spread(found["curl"])],
        ["`gpgv` that only starts and ends", spread(found["gpgv"])],
    ]
    lines = table(["what", "milliseconds"], rows)
    sync, sign, xz = median(found["fsync"]), median(found["signature"]), median(found["xz"])
    return lines + [f"One sync and one signature are {number(sync + sign)} ms; one block of xz is {number(xz)} ms more, "
                    "where it is made before the head moves.", ""]
