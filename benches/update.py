"""What a host's `apt-get update` costs on the wire."""

import os
import time

import archive
from aptroot import AptRoot, issue
from ours import Ours
from programs import say
from relay import Relay
from tables import median, of, spread, table, target

TITLE = "apt-get update"
DIFFS = "main/binary-amd64/Packages.diff/Index"
STEPS = {
    "first": "the first update, nothing known yet",
    "unchanged": "nothing has changed: 304",
    "resigned": "signed anew, with the same indices",
    "whole": "one package has changed, without PDiffs",
    "diffs": "one package has changed, with PDiffs",
}


def measure(stand, options):
    """Every build of ours: bytes on the wire are the same however busy the machine is."""
    return {build.label: of_build(stand, build, options) for build in stand.builds}


def of_build(stand, ours, options):
    """Two hosts behind a relay that counts: one that takes PDiffs, one that does not."""
    relay = Relay(ours.port)
    where = os.path.join(ours.work, "apt")
    try:
        url = f"https://localhost:{relay.port}/"
        issued = issue(ours, "bench-host")
        plain = AptRoot(os.path.join(where, "whole"), issued, url)
        patched = AptRoot(os.path.join(where, "diffs"), issued, url)
        found = {step: [] for step in STEPS}
        ours.settle()

        def update(root, step, *flags):
            relay.take()
            spent, _ = root.update(*flags)
            found[step].append({**spent, **relay.take()})

        whole = ("-o", "Acquire::PDiffs=false")
        update(plain, "first", *whole)
        update(patched, "first")
        for turn in range(options.update_runs):
            update(plain, "unchanged", *whole)
            ours.ctl("suite", "edit", "stable", "--description", f"signed anew, {turn}")
            ours.settle()
            update(plain, "resigned", *whole)
            patched.update()
            path, name, _, after = stand.changed_package(turn, options.update_runs)
            ours.ctl("upload", "--suite", "stable", path)
            ours.settle()
            served = await_diffs(ours, found.get("served", True))
            found["served"] = served
            update(plain, "whole", *whole)
            plain.expect(name, after)
            if served:
                update(patched, "diffs")
                patched.expect(name, after)
        for step in STEPS:
            say(f"{stand.count}: {ours.label}, apt-get update, {step}: {spread(of(found[step], 'down'))} bytes down")
        return found
    finally:
        relay.close()


def await_diffs(ours, expected):
    """Whether the Release lists PDiffs that lead to what it lists; they are made lazily."""
    begun = time.monotonic()
    while time.monotonic() - begun < (15 if expected else 0.1):
        files = archive.listed(ours.archive.read("dists/stable/InRelease"))
        if DIFFS in files:
            status, index = ours.archive.ask(f"dists/stable/{DIFFS}")
            if status == 200 and files[archive.INDEX][0].encode() in index:
                return True
        time.sleep(0.1)
    return False


def render(results):
    """The table of this section."""
    lines = [
        "The machine's own apt-get in a private root, with the certificate and the files that `repoctl host issue`",
        "writes, through a relay on loopback that counts every byte of the TCP streams: handshake, headers and all.",
        "One changed package between two updates; apt's lists are looked at afterwards.", "",
    ]
    rows = []
    for count, builds in results.items():
        for step, text in STEPS.items():
            for label, found in builds.items():
                samples = found[step]
                if not samples:
                    rows.append([f"{count:,}", label, text, "not served", "", "", 0])
                    continue
                rows.append([f"{count:,}", label, text, spread([value / 1000 for value in of(samples, "down")]),
                             spread([value / 1000 for value in of(samples, "up")]), spread(of(samples, "wall")),
                             len(samples)])
    lines += table(["packages", "server", "`apt-get update` when", "kB down", "kB up", "wall s", "runs"], rows)
    if not all(found[Ours.LABEL]["served"] for found in results.values()):
        lines += ["The Release listed no `Packages.diff/Index`, so PDiffs were not measured.", ""]
    return lines


def targets(results):
    """What was asked for, and what came of it."""
    last = max(results)
    samples = results[last][Ours.LABEL]["diffs"]
    total = median([sample["down"] + sample["up"] for sample in samples])
    value = total / 1000 if total is not None else None
    return [target("`apt-get update` after one changed package, with PDiffs: less than 20 kB on the wire, both ways",
                   value, 20, last, unit=" kB")]


def figures(results):
    """What is held against the build before: the figure, and its samples by label."""
    for count, builds in results.items():
        for step, text in STEPS.items():
            yield (f"`apt-get update`, {text}, {count:,}: bytes on the wire",
                   {label: [sample["down"] + sample["up"] for sample in found[step]] for label, found in builds.items()})
