//! Reads Rust text as far as the rules need it: no comments, no literals, no tests.

use std::ops::Range;

/// The code of `source` with comments and literals blanked out, every line where it was.
///
/// Shape: as many characters per line as bytes before, so that positions agree.
pub fn without_comments_and_literals(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = literal_or_comment_end(bytes, at);
        if end > at {
            code[at..end].iter_mut().filter(|b| **b != b'\n').for_each(|b| *b = b' ');
            at = end;
        } else if is_word(bytes[at]) {
            at = word_end(bytes, at);
        } else {
            at += 1;
        }
    }
    code.iter_mut().filter(|b| !b.is_ascii()).for_each(|b| *b = b' ');
    String::from_utf8(code).expect("only ASCII is left")
}

/// Where the comment or literal that begins at `at` ends; `at` itself when none begins there.
fn literal_or_comment_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    if rest.starts_with(b"//") {
        return at + rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
    }
    if rest.starts_with(b"/*") {
        return block_comment_end(bytes, at);
    }
    match rest[0] {
        b'"' => string_end(bytes, at),
        b'\'' => character_end(bytes, at),
        b'r' | b'b' | b'c' => prefixed_literal_end(bytes, at),
        _ => at,
    }
}

fn block_comment_end(bytes: &[u8], at: usize) -> usize {
    let (mut depth, mut next) = (0, at);
    while next < bytes.len() {
        if bytes[next..].starts_with(b"/*") {
            (depth, next) = (depth + 1, next + 2);
        } else if bytes[next..].starts_with(b"*/") {
            (depth, next) = (depth - 1, next + 2);
            if depth == 0 {
                break;
            }
        } else {
            next += 1;
        }
    }
    next
}

fn string_end(bytes: &[u8], quote: usize) -> usize {
    let mut next = quote + 1;
    while next < bytes.len() && bytes[next] != b'"' {
        next += if bytes[next] == b'\\' { 2 } else { 1 };
    }
    (next + 1).min(bytes.len())
}

/// A quote opens a character (`'a'`, `'\n'`, `'é'`) or a lifetime (`'a`), which is left alone.
fn character_end(bytes: &[u8], quote: usize) -> usize {
    let rest = &bytes[quote + 1..];
    if rest.first() == Some(&b'\\') {
        let close = rest.iter().skip(2).position(|b| *b == b'\'').unwrap_or(0);
        return quote + 1 + 2 + close + 1;
    }
    let width = match rest.first() {
        Some(b) if *b >= 0xf0 => 4,
        Some(b) if *b >= 0xe0 => 3,
        Some(b) if *b >= 0xc0 => 2,
        _ => 1,
    };
    if rest.get(width) == Some(&b'\'') { quote + width + 2 } else { quote }
}

/// Literals with a prefix: `b"…"`, `c"…"`, `r"…"`, `br#"…"#`, `b'…'`.
fn prefixed_literal_end(bytes: &[u8], at: usize) -> usize {
    let prefix = bytes[at..].iter().take_while(|b| matches!(b, b'r' | b'b' | b'c')).count();
    let hashes = bytes[at + prefix..].iter().take_while(|b| **b == b'#').count();
    let (open, raw) = (at + prefix + hashes, bytes[at..at + prefix].contains(&b'r'));
    match bytes.get(open) {
        Some(b'"') if raw => {
            let close: Vec<u8> = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
            let found = bytes[open + 1..].windows(close.len()).position(|w| w == close);
            found.map_or(bytes.len(), |n| open + 1 + n + close.len())
        }
        Some(b'"') if hashes == 0 => string_end(bytes, open),
        Some(b'\'') if hashes == 0 && prefix == 1 && bytes[at] == b'b' => {
            character_end(bytes, open).max(at)
        }
        _ => at,
    }
}

/// `code` with everything under `#[cfg(test)]` blanked out, every line where it was.
pub fn without_tests(code: &str) -> String {
    let mut left = code.as_bytes().to_vec();
    let mut from = 0;
    while let Some(at) = code[from..].find("#[cfg(").map(|n| n + from) {
        let end = closing(code, at + 1).map_or(code.len(), |close| close + 1);
        from = end;
        let condition = &code[at..end];
        if !condition.contains("(test)") && !condition.contains("(all(test") {
            continue;
        }
        let end = item_end(code, end);
        left[at..end].iter_mut().filter(|b| **b != b'\n').for_each(|b| *b = b' ');
        from = end;
    }
    String::from_utf8(left).expect("only ASCII is left")
}

/// Where the item that begins at `at` ends: behind its `;` or its closing brace.
fn item_end(code: &str, at: usize) -> usize {
    match item_body(code, at) {
        Some(body) => body.end,
        None => code[at..].find(';').map_or(code.len(), |n| at + n + 1),
    }
}

/// The braces (with what is inside) of the item whose text begins at `at`; `None` for an item that
/// ends with a semicolon.
pub fn item_body(code: &str, at: usize) -> Option<Range<usize>> {
    let mut next = at;
    while let Some(byte) = code.as_bytes().get(next) {
        match byte {
            b'(' | b'[' => next = closing(code, next)?,
            b'{' => return Some(next..closing(code, next)? + 1),
            b';' => return None,
            _ => {}
        }
        next += 1;
    }
    None
}

/// The position of the bracket that closes the one at `open`.
pub fn closing(code: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (n, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(n);
        }
    }
    None
}

/// Every word (identifier or keyword) of `code` with its position.
pub fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let bytes = code.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() && !is_word(bytes[at]) {
            at += 1;
        }
        let start = at;
        at = word_end(bytes, at);
        (start < at).then(|| (start, &code[start..at]))
    })
}

/// Whether an item of this name is defined in `code`.
pub fn defines(code: &str, name: &str) -> bool {
    const ITEMS: [&str; 9] =
        ["fn", "struct", "enum", "union", "trait", "type", "const", "static", "macro_rules"];
    let mut before = "";
    words(code).any(|(_, word)| {
        let keyword = std::mem::replace(&mut before, word);
        word == name && ITEMS.contains(&keyword)
    })
}

/// The first names below `root` in paths and `use` groups: `root::a`, `root::{b, c::d}`, and the
/// path each stands in, up to two names deep (`c::d`).
pub fn names_below<'a>(code: &'a str, root: &str) -> Vec<(usize, Vec<&'a str>)> {
    paths_below(code, root, 2)
}

/// The same, up to `depth` names deep.
pub fn paths_below<'a>(code: &'a str, root: &str, depth: usize) -> Vec<(usize, Vec<&'a str>)> {
    let mut found = Vec::new();
    for (at, word) in words(code) {
        if word != root {
            continue;
        }
        let before = code[..at].trim_end();
        let after = code[at + word.len()..].trim_start();
        if !before.ends_with("::") && !before.ends_with('.') && after.starts_with("::") {
            let tail = code.len() - after.len() + 2;
            branches(code, tail, &[], depth, &mut found);
        }
    }
    found
}

/// The same for the path or group that begins at `at`.
pub fn names_at(code: &str, at: usize) -> Vec<(usize, Vec<&str>)> {
    paths_at(code, at, 2)
}

/// The same, up to `depth` names deep.
pub fn paths_at(code: &str, at: usize, depth: usize) -> Vec<(usize, Vec<&str>)> {
    let mut found = Vec::new();
    branches(code, at, &[], depth, &mut found);
    found
}

/// Walks a path or group from `at`, and notes every branch of it to a depth of so many names. A glob is a name.
fn branches<'a>(
    code: &'a str,
    at: usize,
    before: &[&'a str],
    depth: usize,
    found: &mut Vec<(usize, Vec<&'a str>)>,
) {
    let text = code[at..].trim_start();
    let at = code.len() - text.len();
    if text.starts_with('{') {
        let end = closing(code, at).unwrap_or(code.len());
        let mut next = at + 1;
        while next < end {
            branches(code, next, before, depth, found);
            next = comma_behind(code, next, end) + 1;
        }
        return;
    }
    if text.starts_with('*') {
        found.push((at, [before, &["*"]].concat()));
        return;
    }
    let Some(name) = words(text).next().filter(|(n, _)| *n == 0).map(|(_, word)| word) else {
        return;
    };
    let path = [before, &[name]].concat();
    let rest = text[name.len()..].trim_start();
    if path.len() < depth && rest.starts_with("::") && !rest.starts_with("::<") {
        let known = found.len();
        branches(code, code.len() - rest.len() + 2, &path, depth, found);
        if found.len() > known {
            return;
        }
    }
    found.push((at, path));
}

/// The next comma of this group, or its end.
fn comma_behind(code: &str, at: usize, end: usize) -> usize {
    let mut next = at;
    while next < end {
        match code.as_bytes()[next] {
            b',' => return next,
            b'{' | b'(' | b'[' => next = closing(code, next).unwrap_or(end),
            _ => {}
        }
        next += 1;
    }
    end
}

/// The line number, from 1, of a position.
pub fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

fn word_end(bytes: &[u8], at: usize) -> usize {
    at + bytes[at.min(bytes.len())..].iter().take_while(|b| is_word(**b)).count()
}
