//! Hosts, identities, and who may do what.

use super::{Scene, asked, play, typed};

const CERTIFICATES: &[Scene] = &[
    (
        "host issue",
        &[
            typed("host issue web-03.example.org --suite stable --out DIR/web-03"),
            typed("host issue web-03.example.org --suite stable --out DIR/web-03"),
            typed("host issue web-03.example.org --suite stable --out DIR/again --json"),
            typed("host issue web-01.example.org --suite stable --out DIR/narrower"),
            asked("host issue web-01.example.org --suite stable --out DIR/narrower", "n\n"),
            typed("host issue web_03 --suite stable"),
        ],
    ),
    (
        "host token",
        &[
            typed("host token web-03.example.org --hours 4 -m 'new rack'"),
            typed("host token web-03.example.org --json"),
            typed("host token web-03.example.org --config DIR/plain.toml"),
            typed("host token --list"),
            typed("host token --list --json"),
            typed("host token web-02.example.org --revoke"),
            typed("host token web-02.example.org --revoke --yes"),
            typed("host token web-02.example.org --revoke --yes --json"),
        ],
    ),
    (
        "host enroll",
        &[
            typed("host enroll TOKEN --root DIR/bare"),
            typed("host enroll TOKEN --root DIR/new --json"),
            typed("host enroll hello"),
            typed("host enroll repod1:hello"),
            typed("host enroll TOKEN --root DIR/absent"),
        ],
    ),
    (
        "host renew",
        &[
            typed("host renew --root DIR/host"),
            typed("host renew --root DIR/host --json"),
            typed("host renew --root DIR/host --force"),
            typed("host renew --root DIR/bare"),
        ],
    ),
    (
        "host refresh",
        &[
            typed("host refresh --root DIR/host --dry-run"),
            typed("host refresh --root DIR/host"),
            typed("host refresh --root DIR/host"),
            typed("host refresh --root DIR/host --force --dry-run --json"),
            typed("host refresh --root DIR/bare"),
        ],
    ),
    (
        "host report",
        &[
            typed("host report --root DIR/host"),
            typed("host report --root DIR/host --json"),
            typed("host report --root DIR/host --show --full"),
            typed("host report --root DIR/off"),
            typed("host report --root DIR/bare"),
        ],
    ),
    (
        "who-has",
        &[
            typed("who-has acme-web"),
            typed("who-has acme-web<2.0"),
            typed("who-has acme-web --json"),
            typed("who-has acme-web=>2.0"),
            typed("who-has --vulnerable"),
            typed("who-has --vulnerable --from DIR/flaws.jsonl"),
            typed("who-has --vulnerable --unimportant --from DIR/flaws.jsonl --from DIR/vex.json"),
            typed("who-has --vulnerable CVE-2026-0001 --from DIR/flaws.jsonl"),
            typed("who-has --vulnerable CVE-2026-0003 --from DIR/flaws.jsonl"),
            typed("who-has --vulnerable CVE-2026-0004 --from DIR/flaws.jsonl --json"),
            typed("who-has --vulnerable CVE-2026-9999 --from DIR/flaws.jsonl"),
            typed("who-has --vulnerable CVE-2026-9999"),
            typed("who-has --vulnerable --from DIR/notes/readme.txt"),
            typed("who-has --vulnerable --from DIR/absent.json"),
            typed("who-has acme-web --vulnerable"),
            typed("who-has acme-web --from DIR/flaws.jsonl"),
            typed("who-has"),
        ],
    ),
    (
        "fleet",
        &[
            typed("fleet"),
            typed("fleet --suite stable --json"),
            typed("fleet --group nobody"),
            typed("fleet --unhealthy"),
        ],
    ),
    (
        "health run",
        &[
            typed("health run --root DIR/host"),
            typed("health run --root DIR/host --json"),
            typed("health run --root DIR/bare"),
            typed("health run --root DIR/open"),
        ],
    ),
    (
        "health ignore",
        &[
            typed("health ignore web-02.example.org --for 8h -m disk"),
            typed("health ignore web-02.example.org --json"),
        ],
    ),
    (
        "health unignore",
        &[
            typed("health unignore web-02.example.org -m mended"),
            typed("health unignore web-02.example.org --json"),
        ],
    ),
    (
        "fleet diff",
        &[
            typed("fleet diff web"),
            typed("fleet diff web --json"),
            typed("fleet diff alike"),
            typed("fleet diff quiet"),
        ],
    ),
    (
        "host setup",
        &[
            typed("host setup web-03.example.org --out DIR/web-03"),
            typed("host setup web-03.example.org --out DIR/web-03 --json"),
        ],
    ),
    (
        "host grant",
        &[
            typed("host grant web-02.example.org --suite stable,testing"),
            typed("host grant web-02.example.org --suite stable,testing --json"),
            typed("host grant web-01.example.org --suite testing"),
        ],
    ),
    (
        "host list",
        &[
            typed("host list"),
            typed("host list --all"),
            typed("host list --suite stable"),
            typed("host list --behind"),
            typed("host list --suite testing --behind"),
            typed("host list --json"),
        ],
    ),
    (
        "host show",
        &[
            typed("host show web-01.example.org"),
            typed("host show web-02.example.org"),
            typed("host show lost.example.org"),
            typed("host show web-02.example.org --json"),
            typed("host show web-04.example.org"),
            typed("host show web-1.example.org"),
            typed("host show web-01"),
            typed("host show absent.example.org"),
        ],
    ),
    (
        "host revoke",
        &[
            typed("host revoke web-01.example.org"),
            asked("host revoke web-01.example.org", "y\n"),
            typed("host revoke web-01.example.org --yes --json"),
            typed("host revoke web-04.example.org"),
            typed("host revoke web-01"),
        ],
    ),
    (
        "identity issue",
        &[
            typed("identity issue cd.example.org --role uploader --all-suites --out DIR/cd"),
            typed("identity issue cd.example.org --role uploader --out DIR/again --json"),
            typed(
                "identity issue moodle.example.org --role uploader --package 'uni-moodle*' --out DIR/moodle",
            ),
            typed("identity issue moodle.example.org --role uploader --out DIR/wider"),
            asked(
                "identity issue moodle.example.org --role uploader --package 'uni-*' --out DIR/wider",
                "n\n",
            ),
            typed("identity issue cd.example.org --role king"),
            typed("identity issue cd.example.org --role oeprator"),
        ],
    ),
    (
        "identity grant",
        &[
            typed("identity grant cd.example.org --role operator --all-suites"),
            typed("identity grant cd.example.org --role operator --all-suites --json"),
            typed("identity grant ci.example.org --role uploader --suite stable"),
            typed(
                "identity grant moodle.example.org --role uploader -C main --package 'uni-moodle*' --yes",
            ),
            typed(
                "identity grant moodle.example.org --role uploader --package 'uni-moodle*' -C main --yes --json",
            ),
        ],
    ),
    ("identity list", &[typed("identity list"), typed("identity list --json")]),
    (
        "identity revoke",
        &[
            typed("identity revoke ci.example.org --yes -m 'runner replaced'"),
            typed("identity revoke ci.example.org --yes --json"),
            asked("identity revoke ci.example.org", "n\n"),
        ],
    ),
];

const RIGHTS: &[Scene] = &[
    (
        "access list",
        &[typed("access list"), typed("access list --all"), typed("access list --json")],
    ),
    (
        "access grant",
        &[
            typed("access grant uploader ci.example.org --suite edge --package 'acme-*' -C main"),
            typed("access grant host @web --suite 'stable*' --json"),
            typed("access grant admin bob.example.org"),
            typed("access grant host @web --suite stabel,latest --suite 'edge-*' --suite testing"),
            typed("access grant host @web --suite stabel --json"),
        ],
    ),
    (
        "access revoke",
        &[
            typed("access revoke host @web"),
            typed("access revoke host @web --json"),
            typed("access revoke uploader ci.example.org"),
            asked("access revoke uploader ci.example.org", "y\n"),
            typed("access revoke operator ci.example.org"),
            typed("access revoke admin ann.example.org"),
        ],
    ),
    (
        "access group add",
        &[
            typed("access group add web cache-01.example.org"),
            typed("access group add web cache-01.example.org --json"),
        ],
    ),
    (
        "access group remove",
        &[
            typed("access group remove web db-01.example.org"),
            typed("access group remove web db-01.example.org --json"),
            typed("access group remove web web-01.example.org"),
            typed("access group remove web --all"),
            asked("access group remove web --all", "y\n"),
            typed("access group remove wbe --all --yes"),
        ],
    ),
    ("access group list", &[typed("access group list"), typed("access group list --json")]),
    (
        "access group show",
        &[
            typed("access group show web"),
            typed("access group show builders"),
            typed("access group show web --json"),
            typed("access group show wbe"),
        ],
    ),
    (
        "access explain",
        &[
            typed("access explain web-01.example.org stable"),
            typed("access explain web-01.example.org stable --json"),
        ],
    ),
    ("access export", &[typed("access export"), typed("access export --json")]),
    (
        "apply",
        &[
            typed("apply -f DIR/repo.toml"),
            typed("apply -f DIR/repo.toml --dry-run"),
            typed("apply -f DIR/repo.toml --dry-run --prune --json"),
            asked("apply -f DIR/repo.toml --prune", "y\n"),
            asked("apply -f DIR/repo.toml", "n\n"),
            typed("apply -f DIR/same.toml"),
            typed("apply -f DIR/same.toml --prune"),
            typed("apply -f DIR/typo.toml --dry-run"),
            typed("apply -f DIR/typo.toml --dry-run --json"),
            typed("apply -f DIR/fixed.toml"),
            typed("apply -f DIR/mistyped.toml"),
            typed("apply -f DIR/absent.toml"),
        ],
    ),
];

/// Both of them.
pub fn scenes() -> impl Iterator<Item = &'static Scene> {
    CERTIFICATES.iter().chain(RIGHTS)
}

#[tokio::test]
async fn certificates_are_told_as_they_were_seen() {
    play(CERTIFICATES).await;
}

#[tokio::test]
async fn rights_are_told_as_they_were_seen() {
    play(RIGHTS).await;
}
