"""One package into one suite, while very many are imported into another."""

import json
import os
import shutil
import threading
import time

import packages
from ours import Ours
from programs import Failed, say
from tables import median, of, spread, table, target

TITLE = "One package beside an import"
IMPORTED = 20_000
# Heads of a suite are at least a second apart: so many suites take turns, and none waits for its own.
SUITES = [f"beside-{number}" for number in range(8)]
PAUSE_SECONDS = 0.15
QUIET_RUNS = 24
TARGET_MS = 100


def measure(stand, options):
    """On a server of its own: the import goes into a suite that is empty."""
    where = os.path.join(stand.work, "overtaking")
    os.makedirs(where)
    debs = os.path.join(where, "debs")
    count = min(IMPORTED, len(stand.shelf.paths))
    stand.shelf.lay_out(debs, count)
    ours = Ours(options.binaries, where)
    try:
        for suite in SUITES:
            ours.ctl("suite", "create", suite, "--architectures", "amd64")
        return {"count": count, **beside(ours, debs, where)}
    finally:
        ours.stop()
        shutil.rmtree(where, ignore_errors=True)


def beside(ours, debs, where):
    """Publishes one package after the other into the other suites: alone, then while all the rest is imported."""
    publisher = Publisher(ours, where)
    time.sleep(2)
    quiet = [publisher.publish() for _ in range(QUIET_RUNS)]
    failed, took = [], []

    def run():
        try:
            took.append(ours.ctl("upload", "--suite", "stable", debs, "-m", "bulk")[0].wall)
        except Failed as fault:
            failed.append(fault)

    begun, offset = time.monotonic(), os.path.getsize(ours.log)
    bulk = threading.Thread(target=run)
    bulk.start()
    samples = []
    while bulk.is_alive():
        samples.append({"at": time.monotonic() - begun, **publisher.publish()})
    bulk.join()
    if failed:
        raise failed[0]
    found = {"quiet": quiet, "beside": samples, "import": took[0], "recorded": recorded(ours.said(offset))}
    say(f"beside an import: {spread(of(samples, 'wall'))} s; quiet {spread(of(quiet, 'wall'))} s")
    return found


class Publisher:
    """Publishes packages that were not there, each into the next suite."""

    def __init__(self, ours, where):
        self.ours, self.folder, self.turn = ours, os.path.join(where, "new"), 0

    def publish(self):
        """One package; what it cost."""
        time.sleep(PAUSE_SECONDS)
        suite = SUITES[self.turn % len(SUITES)]
        path = packages.write(self.folder, packages.new(f"beside-{self.turn:05}"))
        self.turn += 1
        offset = os.path.getsize(self.ours.log)
        cost, _ = self.ours.ctl("upload", "--suite", suite, path)
        return {"wall": cost.wall, "record": recorded(self.ours.said(offset)).get(suite)}


def recorded(said):
    """Suite → milliseconds from the signature to the end of the transaction, of its first publication."""
    found = {}
    for line in said.splitlines():
        try:
            fields = json.loads(line).get("fields", {})
        except ValueError:
            continue
        if "record_ms" in fields:
            found.setdefault(fields["suite"], float(fields["record_ms"]))
    return found


def render(results):
    """The table of this section."""
    lines = [
        f"`repoctl upload` of one package into one of {len(SUITES)} small suites, a few times a second: alone, and while a",
        "directory of N packages is uploaded into another suite by another `repoctl` on the same machine. Recorded is",
        "the part from the signature to the end of the transaction, as the server tells it.", "",
    ]
    rows = []
    for found in results.values():
        for kind, text in (("quiet", "nothing"), ("beside", f"{found['count']:,} packages")):
            samples = found[kind]
            rows.append([text, spread([1000 * wall for wall in of(samples, "wall")]), spread(of(samples, "record")),
                         len(samples)])
    return lines + table(["imported meanwhile", "one publish, ms", "of which recorded, ms", "runs"], rows)


def targets(results):
    """What was asked for, and what came of it."""
    found = results[max(results)]
    quiet = median(of(found["quiet"], "wall"))
    worst = 1000 * (max(of(found["beside"], "wall")) - quiet)
    usual = 1000 * (median(of(found["beside"], "wall")) - quiet)
    text = f"an import of {found['count']:,} delays a publish of another suite by less than {TARGET_MS} ms"
    size = max(results) if found["count"] == IMPORTED else found["count"]
    return [target(f"{text} (median)", usual, TARGET_MS, size, unit=" ms"),
            target(f"{text} (worst)", worst, TARGET_MS, size, unit=" ms")]
