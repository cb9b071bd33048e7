"""Many packages as one change, into nothing."""

from ours import BEFORE, Ours
from tables import median, of, ratio, spread, table, target

TITLE = "A bulk import"


def measure(stand, _options):
    """The stand imports in any case."""
    return {"imports": stand.imports}


def render(results):
    """The table of this section."""
    lines = [
        "A directory of N packages into an empty suite or repository. repod: `repoctl upload DIR`, one change, until",
        "its InRelease is verified. Peers: the packages are added, then published for the first time.", "",
    ]
    rows = []
    for count, found in results.items():
        imports = found["imports"]
        own = median(of(imports["repod"], "total", "wall"))
        for label, samples in imports.items():
            peak = of(samples, "peak_mb") if label in (Ours.LABEL, BEFORE) else of(samples, "total", "peak_mb")
            rows.append([f"{count:,}", label, spread(of(samples, "add", "wall")), spread(of(samples, "publish", "wall")),
                         spread(of(samples, "total", "wall")), spread(of(samples, "total", "cpu")), spread(peak),
                         len(samples), "" if label == "repod" else ratio(median(of(samples, "total", "wall")), own)])
    lines += table(["packages", "tool", "add s", "publish s", "together s", "CPU s", "peak MB", "runs",
                    "together, times ours"], rows)
    xz = [[f"{count:,}", spread(of(found["imports"]["repod"], "xz_after")),
           spread(of(found["imports"]["repod"], "background_peak_mb"))] for count, found in results.items()]
    lines += ["xz may follow in a re-signed head: seconds from the check of the first InRelease to one that lists xz",
              "(0 and a bit: it was there), and the server's peak memory until then.", ""]
    return lines + table(["packages", "xz listed after s", "peak MB until then"], xz)


def targets(results):
    """What was asked for, and what came of it."""
    last = max(results)
    imports = results[last]["imports"]
    own = median(of(imports["repod"], "total", "wall"))

    def against(label, part):
        samples = imports.get(label)
        return median(of(samples, part, "wall")) / own if samples else None

    peak = max(of(imports["repod"], "background_peak_mb"))
    return [
        target("import, uploaded and published: 3 times faster than reprepro adds", against("reprepro", "add"), 3, last, True, "×"),
        target("import, uploaded and published: 2 times faster than aptly adds", against("aptly", "add"), 2, last, True, "×"),
        target("import: peak memory of the server below 300 MB", peak, 300, last, unit=" MB"),
    ]


def figures(results):
    """What is held against the build before: the figure, and its samples by label."""
    for count, found in results.items():
        for keys, text in ((("total", "wall"), "seconds"), (("total", "cpu"), "CPU seconds"),
                           (("background_peak_mb",), "peak MB"), (("xz_after",), "seconds until xz is listed")):
            yield f"import of {count:,}: {text}", {label: of(samples, *keys) for label, samples in found["imports"].items()}
