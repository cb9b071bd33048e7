"""Beyond the machine's own list: what grows, how, and what limits it."""

import contextlib
import os
import time
import traceback

import archive
import scaling
from aptroot import AptRoot, issue
from ours import Ours
from programs import say
from relay import Relay
from stand import Stand, in_turn
from update import await_diffs

TITLE = "Beyond 60,000"
PUBLISHES, ROLLBACKS, STARTS = 7, 3, 3
DROP = "/proc/sys/vm/drop_caches"

render, targets = scaling.render, scaling.targets


def measure(stand, options):
    """Every part for itself: one that cannot be measured is written down, and the others go on."""
    found = {"import": stand.imports[Ours.LABEL][-1], "faults": []}
    for name, part in (("disk", disk), ("idle", idle), ("publish", publish), ("cold", cold),
                       ("rollback", rollback), ("update", update)):
        begun = time.monotonic()
        try:
            found[name] = part(stand, options)
        except Exception as fault:  # the figures that are there count
            traceback.print_exc()
            found["faults"].append({"what": name, "why": str(fault)[:500] or repr(fault)})
        say(f"{stand.count}: scale, {name}: {time.monotonic() - begun:.0f} s")
    return found


def disk(stand, _):
    """Bytes on disk after the import, and what the packages themselves add up to."""
    stand.ours.settle()
    sent = sum(os.path.getsize(path) for path in stand.paths())
    return {**stand.ours.disk(), "sent": sent, "listed": sizes(stand.ours)}


def sizes(ours):
    """Encoding → bytes of the index."""
    files = archive.listed(ours.archive.read("dists/stable/InRelease"))
    return {encoding or "plain": files[archive.INDEX + encoding][1] for encoding in archive.ENCODINGS
            if archive.INDEX + encoding in files}


def idle(stand, options):
    """Resident memory after silence, and what of it is no file."""
    stand.ours.settle()
    stand.ours.archive.close()
    time.sleep(options.idle_seconds)
    return {"seconds": options.idle_seconds, "peak_mb": stand.ours.memory_mb("VmHWM"),
            "rss_mb": stand.ours.memory_mb("VmRSS"), "anonymous_mb": stand.ours.memory_mb("RssAnon")}


def publish(stand, options):
    """One new package, elsewhere in the alphabet each time, in turn with a suite of the smallest size beside it."""
    with contextlib.ExitStack() as closing:
        stands = [stand]
        if stand.count > options.sizes[0]:
            stands.append(closing.enter_context(Stand(stand.shelf, options.sizes[0], options)))
            stands[1].import_all(False)
        samples = {str(one.count): [] for one in stands}
        for turn in range(PUBLISHES):
            for one in in_turn(stands, turn):
                sample = publish_one(one, turn)
                samples[str(one.count)].append(sample)
                say(f"{stand.count}: scale, one package in {one.count}: {sample['wall']:.4f} s {sample['phases']}")
    return {"samples": samples[str(stand.count)], "beside": samples.get(str(options.sizes[0]))}


def publish_one(stand, turn):
    """One publish, and what follows it until all stands still."""
    ours, (name, version, path) = stand.ours, stand.new_package(turn, PUBLISHES)
    ours.settle()
    meter = ours.meter()
    sample = ours.publish(path)
    sample["xz_after"] = ours.await_xz()
    ours.settle()
    after = ours.meter()
    sample["server_cpu_in_all"], sample["server_written"] = after.cpu - meter.cpu, after.written - meter.written
    archive.expect(ours.archive, "stable", {name: version}, encodings=(".gz",))
    return sample


def rollback(stand, _):
    """A later version of one package goes out, and is taken back."""
    ours, samples = stand.ours, []
    for turn in range(ROLLBACKS):
        path, name, before, _ = stand.changed_package(turn, ROLLBACKS)
        ours.settle()
        upgrade = ours.publish(path)
        ours.settle()
        sample = ours.roll_back(name)
        sample["upgrade"] = upgrade["wall"]
        archive.expect(ours.archive, "stable", {name: before}, encodings=(".gz",))
        ours.settle()
        ours.ctl("unpin", "--suite", "stable", "--all", "--yes")
        samples.append(sample)
    return samples


def update(stand, _):
    """apt's first update, and one after one changed package, counted on the wire."""
    ours, relay = stand.ours, Relay(stand.ours.port)
    try:
        root = AptRoot(os.path.join(stand.work, "apt-scale"), issue(ours, "bench-host"), f"https://localhost:{relay.port}/")
        ours.settle()
        found = {"first": counted(root, relay)}
        path, name, _, after = stand.changed_package(0, 3)
        ours.ctl("upload", "--suite", "stable", path)
        ours.settle()
        served = await_diffs(ours, True)
        found["diffs" if served else "whole"] = counted(root, relay)
        root.expect(name, after)
        return found
    finally:
        relay.close()


def counted(root, relay):
    """One update, and its bytes."""
    relay.take()
    spent, _ = root.update()
    return {**spent, **relay.take()}


def cold(stand, options):
    """From the start of the server, with nothing of its files in memory, to an InRelease that gpgv accepts."""
    ours, samples = stand.ours, []
    for _ in range(STARTS):
        ours.stop()
        dropped = drop_caches()
        begun = time.monotonic()
        listens = ours.start(patience=900)
        ours.verified()
        first = time.monotonic() - begun
        cpu = ours.meter().cpu
        ours.settle()
        samples.append({"listens": listens, "first": first, "cpu": cpu, "dropped": dropped,
                        "peak_mb": ours.memory_mb("VmHWM")})
    return {"starts": samples, "after": idle(stand, options)}


def drop_caches():
    """Has the kernel forget what files hold, where this is allowed; whether it did."""
    os.sync()
    try:
        with open(DROP, "w", encoding="ascii") as file:
            file.write("3")
        return True
    except OSError:
        return False
