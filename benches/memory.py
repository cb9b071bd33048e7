"""What the server keeps in memory when nothing happens."""

import time

from ours import Ours
from programs import say
from tables import number, spread, table, target

TITLE = "Memory"
STARTS = 5
IDLE_MB = 96


def measure(stand, options):
    """Resident memory after everything else that was measured, then after a restart, of every build at once."""
    for build in stand.builds:
        build.settle()
        build.archive.close()
    time.sleep(options.idle_seconds)
    found = {build.label: {"idle_mb": build.memory_mb("VmRSS"), "peak_mb": build.memory_mb("VmHWM"),
                           "generations": build.status()["generation"], "starts_s": []} for build in stand.builds}
    for _ in range(STARTS):
        for build in stand.builds:
            build.stop()
            found[build.label]["starts_s"].append(build.start())
            build.settle()
            build.archive.close()
    time.sleep(options.idle_seconds)
    for build in stand.builds:
        one = found[build.label]
        one["restarted_mb"] = build.memory_mb("VmRSS")
        say(f"{stand.count}: {build.label} idle {one['idle_mb']:.0f} MB, after a restart {one['restarted_mb']:.0f} MB")
    return {"idle_seconds": options.idle_seconds, "builds": found}


def render(results):
    """The table of this section."""
    seconds = max(found["idle_seconds"] for found in results.values())
    lines = [f"Resident memory (VmRSS) of the server after all that was measured before and {seconds} s of silence, and",
             f"{seconds} s after a restart; the peak (VmHWM) is that of its life until then, import included. A start",
             "lasts until the port takes connections.", ""]
    rows = [[f"{count:,}", label, f"{one['generations']:,}", number(one["peak_mb"]), number(one["idle_mb"]),
             number(one["restarted_mb"]), spread(one["starts_s"])]
            for count, found in results.items() for label, one in found["builds"].items()]
    return lines + table(["packages", "build", "generations", "peak MB", "idle MB", "idle MB after a restart",
                          "start s"], rows)


def targets(results):
    """What was asked for, and what came of it."""
    last = max(results)
    found = results[last]["builds"][Ours.LABEL]
    note = f" ({found['generations']:,} generations)"
    return [target(f"idle: at most {IDLE_MB} MB", found["idle_mb"], IDLE_MB, last, unit=" MB", note=note),
            target(f"idle after a restart: at most {IDLE_MB} MB", found["restarted_mb"], IDLE_MB, last, unit=" MB", note=note)]


def figures(results):
    """What is held against the build before: the figure, and its samples by label. Idle memory has a bound of its own."""
    for count, found in results.items():
        builds = found["builds"]
        yield f"peak of the server's life, {count:,}: MB", {label: [one["peak_mb"]] for label, one in builds.items()}
        yield f"a start, {count:,}: seconds", {label: one["starts_s"] for label, one in builds.items()}
