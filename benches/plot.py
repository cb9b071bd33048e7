"""Growth as a picture: both axes logarithmic, written by hand as SVG, for light and dark pages."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 780, 420, 70, 230, 52, 52
# Readable on white and on black, and apart for eyes that see no red and green; markers and dashes
# tell the lines apart without colour.
COLOURS = [("#0b62c4", "#6cb0ff"), ("#b3470b", "#ff9c5e"), ("#7a2f8f", "#dc9cf0"), ("#5a6472", "#b4bdca")]
DASHES = ["", "7 4", "2 4", "10 3 2 3"]
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f; } .title { font-weight: 600; font-size: 15px; }
.grid { stroke: #d8dee4; stroke-width: 1; } .back { fill: #ffffff; }
.line { fill: none; stroke-width: 2.5; }"""
DARK = "text { fill: #e6edf3; } .grid { stroke: #30363d; } .back { fill: #0d1117; }"


def growth(path, title, unit, series):
    """Draws label → [(packages, value)]; nothing is drawn of fewer than two sizes."""
    points = [point for line in series.values() for point in line]
    if len({x for x, _ in points}) < 2:
        return False
    horizontal = Scale([x for x, _ in points], LEFT, WIDTH - RIGHT)
    vertical = Scale([y for _, y in points], HEIGHT - BOTTOM, TOP, whole=True)
    out = [f'<text class="title" x="{LEFT}" y="24">{escape(title)}</text>']
    for value in vertical.ticks():
        y = vertical.place(value)
        out.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{plain(value)}</text>')
    for value in sorted({x for x, _ in points}):
        x = horizontal.place(value)
        out.append(f'<path class="grid" d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
        out.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{value:,}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    out.append(f'<text x="{middle}" y="{HEIGHT - 12}" text-anchor="middle">packages in the suite</text>')
    out.append(f'<text x="16" y="{TOP - 12}">{escape(unit)}</text>')
    for number, (label, line) in enumerate(series.items()):
        out += drawn(number % len(COLOURS), line, horizontal, vertical)
    for (number, label), y in zip(enumerate(series), label_places(series, vertical)):
        out.append(f'<text class="name s{number % len(COLOURS)}" x="{WIDTH - RIGHT + 12}" y="{y + 4:.1f}">{escape(label)}</text>')
    with open(path, "w", encoding="utf-8") as file:
        file.write(framed(title, out))
    return True


def framed(title, parts):
    """The picture around its parts."""
    light = "".join(f".s{n} {{ stroke: {c}; }} circle.s{n}, .name.s{n} {{ fill: {c}; stroke: none; }}\n"
                    for n, (c, _) in enumerate(COLOURS))
    dark = "".join(f".s{n} {{ stroke: {c}; }} circle.s{n}, .name.s{n} {{ fill: {c}; stroke: none; }}\n"
                   for n, (_, c) in enumerate(COLOURS))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
            f'role="img" aria-label="{escape(title)}">\n<style>{STYLE}\n{light}'
            f"@media (prefers-color-scheme: dark) {{ {DARK}\n{dark}}}</style>\n"
            f'<rect class="back" width="{WIDTH}" height="{HEIGHT}"/>\n' + "\n".join(parts) + "\n</svg>\n")


def drawn(number, line, horizontal, vertical):
    """One line with its markers."""
    places = [(horizontal.place(x), vertical.place(y)) for x, y in line]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    yield f'<path class="line s{number}" stroke-dasharray="{DASHES[number]}" d="{path}"/>'
    for (x, y), (packages, value) in zip(places, line):
        yield f'<circle class="s{number}" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{packages:,}: {value:.4g}</title></circle>'


def label_places(series, vertical):
    """Where the names stand at the right: beside the last point, but not on each other."""
    wanted = sorted((vertical.place(line[-1][1]), at) for at, line in enumerate(series.values()))
    placed, last = {}, TOP - 18
    for y, at in wanted:
        last = max(y, last + 18)
        placed[at] = last
    return [placed[at] for at in range(len(series))]


class Scale:
    """A logarithmic axis."""

    def __init__(self, values, begin, end, whole=False):
        low, high = math.log10(min(values)), math.log10(max(values))
        if whole:
            low, high = math.floor(low), max(math.ceil(high), math.floor(low) + 1)
        self.low, self.high, self.begin, self.end = low, high, begin, end

    def place(self, value):
        """Where a value stands."""
        part = (math.log10(value) - self.low) / (self.high - self.low)
        return self.begin + part * (self.end - self.begin)

    def ticks(self):
        """The powers of ten."""
        return [10.0 ** power for power in range(int(self.low), int(self.high) + 1)]


def plain(value):
    """A power of ten without an exponent."""
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"
