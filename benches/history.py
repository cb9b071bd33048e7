"""A thousand generations: what they take on disk, and whether the old ones are still there, whole."""

import hashlib
import os
import subprocess
import time

import archive
from aptroot import AptRoot, issue
from programs import Failed, say
from tables import number, table, target

TITLE = "History"
SPOTS = 6
DECODERS = {".gz": ["gzip", "-dc"], ".xz": ["xz", "-dc"]}


def measure(stand, options):
    """Single changes one after another; heads are a second apart, so this takes as many seconds."""
    ours, wanted = stand.ours, options.generations
    ours.settle()
    before, first = ours.disk(), ours.status()["generation"]
    spots, heads, begun = [], [], time.monotonic()
    marks = {int((spot + 0.5) * wanted / SPOTS) for spot in range(SPOTS)}
    for turn in range(wanted):
        path, name, _, after = stand.changed_package(turn, wanted)
        ours.ctl("upload", "--suite", "stable", path)
        os.unlink(path)
        heads.append(ours.archive.read("dists/stable/InRelease"))
        if turn in marks:
            ours.settle(quiet=0)
            spots.append({"generation": ours.status()["generation"], "name": name, "version": after,
                          "in_release": ours.archive.read("dists/stable/InRelease").decode()})
        if turn % 50 == 49:
            say(f"{stand.count}: history, {turn + 1} of {wanted} generations")
    seconds = time.monotonic() - begun
    ours.settle()
    after, last = ours.disk(), ours.status()["generation"]
    served = [read_back(ours, spot) for spot in spots]
    snapshot = by_snapshot(stand, spots[0])
    every = read_every(ours, heads)
    say(f"{stand.count}: {every['generations']} generations are whole: {every['files']} files")
    say(f"{stand.count}: history of {last - first} generations in {seconds:.0f} s; snapshot: {snapshot['said']}")
    return {"generations": last - first, "wanted": wanted, "last": last, "seconds": seconds, "before": before,
            "after": after, "served": served, "snapshot": snapshot, "every": every}


def read_every(ours, heads):
    """Fetches the index of every generation by hash, in each encoding that its head first listed."""
    begun, names, states, size_of_all = time.monotonic(), set(), set(), 0
    for head in heads:
        files = archive.listed(head)
        states.add(files[archive.INDEX])
        for name in (archive.INDEX + encoding for encoding in archive.ENCODINGS):
            if name not in files or files[name] in names:
                continue
            digest, size = files[name]
            if ours.archive.hashed(archive.by_hash("stable", name, digest)) != (digest, size):
                raise Failed(f"{name} with the digest {digest} is not what a head listed")
            names.add(files[name])
            size_of_all += size
    return {"generations": len(states), "files": len(names), "bytes": size_of_all,
            "seconds": time.monotonic() - begun}


def read_back(ours, spot):
    """Fetches every encoding of an old index by hash and has the real programs decode it."""
    files, read = archive.listed(spot["in_release"].encode()), []
    for encoding in archive.ENCODINGS:
        name = archive.INDEX + encoding
        if name not in files:
            continue
        digest, size = files[name]
        what = f"{name} of generation {spot['generation']}"
        body = archive.whole(ours.archive.index("stable", name, digest), digest, size, what)
        if encoding in DECODERS:
            decoded = subprocess.run(DECODERS[encoding], input=body, stdout=subprocess.PIPE, check=True).stdout
            archive.whole(decoded, *files[archive.INDEX], f"{what}, decoded,")
            body = decoded
        if archive.versions(body, {spot["name"]}).get(spot["name"]) != [spot["version"]]:
            raise Failed(f"{what} has no {spot['name']} {spot['version']}")
        read.append({"encoding": encoding or "plain", "digest": hashlib.sha256(body).hexdigest(), "bytes": size})
    return {"generation": spot["generation"], "read": read}


def by_snapshot(stand, spot):
    """Has apt verify one old generation through `snapshot/`."""
    ours, where = stand.ours, f"snapshot/{spot['generation']}"
    status, _ = ours.archive.ask(f"{where}/dists/stable/InRelease")
    if status != 200:
        return {"status": status, "said": f"`/{where}/dists/stable/InRelease` is answered with {status}"}
    root = AptRoot(os.path.join(stand.work, "apt-snapshot"), issue(ours, "bench-host"),
                   f"https://localhost:{ours.port}/{where}/")
    spent, _ = root.update()
    root.expect(spot["name"], spot["version"])
    return {"status": status, "said": f"verified by apt-get in {number(spent['wall'])} s"}


def grown(found):
    """Bytes of one generation beside the packages themselves."""
    total = sum(found["after"][part] - found["before"][part] for part in ("packs", "rest"))
    return total / found["generations"]


def render(results):
    """The table of this section."""
    lines = [
        "Single changes of packages that are there, one generation each, uploaded as fast as heads may follow each",
        "other (a second). On disk beside the packages: packs of chunks, catalogue with its write-ahead log, all else.", "",
    ]
    rows = []
    for count, found in results.items():
        each = grown(found)
        rows.append([f"{count:,}", f"{found['generations']:,}", number(found["seconds"]),
                     *(number((found["after"][part] - found["before"][part]) / 1e6) for part in ("packs", "rest")),
                     number(each / 1000), thousand(found),
                     number(sum(found["after"][part] for part in ("packs", "rest")) / 1e6)])
    lines += table(["packages", "generations", "s", "MB of packs", "MB of the rest", "kB a generation",
                    "MB for 1,000", "MB in all, afterwards"], rows)
    if any(found["generations"] < 1000 for found in results.values()):
        lines += ["Fewer than 1,000 generations were made: the figure for 1,000 is extrapolated in proportion.", ""]
    rows = []
    for count, found in results.items():
        numbers = ", ".join(str(spot["generation"]) for spot in found["served"])
        read = {row["encoding"] for spot in found["served"] for row in spot["read"]}
        rows.append([f"{count:,}", numbers, ", ".join(sorted(read)), found["snapshot"]["said"]])
    for count, found in results.items():
        every = found["every"]
        lines += [f"Afterwards, at {count:,}: the indices of {every['generations']:,} generations, each in the encodings that",
                  f"its head listed at first, fetched by hash and found to have the SHA-256 of their time: {every['files']:,}",
                  f"files of {number(every['bytes'] / 1e9)} GB in all.", ""]
    lines += ["Some of them once more: fetched in every encoding, decoded by `gzip` and `xz`, compared again and searched",
              "for the change of that generation.", ""]
    lines += table(["packages", "generations read back", "whole in", "one of them through `snapshot/`"], rows)
    skipped = [found for found in results.values() if found["snapshot"]["status"] != 200]
    if skipped:
        lines += ["**Not shown: a generation verified by apt through `snapshot/`, which was not served.**", ""]
    return lines


def thousand(found):
    """Megabytes for 1,000 generations, marked when they were not all made."""
    text = number(grown(found) * 1000 / 1e6)
    return text if found["generations"] >= 1000 else f"{text}, extrapolated"


def targets(results):
    """What was asked for, and what came of it."""
    last = max(results)
    found = results[last]
    beside = sum(found["before"][part] for part in ("packs", "rest")) + 1000 * grown(found)
    guess = "" if found["generations"] >= 1000 else f" (extrapolated from {found['generations']})"
    return [target("1,000 generations: less than 1 GB on disk beside the packages, first indices included",
                   beside / 1e6, 1000, last, unit=" MB", note=guess)]
