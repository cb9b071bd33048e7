"""Ours beside an earlier build of ours, in the same run: no figure may be worse by more than a tenth."""

from ours import BEFORE, Ours
from tables import median, number, ratio, spread, table

TITLE = "Beside the build before"
BOUND = 1.10


def rows(figures):
    """A row for each figure that both builds have."""
    found = []
    for what, samples in figures:
        own, before = usable(samples.get(Ours.LABEL)), usable(samples.get(BEFORE))
        if own and before:
            times = median(own) / median(before)
            verdict = "met" if times <= BOUND else "**missed**"
            found.append([what, spread(before), spread(own), ratio(median(own), median(before)),
                          ratio(min(own), min(before)), verdict])
    return found


def usable(samples):
    """Those that were measured."""
    return [sample for sample in samples or [] if sample is not None]


def render(figures):
    """The table, or nothing without a build before."""
    found = rows(figures)
    if not found:
        return []
    missed = sum(row[-1] != "met" for row in found)
    lines = [
        f"`{BEFORE}` is an earlier build, beside ours in the same run: both do the same with the same packages, in",
        f"turn. The bound is {number(BOUND)} times what the build before took, by the medians; the last ratio is of the",
        "least of each, which a busy machine moves less. Idle memory has a bound of its own, in the targets.",
        f"Of {len(found)} figures {len(found) - missed} are met and {missed} missed.", "",
    ]
    return [f"## {TITLE}", "", *lines,
            *table(["figure", "before", "now", "times before", "least, times before", f"≤ {number(BOUND)}×"], found)]
