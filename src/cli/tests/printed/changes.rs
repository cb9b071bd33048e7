//! Pins, rollbacks and removals.

use super::{Scene, asked, play, typed};

pub const SCENES: &[Scene] = &[
    (
        "pin",
        &[
            typed("pin --rollback acme-web -m 'crashes at start'"),
            typed("pin --rollback acme-web --json"),
            typed("pin --rollback acme-web --dry-run"),
            typed("pin acme-cron=1.0-1 --binary --for 24h"),
            typed("pin acme-web=1.0-1 --dry-run"),
            typed("pin acme-still=1.0"),
            typed("pin acme-still=1.0 --dry-run"),
            typed("pin --rollback libacme1"),
            typed("pin --rollback libacme1 --json"),
            asked("pin --rollback libacme1", "y\n"),
            asked("pin --rollback libacme1", "n\n"),
            asked("pin --rollback acme-new --to 1", "\n"),
            asked("pin --rollback --all --to 41", "n\n"),
            typed("pin --rollback --all --yes"),
            asked("pin --suite moving --rollback --all", "y\ny\n"),
            typed("pin --suite moving --rollback acme-web"),
            typed("pin --rollback acme-lib"),
            typed("pin --rollback acme-lib --json"),
            typed("pin --rollback acme-forced --force"),
            typed("pin acme-web"),
            typed("pin acme-web=1 acme-cron=1"),
            typed("pin --rollback"),
            typed("pin --rollback --binary"),
            typed("pin --rollback acme-web=1.0"),
            typed("pin Acme=1"),
            typed("pin --rollback ''"),
        ],
    ),
    (
        "unpin",
        &[
            typed("unpin acme-web"),
            typed("unpin acme-web --json"),
            typed("unpin acme-still"),
            typed("unpin --all --dry-run"),
            typed("unpin --all"),
            asked("unpin --all", "y\n"),
        ],
    ),
    (
        "promote",
        &[
            typed("promote --from edge acme-web -m 'a week in edge'"),
            typed("promote --from edge acme-web --json"),
            typed("promote --from edge acme-web --dry-run"),
            typed("promote --from edge acme-web acme-db --require-live"),
            typed("promote --from edge acme-still"),
            typed("promote --from edge acme-app"),
            typed("promote --from edge libacme1"),
            asked("promote --from edge libacme1", "n\n"),
            typed("promote --from edge --all"),
            asked("promote --from edge --all", "y\n"),
            typed("promote --from edge"),
            typed("promote --from edge --binary --all"),
            typed("promote acme-web"),
        ],
    ),
    ("pins", &[typed("pins"), typed("pins --json"), typed("pins --suite empty")]),
    (
        "remove",
        &[
            typed("remove acme-web -m 'not ours'"),
            typed("remove acme-web --json"),
            typed("remove acme-web --dry-run"),
            typed("remove libacme1"),
        ],
    ),
    (
        "yank",
        &[
            typed("yank acme-web=2.0-1 -m 'deletes mail'"),
            typed("yank acme-web=2.0-1 --dry-run"),
            typed("yank acme-web=2.0-1 --yes"),
            typed("yank acme-web=2.0-1 --yes --json"),
            asked("yank acme-web=2.0-1", "n\n"),
            asked("yank --undo acme-web=2.0-1", "y\n"),
            typed("yank acme-web --yes"),
        ],
    ),
    ("yanks", &[typed("yanks"), typed("yanks --json")]),
    ("hold", &[typed("hold -m 'the database is moved'"), typed("hold --json")]),
    (
        "rollout status",
        &[
            typed("rollout status"),
            typed("rollout status --all"),
            typed("rollout status --json"),
            typed("rollout status --suite empty"),
        ],
    ),
    (
        "rollout start",
        &[
            typed("rollout start acme-web"),
            typed("rollout start --to early --override-freeze weekend --dry-run"),
            typed("rollout start 3 --json"),
        ],
    ),
    (
        "rollout advance",
        &[
            typed("rollout advance acme-web"),
            typed("rollout advance --to everyone --dry-run"),
            typed("rollout advance 3 --json"),
            typed("rollout advance Acme"),
        ],
    ),
    ("rollout pause", &[typed("rollout pause 3 -m 'slow'"), typed("rollout pause --json")]),
    ("rollout resume", &[typed("rollout resume 3"), typed("rollout resume --json")]),
    (
        "rollout abort",
        &[typed("rollout abort acme-web -m 'crashes'"), typed("rollout abort 3 --json")],
    ),
    (
        "release",
        &[
            typed("release"),
            typed("release --dry-run"),
            typed("release --yes"),
            typed("release --yes --json"),
            asked("release", "n\n"),
            asked("release", "y\n"),
        ],
    ),
];

#[tokio::test]
async fn changes_are_told_as_they_were_seen() {
    play(SCENES).await;
}
