//! A hold, as it is sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a suite offers nothing new.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct HoldView {
    /// Who held it.
    pub author: String,
    /// Why; empty when they did not say.
    #[serde(default)]
    pub message: String,
    /// Since when.
    pub at: i64,
    /// How many packages came meanwhile, which its release offers as far as nothing else keeps them out.
    pub held_back: u64,
}
