//! TELEMETRY: writes log lines.
//!
//! May name: nothing

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use tracing_subscriber::EnvFilter;

/// Sends log lines to standard error, as text or as JSON.
///
/// # Errors
/// The fault of the filter, for people. A second call changes nothing.
pub fn start(level: &str, json: bool) -> Result<(), String> {
    let filter = EnvFilter::try_new(level).map_err(|error| format!("log.level: {error}"))?;
    let colour = io::stderr().is_terminal();
    let writer = move || OneLine { to: io::stderr(), colour };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    let lines = lines.with_ansi(colour);
    // An existing subscriber is kept: tests and the demo start several servers.
    let _ = if json { lines.json().try_init() } else { lines.with_target(false).try_init() };
    Ok(())
}

/// Writes each event as one line, whatever is in it: who sends text that gets into the log can forge no
/// line of it. JSON escapes by itself.
struct OneLine<W> {
    to: W,
    /// Whether escape characters are ours.
    colour: bool,
}

impl<W: Write> Write for OneLine<W> {
    /// The subscriber writes an event at once, with its newline.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let (line, end) = match event.strip_suffix(b"\n") {
            Some(line) => (line, "\n"),
            None => (event, ""),
        };
        let mut one = escape(&String::from_utf8_lossy(line), self.colour).into_owned();
        one.push_str(end);
        self.to.write_all(one.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// A text without control characters; those that end a line for some reader of logs are among them.
fn escape(line: &str, colour: bool) -> Cow<'_, str> {
    let ends = |c: char| {
        c.is_control() && !(colour && c == '\u{1b}') || matches!(c, '\u{2028}' | '\u{2029}')
    };
    if !line.contains(ends) {
        return Cow::Borrowed(line);
    }
    let mut escaped = String::with_capacity(line.len());
    for c in line.chars() {
        match ends(c) {
            true => escaped.extend(c.escape_default()),
            false => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(event: &str, colour: bool) -> String {
        let mut to = Vec::new();
        OneLine { to: &mut to, colour }.write_all(event.as_bytes()).unwrap();
        String::from_utf8(to).unwrap()
    }

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        assert_eq!(written("INFO all is well\n", false), "INFO all is well\n");
        let forged = "INFO refused path=/x\r\nERROR forged\u{85}\u{2028}\u{1b}[2J\n";
        let line = written(forged, false);
        assert_eq!(line, "INFO refused path=/x\\r\\nERROR forged\\u{85}\\u{2028}\\u{1b}[2J\n");
        assert_eq!(
            written("\u{1b}[31mERROR\u{1b}[0m a\nb\n", true),
            "\u{1b}[31mERROR\u{1b}[0m a\\nb\n"
        );
    }

    #[test]
    fn what_a_real_subscriber_writes_is_one_line_for_each_event() {
        let to = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        #[derive(Clone)]
        struct Shared(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
        impl Write for Shared {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let shared = Shared(std::sync::Arc::clone(&to));
        let lines = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || OneLine { to: shared.clone(), colour: false });
        tracing::subscriber::with_default(lines.finish(), || {
            let _within = tracing::error_span!("request", id = %"3f2a\nERROR forged").entered();
            tracing::error!(problem = %"a\nb", "it {}", "fails\nhere");
            tracing::error!("and again");
        });
        let text = String::from_utf8(to.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.ends_with("and again\n"), "{text}");
    }
}
