"""The stand: for one number of packages, the packages, us and the peers, each with all of them in it."""

import contextlib
import os
import shutil
import tempfile

import multiply
import packages
from ours import BEFORE, Ours
from peers import Aptly, GpgHome, Reprepro
from programs import say

# As many packages as one change takes.
AT_ONCE = 100_000


def in_turn(tools, turn):
    """The tools in another order each turn, so that none is always the first."""
    at = turn % len(tools)
    return tools[at:] + tools[:at]


class Shelf:
    """The packages of the largest size, made once; smaller sizes are spread over them."""

    def __init__(self, largest, kept=None):
        self.kept = kept is not None
        self.folder = kept or tempfile.mkdtemp(prefix="bench-debs-")
        self.stanzas = packages.stanzas()
        # As many as there are real packages; the peers are measured with no more than these.
        self.real = list(self.stanzas)
        if largest > len(self.real):
            self.stanzas = multiply.Multiplied(self.stanzas, largest)
        else:
            self.real = packages.spread(self.real, largest)
        try:
            names = self.real if largest <= len(self.real) else list(self.stanzas)
            self.paths = packages.write_all(self.folder, self.stanzas, names)
        except BaseException:
            self.close()
            raise
        say(f"{largest} packages made")

    def lay_out(self, folder, count):
        """Directories with `count` of the packages together, as many in each as one change takes; gives their names.

        Where it is more than one, they hold whole copies one after another, as far as that goes.
        """
        names = packages.spread(self.real, count) if count <= len(self.real) else self.multiplied(count)
        in_copies, folders = sorted(names, key=multiply.copy_of) if count > AT_ONCE else names, []
        for at, name in enumerate(in_copies):
            if at % AT_ONCE == 0:
                folders.append(os.path.join(folder, f"{at // AT_ONCE:02}") if count > AT_ONCE else folder)
                os.makedirs(folders[-1])
            os.link(self.paths[name], os.path.join(folders[-1], os.path.basename(self.paths[name])))
        return names, folders

    def multiplied(self, count):
        """The names of so many, in as few copies as can be."""
        return list(multiply.Multiplied({name: self.stanzas[name] for name in self.real}, count))

    def close(self):
        """Removes the packages, unless they are kept for another run."""
        if not self.kept:
            shutil.rmtree(self.folder, ignore_errors=True)


class Stand:
    """Everything that the sections of one size share. Used as a context: nothing outlives it."""

    def __init__(self, shelf, count, options):
        self.shelf, self.count, self.options = shelf, count, options
        self.closing = contextlib.ExitStack()
        self.imports = {}  # label → what each import cost
        self.suffix, self.reached = 0, count

    def __enter__(self):
        try:
            self.work = tempfile.mkdtemp(prefix=f"bench-{self.count}-")
            # apt's methods run as another user where the private root is made for them.
            os.chmod(self.work, 0o755)
            self.closing.callback(shutil.rmtree, self.work, ignore_errors=True)
            self.names, self.debs = self.shelf.lay_out(os.path.join(self.work, "debs"), self.count)
            self.gpg = GpgHome(os.path.join(self.work, "gpg"))
            self.closing.callback(self.gpg.close)
            return self
        except BaseException:
            self.closing.close()
            raise

    def __exit__(self, *_):
        self.closing.close()

    def import_all(self, with_peers):
        """Fills us, and the peers, from nothing: several times where that is quick; the last stays."""
        runs = self.options.bulk_runs or (3 if self.count <= 2000 else 1)
        for turn in range(runs):
            where = os.path.join(self.work, f"tools-{turn}")
            self.builds, self.peers = self.new_builds(where), self.new_peers(where) if with_peers else []
            self.ours = self.builds[0]
            self.imports = self.imports or {tool.label: [] for tool in (*self.builds, *self.peers)}
            for tool in in_turn([*self.builds, *self.peers], turn):
                cost = self.import_into(tool)
                say(f"{self.count}: import {turn + 1} of {runs}, {tool.label}: {cost['total']['wall']:.2f} s")
            if turn + 1 < runs:
                for build in self.builds:
                    build.stop()
                shutil.rmtree(where)

    def import_into(self, tool):
        """Fills one tool; gives what it cost, which is kept."""
        patience = {"patience": 60 * self.options.import_minutes} if len(self.debs) > 1 else {}
        cost = tool.bulk(*self.debs, **patience)
        if isinstance(tool, Ours):
            self.give_up(cost)
            cost["peak_mb"] = tool.memory_mb("VmHWM")
            cost["xz_after"] = tool.await_xz()
            cost["background_peak_mb"] = tool.memory_mb("VmHWM")
        self.check_import(tool)
        self.imports[tool.label].append(cost)
        return cost

    def give_up(self, cost):
        """Where the import took too long, the suite has what came until then."""
        self.reached = cost["reached"] = min(self.count, len(cost["parts"]) * AT_ONCE)
        if self.reached < self.count:
            self.names = sorted(sorted(self.names, key=multiply.copy_of)[:self.reached])
            say(f"{self.count}: the import was given up at {self.reached} packages")

    def new_builds(self, where):
        """Us with nothing in it, and the build before where there is one."""
        builds = []
        for label, binaries in ((Ours.LABEL, self.options.binaries), (BEFORE, self.options.before)):
            if binaries:
                builds.append(Ours(binaries, os.path.join(where, f"build-{len(builds)}"), label))
                self.closing.callback(builds[-1].stop)
        return builds

    def new_peers(self, where):
        """The peers, with nothing in them."""
        return [Reprepro(where, self.gpg), Aptly(where, self.gpg), Aptly(where, self.gpg, lean=True)]

    def check_import(self, tool):
        """Refuses an import that left something out."""
        some = packages.spread(self.names, min(20, self.reached))
        tool.expect({name: packages.field(self.shelf.stanzas[name], "Version") for name in some})

    def paths(self):
        """Where the packages of this size are."""
        return [self.shelf.paths[name] for name in self.names]

    def new_package(self, turn, runs):
        """A package that is not there, and falls into its own part of the alphabet each turn."""
        near = packages.spread(self.names, runs)[turn]
        name = f"{near}-bench"
        return name, "1.0", packages.write(os.path.join(self.work, "new"), packages.new(name))

    def changed_packages(self, count):
        """Later versions, each time still later ones, of packages that are there, evenly spread.

        Gives a directory of them and name → (version before, version after).
        """
        self.suffix += 1
        folder, moved = os.path.join(self.work, f"changed-{self.suffix}"), {}
        for name in packages.spread(self.names, min(count, self.reached)):
            moved[name] = self.write_changed(folder, name)[1:]
        return folder, moved

    def write_changed(self, folder, name):
        """A later version of one package: its path, the version before, the version after.

        "Before" is the one of the first import.
        """
        stanza = self.shelf.stanzas[name]
        later = packages.changed(stanza, f"bench{self.suffix}")
        path = packages.write(folder, later)
        return path, packages.field(stanza, "Version"), packages.field(later, "Version")

    def changed_package(self, turn, runs):
        """One of them: its path, name, version before and after."""
        self.suffix += 1
        name = packages.spread(self.names, runs)[turn % runs]
        path, before, after = self.write_changed(os.path.join(self.work, f"changed-{self.suffix}"), name)
        return path, name, before, after
