//! `repod man`: the manual pages of `repod` and of `repod.toml`.
//!
//! May name: amount, cli, debian, demo, domain, init, server, signing, time

use std::path::Path;

use clap::CommandFactory;
use repod::cli::man::{self, Program};
use repod::server::{ConfigKey, config_keys};

/// What the pages of `repod` say beside its arguments.
const REPOD: Program = Program {
    exit: &[
        ("0", "Done."),
        (
            "1",
            "Refused or failed, or something is not what was stored: the message says what, and how to mend it.",
        ),
        ("2", "The command line is wrong."),
    ],
    environment: &[
        ("REPOD_CONFIG", "The configuration, where --config names none."),
        (
            "CREDENTIALS_DIRECTORY",
            "Where systemd puts credentials, such as the passphrases of keys.",
        ),
        ("NOTIFY_SOCKET", "Where the service manager is told that the server is ready."),
        ("WATCHDOG_USEC", "How often the service manager is told that the server lives."),
    ],
    files: &[
        (
            "/etc/repod/repod.toml",
            "The configuration, where neither --config nor REPOD_CONFIG names another and there is no ./repod.toml.",
        ),
        ("/var/lib/repod", "The data directory of the Debian package."),
    ],
    see_also: &["repoctl(1)", "repod.toml(5)", "systemd(1)"],
};

/// Writes a page for every command, and that of the configuration where pages of section 5 belong.
pub fn pages(directory: &Path) -> Result<(), String> {
    let of_files = man::beside(directory, 5);
    let write = || {
        man::write(super::Arguments::command(), directory, &REPOD)?;
        std::fs::create_dir_all(&of_files)?;
        std::fs::write(of_files.join("repod.toml.5"), configuration())
    };
    write().map_err(|error: std::io::Error| format!("{}: {error}", directory.display()))?;
    println!("the manual pages are in {}", directory.display());
    Ok(())
}

/// repod.toml(5).
fn configuration() -> String {
    let mut page = man::head("repod.toml", 5, "repod");
    man::section(&mut page, "NAME");
    page.push_str("repod.toml \\- configuration of repod\n");
    man::section(&mut page, "DESCRIPTION");
    man::paragraphs(
        &mut page,
        "The settings of one machine, in TOML. repod init writes the file with every key and its default.\n\
         Suites, pins and rights are not in it: repoctl changes those.\n\
         \n\
         repod serve reads the file that --config names, else $REPOD_CONFIG, else ./repod.toml, else\n\
         /etc/repod/repod.toml. Paths in it are relative to it. An unknown key is refused, and nothing is served.\n\
         \n\
         Another value counts from a reload (systemctl reload repod, or SIGHUP) or only from a restart on;\n\
         each key says which.",
    );
    let mut above = None;
    for key in config_keys() {
        let (section, name) = key.path.split_once('.').unwrap_or(("", key.path));
        if above != Some(section) {
            let heading =
                if section.is_empty() { "KEYS".into() } else { format!("SECTION [{section}]") };
            man::section(&mut page, &heading);
            above = Some(section);
        }
        man::entry(&mut page, name, &said(key));
    }
    man::section(&mut page, "EXAMPLES");
    let example = [
        "public_url = \"https://repo.example.org:8443/\"",
        "data = \"/var/lib/repod\"",
        "",
        "[limits]",
        "package_bytes = 8589934592",
    ];
    man::verbatim(&mut page, &example.map(str::to_owned));
    man::section(&mut page, "SEE ALSO");
    page.push_str("\\fBrepod(1)\\fR, \\fBrepod\\-serve(1)\\fR, \\fBrepoctl(1)\\fR\n");
    page
}

/// What a key takes, its default, and when another value counts.
fn said(key: &ConfigKey) -> String {
    let kind = match key.unit {
        "" => key.kind.to_owned(),
        unit => format!("{}, in {unit}", key.kind),
    };
    let default = match key.default {
        "" => "it has no default".to_owned(),
        default => format!("default {default}"),
    };
    let when = if key.by_reload { "from a reload on" } else { "from a restart on" };
    format!("{}\nTakes a {kind}; {default}; another value counts {when}.", key.meaning)
}
