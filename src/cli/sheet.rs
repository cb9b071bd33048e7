//! Sheet: what a text is laid out for: how wide it may be, whether it may have colours, and when it is read.

use super::style::Tone;
use crate::time::Moment;

/// What a text is laid out for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// The present moment, from which ages are counted.
    pub now: Moment,
    /// How wide a line may be; `None` where programs read it, and nothing is cut.
    pub columns: Option<usize>,
    /// Whether there may be colours.
    pub colours: bool,
}

impl Sheet {
    /// The text in the colour of its tone, where there may be colours.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        tone.paint(text, self.colours)
    }

    /// Lines of messages, such as `note: …`, each with its first word in its colour.
    pub fn heads(&self, text: &str) -> String {
        super::style::heads(text, self.colours)
    }
}
