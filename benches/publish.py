"""One new package into a suite of N: from the start of the command to a verified InRelease."""

import time

from ours import BEFORE, Ours
from programs import say
from stand import in_turn
from tables import enough, median, of, ratio, spread, table, target

TITLE = "One new package"


def measure(stand, options):
    """Tools in turn, so that a busy minute hits all alike; each turn elsewhere in the alphabet."""
    tools = [*stand.builds, *stand.peers]
    samples = {tool.label: [] for tool in tools}
    alone, meters = [], {build.label: [] for build in stand.builds}
    for turn in range(options.runs):
        package = stand.new_package(turn, options.runs)
        for tool in in_turn(tools, turn):
            if tool in stand.builds:
                tool.settle()
                whoami = tool.ctl("whoami")[0].wall
                if tool is stand.ours:
                    alone.append(whoami)
                meters[tool.label].append(tool.meter())
            elif enough(samples[tool.label], options.patience):
                continue
            samples[tool.label].append(once(stand, tool, package))
    time.sleep(2)
    for build in stand.builds:
        in_all(samples[build.label], [*meters[build.label], build.meter()])
    for label, found in samples.items():
        say(f"{stand.count}: publish, {label}: {spread(of(found, 'wall'))} s")
    return {"samples": samples, "alone": alone}


def once(stand, tool, package):
    """One publish by one tool, and whether it is there."""
    name, version, path = package
    sample = tool.publish(path)
    if tool in stand.builds:
        sample["xz_after"] = tool.await_xz()
        sample["encodings"] = tool.expect_as_timed({name: version})
    tool.expect({name: version})
    return sample


def in_all(samples, meters):
    """What each publish cost the server until the next one."""
    for sample, before, after in zip(samples, meters, meters[1:]):
        sample["server_written"] = after.written - before.written
        sample["server_cpu_in_all"] = after.cpu - before.cpu


def written_by(label):
    """Where the bytes written stand: ours until the next publish, for much follows behind it."""
    return "server_written" if label in (Ours.LABEL, BEFORE) else "written"


def render(results):
    """The tables of this section."""
    lines = [
        "A package that was not there before, with a name elsewhere in the alphabet each time (the same for all",
        "tools), from the start of the command to an InRelease that gpgv accepts. Outside the timed part the",
        "indices which that InRelease lists are fetched, compared with their SHA-256 and searched for the package:",
        "ours in every encoding, by hash; the peers' as gzip, on disk. Our InRelease is fetched by the measuring",
        "program over a new TLS connection with a client certificate, which is in the time (until 2026-11-24 it was",
        "curl, which takes 10 ms to start and end); the peers' InRelease is read from disk.",
        "", "![seconds of one publish by packages in the suite](performance/publish.svg)", "",
        "![megabytes written by one publish](performance/written.svg)", "",
    ]
    rows = []
    for count, found in results.items():
        own = median(of(found["samples"]["repod"], "wall"))
        for label, samples in found["samples"].items():
            written = of(samples, written_by(label))
            rows.append([f"{count:,}", label, spread(of(samples, "wall")), spread(of(samples, "cpu")),
                         spread([value / 1e6 for value in written]), len(samples),
                         "" if label == "repod" else ratio(median(of(samples, "wall")), own)])
    lines += table(["packages", "tool", "wall s", "CPU s", "MB written", "runs", "wall, times ours"], rows)
    lines += [
        "CPU is that of the commands and, for us, of the server, in the timed part. MB written are what the kernel",
        "charged as pages made dirty, everything dirty before having been synced: for us /proc/PID/io of the server",
        "until the next publish, so with all that it does afterwards (the uploaded package too); for the peers",
        "`ru_oublock` of the commands and their children. The file system's own journal is in none of them.", "",
        "### Where every millisecond goes", "",
    ]
    return lines + milliseconds(results)


def milliseconds(results):
    """The parts of our own publish."""
    rows, phases = [], {}
    for count, found in results.items():
        samples = found["samples"]["repod"]
        for sample in samples:
            for phase, value in sample["phases"].items():
                phases.setdefault(phase, {}).setdefault(count, []).append(value)
    counts = list(results)

    def row(text, values):
        rows.append([text, *(spread(values(count)) for count in counts)])

    def part(key):
        return lambda count: [1000 * value for value in of(results[count]["samples"]["repod"], key)]

    row("all of it", part("wall"))
    row("`repoctl upload`: start, TLS, upload, publish", part("command"))
    row("– of which start, TLS and one request: `repoctl whoami`",
        lambda count: [1000 * value for value in results[count]["alone"]])
    for phase, by_count in phases.items():
        row(f"– of which the server's `{phase}`", lambda count, by_count=by_count: by_count.get(count, []))
    row("a new TLS connection, InRelease", part("fetch"))
    row("`gpgv`", part("gpgv"))
    row("server CPU, in the timed part", part("server_cpu"))
    row("server CPU, until the next publish", part("server_cpu_in_all"))
    row("then, until the Release lists xz", part("xz_after"))
    lines = table(["milliseconds", *(f"{count:,} packages" for count in counts)], rows)
    if not phases:
        lines += ["The server did not tell its own phases.", ""]
    return lines


def targets(results):
    """What was asked for, and what came of it."""
    last, first = max(results), min(results)

    def wall(count, label):
        return median(of(results[count]["samples"].get(label, []), "wall"))

    def times(label):
        theirs = wall(last, label)
        return theirs / own if theirs else None

    own = wall(last, "repod")
    written = median(of(results[last]["samples"]["repod"], "server_written"))
    growth = own / wall(first, "repod") if last > first else None
    return [
        target("one publish: at least 20 times faster than reprepro", times("reprepro"), 20, last, True, "×"),
        target("one publish: at least 200 times faster than aptly's defaults", times("aptly"), 200, last, True, "×"),
        target("one publish at 60,000: at most 1.5 times that at 1,000", growth, 1.5, last, unit="×",
               note=f" ({last:,} to {first:,})"),
        target("one publish: less than 1 MB written", written / 1e6, 1, last, unit=" MB"),
    ]


def series(results, key="wall", scale=1.0):
    """Label → points, for the plot."""
    found = {}
    for count in sorted(results):
        for label, samples in results[count]["samples"].items():
            if label == BEFORE:
                continue
            value = median(of(samples, written_by(label) if key == "written" else key))
            found.setdefault(label, []).append((count, value * scale))
    return found


def figures(results):
    """What is held against the build before: the figure, and its samples by label."""
    for count, found in results.items():
        for key, text in (("wall", "seconds"), ("cpu", "CPU seconds"), ("server_written", "bytes written")):
            yield f"one new package, {count:,}: {text}", {label: of(samples, key) for label, samples in found["samples"].items()}
