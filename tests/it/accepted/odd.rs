//! Packages at the edges of what is allowed, and a little over them; each is named by its seed, and the same
//! every time.

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};

use crate::harness::deb::{Compression, DebBuilder, Entry};

/// What the packages may depend on, so that they can be installed.
pub const BASE: &str = "acme-base";

/// What is mended, refused, or left to the operator of a suite. A package with one that is accepted has to be of
/// as much use as any other.
const DOUBTFUL: [(&str, &str); 15] = [
    ("Priority", "Optional"),
    ("Section", "Amateur Radio"),
    ("Section", "a/b/c/d"),
    ("Multi-Arch", "Foreign"),
    ("Essential", "No"),
    ("Installed-Size", "12.5"),
    (
        "X-Long-nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
        "a long name",
    ),
    ("Phased-Update-Percentage", "0"),
    ("Description-en", "another\n text"),
    ("Depends", "acme-base (> 1.0)"),
    ("Depends", "acme-base (< 2)"),
    ("Depends", "acme-base (=> 1.0)"),
    ("Depends", "acme-base,"),
    ("Depends", "acme-base [amd64]"),
    ("Depends", "acme-base (>= 1.0"),
];

/// A package and what is known of it.
pub struct Odd {
    pub name: String,
    pub version: String,
    pub architecture: &'static str,
    /// Whether nothing keeps it from being installed beside the others.
    pub is_installable: bool,
    /// The paths of its files, without a slash in front.
    pub paths: Vec<String>,
    pub builder: DebBuilder,
}

impl Odd {
    pub fn of_seed(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let name = name(&mut random, seed);
        let version = version(&mut random);
        let architecture = *["amd64", "amd64", "all", "i386"].choose(&mut random).unwrap();
        let builder = DebBuilder::new(&name, &version, architecture);
        let is_installable = architecture != "i386";
        let mut odd =
            Self { name, version, architecture, is_installable, paths: Vec::new(), builder };
        odd.compress(&mut random);
        odd.install(&mut random, seed);
        for _ in 0..random.gen_range(0..5) {
            odd.add_field(&mut random);
        }
        for _ in 0..random.gen_range(0..3) {
            odd.add_relation(&mut random, seed);
        }
        if random.gen_bool(0.15) {
            let (field, value) = *DOUBTFUL.choose(&mut random).unwrap();
            odd.set(field, value);
        }
        odd
    }

    /// What apt calls it.
    pub fn asked_for(&self) -> String {
        match self.architecture {
            "all" => format!("{}={}", self.name, self.version),
            architecture => format!("{}:{architecture}={}", self.name, self.version),
        }
    }

    fn set(&mut self, field: &str, value: &str) {
        self.builder = self.builder.clone().field(field, value);
    }

    fn compress(&mut self, random: &mut StdRng) {
        let forms = [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd];
        let [control, data] = [(); 2].map(|()| *forms.choose(random).unwrap());
        let builder = self.builder.clone();
        self.builder = builder.control_compression(control).data_compression(data);
    }

    fn install(&mut self, random: &mut StdRng, seed: u64) {
        let folder = format!("usr/share/p{seed}");
        let part = |letter: &str| letter.repeat(*[246, 246, 246, 247].choose(random).unwrap());
        let long = ["d", "e", "f"].map(part).join("/");
        let longest = format!("{}/", "g".repeat(200)).repeat(20);
        let longest = longest[random.gen_range(0..90)..].to_owned() + "end";
        let names = [
            "plain",
            "a b",
            " leading",
            "naïve-Ünïcode-目",
            "#hash",
            "back\\slash",
            "quo\"te'",
            "tab\there",
            "trailing ",
            "carriage\rreturn",
            "escape\x1b[31mred",
            "del\x7f",
            "%41",
            "-rf",
            "~",
            "[x]*?",
            "a=b,c;d",
            &long,
            &longest,
        ];
        let mut builder = self.builder.clone();
        for name in names.choose_multiple(random, 3) {
            let path = format!("{folder}/{name}");
            builder = builder.file(&path, name.as_bytes());
            self.paths.push(path);
        }
        let first = self.paths[0].clone();
        let beside = format!("{folder}/other");
        let entry = match random.gen_range(0..4) {
            0 => Some(Entry::HardLink { target: format!("./{first}") }),
            1 => Some(Entry::Symlink { target: "nowhere/at all".into() }),
            2 => Some(Entry::Symlink { target: "t".repeat(300) }),
            _ => None,
        };
        if let Some(entry) = entry {
            builder = builder.entry(&beside, entry);
            self.paths.push(beside);
        }
        if random.gen_bool(0.3) {
            let path = format!("etc/p{seed}/p.conf");
            builder = builder
                .file(&path, b"key = value\n")
                .control_file("conffiles", Entry::file(format!("/{path}\n")));
            self.paths.push(path);
        }
        if random.gen_bool(0.2) {
            let interest = format!("interest-noawait /usr/share/p{seed}/watched\n");
            builder = builder.control_file("triggers", Entry::file(interest));
        }
        if random.gen_bool(0.3) {
            builder = builder.script("postinst", "#!/bin/sh\nexit 0\n");
        }
        self.builder = builder;
    }

    fn add_field(&mut self, random: &mut StdRng) {
        let words = " of words that say nothing\n".repeat(random.gen_range(1..4_000));
        let fields: [(&str, &str); 28] = [
            ("Priority", "extra"),
            ("Priority", "required"),
            ("Priority", "whatever"),
            ("Section", "non-free/utils"),
            ("Multi-Arch", "foreign"),
            ("Multi-Arch", "same"),
            ("Multi-Arch", "allowed"),
            ("Essential", "no"),
            ("Installed-Size", "0"),
            ("Installed-Size", "999999999999999"),
            ("Installed-Size", "007"),
            ("Source", "acme-source (2:1.0~rc1)"),
            ("Source", "acme-source"),
            ("Homepage", "https://example.org/~a?b=c&d=%20#e"),
            ("Tag", "role::program, use::x,\n works-with::y"),
            ("Bugs", "mailto:bugs@example.org"),
            ("Maintainer", "Zoë \"Z\" Ünal <zoe@example.org>, Ltd."),
            ("Description", "short alone"),
            ("Description", "ünïcode – 目\n  verbatim\ttab\n .\n text"),
            ("Description", "ends in points\n . \n .x"),
            ("Description", &format!("long\n{}", words.trim_end())),
            ("X-Notes", &format!("long\n{}", words.trim_end())),
            ("X-Notes", &"z".repeat(random.gen_range(1..600_000))),
            ("Description", &format!("long\n {}", "y".repeat(random.gen_range(1..600_000)))),
            ("X-Odd!#$%&'*+/=?@^_`{|}~", "a field with an odd name"),
            ("Built-Using", "gcc-12 (= 12.2.0-14)"),
            ("Static-Built-Using", "4.6.0.20260123-2,\n acme (>= 1) | =["),
            ("Original-Maintainer", "Somebody <s@example.org>"),
        ];
        let (field, value) = *fields.choose(random).unwrap();
        self.set(field, value);
    }

    fn add_relation(&mut self, random: &mut StdRng, seed: u64) {
        let many = (0..random.gen_range(1..3_000))
            .map(|number| format!("acme-suggested-{number} (>= 1:{number}~)"))
            .collect::<Vec<_>>()
            .join(", ");
        let own = format!("acme-virtual-{seed} (= 1.0)");
        let relations: [(&str, &str, bool); 18] = [
            ("Depends", "acme-base(>=1.0)", true),
            ("Depends", "acme-base   ( >=   1.0 )  ,acme-api", true),
            ("Depends", "acme-base:any", true),
            ("Depends", "acme-base, acme-base, acme-base (<< 99)", true),
            ("Depends", "acme-nowhere | acme-base", true),
            ("Depends", "acme-base\n , acme-api", true),
            ("Depends", "acme-api (= 2)", true),
            ("Depends", "acme-nowhere", false),
            ("Pre-Depends", "acme-base (>= 1.0~)", true),
            ("Recommends", "acme-nowhere", true),
            ("Suggests", &many, true),
            ("Enhances", "acme-base", true),
            ("Breaks", "acme-base (<< 0.5)", true),
            ("Conflicts", "acme-nowhere-else (<= 1:0)", true),
            ("Conflicts", "acme-nowhere-else:i386", true),
            ("Replaces", "acme-base (<< 0.5), acme-nowhere", true),
            ("Provides", &own, true),
            ("Provides", "acme-base-too, acme-base-three", true),
        ];
        let (field, value, is_installable) = *relations.choose(random).unwrap();
        self.is_installable &= is_installable;
        self.set(field, value);
    }
}

fn name(random: &mut StdRng, seed: u64) -> String {
    match random.gen_range(0..6) {
        0 => format!("p{seed}+"),
        1 => format!("p{seed}.{}-+x", random.gen_range(0..10)),
        2 => format!("p{seed}-{}", "n".repeat(random.gen_range(50..130))),
        3 => format!("{seed}p"),
        4 => format!("lib{seed}"),
        _ => format!("p{seed}"),
    }
}

fn version(random: &mut StdRng) -> String {
    let long = |random: &mut StdRng| format!("1.{}", "0".repeat(random.gen_range(20..230)));
    match random.gen_range(0..10) {
        0 => "0".into(),
        1 => "0~~".into(),
        2 => "1:0.1-1-1~bpo12+1".into(),
        3 => "2147483647:1".into(),
        4 => "20261129.1+git0123abc-0ubuntu0.22.04~1".into(),
        5 => long(random),
        6 => format!("7:{}", long(random)),
        7 => "0:1.0".into(),
        8 => "1.0+b1".into(),
        _ => "1.0-00".into(),
    }
}

/// What the others depend on.
pub fn base() -> DebBuilder {
    DebBuilder::new(BASE, "1.5", "all")
        .field("Multi-Arch", "allowed")
        .field("Provides", "acme-api (= 2)")
        .file("usr/share/acme-base/version", b"1.5\n")
}
