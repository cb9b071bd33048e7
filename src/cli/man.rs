//! Man: the manual pages of the programs, from their argument trees.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Arg, Command};

/// What the pages of a program say beside its arguments.
pub struct Program {
    /// Exit codes and what they mean.
    pub exit: &'static [(&'static str, &'static str)],
    /// Environment variables and what they do.
    pub environment: &'static [(&'static str, &'static str)],
    /// Files and what they are.
    pub files: &'static [(&'static str, &'static str)],
    /// Other pages, such as `repod.toml(5)`.
    pub see_also: &'static [&'static str],
}

/// Writes a page for the program and each of its commands to a directory, which is made if it is missing.
///
/// # Errors
/// The system's error for the directory or a file.
pub fn write(command: Command, directory: &Path, program: &Program) -> io::Result<()> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    std::fs::create_dir_all(directory)?;
    write_pages(&command, directory, program)
}

/// Where pages of another section belong, if those of the first go to `directory`.
pub fn beside(directory: &Path, section: u8) -> PathBuf {
    match directory.file_name().is_some_and(|name| name == "man1") {
        true => directory.with_file_name(format!("man{section}")),
        false => directory.to_owned(),
    }
}

fn write_pages(command: &Command, directory: &Path, program: &Program) -> io::Result<()> {
    for below in command.get_subcommands().filter(|one| !one.is_hide_set()) {
        write_pages(below, directory, program)?;
    }
    let name = page_name(command);
    std::fs::write(directory.join(format!("{name}.1")), page(command, program)?)
}

/// The name of a command's page: `repoctl-suite-create`.
fn page_name(command: &Command) -> String {
    command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned()
}

fn page(command: &Command, program: &Program) -> io::Result<Vec<u8>> {
    let name = page_name(command);
    let root = name.split('-').next().unwrap_or_default().to_owned();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let about = about.split(['\n', '\r']).next().unwrap_or_default().trim_end_matches('.');
    let mut page = head(&name, 1, &root);
    section(&mut page, "NAME");
    page.push_str(&format!("{} \\- {}\n", roff(&name), roff(about)));
    section(&mut page, "SYNOPSIS");
    page.push_str(&synopsis(command));
    section(&mut page, "DESCRIPTION");
    let long = command.get_long_about().or(command.get_about()).map(ToString::to_string);
    paragraphs(&mut page, &long.unwrap_or_default());
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let (examples, notes) = examples(&after);
    for note in &notes {
        page.push_str(".PP\n");
        paragraphs(&mut page, note);
    }
    let commands: Vec<_> = command.get_subcommands().filter(|one| !one.is_hide_set()).collect();
    if !commands.is_empty() {
        section(&mut page, "COMMANDS");
        for one in &commands {
            let about = one.get_about().map(ToString::to_string).unwrap_or_default();
            entry(&mut page, &format!("{}(1)", page_name(one)), &about);
        }
    }
    let mut bytes = page.into_bytes();
    clap_mangen::Man::new(command.clone()).render_options_section(&mut bytes)?;
    let mut rest = String::new();
    table(&mut rest, "EXIT STATUS", program.exit);
    if !examples.is_empty() {
        section(&mut rest, "EXAMPLES");
        verbatim(&mut rest, &examples);
    }
    table(&mut rest, "ENVIRONMENT", program.environment);
    table(&mut rest, "FILES", program.files);
    see_also(&mut rest, command, &root, program.see_also);
    bytes.extend(rest.into_bytes());
    Ok(bytes)
}

/// The first line of a page.
pub fn head(name: &str, section: u8, source: &str) -> String {
    let (title, version) = (roff(&name.to_uppercase()), env!("CARGO_PKG_VERSION"));
    format!(
        ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n.TH \"{title}\" {section} \"\" \"{source} {version}\" \"{source} manual\"\n"
    )
}

/// The heading of a section.
pub fn section(page: &mut String, heading: &str) {
    page.push_str(&format!(".SH {}\n", roff(heading)));
}

/// A term and what is said of it.
pub fn entry(page: &mut String, term: &str, text: &str) {
    page.push_str(&format!(".TP\n\\fB{}\\fR\n", roff(term)));
    paragraphs(page, text);
}

/// Text as paragraphs; an empty line is between two of them.
pub fn paragraphs(page: &mut String, text: &str) {
    for line in text.trim().lines() {
        match line.trim() {
            "" => page.push_str(".PP\n"),
            line => page.push_str(&format!("{}\n", roff(line))),
        }
    }
}

/// Lines as they are.
pub fn verbatim(page: &mut String, lines: &[String]) {
    page.push_str(".nf\n");
    for line in lines {
        page.push_str(&format!("{}\n", roff(line)));
    }
    page.push_str(".fi\n");
}

fn table(page: &mut String, heading: &str, rows: &[(&str, &str)]) {
    if !rows.is_empty() {
        section(page, heading);
    }
    for (term, text) in rows {
        entry(page, term, text);
    }
}

fn see_also(page: &mut String, command: &Command, root: &str, others: &[&str]) {
    let name = page_name(command);
    let above = name.rsplit_once('-').map(|(above, _)| format!("{above}(1)"));
    let root = (name != root).then(|| format!("{root}(1)"));
    let mut pages: Vec<String> = root.into_iter().chain(above).collect();
    pages.extend(others.iter().map(|page| (*page).to_owned()));
    pages.dedup();
    pages.retain(|page| *page != format!("{name}(1)"));
    section(page, "SEE ALSO");
    let pages: Vec<_> = pages.iter().map(|page| format!("\\fB{}\\fR", roff(page))).collect();
    page.push_str(&format!("{}\n", pages.join(", ")));
}

/// The command with its arguments and their values: `repoctl pin [--for TIME] PACKAGE=VERSION...`.
fn synopsis(command: &Command) -> String {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let mut words = vec![format!("\\fB{}\\fR", roff(name))];
    let own = |arg: &&Arg| {
        !arg.is_hide_set()
            && !arg.is_global_set()
            && !matches!(arg.get_id().as_str(), "help" | "version")
    };
    words.extend(command.get_opts().filter(own).map(option));
    let flags = command.get_arguments().filter(own);
    let flags = flags.filter(|arg| !arg.is_positional() && !arg.get_action().takes_values());
    words.extend(flags.map(option));
    if command.get_arguments().any(Arg::is_global_set) {
        words.push("[\\fIOPTIONS\\fR]".to_owned());
    }
    words.extend(command.get_positionals().filter(own).map(positional));
    if command.has_subcommands() {
        words.push("\\fICOMMAND\\fR".to_owned());
    }
    format!("{}\n", words.join(" "))
}

fn values(arg: &Arg) -> String {
    let names: Vec<_> =
        arg.get_value_names().unwrap_or_default().iter().map(|name| roff(name)).collect();
    let many = arg.get_num_args().is_some_and(|range| range.max_values() > names.len().max(1));
    let many = many || matches!(arg.get_action(), clap::ArgAction::Append) && arg.is_positional();
    format!("\\fI{}\\fR{}", names.join(" "), if many { "..." } else { "" })
}

fn option(arg: &Arg) -> String {
    let name = match (arg.get_long(), arg.get_short()) {
        (Some(long), _) => format!("\\fB\\-\\-{}\\fR", roff(long)),
        (None, short) => format!("\\fB\\-{}\\fR", short.unwrap_or_default()),
    };
    let with = match arg.get_action().takes_values() {
        true => format!("{name} {}", values(arg)),
        false => name,
    };
    if arg.is_required_set() { with } else { format!("[{with}]") }
}

fn positional(arg: &Arg) -> String {
    if arg.is_required_set() { values(arg) } else { format!("[{}]", values(arg)) }
}

/// The examples of a help text, and what else it says. Exit codes have a section of their own.
fn examples(after: &str) -> (Vec<String>, Vec<String>) {
    let (mut examples, mut notes) = (Vec::new(), Vec::new());
    let mut heading = "";
    for line in after.lines() {
        let word = line.trim_end_matches(':');
        let is_heading =
            !word.is_empty() && word.chars().all(|c| c.is_ascii_uppercase() || c == ' ');
        match (is_heading && !line.starts_with(' '), line.strip_prefix("  ")) {
            (true, _) => heading = word,
            (false, Some(example)) if heading.starts_with("EXAMPLE") => {
                examples.push(example.to_owned())
            }
            (false, Some(_)) => {}
            (false, None) if !line.trim().is_empty() => notes.push(line.to_owned()),
            (false, None) => {}
        }
    }
    (examples, notes)
}

/// Text that means nothing to roff.
pub fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq");
    match text.starts_with('.') {
        true => format!("\\&{text}"),
        false => text,
    }
}
