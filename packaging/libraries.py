"""Lists the libraries in the programs, with their versions and licences: what `cargo metadata` prints, read from
standard input. Only what is linked counts, not what builds or tests it."""

import json
import sys


def linked(metadata):
    """The packages that the program depends on in normal builds, itself left out."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    seen, waiting = set(), [metadata["resolve"]["root"]]
    while waiting:
        for dependency in nodes[waiting.pop()]["deps"]:
            normal = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            if normal and dependency["pkg"] not in seen:
                seen.add(dependency["pkg"])
                waiting.append(dependency["pkg"])
    return [package for package in metadata["packages"] if package["id"] in seen]


def main():
    packages = sorted(linked(json.load(sys.stdin)), key=lambda one: (one["name"], one["version"]))
    for package in packages:
        source = package["repository"] or package["homepage"] or ""
        print(package["name"], package["version"], "-", package["license"] or "see its source", "-", source)


main()
