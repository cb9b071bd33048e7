//! Stanzas: a run of `Name: value` fields, read so strictly that no two programs can differ on it.
//!
//! Source: Policy 5.1; deb822(5). dpkg and apt disagree on blanks-only lines, carriage returns and
//! repeated fields, so those are refused here.

use std::borrow::Cow;
use std::fmt;

/// A fault of a file that was sent, and how to mend it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The field it concerns, escaped and cut; `None` when it concerns the file.
    pub field: Option<String>,
    /// What is wrong and what to do; quoted input is escaped and cut at 80 characters.
    pub problem: String,
}

impl Fault {
    /// A fault of one field.
    pub fn of(field: &str, problem: impl Into<String>) -> Self {
        Self { field: Some(escape(field)), problem: problem.into() }
    }

    /// A fault of the whole file.
    pub fn whole(problem: impl Into<String>) -> Self {
        Self { field: None, problem: problem.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "{field}: {}", self.problem),
            None => f.write_str(&self.problem),
        }
    }
}

impl std::error::Error for Fault {}

/// Bounds on one stanza.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StanzaLimits {
    /// The whole text. Unit: bytes.
    pub size_bytes: usize,
    /// How many fields.
    pub fields: usize,
    /// The longest field name. Unit: bytes.
    pub name_bytes: usize,
}

/// The most faults that are listed: nobody mends more one by one.
pub(super) const MOST_FAULTS: usize = 64;

const QUOTED_CHARS: usize = 80;

/// The byte order mark that some editors put before UTF-8.
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
/// The first line of a text that was signed with OpenPGP.
const SIGNED_FRONT: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";

/// A field: its name as it was spelt, and its value.
///
/// Shape: the value has no blanks at the ends of its lines; a continuation line is kept as a
/// newline, its own leading blanks and its text. A line that holds only ` .` is unchanged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    name: String,
    value: String,
}

impl Field {
    /// A field from parts that already passed the checks of this room.
    pub(super) fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }

    /// The name as it was spelt.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value, with its continuation lines.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether this field has the name `name`; case does not matter (Policy 5.1).
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Whether the value has continuation lines.
    pub fn has_continuation(&self) -> bool {
        self.value.contains('\n')
    }

    /// Adds the field as text, closed by a newline; no line ends with a blank.
    pub fn write(&self, out: &mut String) {
        self.parts().into_iter().for_each(|part| out.push_str(part));
    }

    /// How long [`Field::write`] makes it. Unit: bytes.
    pub fn written_bytes(&self) -> usize {
        self.parts().into_iter().map(str::len).sum()
    }

    fn parts(&self) -> [&str; 4] {
        let on_its_line = !self.value.is_empty() && !self.value.starts_with('\n');
        [&self.name, if on_its_line { ": " } else { ":" }, &self.value, "\n"]
    }
}

/// One stanza: fields in the order in which they were written, each name once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stanza {
    fields: Vec<Field>,
}

impl Stanza {
    /// Reads exactly one stanza of a binary control file.
    ///
    /// Shape: UTF-8 that ends with a newline; empty lines only after the last field. Refused are
    /// control characters (tab and newline apart), carriage returns, line and paragraph separators,
    /// characters that reverse the writing direction, comments, blanks-only lines and names that
    /// appear twice.
    /// Limits: `limits`; at most 64 faults are listed.
    ///
    /// # Errors
    /// Every [`Fault`] found, not only the first (sender's fault).
    ///
    /// Source: Policy 5.1.
    pub fn parse(bytes: &[u8], limits: StanzaLimits) -> Result<Self, Vec<Fault>> {
        if bytes.len() > limits.size_bytes {
            let most = limits.size_bytes;
            return Err(vec![Fault::whole(format!("is larger than {most} bytes; shorten it"))]);
        }
        if bytes.starts_with(SIGNED_FRONT) {
            let problem = "is signed; send the text alone, for dpkg takes the signature for fields, and what counts \
                           here is who uploads it";
            return Err(vec![Fault::whole(problem)]);
        }
        let mut reader = Reader { limits, fields: Vec::new(), faults: Vec::new() };
        // One fault for the mark, and no other for the first field's name, which it changes.
        let bytes = match bytes.strip_prefix(UTF8_MARK) {
            Some(rest) => {
                reader
                    .whole("begins with a byte order mark (U+FEFF); save it as UTF-8 without one");
                rest
            }
            None => bytes,
        };
        let text = reader.decode(bytes);
        reader.read(&text);
        if reader.faults.is_empty() {
            return Ok(Self { fields: reader.fields });
        }
        Err(reader.faults)
    }

    /// A stanza of fields that already passed the checks of this room.
    pub(super) fn from_fields(fields: Vec<Field>) -> Self {
        Self { fields }
    }

    /// The value of the field of this name; case does not matter.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.is(name)).map(Field::value)
    }

    /// The fields in order.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter()
    }

    /// Adds the stanza as text, without the empty line that would close it in a longer file.
    pub fn write(&self, out: &mut String) {
        for field in &self.fields {
            field.write(out);
        }
    }
}

struct Reader {
    limits: StanzaLimits,
    fields: Vec<Field>,
    faults: Vec<Fault>,
}

impl Reader {
    fn decode<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, str> {
        let text = String::from_utf8_lossy(bytes);
        if let Err(error) = std::str::from_utf8(bytes) {
            let at = error.valid_up_to();
            self.whole(format!("is not UTF-8 at byte {at}; convert it, for instance with iconv"));
        }
        if !text.contains('\r') {
            return text;
        }
        self.whole("holds carriage returns; save it with Unix line ends");
        text.replace('\r', "").into()
    }

    fn read(&mut self, text: &str) {
        if !text.is_empty() && !text.ends_with('\n') {
            self.whole("does not end with a newline, which dpkg demands; add one");
        }
        let mut lines = (1_usize..).zip(text.split_terminator('\n'));
        while let Some((number, line)) = lines.next() {
            if line.is_empty() {
                self.end(number, lines.any(|(_, line)| !line.is_empty()));
                break;
            }
            if self.fields.len() >= self.limits.fields && !line.starts_with([' ', '\t']) {
                let most = self.limits.fields;
                self.whole(format!("has more than {most} fields; leave some out"));
                break;
            }
            self.line(number, line);
            if self.faults.len() >= MOST_FAULTS {
                break;
            }
        }
        if self.fields.is_empty() && self.faults.is_empty() {
            self.whole("is empty; it needs at least Package, Version and Architecture");
        }
    }

    fn end(&mut self, number: usize, more_follows: bool) {
        if !more_follows {
            return;
        }
        if self.fields.is_empty() {
            return self.whole("begins with an empty line; remove it");
        }
        self.whole(format!(
            "is cut in two by the empty line {number}; remove it, or write ' .' for an empty line \
             of a description"
        ));
    }

    fn line(&mut self, number: usize, line: &str) {
        if let Some(found) = line.chars().find(|c| forbidden(*c)) {
            let code = u32::from(found);
            self.here(line, format!("line {number} holds the character U+{code:04X}; remove it"));
        }
        let text = line.trim_end_matches([' ', '\t']);
        if text.is_empty() {
            let problem = format!(
                "line {number} holds only blanks, which apt takes for the end; remove it or write \
                 ' .'"
            );
            self.here(line, problem);
        } else if text.starts_with([' ', '\t']) {
            match self.fields.last_mut() {
                Some(field) => {
                    field.value.push('\n');
                    field.value.push_str(text);
                }
                None => self.whole(format!(
                    "line {number} continues a field, but none comes before it; remove its blanks"
                )),
            }
        } else {
            self.field(number, text);
        }
    }

    fn field(&mut self, number: usize, text: &str) {
        let Some((name, value)) = text.split_once(':') else {
            let what = match text.starts_with('#') {
                true => "is a comment, which a binary package may not have; remove it",
                false => "has no colon; write 'Name: value', or begin it with a blank to continue",
            };
            return self.whole(format!("line {number} {what}: {}", quote(text)));
        };
        if !valid_name(name) {
            self.whole(format!(
                "line {number}: {} is no field name; use visible ASCII without blanks, the first \
                 not '#' or '-'",
                quote(name)
            ));
        } else if name.len() > self.limits.name_bytes {
            let most = self.limits.name_bytes;
            self.fault(Fault::of(name, format!("the name is longer than {most} bytes")));
        } else if self.fields.iter().any(|field| field.is(name)) {
            self.fault(Fault::of(name, format!("comes a second time in line {number}; keep one")));
        }
        self.fields.push(Field::new(name, value.trim_matches([' ', '\t'])));
    }

    /// Reports a fault of the field that `line` is in.
    fn here(&mut self, line: &str, problem: String) {
        let own = line.split_once(':').map(|(name, _)| name).filter(|name| valid_name(name));
        let name = match line.starts_with([' ', '\t']) {
            true => self.fields.last().map(Field::name),
            false => own,
        };
        let fault = match name {
            Some(name) => Fault::of(name, problem),
            None => Fault::whole(problem),
        };
        self.fault(fault);
    }

    fn whole(&mut self, problem: impl Into<String>) {
        self.fault(Fault::whole(problem));
    }

    fn fault(&mut self, fault: Fault) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(fault);
        }
    }
}

/// Policy 5.1: visible US-ASCII without the colon, not beginning with `#` or `-`.
fn valid_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['#', '-'])
        && name.bytes().all(|b| b.is_ascii_graphic() && b != b':')
}

/// Characters that some reader takes for a line end, or that make people see another text than
/// programs do.
fn forbidden(c: char) -> bool {
    let directs = matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}') || directs
}

/// Input as it may be printed: in quotes, escaped, cut at 80 characters.
pub(super) fn quote(text: &str) -> String {
    format!("\"{}\"", escape(text))
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().take(QUOTED_CHARS) {
        match c {
            '"' | '\\' => out.extend(c.escape_default()),
            ' '..='~' => out.push(c),
            _ if c.is_alphanumeric() => out.push(c),
            _ => out.extend(c.escape_default()),
        }
    }
    if text.chars().nth(QUOTED_CHARS).is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests;
