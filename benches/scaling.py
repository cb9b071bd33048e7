"""What the section `scale` writes: figures by size, their growth, and what was found to limit them."""

import limits
from tables import median, number, of, ratio, spread, table, target

TIMES = 1.6
PHASES = ("chunks", "digests", "sign", "record")


def render(results):
    """The tables of this section."""
    counts = list(results)
    lines = [
        "The suite with more packages than the machine's own list has: its stanzas again, under new names that fall beside",
        "the originals, with relations, sources and provided names of each copy among themselves. No peer is measured here.",
        "Small .debs are uploaded as directories of at most 100,000, each one change, into an empty suite.", "",
    ]
    lines += table(["", *(column(count, results[count]) for count in counts), *growths(results)], rows(results, counts))
    lines += in_turn(results)
    faults = [(count, fault) for count, found in results.items() for fault in found["faults"]]
    if faults:
        lines += ["Could not be measured:", ""]
        lines += [f"- {count:,}, {fault['what']}: {' '.join(fault['why'].split())[:300]}" for count, fault in faults] + [""]
    return lines + limits.render()


def column(count, found):
    """The head of a column: as many packages as came in."""
    came = reached(count, found)
    return f"{count:,} packages" + (f": given up at {came:,}" if came < count else "")


def reached(count, found):
    """How many packages came in before the import was given up."""
    return found["import"].get("reached", count)


def in_turn(results):
    """One new package in a large suite and in the smallest, at the same time."""
    smallest = min(results)
    rows = []
    for count, found in results.items():
        publish = found.get("publish") or {}
        own, base = publish.get("samples") or [], publish.get("beside") or []
        if count > smallest and own and base:
            ratios = [ratio_of(found, *keys) for keys in (["wall"], ["cpu"], ["phases", "chunks"], ["phases", "record"])]
            rows.append([f"{count:,}", spread(of(own, "wall")), spread(of(base, "wall")), *ratios])
    if not rows:
        return []
    lines = [f"One new package once more, in turn with a suite of {smallest:,} on a server of its own, so that a busy machine",
             "slows both; the ratio of its medians is what the target is about.", ""]
    head = ["packages", "wall s", f"wall s in {smallest:,}", "wall", "CPU", "`chunks`", "`record`"]
    return lines + table(head, rows)


def ratio_of(found, *keys):
    """As text."""
    value = beside(found, *keys)
    return f"{number(value)}×" if value else "–"


def growths(results):
    """Heads of the columns that say how a figure grows."""
    came = [reached(count, found) for count, found in results.items()]
    return [f"{count:,} ÷ {came[0]:,}" for count in came[1:]]


def rows(results, counts):
    """A row for each figure: its samples by size, then its growth."""
    found = []
    for text, scale, samples in figures(results):
        by_count = {count: [value * scale for value in samples(count) if value is not None] for count in counts}
        base = median(by_count[counts[0]])
        found.append([text, *(spread(by_count[count]) for count in counts),
                      *(ratio(median(by_count[count]), base) for count in counts[1:])])
    return found


def figures(results):
    """Text, factor, and a function from a size to samples."""
    def part(*keys):
        """One value below the result of a size."""
        return lambda count: of([results[count]], *keys)

    def each(name, *keys):
        """One value of each sample of a part."""
        def samples(count):
            found = results[count].get(name, [])
            return of(found["samples"] if isinstance(found, dict) else found, *keys)
        return samples

    def parts(count):
        return results[count]["import"]["parts"]

    def start(key):
        return lambda count: of(results[count].get("cold", {}).get("starts", []), key)

    yield "import, until its InRelease is verified, s", 1, part("import", "total", "wall")
    yield "– packages a second", 1, lambda count: [reached(count, results[count]) / results[count]["import"]["total"]["wall"]]
    for phase in PHASES:
        yield f"– of which the server's `{phase}`, s", 1e-3, part("import", "total", "phases", phase)
    yield "– CPU of server and client, s", 1, part("import", "total", "cpu")
    yield "– the slowest change of up to 100,000 packages, s", 1, lambda count: [max(of(parts(count), "wall"))]
    yield "– CPU of the server for the first 100,000, s", 1, lambda count: of(parts(count)[:1], "server_cpu")
    yield "– CPU of the server for the last 100,000, s", 1, lambda count: of(parts(count)[-1:], "server_cpu")
    yield "– written by the server, GB", 1e-9, part("import", "total", "written")
    yield "– commands repeated, since none answered within their 120 s", 1, lambda count: [
        sum(sample.get("repeats") or 0 for sample in parts(count))]
    yield "– then, until the Release lists xz, s", 1, part("import", "xz_after")
    yield "peak memory of the server until then, MB", 1, part("import", "background_peak_mb")
    yield "idle memory after the import, MB", 1, part("idle", "rss_mb")
    yield "– of which not of files, MB", 1, part("idle", "anonymous_mb")
    yield "idle memory after a restart, MB", 1, part("cold", "after", "rss_mb")
    yield "cold start, until it listens, s", 1, start("listens")
    yield "cold start, until the first verified InRelease, s", 1, start("first")
    yield "– CPU of the server until then, s", 1, start("cpu")
    yield "one new package, until its InRelease is verified, ms", 1e3, each("publish", "wall")
    for phase in PHASES:
        yield f"– of which the server's `{phase}`, ms", 1, each("publish", "phases", phase)
    yield "– then, until the Release lists xz, s", 1, each("publish", "xz_after")
    yield "– CPU of the server, all that follows included, ms", 1e3, each("publish", "server_cpu_in_all")
    yield "– written by the server, all that follows included, MB", 1e-6, each("publish", "server_written")
    yield "a later version of one package, ms", 1e3, each("rollback", "upgrade")
    yield "a rollback of one package, ms", 1e3, each("rollback", "wall")
    yield "`apt-get update`, the first, s", 1, part("update", "first", "wall")
    yield "– MB down", 1e-6, part("update", "first", "down")
    yield "`apt-get update` after one changed package, with PDiffs, s", 1, part("update", "diffs", "wall")
    yield "– kB down", 1e-3, part("update", "diffs", "down")
    yield "on disk: the packages as they were sent, MB", 1e-6, part("disk", "sent")
    yield "on disk: the packages as they are kept, MB", 1e-6, part("disk", "blobs")
    yield "on disk: packs of chunks, MB", 1e-6, part("disk", "packs")
    yield "on disk: catalogue and the rest, MB", 1e-6, part("disk", "rest")
    for encoding in ("plain", ".gz", ".xz"):
        yield f"the index, {encoding}, MB", 1e-6, part("disk", "listed", encoding)


def targets(results):
    """What was asked for, and what came of it."""
    found, smallest = [], min(results)
    for count, result in results.items():
        text = f"one new package at {count:,}: at most {TIMES} times that at {smallest:,}, in turn with it"
        came, times = reached(count, result), beside(result, "wall")
        if came < count:
            found.append([text, f"{number(times)}× at {came:,}, where the import was given up", "–"])
        elif count > smallest:
            found.append(target(text, times, TIMES, count, unit="×"))
    return found


def beside(found, *keys):
    """How many times what it was in the smallest suite, which was published to in turn."""
    samples = found.get("publish") or {}
    own, base = median(of(samples.get("samples") or [], *keys)), median(of(samples.get("beside") or [], *keys))
    return own / base if own and base else None
