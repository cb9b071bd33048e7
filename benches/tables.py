"""What the sections write with: numbers with their spread, tables, targets."""

import statistics

TARGET_PACKAGES = 60000
# What takes minutes is measured so many times all the same.
FEWEST = 3


def number(value):
    """Three figures or so."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
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


def enough(samples, patience):
    """Whether a slow tool has been measured as often as there is time for."""
    return len(samples) >= FEWEST and sum(sample["wall"] for sample in samples) > patience


def target(text, value, limit, count, at_least=False, unit="", note=""):
    """A row of the targets: met or missed is worked out here and nowhere else.

    Targets are about 60,000 packages; a figure of fewer neither meets nor misses one.
    """
    if value is None:
        return [text, "not measured", "–"]
    met = value >= limit if at_least else value <= limit
    verdict = "met" if met else "**missed**"
    if count < TARGET_PACKAGES:
        verdict = f"{'met' if met else 'missed'} at {count:,}; not shown at {TARGET_PACKAGES:,}"
    return [text, f"{number(value)}{unit}{note}", verdict]
