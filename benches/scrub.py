"""Reading everything that is stored again: `repod check`, one pass of the scrub, and what the scrub costs others."""

import json
import os
import re
import signal
import time

from programs import Failed, run, say
from tables import median, number, of, spread, table, target

TITLE = "Scrub"
# How the scrub is set while others are measured: none, its default, and the most that it ever reads.
STATES = {
    "off": {"days": 0},
    "default": {"days": 30},
    "most": {"days": 30, "least_bytes_per_second": 8 << 20},
}
UNLIMITED = {"days": 30, "bytes_per_second": 1 << 40, "least_bytes_per_second": 1 << 40}
ROUNDS = 9
REQUESTS, CONNECTIONS = 4000, 8
CHECKS = 2
# How much slower publishing and serving may be beside a scrub.
MOST = 1.1
PASS_PATIENCE = 3600


def measure(stand, options):
    """On the suite as it is, with as many generations as were asked for."""
    ours = stand.ours
    grow(stand, options.generations)
    ours.settle()
    found = {"generations": ours.status()["generation"], "disk": ours.disk()}
    found["checks"] = [check(ours) for _ in range(CHECKS)]
    say(f"{stand.count}: check {spread(of(found['checks'], 'wall'))} s, peak {of(found['checks'], 'peak_mb')} MB")
    found["pass"] = one_pass(ours)
    say(f"{stand.count}: a pass of {found['pass']['bytes'] / 1e9:.2f} GB in {found['pass']['seconds']:.1f} s")
    found["beside"] = beside(stand, options)
    return found


def grow(stand, wanted):
    """Single changes of packages, until there are so many generations."""
    ours = stand.ours
    while ours.status()["generation"] < wanted:
        path, *_ = stand.changed_package(stand.suffix, wanted)
        ours.ctl("upload", "--suite", "stable", path)
        os.unlink(path)
        if stand.suffix % 100 == 0:
            say(f"{stand.count}: scrub, generation {ours.status()['generation']} of {wanted}")


def check(ours):
    """`repod check` beside the server."""
    spent, said = run([ours.repod, "check", "--config", os.path.join(ours.data, "repod.toml")])
    return {"wall": spent.wall, "cpu": spent.cpu, "peak_mb": spent.peak_kb / 1024, "said": said.decode().splitlines()[0]}


def configure(ours, **wanted):
    """Sets options of the scrub; all others are as they are by default."""
    path = os.path.join(ours.data, "repod.toml")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    lines = "".join(f"{key} = {value}\n" for key, value in {"wait_seconds": 0, **wanted}.items())
    text = re.sub(r"^\[scrub\]\n(?:[a-z_]+ = \d+\n)*", f"[scrub]\n{lines}", text, flags=re.M)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def restart(ours, **wanted):
    """The server anew, with these options and without the place of its scrub."""
    ours.stop()
    configure(ours, **wanted)
    place = os.path.join(ours.data, "scrub")
    if os.path.exists(place):
        os.unlink(place)
    ours.start()


def one_pass(ours):
    """A whole pass as fast as it can, alone."""
    restart(ours, days=0)
    ours.settle()
    idle, before, offset = ours.memory_mb("VmHWM"), ours.meter(), os.path.getsize(ours.log)
    configure(ours, **UNLIMITED)
    ours.server.send_signal(signal.SIGHUP)
    begun = time.monotonic()
    while True:
        ended = next((line for line in ours.said(offset).splitlines() if "the scrub ended" in line), None)
        if ended:
            break
        if time.monotonic() - begun > PASS_PATIENCE:
            raise Failed("the scrub does not end")
        time.sleep(0.05)
    seconds, after = time.monotonic() - begun, ours.meter()
    fields = json.loads(ended)["fields"]
    return {"seconds": seconds, "cpu": after.cpu - before.cpu, "bytes": fields["read_bytes"],
            "findings": fields.get("findings", 0), "idle_mb": idle, "peak_mb": ours.memory_mb("VmHWM")}


def beside(stand, options):
    """Publishing and serving in turn without a scrub, with its default and with the most that it reads."""
    ours, found = stand.ours, {state: [] for state in STATES}
    restart(ours, days=0)
    ours.settle()
    # The last InRelease, and a package: what apt asks for most.
    names = {"InRelease": "/dists/stable/InRelease", "a package": "/" + pool_path(ours)}
    for turn in range(ROUNDS):
        states = list(STATES)
        for state in states[turn % len(states):] + states[:turn % len(states)]:
            configure(ours, **STATES[state])
            ours.server.send_signal(signal.SIGHUP)
            # The scrub sees the new options within a second.
            time.sleep(1.5)
            _, _, path = stand.new_package(turn, ROUNDS)
            ours.settle()
            sample = {"publish": ours.publish(path)["wall"]}
            ours.settle()
            for name, where in names.items():
                sample[name] = serve(ours, options, where)
            found[state].append(sample)
        say(f"{stand.count}: beside a scrub, {turn + 1} of {ROUNDS}: "
            + ", ".join(f"{state} {1000 * found[state][-1]['publish']:.0f} ms" for state in STATES))
    return found


def pool_path(ours):
    """Where the first package of the index is."""
    index = ours.archive.read("dists/stable/main/binary-amd64/Packages")
    return re.search(rb"^Filename: (.*)$", index, re.M).group(1).decode()


def serve(ours, options, path):
    """Requests in a second over kept connections."""
    _, said = run([options.load, "keep", f"127.0.0.1:{ours.port}", ours.own, path, CONNECTIONS, REQUESTS, 200])
    one = json.loads(said)
    return one["requests"] / one["seconds"]


def render(results):
    """The tables of this section."""
    lines = [
        "Everything that is stored is read again: by `repod check` beside the server, and by one pass of the scrub with",
        "no bound on its rate. The bytes are those of packages, packs, the catalogue, and of every index file of every",
        "generation, which share their chunks on disk. The peak is VmHWM, of the server with what it had before.", "",
    ]
    rows = []
    for count, found in results.items():
        checks, one = found["checks"], found["pass"]
        disk = sum(found["disk"].values()) / 1e6
        rows.append([f"{count:,}", f"{found['generations']:,}", number(disk), number(one["bytes"] / 1e9),
                     spread(of(checks, "wall")), spread(of(checks, "peak_mb")), number(one["seconds"]),
                     number(one["cpu"]), f"{number(one['idle_mb'])} → {number(one['peak_mb'])}"])
    lines += table(["packages", "generations", "MB on disk", "GB read", "check s", "check, peak MB", "pass s", "pass CPU s",
                    "server's peak MB"], rows)
    lines += [
        f"Beside a scrub: one new package until its InRelease is verified, and requests in a second over {CONNECTIONS} kept",
        "connections. The three states take turns; default is 256 KiB in a second for a store of this size, most is the",
        "8 MiB that it never exceeds.", "",
    ]
    rows = []
    for count, found in results.items():
        for state, samples in found["beside"].items():
            rows.append([f"{count:,}", state, spread([1000 * value for value in of(samples, "publish")]),
                         spread(of(samples, "InRelease")), spread(of(samples, "a package")), len(samples)])
    return lines + table(["packages", "scrub", "one publish, ms", "InRelease, requests/s", "a package, requests/s", "runs"], rows)


def targets(results):
    """What was asked for, and what came of it."""
    count = max(results)
    found = results[count]["beside"]

    def slower(key, invert):
        alone, with_it = (median(of(found[state], key)) for state in ("off", "default"))
        return alone / with_it if invert else with_it / alone

    return [target("scrub at its default rate: publishing takes at most a tenth longer", slower("publish", False), MOST, count, unit="×"),
            target("scrub at its default rate: serving InRelease takes at most a tenth longer", slower("InRelease", True), MOST, count, unit="×"),
            target("scrub at its default rate: serving a package takes at most a tenth longer", slower("a package", True), MOST, count, unit="×")]
