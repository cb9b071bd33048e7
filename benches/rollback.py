"""Back to what was before: of one package, and of a whole suite by a thousand."""

from programs import say
from stand import in_turn
from tables import enough, median, of, ratio, spread, table, target

TITLE = "A rollback"
WHOLE = 1000


def measure(stand, options):
    """Ours by pins; aptly by `publish switch` between two snapshots, in both directions."""
    runs = options.rollback_runs
    found = {"one": {}, "many": {}, "moved": min(WHOLE, stand.count)}
    for aptly in stand.peers[1:]:
        switch(stand, aptly, runs, options.patience, found)
    for kind in ("one", "many"):
        found[kind] = {**{build.label: [] for build in stand.builds}, **found[kind]}
    for turn in range(runs):
        package, folder = stand.changed_package(turn, runs), stand.changed_packages(WHOLE)
        for build in in_turn(stand.builds, turn):
            found["one"][build.label].append(one(build, package))
            found["many"][build.label].append(many(build, folder))
    for kind in ("one", "many"):
        for label, samples in found[kind].items():
            say(f"{stand.count}: rollback of {kind}, {label}: {spread(of(samples, 'wall'))} s")
    return found


def one(ours, package):
    """A later version of one package goes out, and is taken back."""
    path, name, before, after = package
    ours.settle()
    ours.ctl("upload", "--suite", "stable", path)
    ours.expect({name: after})
    ours.settle()
    sample = ours.roll_back(name)
    ours.expect({name: before})
    unpin(ours)
    return sample


def many(ours, packages):
    """Later versions of a thousand go out in one change, and the suite is taken back."""
    folder, moved = packages
    ours.ctl("upload", "--suite", "stable", folder, "-m", "a thousand")
    ours.expect({name: after for name, (_, after) in moved.items()})
    ours.settle()
    sample = ours.roll_back()
    ours.expect({name: before for name, (before, _) in moved.items()})
    unpin(ours)
    return sample


def unpin(ours):
    """Ends the pins, so that the next later version goes out again."""
    ours.settle()
    ours.ctl("unpin", "--suite", "stable", "--all", "--yes")
    ours.settle()


def switch(stand, aptly, runs, patience, found):
    """Snapshots of the repository as it is, with one later version, and with a thousand."""
    stage = [("one", *stand.changed_packages(1)), ("many", *stand.changed_packages(WHOLE))]
    aptly.go("snapshot", "create", "before", "from", "repo", "bench")
    there = {name: before for _, _, moved in stage for name, (before, _) in moved.items()}
    for kind, folder, moved in stage:
        # A later version does not push the earlier one out of a repository of aptly's.
        filters = [f"{name} (= {there[name]})" for name in moved]
        for first in range(0, len(filters), 200):
            aptly.go("repo", "remove", "bench", " | ".join(filters[first:first + 200]))
        aptly.go("repo", "add", "bench", folder)
        there.update({name: after for name, (_, after) in moved.items()})
        aptly.go("snapshot", "create", kind, "from", "repo", "bench")
    aptly.publish_snapshots(["one"])
    here = "one"
    for kind, _, moved in stage:
        if here not in ("before", kind):
            aptly.switch("before")
            here = "before"
        samples = found[kind][aptly.label] = []
        while len(samples) < runs and not enough(samples, patience / 2):
            here = kind if here == "before" else "before"
            samples.append(aptly.switch(here))
            aptly.expect({name: versions[here != "before"] for name, versions in moved.items()})


def render(results):
    """The table of this section."""
    lines = [
        "repod: later versions are uploaded, then `repoctl pin --rollback PACKAGE` for one, and `repoctl pin --rollback --all`",
        "for the whole suite after 1,000 packages were changed at once. aptly: `publish switch` of a",
        "published snapshot to another one that differs as much, there and back. Each until gpgv accepts the new",
        "InRelease; then the versions are looked up in the indices.", "",
    ]
    rows = []
    for count, found in results.items():
        for kind, what in (("one", "1"), ("many", f"{found['moved']:,}")):
            own = median(of(found[kind]["repod"], "wall"))
            for label, samples in found[kind].items():
                rows.append([f"{count:,}", what, label, spread(of(samples, "wall")), spread(of(samples, "cpu")),
                             spread([value / 1e6 for value in of(samples, "written")]), len(samples),
                             "" if label == "repod" else ratio(median(of(samples, "wall")), own)])
    return lines + table(["packages", "rolled back", "tool", "wall s", "CPU s", "MB written", "runs",
                          "wall, times ours"], rows)


def targets(results):
    """What was asked for, and what came of it."""
    last = max(results)
    rows = []
    for kind, text in (("one", "of one package"), ("many", "of a suite by 1,000 packages")):
        samples = results[last][kind]
        share = None
        if "aptly" in samples:
            share = median(of(samples["repod"], "wall")) / median(of(samples["aptly"], "wall"))
        rows.append(target(f"rollback {text}: under a tenth of aptly's switch", share, 0.1, last, unit=" of it"))
    return rows


def figures(results):
    """What is held against the build before: the figure, and its samples by label."""
    for count, found in results.items():
        for kind, what in (("one", "one package"), ("many", f"{found['moved']:,} packages")):
            for key, text in (("wall", "seconds"), ("cpu", "CPU seconds"), ("written", "bytes written")):
                yield (f"rollback of {what}, {count:,}: {text}",
                       {label: of(samples, key) for label, samples in found[kind].items()})
