"""What the server keeps in memory when nothing happens."""

import time

from programs import say
from tables import number, table, target

TITLE = "Memory"


def measure(stand, options):
    """Resident memory after everything else that was measured, then after a restart."""
    ours = stand.ours
    ours.settle()
    ours.archive.close()
    time.sleep(options.idle_seconds)
    found = {"idle_mb": ours.memory_mb("VmRSS"), "peak_mb": ours.memory_mb("VmHWM"),
             "generations": ours.status()["generation"]}
    ours.stop()
    found["start_s"] = ours.start()
    ours.settle()
    ours.archive.close()
    time.sleep(options.idle_seconds)
    found["restarted_mb"] = ours.memory_mb("VmRSS")
    found["idle_seconds"] = options.idle_seconds
    say(f"{stand.count}: idle {found['idle_mb']:.0f} MB, after a restart {found['restarted_mb']:.0f} MB")
    return found


def render(results):
    """The table of this section."""
    seconds = max(found["idle_seconds"] for found in results.values())
    lines = [f"Resident memory (VmRSS) of the server after all that was measured before and {seconds} s of silence, and",
             f"{seconds} s after a restart; the peak (VmHWM) is that of its life until then, import included.", ""]
    rows = [[f"{count:,}", f"{found['generations']:,}", number(found["peak_mb"]), number(found["idle_mb"]),
             number(found["restarted_mb"]), number(found["start_s"])] for count, found in results.items()]
    return lines + table(["packages", "generations", "peak MB", "idle MB", "idle MB after a restart",
                          "start s"], rows)


def targets(results):
    """What was asked for, and what came of it."""
    last = max(results)
    found = results[last]
    note = f" ({found['generations']:,} generations)"
    return [target("idle: less than 64 MB", found["idle_mb"], 64, last, unit=" MB", note=note),
            target("idle after a restart: less than 64 MB", found["restarted_mb"], 64, last, unit=" MB", note=note)]
