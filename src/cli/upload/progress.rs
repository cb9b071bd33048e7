//! Progress: a bar, shown only on a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use crate::client::Sent;

const REDRAW: Duration = Duration::from_millis(100);

/// A bar that disappears when this is dropped.
pub struct Progress {
    bar: ProgressBar,
    follower: Option<JoinHandle<()>>,
}

impl Progress {
    /// A bar over `total` steps.
    pub fn counting(total: usize, what: &'static str, shows: bool) -> Self {
        let bar = bar(total as u64, "{msg} {wide_bar} {pos}/{len}", shows);
        bar.set_message(what);
        Self { bar, follower: None }
    }

    /// A bar over bytes, which follows `sent`.
    pub fn sending(total_bytes: u64, sent: &Sent, shows: bool) -> Self {
        let template = "sending {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        let bar = bar(total_bytes, template, shows && total_bytes > 0);
        if bar.is_hidden() {
            return Self { bar, follower: None };
        }
        let (followed, sent) = (bar.clone(), sent.clone());
        let follower = tokio::spawn(async move {
            loop {
                followed.set_position(sent.bytes());
                tokio::time::sleep(REDRAW).await;
            }
        });
        Self { bar, follower: Some(follower) }
    }

    /// Advances by one step.
    pub fn advance(&self) {
        self.bar.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(follower) = &self.follower {
            follower.abort();
        }
        self.bar.finish_and_clear();
    }
}

fn bar(total: u64, template: &str, shows: bool) -> ProgressBar {
    if !shows {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}
