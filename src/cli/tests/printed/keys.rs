//! Signing keys, revocation lists, the audit log, and commands that need no server.

use super::{Scene, asked, play, typed};

pub const SCENES: &[Scene] = &[
    ("key list", &[typed("key list"), typed("key list --json")]),
    ("key status", &[typed("key status"), typed("key status --json")]),
    ("key rotate", &[typed("key rotate -m yearly"), typed("key rotate --kind rsa4096 --json")]),
    (
        "key add",
        &[
            typed("key add DIR/archive.asc"),
            typed("key add DIR/archive.asc --json"),
            typed("key add DIR/secret.asc"),
            typed("key add DIR/absent.asc"),
        ],
    ),
    (
        "key retire",
        &[
            typed("key retire '0123 4567 89AB CDEF 0123  4567 89AB CDEF 0123 4567' --yes"),
            typed("key retire 0123456789abcdef0123456789abcdef01234567 --yes --json"),
            typed("key retire 0123456789ABCDEF0123456789ABCDEF01234567"),
            asked("key retire 0123456789ABCDEF0123456789ABCDEF01234567", "n\n"),
            typed("key retire 01234567"),
        ],
    ),
    ("key publish", &[typed("key publish"), typed("key publish --json")]),
    (
        "crl put",
        &[
            typed("crl put DIR/issuing.crl"),
            typed("crl put DIR/issuing.crl --json"),
            typed("crl put DIR/absent.crl"),
        ],
    ),
    ("crl show", &[typed("crl show"), typed("crl show --json")]),
    (
        "audit",
        &[
            typed("audit"),
            typed("audit --json"),
            typed("audit --all --json"),
            typed("audit --identity nobody"),
            typed("audit --package acme-web --verb rolback"),
            typed("audit --since yesterday"),
        ],
    ),
    (
        "audit verify",
        &[
            typed("audit verify"),
            typed("audit verify --json"),
            typed("audit verify DIR/audit.jsonl --checkpoint DIR/kept.asc"),
            typed("audit verify DIR/altered.jsonl --checkpoint DIR/kept.asc"),
            typed("audit verify DIR/altered.jsonl --json"),
            typed("audit verify DIR/absent.jsonl"),
        ],
    ),
    ("audit checkpoint", &[typed("audit checkpoint"), typed("audit checkpoint --json")]),
    (
        "gc",
        &[
            typed("gc --dry-run"),
            typed("gc --dry-run --json"),
            asked("gc", "n\n"),
            typed("gc --yes -m 'the disk fills'"),
            typed("gc"),
        ],
    ),
    ("restored", &[typed("restored"), typed("restored --json")]),
    (
        "restored acknowledge",
        &[typed("restored acknowledge -m 'uploaded again'"), typed("restored acknowledge --json")],
    ),
    ("man", &[typed("man DIR/man1"), typed("man DIR/config.toml/man1")]),
];

#[tokio::test]
async fn keys_lists_and_the_log_are_told_as_they_were_seen() {
    play(SCENES).await;
}
