"""A new version of a package that is there: where it stood, the index is hashed from there on."""

from programs import say
from tables import of, spread, table

TITLE = "A new version of a package that is there"
STEPS = {
    "old": "that nobody has changed since the import",
    "again": "the same, a second time",
}


def measure(stand, options):
    """Ours alone: packages evenly spread over the index, each twice. Nothing else of theirs is measured later."""
    ours, found = stand.ours, {step: [] for step in STEPS}
    for turn in range(options.runs):
        for step in STEPS:
            path, name, _, after = stand.changed_package(turn, options.runs)
            ours.settle()
            found[step].append(ours.publish(path))
            ours.expect({name: after})
    for step, samples in found.items():
        say(f"{stand.count}: an upgrade, {step}: {spread(of(samples, 'wall'))} s")
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
        for step, text in STEPS.items():
            samples = found[step]
            chunks = [sample["phases"].get("chunks", 0.0) for sample in samples]
            rows.append([f"{count:,}", text, spread(of(samples, "wall")), spread(chunks), len(samples)])
    return lines + table(["packages", "a new version of one", "wall s", "of which the server's `chunks`, ms", "runs"], rows)


def targets(_):
    """None was set for it."""
    return []
