"""What the sections write with: numbers with their spread, tables, targets."""

import statistics


def number(value):
    """Three figures or so."""
    if value is None:
        return "–"
    size = abs(value)
    for limit, places in ((0.0995, 4), (0.995, 3), (9.95, 2), (99.5, 1)):
        if size < limit:
            return f"{value:.{places}f}"
    return f"{value:,.0f}"


def median(samples):
    """The median, or nothing of nothing."""
    samples = [sample for sample in samples if sample is not None]
    return statistics.median(samples) if samples else None


def spread(samples):
    """`median (least–most)`."""
    samples = [sample for sample in samples if sample is not None]
    if not samples:
        return "–"
    if len(samples) == 1:
        return number(samples[0])
    return f"{number(median(samples))} ({number(min(samples))}–{number(max(samples))})"


def of(samples, *keys):
    """One value of each sample, by its path of keys."""
    found = []
    for sample in samples:
        for key in keys:
            sample = sample.get(key) if sample is not None else None
        found.append(sample)
    return found


def ratio(value, to):
    """How many times as much."""
    return f"{number(value / to)}×" if value is not None and to else "–"


def table(head, rows):
    """A Markdown table."""
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}",
            *(f"| {' | '.join(str(cell) for cell in row)} |" for row in rows), ""]


def target(text, value, limit, at_least=False, unit="", where=""):
    """A row of the targets: met or missed is worked out here and nowhere else."""
    if value is None:
        return {"text": text, "measured": "not measured", "met": None}
    met = value >= limit if at_least else value <= limit
    return {"text": text, "measured": f"{number(value)}{unit}{where}", "met": met}


def at(count, wanted=60000):
    """What stands behind a figure that was taken at another size than the target's."""
    return "" if count >= wanted else f" (at {count:,})"
