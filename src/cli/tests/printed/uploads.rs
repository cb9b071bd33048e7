//! Uploads.

use super::{Scene, play, typed};

pub const SCENES: &[Scene] = &[(
    "upload",
    &[
        typed("upload DIR/dist -m 'release 2.0'"),
        typed("upload DIR/dist --dry-run"),
        typed("upload DIR/dist --require-live"),
        typed("upload DIR/dist -n --require-live --json"),
        typed("upload DIR/bad --keep-going"),
        typed("upload DIR/bad -n --keep-going"),
        typed("upload DIR/bad --keep-going --json"),
        typed("upload DIR/bad --keep-going --require-live"),
        typed("upload DIR/bad/rejected.deb --keep-going"),
        typed("upload DIR/bad/rejected.deb --keep-going --json"),
        typed("upload DIR/dist/acme-web.deb --json"),
        typed("upload DIR/bad"),
        typed("upload DIR/bad --json"),
        typed("upload DIR/busy.deb --retry-seconds 3"),
        typed("upload DIR/notes"),
        typed("upload DIR/notes/readme.txt"),
        typed("upload DIR/absent.deb"),
        typed("upload --from-file DIR/absent.list"),
        typed("upload --from-file -"),
    ],
)];

#[tokio::test]
async fn uploads_are_told_as_they_were_seen() {
    play(SCENES).await;
}
