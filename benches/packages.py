"""Makes .debs from the stanzas of the machine's own Debian Packages file.

Real names, relations and descriptions, with one small file inside: what a publish costs depends on
the stanzas. Sets of any size are spread evenly over the alphabet, as are the packages that are
added to them, for where a name falls in the sorted index may matter.
"""

import glob
import gzip
import lzma
import multiprocessing
import os
import signal
import subprocess

from programs import Failed

# Written by whoever publishes, not by whoever builds.
DROPPED = {"Filename", "Size", "MD5sum", "SHA1", "SHA256", "SHA512", "Description-md5", "Tag"}


def stanzas():
    """Name → control stanza, in order of names, of what is for amd64 or for all."""
    lists = sorted(glob.glob("/var/lib/apt/lists/*_main_binary-*_Packages*"), key=os.path.getsize)
    if not lists:
        raise Failed("there are no package lists here: run apt-get update first")
    text = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", lists[-1]], capture_output=True, check=True)
    found = {}
    for stanza in text.stdout.decode().split("\n\n"):
        kept, fields, skipping = [], {}, False
        for line in stanza.split("\n"):
            if not line.startswith(" "):
                key, _, value = line.partition(":")
                skipping = key in DROPPED
                fields[key] = value.strip()
            if line and not skipping:
                kept.append(line)
        name = fields.get("Package")
        if name and name not in found and fields.get("Architecture") in ("amd64", "all"):
            found[name] = "\n".join(kept) + "\n"
    return dict(sorted(found.items()))


def spread(items, count):
    """`count` of the items, as far from each other as can be."""
    if count > len(items):
        raise Failed(f"{count} packages were asked for and the package lists hold {len(items)}")
    return [items[int((at + 0.5) * len(items) / count)] for at in range(count)]


def field(stanza, key):
    """The first line of a field."""
    return next((line.partition(":")[2].strip() for line in stanza.split("\n")
                 if line.startswith(f"{key}:")), "")


def changed(stanza, suffix):
    """The stanza of a later version of the same package."""
    lines = [f"{line}+{suffix}" if line.startswith("Version:") else line for line in stanza.split("\n")]
    return "\n".join(lines)


def new(name):
    """The stanza of a package that was not there before."""
    return (f"Package: {name}\nVersion: 1.0\nArchitecture: amd64\nSection: utils\nPriority: optional\n"
            "Maintainer: Bench <bench@example.org>\nDepends: libc6 (>= 2.34)\nInstalled-Size: 40\n"
            "Description: a package that was not there before\n It is of no use but to be measured.\n")


def place(folder, stanza):
    """Where the package of a stanza goes."""
    name, version = field(stanza, "Package"), field(stanza, "Version").split(":")[-1]
    return os.path.join(folder, f"{name}_{version}_{field(stanza, 'Architecture')}.deb")


def write(folder, stanza):
    """Writes the package of a stanza; gives its path."""
    os.makedirs(folder, exist_ok=True)
    name, path = field(stanza, "Package"), place(folder, stanza)
    with open(path, "wb") as out:
        out.write(b"!<arch>\n" + member("debian-binary", b"2.0\n")
                  + member("control.tar.gz", tar("./control", stanza.encode()))
                  + member("data.tar.gz", tar(f"./usr/share/doc/{name}/copyright", name.encode())))
    return path


def write_all(folder, stanzas, names):
    """Writes many on every core, those that are not there; gives name → path. A directory takes a million of them."""
    os.makedirs(folder, exist_ok=True)
    # The children read the stanzas where they are: nothing is sent to them but names.
    Writer.folder, Writer.stanzas = folder, stanzas
    own = (signal.SIGTERM, signal.SIG_DFL)
    with multiprocessing.get_context("fork").Pool(os.cpu_count(), signal.signal, own) as pool:
        return dict(zip(names, pool.imap(Writer.write, names, chunksize=500)))


class Writer:
    """What the children of `write_all` share."""

    folder = stanzas = None

    @staticmethod
    def write(name):
        """One package, in a child, unless an earlier run has kept it."""
        stanza = Writer.stanzas[name]
        path = place(Writer.folder, stanza)
        return path if os.path.exists(path) else write(Writer.folder, stanza)


def demanding(folder, name, megabytes=64):
    """A package whose file list can be read only with a dictionary of so many megabytes, and is that long."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{name}_1.0_amd64.deb")
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": megabytes << 20}]
    plain = archived(f"./usr/share/{name}/zeroes", bytes(megabytes << 20))
    with open(path, "wb") as out:
        out.write(b"!<arch>\n" + member("debian-binary", b"2.0\n")
                  + member("control.tar.gz", tar("./control", new(name).encode()))
                  + member("data.tar.xz", lzma.compress(plain, lzma.FORMAT_XZ, lzma.CHECK_CRC64, filters=filters)))
    return path


def member(name, data):
    """A member of an ar archive."""
    head = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode()
    return head + data + (b"\n" if len(data) % 2 else b"")


def tar(name, data):
    """A compressed tar archive of one file."""
    return gzip.compress(archived(name, data), 1, mtime=0)


def archived(name, data):
    """A tar archive of one file, written by hand: a million of them are made."""
    head = bytearray(512)
    for at, value in ((0, name.encode()), (100, b"0000644\0"), (108, b"0000000\0"), (116, b"0000000\0"),
                      (124, b"%011o\0" % len(data)), (136, b"00000000000\0"), (148, b" " * 8), (156, b"0"),
                      (257, b"ustar  \0")):
        head[at:at + len(value)] = value
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + data + bytes(-len(data) % 512 + 1024)
