//! What is there: suites, packages, generations and the server.

use super::{Scene, asked, play, typed};

pub const SCENES: &[Scene] = &[
    (
        "suite create",
        &[
            typed("suite create testing --not-automatic --but-automatic-upgrades -m trial"),
            typed("suite create testing --json"),
            typed("suite create ../testing"),
        ],
    ),
    ("suite list", &[typed("suite list"), typed("suite list --json")]),
    (
        "suite show",
        &[
            typed("suite show stable"),
            typed("suite show empty"),
            typed("suite show stable --json"),
            typed("suite show absent"),
        ],
    ),
    (
        "suite edit",
        &[
            typed("suite edit stable --owns 'acme-*' -m ours"),
            typed("suite edit testing --add-architecture riscv64"),
            typed("suite edit stable --owns-any --json"),
            typed("suite edit stable -m 'only why'"),
            typed("suite edit stable --add-component contrib"),
            asked("suite edit stable --add-component contrib", "y\n"),
            asked("suite edit stable --remove-architecture arm64 --with-packages", "n\n"),
            typed("suite edit stable --alias prod"),
            typed("suite edit stable --alias latest"),
            asked("suite edit stable --alias latest", "y\n"),
            asked("suite edit empty --no-alias", "n\n"),
            asked("suite edit empty --alias newest", "n\n"),
            typed("suite edit stable --alias prod --no-alias"),
            typed("suite edit stable --alias ''"),
        ],
    ),
    (
        "suite remove",
        &[
            typed("suite remove testing"),
            typed("suite remove testing --yes"),
            typed("suite remove testing --yes --json"),
            asked("suite remove empty", "\n"),
            typed("suite remove absent --yes"),
        ],
    ),
    (
        "suite redate",
        &[
            typed("suite redate stable -m 'the clock was a week ahead'"),
            typed("suite redate stable --yes"),
            typed("suite redate stable --yes --json"),
            asked("suite redate stable", "n\n"),
        ],
    ),
    (
        "list",
        &[
            typed("list"),
            typed("list --json"),
            typed("list --suite empty"),
            typed("list --suite empty acme-web"),
            typed("list --suite gone"),
            typed("list --suite gone acme-web"),
            typed("list --suite empty --json"),
        ],
    ),
    (
        "search",
        &[
            typed("search 'acme*'"),
            typed("search 'acme*' --json"),
            typed("search acme"),
            typed("search nothing"),
        ],
    ),
    (
        "show",
        &[
            typed("show acme-web"),
            typed("show acme-web=1.9-1 --json"),
            typed("show acme-web=3.0"),
            typed("show acme-wbe"),
            typed("show Acme"),
            typed("show acme-web="),
        ],
    ),
    (
        "history",
        &[
            typed("history"),
            typed("history --json"),
            typed("history --package acme-web"),
            typed("history --suite empty --before 1"),
            typed("history --suite empty --package acme-wbe"),
        ],
    ),
    ("diff", &[typed("diff 41 42"), typed("diff 41 --json"), typed("diff --suite empty 1 1")]),
    ("status", &[typed("status"), typed("status --json")]),
    (
        "whoami",
        &[
            typed("whoami"),
            typed("whoami --json"),
            typed("whoami --key DIR/open.key --cert DIR/client.crt"),
        ],
    ),
];

#[tokio::test]
async fn what_is_there_is_told_as_it_was_seen() {
    play(SCENES).await;
}
