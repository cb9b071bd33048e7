"""The stand: for one number of packages, the packages, us and the peers, each with all of them in it."""

import contextlib
import os
import shutil
import tempfile

import packages
from ours import Ours
from peers import Aptly, GpgHome, Reprepro
from programs import say


class Shelf:
    """The packages of the largest size, made once; smaller sizes are spread over them."""

    def __init__(self, largest):
        self.folder = tempfile.mkdtemp(prefix="bench-debs-")
        self.stanzas = packages.stanzas()
        self.paths = {}
        try:
            for name in packages.spread(list(self.stanzas), largest):
                self.paths[name] = packages.write(self.folder, self.stanzas[name])
        except BaseException:
            self.close()
            raise
        say(f"{largest} packages made of {len(self.stanzas)} stanzas")

    def lay_out(self, folder, count):
        """A directory with `count` of the packages; gives their names."""
        os.makedirs(folder)
        names = packages.spread(list(self.paths), count)
        for name in names:
            os.link(self.paths[name], os.path.join(folder, os.path.basename(self.paths[name])))
        return names

    def close(self):
        """Removes the packages."""
        shutil.rmtree(self.folder, ignore_errors=True)


class Stand:
    """Everything that the sections of one size share. Used as a context: nothing outlives it."""

    def __init__(self, shelf, count, options):
        self.shelf, self.count, self.options = shelf, count, options
        self.closing = contextlib.ExitStack()
        self.imports = {}  # label → what each import cost
        self.suffix = 0

    def __enter__(self):
        try:
            self.work = tempfile.mkdtemp(prefix=f"bench-{self.count}-")
            # apt's methods run as another user where the private root is made for them.
            os.chmod(self.work, 0o755)
            self.closing.callback(shutil.rmtree, self.work, ignore_errors=True)
            self.debs = os.path.join(self.work, "debs")
            self.names = self.shelf.lay_out(self.debs, self.count)
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
            tools = self.tools(os.path.join(self.work, f"tools-{turn}"), with_peers)
            for tool in tools:
                cost = tool.bulk(self.debs)
                if isinstance(tool, Ours):
                    cost["peak_mb"] = tool.memory_mb("VmHWM")
                    cost["xz_after"] = tool.await_xz()
                    cost["background_peak_mb"] = tool.memory_mb("VmHWM")
                self.check_import(tool)
                self.imports.setdefault(tool.label, []).append(cost)
                say(f"{self.count}: import {turn + 1} of {runs}, {tool.label}: {cost['total']['wall']:.2f} s")
            self.last = tools
            if turn + 1 < runs:
                tools[0].stop()
                shutil.rmtree(os.path.join(self.work, f"tools-{turn}"))
        self.ours = self.last[0]
        self.peers = self.last[1:]

    def tools(self, where, with_peers):
        """New, empty tools."""
        os.makedirs(where)
        ours = Ours(self.options.binaries, where)
        self.closing.callback(ours.stop)
        if not with_peers:
            return [ours]
        return [ours, Reprepro(where, self.gpg), Aptly(where, self.gpg), Aptly(where, self.gpg, lean=True)]

    def check_import(self, tool):
        """Refuses an import that left something out."""
        some = packages.spread(self.names, min(20, self.count))
        tool.expect({name: packages.field(self.shelf.stanzas[name], "Version") for name in some})

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
        for name in packages.spread(self.names, min(count, self.count)):
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
