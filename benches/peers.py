"""The peers: reprepro and aptly, each over a directory of its own, with an Ed25519 key (the quickest)."""

import glob
import os
import time

import archive
from programs import Spent, run

SUITE = "stable"


class GpgHome:
    """A key for the peers. gpg leaves an agent running, which is ended by `close`."""

    def __init__(self, where):
        os.makedirs(where, mode=0o700)
        self.where, self.environment = where, {**os.environ, "GNUPGHOME": where}
        key, self.ring = "bench@example.org", os.path.join(where, "public.gpg")
        run(["gpg", "--batch", "--passphrase", "", "--quick-gen-key", key, "ed25519", "sign", "never"],
            env=self.environment)
        run(["gpg", "--batch", "--output", self.ring, "--export", key], env=self.environment)

    def close(self):
        """Ends the agent of this home and no other."""
        run(["gpgconf", "--kill", "gpg-agent"], env=self.environment)


class Peer:
    """What both have in common: one timed sequence of commands, then gpgv."""

    def timed(self, *steps):
        """Commands one after another until the InRelease is verified, and what all of it cost."""
        os.sync()  # what is dirty now is not charged to what comes
        begun, spent = time.monotonic(), Spent()
        for step in steps:
            spent += self.go(*step)
        check, _ = run(["gpgv", "--keyring", self.ring, self.in_release])
        spent += check
        return {"wall": time.monotonic() - begun, "cpu": spent.cpu, "written": spent.written,
                "peak_mb": spent.peak_kb / 1024}

    def publish(self, path):
        """One package."""
        return self.timed(*self.publishing(path))

    def expect(self, wanted):
        """Checks one encoding, on disk."""
        return archive.expect(self.archive, SUITE, wanted, encodings=(".gz",))

    def bulk(self, folder):
        """Everything in a directory, then the first publish, apart and together."""
        add, publish = self.importing(folder)
        os.sync()
        begun, spent = time.monotonic(), Spent()
        for step in add:
            spent += self.go(*step)
        added = {"wall": time.monotonic() - begun, "cpu": spent.cpu, "written": spent.written,
                 "peak_mb": spent.peak_kb / 1024}
        published = self.timed(*publish)
        total = {key: added[key] + published[key] for key in ("wall", "cpu", "written")}
        total["peak_mb"] = max(added["peak_mb"], published["peak_mb"])
        return {"add": added, "publish": published, "total": total}


class Reprepro(Peer):
    """reprepro, which writes Packages and Packages.gz."""

    label = "reprepro"

    def __init__(self, work, gpg):
        self.base, self.environment, self.ring = os.path.join(work, "reprepro"), gpg.environment, gpg.ring
        os.makedirs(os.path.join(self.base, "conf"))
        with open(os.path.join(self.base, "conf/distributions"), "w", encoding="ascii") as conf:
            conf.write(f"Codename: {SUITE}\nArchitectures: amd64\nComponents: main\nSignWith: yes\n")
        self.in_release = os.path.join(self.base, f"dists/{SUITE}/InRelease")
        self.archive = archive.OnDisk(self.base)

    def go(self, *arguments):
        """One command."""
        return run(["reprepro", "--silent", "--silent", "-b", self.base, *arguments], env=self.environment)[0]

    def publishing(self, path):
        """The commands of a publish."""
        return [("includedeb", SUITE, path)]

    def importing(self, folder):
        """The commands of an import: a command line holds some 20,000 paths."""
        paths = sorted(glob.glob(f"{folder}/*.deb"))
        parts = [paths[at:at + 15000] for at in range(0, len(paths), 15000)]
        return [("--export=silent-never", "includedeb", SUITE, *part) for part in parts], [("export", SUITE)]


class Aptly(Peer):
    """aptly, with its defaults or without Contents and bzip2."""

    def __init__(self, work, gpg, lean=False):
        self.label = "aptly -skip-contents -skip-bz2" if lean else "aptly"
        # Set each time: a published repository remembers them.
        self.flags = ["-batch", f"-skip-contents={str(lean).lower()}", f"-skip-bz2={str(lean).lower()}"]
        self.root = os.path.join(work, "aptly-lean" if lean else "aptly")
        self.environment, self.ring = gpg.environment, gpg.ring
        os.makedirs(self.root)
        self.config = os.path.join(self.root, "aptly.json")
        with open(self.config, "w", encoding="ascii") as conf:
            conf.write('{"rootDir": "%s", "architectures": ["amd64"], "gpgProvider": "gpg"}' % self.root)
        self.in_release = os.path.join(self.root, f"public/dists/{SUITE}/InRelease")
        self.archive = archive.OnDisk(os.path.join(self.root, "public"))
        self.go("repo", "create", "bench")

    def go(self, *arguments):
        """One command."""
        return run(["aptly", f"-config={self.config}", *arguments], env=self.environment)[0]

    def publishing(self, path):
        """The commands of a publish."""
        return [("repo", "add", "bench", path), ("publish", "update", *self.flags, SUITE)]

    def importing(self, folder):
        """The commands of an import."""
        return [("repo", "add", "bench", folder)], [
            ("publish", "repo", *self.flags, f"-distribution={SUITE}", "bench")]

    def publish_snapshots(self, names):
        """Publishes the first of these snapshots in a place of its own, to be switched."""
        self.go("publish", "snapshot", *self.flags, f"-distribution={SUITE}", names[0], "switched")
        self.in_release = os.path.join(self.root, f"public/switched/dists/{SUITE}/InRelease")
        self.archive = archive.OnDisk(os.path.join(self.root, "public/switched"))

    def switch(self, name):
        """Goes to another snapshot."""
        return self.timed(("publish", "switch", *self.flags, SUITE, "switched", name))
