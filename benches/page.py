"""Writes docs/performance.md and its pictures from what was measured."""

import os

import before
import bulk
import crowd
import floor
import history
import memory
import micro
import overtaking
import plot
import publish
import rollback
import scale
import scrub
import serving
import update
import upgrade
from ours import BEFORE
from tables import of, median, table

SECTIONS = {"bulk": bulk, "overtaking": overtaking, "publish": publish, "rollback": rollback, "update": update,
            "upgrade": upgrade, "crowd": crowd, "history": history, "memory": memory, "micro": micro, "scale": scale,
            "scrub": scrub}
ORDER = ("publish", "upgrade", "rollback", "bulk", "overtaking", "crowd", "update", "history", "memory", "scrub", "scale",
         "micro")
TITLES = {**{name: section.TITLE for name, section in SECTIONS.items()}, "floor": floor.TITLE, "serving": "Serving"}
COMMANDS = """\
repod                   repoctl upload --suite stable FILE; GET /dists/stable/InRelease; gpgv InRelease
                        repoctl upload --suite stable DIR
                        repoctl pin --suite stable --rollback PACKAGE, or --all
reprepro                reprepro includedeb stable FILE; gpgv InRelease
                        reprepro --export=silent-never includedeb stable DIR/*.deb; reprepro export stable
aptly (defaults)        aptly repo add bench FILE; aptly publish update stable; gpgv InRelease
                        aptly repo add bench DIR; aptly publish repo -distribution=stable bench
                        aptly publish switch stable switched SNAPSHOT
aptly -skip-…           the same with -skip-contents -skip-bz2"""


def write(path, measured, *others):
    """The page, and the pictures beside it; sections that were not measured are those of other runs."""
    joined = [taken for taken in (join(measured, other) for other in others) if taken]
    results = {name: sizes(found) for name, found in measured["sections"].items() if found}
    pictures(os.path.join(os.path.dirname(path) or ".", "performance"), results)
    lines = head(measured, joined) + goals(results, measured.get("serving") or [])
    lines += before.render([*figures(results), *serving.figures(measured.get("serving") or [])])
    for name in ORDER:
        if name in results:
            lines += [f"## {SECTIONS[name].TITLE}", "", *SECTIONS[name].render(results[name])]
    if measured.get("floor"):
        lines += [f"## {floor.TITLE}", "", *floor.render(measured["floor"])]
    if measured.get("serving"):
        lines += serving.render(measured["serving"])
    if measured["faults"]:
        lines += ["## What could not be measured", ""]
        lines += [f"- **{fault['what']}**: {first_line(fault['why'])}" for fault in measured["faults"]] + [""]
    with open(path, "w", encoding="utf-8") as page:
        page.write("\n".join(drop_pictures(lines, os.path.dirname(path))).rstrip("\n") + "\n")


def join(measured, other):
    """Takes over what this run has not of another one; says what that was, and how it was run."""
    taken = [name for name in (*ORDER, "floor", "serving")
             if name not in measured["sections"] and not measured.get(name)
             and (name in other["sections"] or other.get(name))]
    for name in taken:
        if name in other["sections"]:
            measured["sections"][name] = other["sections"][name]
        else:
            measured[name] = other[name]
    names = ", ".join(f'"{TITLES[name]}"' for name in taken)
    return taken and (f"{names}: of a run of its own on {other['date']}, `benches/run {other['arguments']}`, load average "
                      f"{other['machine']['load_before']} before and {other['load_after']} after.")


def sizes(found):
    """Results by size, smallest first; JSON has made text of the numbers."""
    return {int(count): found[count] for count in sorted(found, key=int)}


def first_line(text):
    """Enough of a fault for a list."""
    return " ".join(text.split())[:300].replace("`", "'")


def head(measured, joined):
    """What was run, when and on what."""
    machine = measured["machine"]
    tools = ", ".join(f"{name} {version}" for name, version in machine["tools"].items())
    lines = [
        "# Performance", "",
        f"Written by `benches/run {measured['arguments']}`, on {measured['date']}: us and the peers side by side, in one",
        "run on one machine. Figures are medians (least–most); what was run how often stands in the tables. The",
        "machine may have been busy with other things, with all tools alike: ratios count more than seconds.", "",
        *(line for taken in joined for line in (taken, "")),
    ]
    lines += table(["machine", ""], [
        ["processor", f"{machine['processor']}, {machine['cores']} cores"],
        ["memory", f"{machine['memory_gb']} GB"],
        ["kernel, file system", f"{machine['kernel']}, {machine['filesystem']}"],
        ["system", machine["system"]],
        ["load average, before and after", f"{machine['load_before']}, {measured['load_after']}"],
        ["repod", machine["repod"]],
        *([["repod, before", machine["before"]]] if machine.get("before") else []),
        ["peers and tools", tools],
        ["took", f"{measured['seconds'] / 60:.0f} minutes"],
    ])
    lines += [
        "Packages are made of the stanzas of the machine's own Debian package list: real names, relations and",
        "descriptions, with one small file in each. Smaller sets are spread evenly over it. The peers sign with",
        "an Ed25519 key, the quickest kind. The commands:", "", "```text", COMMANDS, "```", "",
    ]
    return lines


def goals(results, served):
    """Every target beside what was measured; met or missed is computed."""
    rows = [row for name in ORDER if name in results for row in SECTIONS[name].targets(results[name])]
    rows += serving.targets(served)
    return ["## Targets", "", *table(["target, at 60,000 packages where it matters", "measured", ""], rows)] if rows else []


def figures(results):
    """Everything that is held against a build before."""
    for name in ORDER:
        if name in results and hasattr(SECTIONS[name], "figures"):
            yield from SECTIONS[name].figures(results[name])


def pictures(folder, results):
    """Growth, for what grows."""
    os.makedirs(folder, exist_ok=True)
    if "publish" in results:
        plot.growth(os.path.join(folder, "publish.svg"), "One new package, until its InRelease is verified", "seconds",
                    publish.series(results["publish"]))
        plot.growth(os.path.join(folder, "written.svg"), "One new package, bytes written", "MB",
                    publish.series(results["publish"], "written", 1e-6))
    if "bulk" in results:
        found = {}
        for count, result in results["bulk"].items():
            for label, samples in result["imports"].items():
                if label != BEFORE:
                    found.setdefault(label, []).append((count, median(of(samples, "total", "wall"))))
        plot.growth(os.path.join(folder, "bulk.svg"), "All packages at once, added and published", "seconds", found)


def drop_pictures(lines, folder):
    """Leaves out pictures that were not drawn: one size makes no line."""
    def there(line):
        return not line.startswith("![") or os.path.exists(os.path.join(folder, line.split("](")[1].rstrip(")")))
    return [line for line in lines if there(line)]
