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
    let form = match (json, colour) {
        (true, _) => Form::Json,
        (false, true) => Form::Colour,
        (false, false) => Form::Plain,
    };
    let writer = move || OneLine { to: io::stderr(), form };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    let lines = lines.with_ansi(colour);
    // An existing subscriber is kept: tests and the demo start several servers.
    let _ = if json { lines.json().try_init() } else { lines.with_target(false).try_init() };
    Ok(())
}

/// How an event is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    /// Text in which escape characters are ours.
    Colour,
    /// The formatter escapes what JSON must, and that leaves DEL, U+0085 and the like as they are.
    Json,
}

/// Writes each event as one line, whatever is in it: who sends text that gets into the log can forge no
/// line of it.
struct OneLine<W> {
    to: W,
    form: Form,
}

impl<W: Write> Write for OneLine<W> {
    /// The subscriber writes an event at once, with its newline.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let (line, end) = match event.strip_suffix(b"\n") {
            Some(line) => (line, "\n"),
            None => (event, ""),
        };
        let mut one = escape(&String::from_utf8_lossy(line), self.form).into_owned();
        one.push_str(end);
        self.to.write_all(one.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// A text without control characters; those that end a line for some reader of logs are among them.
fn escape(line: &str, form: Form) -> Cow<'_, str> {
    let ends = |c: char| {
        c.is_control() && !(form == Form::Colour && c == '\u{1b}')
            || matches!(c, '\u{2028}' | '\u{2029}')
    };
    if !line.contains(ends) {
        return Cow::Borrowed(line);
    }
    let mut escaped = String::with_capacity(line.len());
    for c in line.chars() {
        match (ends(c), form) {
            (false, _) => escaped.push(c),
            // All of them have four digits.
            (true, Form::Json) => escaped.push_str(&format!("\\u{:04x}", u32::from(c))),
            (true, _) => escaped.extend(c.escape_default()),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(event: &str, form: Form) -> String {
        let mut to = Vec::new();
        OneLine { to: &mut to, form }.write_all(event.as_bytes()).unwrap();
        String::from_utf8(to).unwrap()
    }

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        assert_eq!(written("INFO all is well\n", Form::Plain), "INFO all is well\n");
        let forged = "INFO refused path=/x\r\nERROR forged\u{85}\u{2028}\u{1b}[2J\n";
        let line = written(forged, Form::Plain);
        assert_eq!(line, "INFO refused path=/x\\r\\nERROR forged\\u{85}\\u{2028}\\u{1b}[2J\n");
        assert_eq!(
            written("\u{1b}[31mERROR\u{1b}[0m a\nb\n", Form::Colour),
            "\u{1b}[31mERROR\u{1b}[0m a\\nb\n"
        );
    }

    #[derive(Clone, Default)]
    struct Shared(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

    impl Shared {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_a_real_subscriber_writes_is_one_line_for_each_event() {
        let shared = Shared::default();
        let to = shared.clone();
        let lines = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || OneLine { to: to.clone(), form: Form::Plain });
        tracing::subscriber::with_default(lines.finish(), || {
            let _within = tracing::error_span!("request", id = %"3f2a\nERROR forged").entered();
            tracing::error!(problem = %"a\nb", "it {}", "fails\nhere");
            tracing::error!("and again");
        });
        let text = shared.text();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.ends_with("and again\n"), "{text}");
    }

    #[test]
    fn a_line_in_json_is_read_back_as_it_was_told() {
        let told = "x\u{2028}y\u{2029}\u{85}\u{7f}\u{9b}\r\n\t\u{1b}[2J\"\\ü\u{1f600}";
        let shared = Shared::default();
        let to = shared.clone();
        let lines = tracing_subscriber::fmt()
            .with_ansi(false)
            .json()
            .with_writer(move || OneLine { to: to.clone(), form: Form::Json });
        tracing::subscriber::with_default(lines.finish(), || {
            let _within = tracing::error_span!("request", id = %told).entered();
            tracing::error!(reason = %told, "{told}");
        });
        let text = shared.text();
        let line = text.strip_suffix('\n').unwrap();
        assert!(
            !line.contains(|c: char| c.is_control() || "\u{2028}\u{2029}".contains(c)),
            "{line}"
        );
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(event["fields"]["message"], told);
        assert_eq!(event["fields"]["reason"], told);
        assert_eq!(event["span"]["id"], told);
    }
}
