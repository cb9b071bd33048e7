"""What limits the figures beyond 60,000, as it was found by hand: no figure tells why."""

# When it was looked for. What was changed since then may have moved it.
FOUND = "2026-11-29 in the build of commit 5987bbc, by `perf record` of the server with the stacks of its threads, " \
    "`/proc`, and `EXPLAIN QUERY PLAN` and `dbstat` of its catalogue"

# Figure → what limits it.
ROWS = [
    ("import", "the check of what hosts could not install, then the catalogue: the first two of the list below; making "
               "the chunks is a fifth"),
    ("peak memory", "what a change of 100,000 packages holds of them while it is planned and checked, on top of the suite"),
    ("idle memory", "about 400 bytes a package, kept in three ordered maps (`domain/contents.rs`); the third of the list"),
    ("cold start", "reading the suite: a row of `membership` and one of `package` for each, in the order in which they "
                   "came; a quarter of it is CPU of the server, the rest waits: for the disk, and for processors that "
                   "others had"),
    ("one new package", "nothing that grows: it is listed last, so the last chunk alone is made anew, and the hash goes "
                        "on from there; the list of chunks is copied, which is 1,000 entries at 200,000"),
    ("a later version, a rollback", "hashing the plain index from where the package stood, up to the whole of it; of "
                                    "many at once, the check of what hosts could not install: at 20,000 packages a "
                                    "rollback of 1,000 takes 1.25 s of CPU, and 0.15 s in a build before that check"),
    ("`apt-get update`", "apt itself: it reads all of `Packages` to build its cache, PDiffs or not; the wire takes as "
                         "little as at 60,000"),
]

# The first three things that do not scale, the worst first: what, and the evidence.
THREE = [
    ("The check of what hosts could not install (`flow/change/installable.rs`, `Change::examine`)",
     "names are looked at by the thousand, and each thousand reads anew what its names need, and what that needs: "
     "reading and parsing stanzas is half of it. By `perf` it is 20 % of the server's CPU for 60,000 "
     "packages into an empty suite, where a build before had no such check, and 17 % of that for a second 50,000. From "
     "the last package recorded to the new generation the server took 15 s of CPU for the first 100,000, 38 s for the "
     "second and 43 s for the third. On a busy machine that is longer than the 120 s that `repoctl` waits for an answer."),
    ("The catalogue's indices in random order (`mention`, and `package` by digest)",
     "one row for each relation of each package, by name, one statement each: `mention` is the second largest table at "
     "200,000 packages (69 MB, of stanzas 165 MB). Together they outgrow the writer's page cache of 64 MiB between "
     "100,000 and 200,000, and every page is written at each checkpoint that it was touched before: the server writes "
     "0.7 GB for 60,000 packages and 5.0 GB for 300,000, whose catalogue is 0.6 GB."),
    ("The suite in memory (`catalogue/sql/suites.rs`, `load_suite`)",
     "the server reads all packages of all suites before it listens, and keeps them: idle memory is beyond 96 MB at "
     "some 150,000 packages after an import, and at some 175,000 after a restart. A start on a cold page cache takes "
     "4.6 times as much CPU at 300,000 as at 60,000, and between 2 and 8 times as long, on a busy machine."),
]

ASIDE = "One change takes 100,000 packages at most (`MOST_ITEMS`), so larger sets are uploaded in directories of " \
    "100,000, one after another."


def render():
    """The part of the page."""
    lines = ["### What limits it", "", f"Found on {FOUND}.", "", "| figure | limited by |", "|---|---|"]
    lines += [f"| {figure} | {limit} |" for figure, limit in ROWS]
    lines += ["", ASIDE, "", "### The first three things that do not scale", ""]
    lines += [f"{at}. **{what}**: {why}" for at, (what, why) in enumerate(THREE, 1)]
    return lines + [""]
