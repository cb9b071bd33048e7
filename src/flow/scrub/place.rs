//! Place: where the scrub is, and what it knows, as it is kept over a restart.
//!
//! It is a file of its own and not a row of the catalogue: it says what was seen of this disk, so a
//! backup has no use for it, and a catalogue that is restored must not say that a disk is sound which
//! nobody has read.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::flow::error::Damage;
use crate::flow::state::scrubbing::EndedPass;
use crate::time::Moment;

/// The parts of a pass, in their order.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Keys, dates, certificates, the audit log.
    #[default]
    Files,
    /// The file of the catalogue.
    Catalogue,
    /// What is wrong within the catalogue, part by part.
    Parts,
    /// Packs of chunks.
    Packs,
    /// Packages and their stanzas.
    Packages,
    /// Index files of all generations.
    Indices,
}

/// A pass that is under way.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Present {
    /// When it began. Unit: seconds since 1970.
    pub began_at: i64,
    /// Which part it is at.
    pub stage: Stage,
    /// The last thing of that part that was looked at; empty before the first.
    pub after: String,
    /// How much it has read. Unit: bytes.
    pub read_bytes: u64,
    /// How much it found.
    pub findings: u64,
}

/// A pass that has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ended {
    /// When it began. Unit: seconds since 1970.
    pub began_at: i64,
    /// When it ended. Unit: seconds since 1970.
    pub ended_at: i64,
    /// How much it read. Unit: bytes.
    pub read_bytes: u64,
    /// How much it found.
    pub findings: u64,
}

impl From<Ended> for EndedPass {
    fn from(ended: Ended) -> Self {
        let Ended { began_at, ended_at, read_bytes, findings } = ended;
        Self { began_at: Moment(began_at), ended_at: Moment(ended_at), read_bytes, findings }
    }
}

/// Something that is wrong and that no repair begins with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Warned {
    /// Of which stage: it is there until that is found sound.
    pub stage: Stage,
    /// In which part of the catalogue, if it is there.
    pub part: String,
    /// What is wrong.
    pub text: String,
}

/// Something damaged that was not repaired yet, so that a restart does not forget it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unrepaired {
    /// A `.deb`.
    Package(Digest),
    /// A pack of chunks.
    Pack(Digest),
    /// The stanza of a package.
    Stanza(Digest),
}

impl Unrepaired {
    /// `None` for what a row of the catalogue says: the next look at the row finds it again.
    pub(super) fn of(damage: Damage) -> Option<Self> {
        match damage {
            Damage::Blob(digest) => Some(Self::Package(digest)),
            Damage::Pack(digest) => Some(Self::Pack(digest)),
            Damage::Stanza(digest) => Some(Self::Stanza(digest)),
            Damage::Chunk(_) | Damage::Index(_) => None,
        }
    }
}

/// Where the scrub is, and what it knows.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Place {
    /// The pass that is under way.
    pub present: Option<Present>,
    /// The last whole pass.
    pub last: Option<Ended>,
    /// What is wrong that no repair begins with.
    pub warnings: Vec<Warned>,
    /// What is damaged and not repaired yet.
    pub damage: Vec<Unrepaired>,
}

impl Place {
    /// Its text: a line of JSON, and a line with the SHA-256 of the first.
    ///
    /// # Errors
    /// Why it cannot be written, for people.
    pub fn write(&self) -> Result<String, String> {
        let line = serde_json::to_string(self).map_err(|problem| problem.to_string())?;
        let digest = Digest::of(line.as_bytes());
        Ok(format!("{line}\n{digest}\n"))
    }

    /// Reads what [`Place::write`] wrote; `None` when it is anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (line, digest) = text.strip_suffix('\n')?.rsplit_once('\n')?;
        let digest: Digest = digest.parse().ok()?;
        if digest != Digest::of(line.as_bytes()) {
            return None;
        }
        serde_json::from_str(line).ok()
    }
}
