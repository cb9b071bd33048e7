"""A private root for the machine's own apt, set up with what `repoctl host issue` writes."""

import os
import re
import time

from programs import Failed, run

FOLDERS = ("etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/sources.list.d", "etc/apt/trusted.gpg.d",
           "var/cache/apt/archives/partial", "var/lib/apt/lists/partial", "var/lib/dpkg", "var/log/apt")


def issue(ours, name):
    """A certificate and everything else for a host; gives the directory with it."""
    out = os.path.join(ours.work, "hosts", name)
    if not os.path.exists(out):
        os.makedirs(os.path.dirname(out), exist_ok=True)
        ours.ctl("host", "issue", name, "--suite", "stable", "--out", out)
    return out


class AptRoot:
    """A host's apt; its lists and its sources are its own."""

    def __init__(self, top, issued, url):
        self.top = top
        for folder in FOLDERS:
            os.makedirs(os.path.join(top, folder))
        self.write("var/lib/dpkg/status", "")
        user = 'APT::Sandbox::User "root";\n' if os.getuid() == 0 else ""
        self.write("apt.conf", f'Dir "{top}/";\nDir::State::status "{top}/var/lib/dpkg/status";\n{user}')
        self.place(issued)
        self.point_at(url)
        self.environment = {**os.environ, "APT_CONFIG": os.path.join(top, "apt.conf"), "LC_ALL": "C"}

    def write(self, path, text):
        """A file of this host."""
        with open(os.path.join(self.top, path), "w", encoding="utf-8") as file:
            file.write(text)

    def place(self, issued):
        """What the host was given, but the preferences: nothing is installed here.

        Paths in apt's own files are changed to where they are in this root.
        """
        etc = os.path.join(issued, "etc/apt")
        for folder, _, files in os.walk(etc):
            below = os.path.relpath(folder, issued)
            if below.endswith("preferences.d"):
                continue
            os.makedirs(os.path.join(self.top, below), exist_ok=True)
            for file in files:
                with open(os.path.join(folder, file), encoding="utf-8") as source:
                    text = source.read()
                if file.endswith(".sources") or below.endswith("apt.conf.d"):
                    text = re.sub(r'(?<![\w./-])/(etc|usr)/', rf"{self.top}/\1/", text)
                self.write(os.path.join(below, file), text)

    def point_at(self, url):
        """Reads the repository through another address."""
        folder = os.path.join(self.top, "etc/apt/sources.list.d")
        for file in os.listdir(folder):
            path = os.path.join(folder, file)
            with open(path, encoding="utf-8") as source:
                text = source.read()
            with open(path, "w", encoding="utf-8") as out:
                out.write(re.sub(r"^URIs: .*", f"URIs: {url}", text, flags=re.M))

    def update(self, *options):
        """`apt-get update`; gives its seconds and what it said."""
        begun = time.monotonic()
        spent, said = run(["apt-get", "-q", *options, "update"], env=self.environment)
        return {"wall": time.monotonic() - begun, "cpu": spent.cpu}, said.decode(errors="replace")

    def expect(self, name, version):
        """Refuses lists in which a package has another version."""
        _, said = run(["apt-cache", "show", "--no-all-versions", name], env=self.environment)
        found = re.search(r"^Version: (.*)$", said.decode(), re.M)
        if not found or found.group(1) != version:
            raise Failed(f"apt reads {found and found.group(1)} of {name}, not {version}")
