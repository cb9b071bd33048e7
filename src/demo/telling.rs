//! The output of the story: numbered steps, short sentences, commands as they are typed, and their
//! output.

use std::io::Write;

/// The output of the story, and the present step.
pub struct Telling {
    out: Box<dyn Write + Send>,
    number: usize,
    title: &'static str,
}

impl Telling {
    /// Writes to standard output.
    pub fn new() -> Self {
        Self { out: Box::new(std::io::stdout()), number: 0, title: "begin" }
    }

    /// The number and the title of the present step.
    pub fn step(&self) -> (usize, &'static str) {
        (self.number, self.title)
    }

    /// Begins a step.
    pub fn begin(&mut self, title: &'static str) {
        self.number = self.number.saturating_add(1);
        self.title = title;
        let heading = format!("{}. {title}", self.number);
        self.write(&format!("\n{heading}\n{}\n", "-".repeat(heading.len())));
    }

    /// Prints a sentence.
    pub fn say(&mut self, sentence: &str) {
        self.write(&format!("{sentence}\n"));
    }

    /// Shows a command before it runs.
    pub fn command(&mut self, line: &str) {
        self.write(&format!("\n  $ {line}\n"));
    }

    /// Shows what a command printed.
    pub fn output(&mut self, text: &str) {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let shown: String = lines.map(|line| format!("  {}\n", line.trim_end())).collect();
        self.write(&shown);
    }

    /// Prints what has been checked after a step.
    pub fn checked(&mut self, sentence: &str) {
        self.write(&format!("\n=> {sentence}\n"));
    }

    /// A reader that closed the output is no failure of the story.
    fn write(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}

/// A command line as it is typed into a shell.
pub fn command_line<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    words.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+~".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The text as a terminal shows it in the end, without control characters.
pub fn harmless(text: &str) -> String {
    let shown = |line: &str| {
        // Text after a carriage return overwrites the text before it.
        let last = line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default();
        last.chars().filter(|c| *c == '\t' || !c.is_control()).chain(['\n']).collect::<String>()
    };
    text.lines().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_read_more_into_them() {
        let line = command_line(["repoctl", "--owns", "acme-*", "-m", "it's bad", "", "a=b/c:1"]);
        assert_eq!(line, r"repoctl --owns 'acme-*' -m 'it'\''s bad' '' a=b/c:1");
    }

    #[test]
    fn what_a_terminal_would_obey_is_left_out() {
        assert_eq!(harmless("a\u{1b}[2Jb\r\n\tc\u{9b}"), "a[2Jb\n\tc\n");
        assert_eq!(harmless("Read 5%\rRead 50%\rRead all.\n"), "Read all.\n");
    }
}
