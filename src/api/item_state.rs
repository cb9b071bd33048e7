//! The state of a package after the change that named it, as it is sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The state of a package after the change that named it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ItemState {
    /// This change made it available to hosts.
    Published,
    /// It begins with the first ring of the suite: not every host is offered it yet.
    #[serde(rename = "rolling-out")]
    RollingOut,
    /// It was there before.
    Already,
    /// Stored but not listed, because of a higher version or a pin.
    Waiting,
    /// Stored but not listed: it was rolled back from, and needs an explicit pin.
    Withdrawn,
}

impl ItemState {
    /// Whether hosts are offered the package: all, or first those of the first ring.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Published | Self::RollingOut | Self::Already)
    }

    /// The word on the wire and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::RollingOut => "rolling out",
            Self::Already => "already",
            Self::Waiting => "waiting",
            Self::Withdrawn => "withdrawn",
        }
    }
}
