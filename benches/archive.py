"""Reads an archive as a stranger would: its InRelease, and the indices that it lists, by hash."""

import gzip
import hashlib
import http.client
import lzma
import os
import re
import ssl

from programs import Failed

INDEX = "main/binary-amd64/Packages"
ENCODINGS = {"": bytes, ".gz": gzip.decompress, ".xz": lzma.decompress}


class OverHttps:
    """A server that asks for a client certificate; one connection, kept."""

    def __init__(self, port, own):
        self.port = port
        self.context = ssl.create_default_context(cafile=os.path.join(own, "ca.crt"))
        self.context.load_cert_chain(os.path.join(own, "client.crt"), os.path.join(own, "client.key"))
        self.connection = None

    def ask(self, path):
        """The status and body of a GET."""
        for attempt in (1, 2):  # an idle connection may have been closed meanwhile
            if self.connection is None:
                self.connection = http.client.HTTPSConnection("localhost", self.port, context=self.context)
            try:
                self.connection.request("GET", f"/{path}")
                answer = self.connection.getresponse()
                return answer.status, answer.read()
            except (http.client.HTTPException, OSError):
                self.close()
                if attempt == 2:
                    raise
        return None

    def hashed(self, path):
        """The SHA-256 and size of what must be there, without holding it."""
        if self.connection is None:
            self.connection = http.client.HTTPSConnection("localhost", self.port, context=self.context)
        self.connection.request("GET", f"/{path}")
        answer = self.connection.getresponse()
        digest, size, buffer = hashlib.sha256(), 0, bytearray(1 << 20)
        while count := answer.readinto(buffer):
            digest.update(memoryview(buffer)[:count])
            size += count
        if answer.status != 200:
            raise Failed(f"GET /{path}: {answer.status}")
        return digest.hexdigest(), size

    def close(self):
        """No connection, until something is asked again."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def read(self, path):
        """The body of what must be there."""
        status, body = self.ask(path)
        if status != 200:
            raise Failed(f"GET /{path}: {status} {body[:300]!r}")
        return body

    def index(self, suite, name, digest):
        """An index by its hash."""
        return self.read(by_hash(suite, name, digest))


class OnDisk:
    """A tree of files that a web server would serve."""

    def __init__(self, top):
        self.top = top

    def read(self, path):
        """The bytes of a file."""
        with open(os.path.join(self.top, path), "rb") as file:
            return file.read()

    def index(self, suite, name, _digest):
        """An index by its name: not every peer writes by-hash."""
        return self.read(f"dists/{suite}/{name}")


def by_hash(suite, name, digest):
    """Where an index stands that is asked for by its hash."""
    return f"dists/{suite}/{os.path.dirname(name)}/by-hash/SHA256/{digest}"


def listed(in_release):
    """Name → (SHA-256, size) of what an InRelease lists."""
    text = in_release.decode()
    part = re.search(r"^SHA256:\n((?: .*\n)*)", text, re.M)
    if not part:
        raise Failed("the InRelease has no SHA256")
    rows = [line.split() for line in part.group(1).splitlines()]
    return {name: (digest, int(size)) for digest, size, name in rows}


def whole(body, digest, size, what):
    """Refuses bytes that are not those which were listed."""
    if len(body) != size or hashlib.sha256(body).hexdigest() != digest:
        raise Failed(f"{what} is not what the InRelease lists")
    return body


def plain(archive, suite, files, encoding):
    """The index in one encoding, fetched, checked against the list, decoded and checked again."""
    digest, size = files[INDEX + encoding]
    body = whole(archive.index(suite, INDEX + encoding, digest), digest, size, INDEX + encoding)
    text = ENCODINGS[encoding](body)
    if INDEX in files:
        whole(text, *files[INDEX], f"{INDEX}{encoding}, decoded,")
    return text


def expect(archive, suite, wanted, encodings=None, in_release=None):
    """Refuses an archive whose InRelease does not lead to these packages: name → version.

    Every encoding that is listed is read, unless some are named; the InRelease is that of now,
    unless another is given.
    """
    files = listed(in_release or archive.read(f"dists/{suite}/InRelease"))
    offered = [encoding for encoding in ENCODINGS if INDEX + encoding in files]
    read = [encoding for encoding in offered if encodings is None or encoding in encodings]
    if not read:
        raise Failed(f"the InRelease lists no index among {encodings}")
    for encoding in read:
        found = versions(plain(archive, suite, files, encoding), wanted)
        for name, version in wanted.items():
            if found.get(name) != [version]:
                raise Failed(f"{INDEX}{encoding} has {name} in {found.get(name)}, not in {version}")
    return offered


def versions(text, names):
    """Name → every version of it in an index, for those of the names that are there."""
    found, text = {}, b"\n\n" + text
    for match in re.finditer(rb"\n\nPackage: (.*)\n", text):
        name = match.group(1).decode()
        if name in names:
            end = text.find(b"\n\n", match.end())
            stanza = text[match.end():end if end >= 0 else len(text)].decode()
            found.setdefault(name, []).extend(re.findall(r"^Version: (.*)$", stanza, re.M))
    return found
