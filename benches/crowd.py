"""What the server holds in memory when much comes at once."""

import os
import subprocess

import packages
from ours import BEFORE, Ours
from programs import Failed, say
from tables import number, table, target

TITLE = "A crowd"
SUITES = 8
DEMANDING = 8


def measure(stand, options):
    """Every build of ours, one after another."""
    builds = {Ours.LABEL: options.binaries, BEFORE: options.before}
    return {label: of_build(stand, label, binaries) for label, binaries in builds.items() if binaries}


def of_build(stand, label, binaries):
    """Large uploads into several suites at once, and packages meanwhile that take much memory to unpack."""
    work = os.path.join(stand.work, "crowd" if label == Ours.LABEL else "crowd-before")
    os.makedirs(work)
    ours = Ours(binaries, work, label)
    try:
        names = [f"crowd-{at}" for at in range(SUITES)]
        for name in names:
            ours.create(name)
        running = [start(ours, at, "--suite", name, share(stand, work, at)) for at, name in enumerate(names)]
        for at in range(DEMANDING):
            package = packages.demanding(os.path.join(work, "demanding"), f"demanding-{at}")
            running.append(start(ours, SUITES + at, "--suite", "stable", package))
        for one, said in running:
            if one.wait(900) != 0:
                raise Failed(f"an upload failed: {open(said, encoding='utf-8').read()[-500:]}")
        ours.settle()
        found = {"peak_mb": ours.memory_mb("VmHWM"), "packages": stand.count}
        say(f"{stand.count}: a crowd, {label}, peak {found['peak_mb']:.0f} MB")
        return found
    finally:
        ours.stop()


def share(stand, work, at):
    """A directory with every so many-th package."""
    folder = os.path.join(work, f"share-{at}")
    os.makedirs(folder)
    for name in stand.names[at::SUITES]:
        path = stand.shelf.paths[name]
        os.link(path, os.path.join(folder, os.path.basename(path)))
    return folder


def start(ours, at, *words):
    """An upload of its own, and where what it says is kept."""
    said = os.path.join(ours.work, f"said-{at}")
    with open(said, "w", encoding="utf-8") as out:
        return subprocess.Popen([ours.repoctl, "upload", *words, "-m", "crowd"], env=ours.environment,
                                stdin=subprocess.DEVNULL, stdout=out, stderr=out), said


def render(results):
    """The table of this section."""
    lines = [f"{SUITES} clients upload a directory each into {SUITES} suites of a new server, all packages together, and",
             f"{DEMANDING} more upload a package each whose file list needs a dictionary of 64 MB to be unpacked. All begin",
             "at once. The peak is VmHWM of the server until everything is published and listed as xz.", ""]
    rows = [[f"{count:,}", label, SUITES + DEMANDING, number(found["peak_mb"])]
            for count, builds in results.items() for label, found in builds.items()]
    return lines + table(["packages", "build", "clients", "peak MB"], rows)


def targets(results):
    """What was asked for, and what came of it."""
    last = max(results)
    return [target("a crowd of uploads: peak memory of the server below 300 MB", results[last][Ours.LABEL]["peak_mb"], 300, last,
                   unit=" MB")]


def figures(results):
    """What is held against the build before: the figure, and its samples by label."""
    for count, builds in results.items():
        yield f"a crowd, {count:,}: peak MB", {label: [found["peak_mb"]] for label, found in builds.items()}
