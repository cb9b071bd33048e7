"""More packages than the machine's own list has: its stanzas again and again, under new names.

The first copy is the list as it is; each other one is a world of its own. Its packages and sources,
and what its packages provide, bear the suffix of the copy, and so do their names in relations of
that copy. Names that a copy does not have stay as they are, as they do where a set is smaller than
the list. A suffix stands at the end of a name, so the copies are spread over the alphabet as the
originals are, and each falls beside them.
"""

import collections.abc
import re

import packages

RELATIONS = ("Package", "Source", "Depends", "Pre-Depends", "Recommends", "Suggests", "Enhances", "Breaks", "Conflicts",
             "Replaces", "Provides")
NAMED = re.compile(r"(^\s*|[,|]\s*)([a-z0-9][a-z0-9.+-]+)")
SUFFIX = "-copy"


class Multiplied(collections.abc.Mapping):
    """Name → stanza of `count` packages, in order of names; a stanza is made when it is asked for."""

    def __init__(self, stanzas, count):
        self.stanzas = stanzas
        whole, rest = divmod(count, len(stanzas))
        last = packages.spread(list(stanzas), rest) if rest else []
        self.copies = [list(stanzas)] * whole + ([last] if rest else [])
        self.names = sorted(copied(name, copy) for copy, names in enumerate(self.copies) for name in names)
        every = offered(stanzas, stanzas)
        self.offered = [every] * whole + ([offered(stanzas, last)] if rest else [])

    def __getitem__(self, name):
        if name in self.stanzas:
            return self.stanzas[name]
        original, _, copy = name.rpartition(SUFFIX)
        return renamed(self.stanzas[original], int(copy), self.offered[int(copy)])

    def __iter__(self):
        return iter(self.names)

    def __len__(self):
        return len(self.names)


def copied(name, copy):
    """A name in a copy; the first copy is the list as it is."""
    return f"{name}{SUFFIX}{copy:02}" if copy else name


def copy_of(name):
    """The copy that a name is of."""
    found = re.search(rf"{SUFFIX}(\d\d)$", name)
    return int(found.group(1)) if found else 0


def offered(stanzas, names):
    """The names of packages, and what they provide."""
    found = set(names)
    for name in names:
        found.update(match.group(2) for match in NAMED.finditer(packages.field(stanzas[name], "Provides")))
    return found


def renamed(stanza, copy, theirs):
    """The stanza as the copy has it."""
    lines, source = [], False

    def other(match):
        name = match.group(2)
        return match.group(1) + (copied(name, copy) if source or name in theirs else name)

    relation = False
    for line in stanza.split("\n"):
        if line.startswith(" "):
            lines.append(NAMED.sub(other, line) if relation else line)
            continue
        key, colon, value = line.partition(":")
        relation, source = key in RELATIONS, key == "Source"
        lines.append(key + colon + NAMED.sub(other, value) if relation else line)
    return "\n".join(lines)
