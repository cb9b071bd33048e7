"""Runs the sections for each size and writes the page. `benches/run --help` says how."""

import argparse
import gc
import json
import os
import signal
import sys
import tempfile
import time
import traceback

import floor
import machine
import page
import serving
from programs import say
from stand import Shelf, Stand

WITH_PEERS = {"bulk", "publish", "rollback"}
# What takes minutes whatever the size, or is of interest there alone.
AT_THE_LARGEST_ONLY = {"crowd", "history", "memory", "micro", "overtaking", "scrub"}
# Options that say where things are on this machine: not for the page.
ELSEWHERE = ("--before", "--before-name", "--beside", "--binaries", "--debs", "--load", "--micro", "--page", "--results")
# What runs only where it is named.
ASKED_FOR = "scale"
NAMES = (*page.SECTIONS, "floor", "serving")


def options():
    """The command line."""
    parser = argparse.ArgumentParser(prog="benches/run", description="Measures us beside aptly and reprepro.")
    parser.add_argument("sizes", nargs="*", type=int, metavar="SIZE", help="packages [1000 10000 60000]")
    parser.add_argument("--only", metavar="NAMES", help=f"sections, with commas between: {', '.join(NAMES)} "
                        f"[all but {ASKED_FOR}, which is for 200000 and 1000000]")
    parser.add_argument("--runs", type=int, default=9, help="publishes of each tool at each size [9]")
    parser.add_argument("--rollback-runs", type=int, default=5, help="rollbacks of each kind [5]")
    parser.add_argument("--update-runs", type=int, default=5, help="changes that hosts follow [5]")
    parser.add_argument("--bulk-runs", type=int, default=0, help="imports [3 up to 2,000 packages, 1 above]")
    parser.add_argument("--import-minutes", type=float, default=25, help="how long an import of more than one change "
                        "may take before no further change is begun [25]")
    parser.add_argument("--patience", type=float, default=120, help="seconds that one peer may take in a section before "
                        "it is measured fewer times, three at the least [120]")
    parser.add_argument("--generations", type=int, default=1000, help="single changes of the history, made at the "
                        "largest size only; they take a second each [1000]")
    parser.add_argument("--idle-seconds", type=int, default=30, help="silence before memory is read [30]")
    parser.add_argument("--binaries", default=os.path.join(os.environ.get("CARGO_TARGET_DIR", "target"), "release"),
                        help="directory of repod and repoctl [target/release]")
    parser.add_argument("--before", metavar="DIR", help="directory of repod and repoctl of an earlier build, which is "
                        "measured in turn with ours")
    parser.add_argument("--before-name", metavar="NAME", default="", help="how the page calls that build: a commit")
    parser.add_argument("--without-peers", action="store_true", help="neither aptly nor reprepro")
    parser.add_argument("--debs", metavar="DIR", help="where packages are made, and kept for another run; on the "
                        "file system of the temporary files [a temporary directory, removed]")
    parser.add_argument("--load", help="the program built of benches/load.rs, for the section serving")
    parser.add_argument("--micro", help="the program built of benches/micro.rs, for the section micro")
    parser.add_argument("--page", default="docs/performance.md", help="what is written [docs/performance.md]")
    parser.add_argument("--results", default=os.path.join(tempfile.gettempdir(), "bench-results.json"),
                        help="where the raw figures are kept [bench-results.json among the temporary files]")
    parser.add_argument("--beside", metavar="RESULTS", action="append", default=[], help="kept figures of another run, of "
                        "which the page takes the sections that this one has not")
    parser.add_argument("--render", metavar="RESULTS", help="measure nothing: write the page of kept figures")
    found = parser.parse_args()
    found.sizes = sorted(set(found.sizes)) or [1000, 10000, 60000]
    found.binaries = os.path.abspath(found.binaries)
    found.before = os.path.abspath(found.before) if found.before else None
    found.debs = os.path.abspath(found.debs) if found.debs else None
    found.sections = found.only.split(",") if found.only else [name for name in NAMES if name != ASKED_FOR]
    unknown = [name for name in found.sections if name not in NAMES]
    if unknown:
        parser.error(f"there is no section {', '.join(unknown)}; there are {', '.join(NAMES)}")
    return found


def attempt(measured, what, work):
    """Runs one part; a fault is written down, and the rest goes on."""
    say(f"{what}: begins")
    begun = time.monotonic()
    try:
        result = work()
        say(f"{what}: {time.monotonic() - begun:.0f} s")
        return result
    except (Exception, SystemExit) as fault:  # whatever it is, it must not cost the figures that are there
        traceback.print_exc()
        measured["faults"].append({"what": what, "why": str(fault) or repr(fault)})
        return None


def one_size(shelf, count, chosen, measured):
    """Every chosen section at one size."""
    names = [name for name in page.SECTIONS if name in chosen.sections]
    if count != chosen.sizes[-1]:
        names = [name for name in names if name not in AT_THE_LARGEST_ONLY]
    if not names:
        return
    with Stand(shelf, count, chosen) as stand:
        real = not chosen.without_peers and count <= len(shelf.real)
        stand.import_all(real and bool(WITH_PEERS.intersection(names)))
        for name in names:
            found = attempt(measured, f"{name} at {count}", lambda: page.SECTIONS[name].measure(stand, chosen))
            if found is not None:
                measured["sections"].setdefault(name, {})[str(count)] = found
                keep(chosen, measured)


def keep(chosen, measured):
    """The raw figures, and the page as far as it is."""
    measured["seconds"] = time.monotonic() - measured["begun"]
    measured["load_after"] = machine.load()
    with open(chosen.results, "w", encoding="utf-8") as file:
        json.dump(measured, file)


def measure(chosen):
    """Everything that was chosen."""
    gc.freeze()
    measured = {
        "arguments": " ".join(words_of_the_page(sys.argv[1:])), "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": machine.describe(chosen, tempfile.gettempdir()), "sections": {}, "faults": [],
        "begun": time.monotonic(),
    }
    shelf = Shelf(chosen.sizes[-1], chosen.debs)
    try:
        if "floor" in chosen.sections:
            measured["floor"] = attempt(measured, "floor", lambda: floor.measure(shelf))
        for count in chosen.sizes:
            attempt(measured, f"{count} packages", lambda: one_size(shelf, count, chosen, measured))
    finally:
        shelf.close()
    if "serving" in chosen.sections and chosen.load and serving.is_there():
        measured["serving"] = attempt(measured, "serving", lambda: serving.measure(chosen.binaries, chosen.load, chosen.before))
    keep(chosen, measured)
    page.write(chosen.page, *kept_figures([chosen.results, *chosen.beside]))
    say(f"written: {chosen.page}, raw figures in {chosen.results}")
    return 1 if measured["faults"] else 0


def kept_figures(paths):
    """What runs have kept."""
    found = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            found.append(json.load(file))
    return found


def words_of_the_page(words):
    """The arguments without those that only say where things are on this machine."""
    kept, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word in ELSEWHERE:
            skip = True
        elif not word.startswith(tuple(f"{option}=" for option in ELSEWHERE)):
            kept.append(word)
    return kept or ["1000", "10000", "60000"]


class Ended(BaseException):
    """Somebody wants this to end."""


def end(*_):
    """Makes a signal something that every clean-up sees."""
    raise Ended("ended by a signal")


def main():
    """Measures, or only writes."""
    chosen = options()
    # So that servers are ended and directories removed when this is.
    signal.signal(signal.SIGTERM, end)
    if chosen.render:
        page.write(chosen.page, *kept_figures([chosen.render, *chosen.beside]))
        return 0
    return measure(chosen)


if __name__ == "__main__":
    sys.exit(main())
