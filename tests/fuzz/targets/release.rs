//! Release texts, and the signed ones.

use std::sync::LazyLock;

use repod::debian::ReleaseText;
use repod::signing::verify_in_release;
use repod::time::Moment;

use super::seeds;

/// A Release text: what is read is written so that it is read the same again, and the second writing is the first.
pub fn release(bytes: &[u8]) {
    let Ok(read) = ReleaseText::parse(bytes) else { return };
    let written = read.write();
    assert_eq!(ReleaseText::parse(written.as_bytes()).as_ref(), Ok(&read), "{written}");
    for entry in &read.entries {
        assert!(!entry.path.starts_with('/') && !entry.path.split('/').any(|part| part == ".."));
    }
    assert!(!written.lines().any(|line| line.is_empty() || line.ends_with(' ')));
}

/// The Release text that the seeds sign.
static SIGNED: LazyLock<String> = LazyLock::new(|| {
    let (file, keys) = seeds::IN_RELEASE;
    verify_in_release(file, keys, AT).expect("the seed is sound")
});
const AT: Moment = Moment(1_796_100_000);

/// A signed file, and behind a NUL the certificates to check it with; without a NUL, those of the seed.
///
/// By the certificate of the seed, no other text is accepted than the one that was signed.
pub fn in_release(bytes: &[u8]) {
    let Some(text) = super::text(bytes) else { return };
    let (file, keys) = text.split_once('\0').unwrap_or((text, seeds::IN_RELEASE.1));
    let read = verify_in_release(file, keys, AT);
    if keys == seeds::IN_RELEASE.1 {
        assert!(read.is_err() || read.as_ref() == Ok(&*SIGNED), "{read:?} was never signed");
    }
    if let Ok(content) = read {
        assert!(file.contains(content.lines().next().unwrap_or_default()));
    }
}
