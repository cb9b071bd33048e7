//! Architectures that dpkg knows, and what to write in place of other names for them.
//!
//! Source: dpkg's `cputable`, `ostable` and `tupletable`.

use crate::nearest::nearest;

/// Processors.
const CPUS: [&str; 46] = [
    "alpha",
    "amd64",
    "arc",
    "arm",
    "arm64",
    "armeb",
    "avr32",
    "hppa",
    "i386",
    "ia64",
    "loong64",
    "m32r",
    "m68k",
    "mips",
    "mips64",
    "mips64el",
    "mips64r6",
    "mips64r6el",
    "mipsel",
    "mipsr6",
    "mipsr6el",
    "nios2",
    "or1k",
    "powerpc",
    "powerpcel",
    "ppc64",
    "ppc64el",
    "riscv32",
    "riscv64",
    "s390",
    "s390x",
    "sh3",
    "sh3eb",
    "sh4",
    "sh4eb",
    "sparc",
    "sparc64",
    "sw64",
    "tilegx",
    "armel",
    "armhf",
    "arm64ilp32",
    "mipsn32",
    "mipsn32el",
    "mipsn32r6",
    "mipsn32r6el",
];
/// Architectures that are no pair of system and processor.
const OTHERS: [&str; 2] = ["powerpcspe", "x32"];
/// The prefix of a processor's name on a system other than GNU/Linux.
const SYSTEMS: [&str; 15] = [
    "aix-",
    "darwin-",
    "dragonflybsd-",
    "freebsd-",
    "hurd-",
    "kfreebsd-",
    "knetbsd-",
    "kopensolaris-",
    "mint-",
    "musl-linux-",
    "netbsd-",
    "openbsd-",
    "solaris-",
    "uclibc-linux-",
    "uclinux-",
];

/// Names of other systems, and what to write for them.
const FOREIGN: [(&[&str], &str); 16] = [
    (
        &["x86_64", "x86-64", "x64", "AMD64", "amd", "intel64", "win64", "amd64v2", "amd64v3"],
        "write 'amd64'",
    ),
    (&["x86", "i486", "i586", "i686", "ia32", "386"], "write 'i386'"),
    (&["aarch64", "ARM64", "armv8", "armv8l", "arm64v8"], "write 'arm64'"),
    (&["armv7", "armv7l", "armv7hl", "armv7a", "armhfp", "arm32v7"], "write 'armhf'"),
    (
        &["armv5", "armv5tel", "armv6", "armv6l", "arm32v5", "arm32v6"],
        "write 'armel', or 'armhf' with hardware floating point",
    ),
    (&["ppc64le", "powerpc64le"], "write 'ppc64el'"),
    (&["ppc", "ppc32"], "write 'powerpc'"),
    (&["powerpc64"], "write 'ppc64'"),
    (&["riscv", "rv64", "rv64gc"], "write 'riscv64'"),
    (&["loongarch64", "loongarch", "loongson64"], "write 'loong64'"),
    (&["mips64le"], "write 'mips64el'"),
    (&["mipsle"], "write 'mipsel'"),
    (
        &[
            "noarch",
            "none",
            "All",
            "ALL",
            "independent",
            "universal",
            "multi",
            "multiarch",
            "native",
        ],
        "write 'all' for a package that is the same everywhere, or else the one that it was built for",
    ),
    (
        &["any", "linux-any", "any-amd64", "any-i386", "any-arm64"],
        "'any' is for source packages; write the one that this was built for, or 'all' if it is the same everywhere",
    ),
    (&["source"], "that is a source package; build a binary one, and send that"),
    (&["jvm", "java", "python", "script"], "write 'all' for a package that is the same everywhere"),
];

/// How the name of any architecture is written.
const GRAMMAR: &str =
    "1 to 64 of a-z, 0-9 and '-', the first a letter; a build's own, not a wildcard like 'any'";

/// Whether dpkg's tables make this name; `all` is not in them.
pub(super) fn is_in_table(name: &str) -> bool {
    let bare = SYSTEMS.iter().find_map(|system| name.strip_prefix(system));
    OTHERS.contains(&name) || CPUS.contains(&bare.unwrap_or(name))
}

/// What to write in place of a name that dpkg does not know.
pub(super) fn advice(name: &str) -> String {
    if let Some(advice) = foreign(name) {
        return advice.to_owned();
    }
    let known = || CPUS.iter().chain(&OTHERS).copied();
    // Two swapped letters count as two differing letters, and are the most usual error.
    let turned = known().find(|known| letters(known) == letters(name));
    match turned.or_else(|| nearest(name, known().chain(["all"]))) {
        Some(meant) => format!("did you mean '{meant}'?"),
        None => "`dpkg-architecture -L` lists those that there are".to_owned(),
    }
}

fn letters(name: &str) -> Vec<u8> {
    let mut letters = name.as_bytes().to_vec();
    letters.sort_unstable();
    letters
}

/// The rule that `given` breaks as the name of an architecture, with what to write if that is
/// known.
pub(super) fn rule(given: &str) -> &'static str {
    foreign(given).unwrap_or(GRAMMAR)
}

fn foreign(given: &str) -> Option<&'static str> {
    let found = FOREIGN.iter().find(|(names, _)| names.contains(&given));
    let several = given.split_ascii_whitespace().nth(1).is_some();
    match found {
        Some((_, advice)) => Some(advice),
        None if several => Some("one only; build a package for each, or write 'all'"),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use crate::debian::Architecture;

    fn parse(name: &str) -> Architecture {
        Architecture::parse(name).unwrap()
    }

    #[test]
    fn what_dpkg_knows_is_known_here() {
        let listed = Command::new("dpkg-architecture").arg("-L").output().unwrap();
        assert!(listed.status.success(), "{listed:?}");
        let listed = String::from_utf8(listed.stdout).unwrap();
        assert!(listed.lines().count() > 300, "{listed}");
        for name in listed.lines() {
            assert!(parse(name).is_known(), "{name}");
        }
        for name in ["noarch", "x64", "amd46", "linux-amd64", "hurd-noarch", "amd64v3"] {
            assert!(!parse(name).is_known(), "{name}");
        }
        assert!(parse("all").is_known());
    }

    #[test]
    fn names_of_others_come_with_what_to_write() {
        let cases = [
            ("noarch", "'all'"),
            ("x64", "'amd64'"),
            ("i686", "'i386'"),
            ("aarch64", "'arm64'"),
            ("amd46", "did you mean 'amd64'?"),
            ("arm46", "did you mean 'arm64'?"),
            ("quantum", "dpkg-architecture -L"),
        ];
        for (name, advice) in cases {
            assert!(parse(name).advice().contains(advice), "{name}: {}", parse(name).advice());
        }
        for (name, advice) in [
            ("x86_64", "'amd64'"),
            ("any", "source packages"),
            ("AMD64", "'amd64'"),
            ("amd64 arm64", "for each"),
            ("", "1 to 64"),
        ] {
            let error = Architecture::parse(name).unwrap_err().to_string();
            assert!(error.contains(advice), "{name}: {error}");
        }
    }
}
