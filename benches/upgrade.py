"""A new version of a package that is there: where it stood, the index is hashed from there on."""

from programs import say
from stand import in_turn
from tables import of, spread, table

TITLE = "A new version of a package that is there"
STEPS = {
    "old": "that nobody has changed since the import",
    "again": "the same, a second time",
}


def measure(stand, options):
    """Builds of ours alone: packages evenly spread over the index, each twice. Nothing of the peers is measured later."""
    found = {build.label: {step: [] for step in STEPS} for build in stand.builds}
    for turn in range(options.runs):
        for step in STEPS:
            path, name, _, after = stand.changed_package(turn, options.runs)
            for build in in_turn(stand.builds, turn):
                build.settle()
                found[build.label][step].append(build.publish(path))
                build.expect({name: after})
    for label, steps in found.items():
        for step, samples in steps.items():
            say(f"{stand.count}: an upgrade, {step}, {label}: {spread(of(samples, 'wall'))} s")
    return found


def render(results):
    """The table of this section."""
    lines = [
        "A later version takes the old one out where that stood and is listed last, so the plain index is hashed from",
        "where the old one stood: up to the whole of it for a package that nobody has changed since the import, and",
        "next to nothing for one that was changed a while ago. Ours alone; from the start of `repoctl upload` to an",
        "InRelease that gpgv accepts. Packages evenly spread over the index.", "",
    ]
    rows = []
    for count, found in results.items():
        for label, steps in found.items():
            for step, text in STEPS.items():
                samples = steps[step]
                chunks = [sample["phases"].get("chunks", 0.0) for sample in samples]
                rows.append([f"{count:,}", label, text, spread(of(samples, "wall")), spread(chunks), len(samples)])
    return lines + table(["packages", "build", "a new version of one", "wall s", "of which the server's `chunks`, ms", "runs"], rows)


def targets(_):
    """None was set for it."""
    return []


def figures(results):
    """What is held against the build before: the figure, and its samples by label."""
    for count, found in results.items():
        for step, text in STEPS.items():
            yield (f"a new version of one {text}, {count:,}: seconds",
                   {label: of(steps[step], "wall") for label, steps in found.items()})
