//! Complete: what a shell is offered for the word at the cursor: commands and flags by clap, names by the server.
//!
//! The script of `repoctl completions` runs the program with [`VARIABLE`] set and the words of the line behind `--`.
//! Nothing is said and nothing is offered when the server cannot be asked: a shell has no place for it.

mod names;

use std::ffi::{OsStr, OsString};
use std::sync::Arc;
use std::time::Duration;

use clap::{Arg, Command, CommandFactory as _};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};

use super::args::{Cli, Global};
use super::config::Settings;
use super::terminal::Terminal;
use crate::client::Client;
use crate::debian::SuiteName;
use names::Names;

/// The variable by which a shell says that it wants completions, and which shell it is.
const VARIABLE: &str = "_REPOCTL_COMPLETE";
/// How long a person waits at a line that does not move.
const PATIENCE: Duration = Duration::from_millis(700);

/// For bash, a word ends at `=` and `:`, which stand in `PACKAGE=VERSION`: the words are made of the line
/// anew, and what bash has finished already is taken from the answers.
const BASH_WORDS: &str = r#"
_repoctl_words() {
    local words=() word joined= breaks= finished=
    for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
        if [[ ${#words[@]} -gt 1 && ( $word == [=:]* || $joined ) ]]; then
            words[-1]+=$word
        else
            words+=("$word")
        fi
        [[ $word == [=:]* ]] && joined=1 || joined=
    done
    local current=${words[-1]}
    [[ $COMP_WORDBREAKS == *=* ]] && breaks+==
    [[ $COMP_WORDBREAKS == *:* ]] && breaks+=:
    [[ $breaks ]] && finished=${current%"${current##*[$breaks]}"}
    local COMP_WORDS=("${words[@]}") COMP_CWORD=$((${#words[@]} - 1))
    _clap_complete_repoctl repoctl "$current"
    COMPREPLY=("${COMPREPLY[@]#"$finished"}")
}
complete -o nospace -o bashdefault -o nosort -F _repoctl_words repoctl
"#;

/// The script that makes a shell ask; `None` for a shell that is not known.
pub(super) fn script(shell: &str) -> Option<String> {
    let (shells, mut script) = (Shells::builtins(), Vec::new());
    let completer = shells.completer(shell)?;
    completer.write_registration(VARIABLE, "repoctl", "repoctl", "repoctl", &mut script).ok()?;
    let script = String::from_utf8(script).ok()?;
    Some(if shell == "bash" { script + BASH_WORDS } else { script })
}

/// Answers a shell, and gives whether one asked. It must be called before there is a second thread, because it
/// takes the variable out of the environment.
pub fn answer(arguments: impl IntoIterator<Item = OsString>) -> bool {
    let arguments: Vec<_> = arguments.into_iter().collect();
    let words = arguments.iter().skip_while(|word| *word != "--").skip(1);
    let words = Arc::new(Words(words.map(|word| word.to_string_lossy().into_owned()).collect()));
    let command = || attach(Cli::command(), &[], &words);
    // A shell that is not known is told so by nobody.
    CompleteEnv::with_factory(command).var(VARIABLE).try_complete(arguments, None).unwrap_or(true)
}

/// Has the arguments of a command, and of those below it, ask the server.
fn attach(command: Command, path: &[String], words: &Arc<Words>) -> Command {
    let with_names = command.mut_args(|argument| match names_of(path, &argument) {
        Some(names) => {
            let words = Arc::clone(words);
            argument.add(ArgValueCompleter::new(move |word: &OsStr| words.ask(names, word)))
        }
        None => argument,
    });
    with_names.mut_subcommands(|below| {
        let path = [path, &[below.get_name().to_owned()]].concat();
        attach(below, &path, words)
    })
}

/// What an argument names that is on the server; `None` for what is new there, or is no name.
fn names_of(path: &[String], argument: &Arg) -> Option<Names> {
    let path: Vec<_> = path.iter().map(String::as_str).collect();
    let value = argument.get_value_names()?.first()?.as_str();
    Some(match (value, path.as_slice()) {
        ("SUITE", ["suite", "create"]) => return None,
        ("SUITE", _) => Names::Suites,
        ("PACKAGE", ["unpin"]) => Names::Pinned,
        ("PACKAGE" | "SOURCE", _) => Names::Packages,
        ("PACKAGE[=VERSION]", _) => Names::Versions,
        ("GENERATION", ["promote"]) if argument.get_id() == "expect" => Names::GenerationsOfTo,
        ("GENERATION" | "FROM" | "TO", _) => Names::Generations,
        ("FINGERPRINT", _) => Names::Keys,
        ("GROUP", _) => Names::Groups,
        ("NAME", ["host", "revoke" | "setup" | "grant"]) => Names::Hosts,
        ("NAME", ["identity", "revoke" | "grant"]) => Names::People,
        ("HOST", ["health", ..]) => Names::Hosts,
        ("NAME" | "MEMBER", ["access", ..]) => Names::Identities,
        ("NAME|@GROUP", _) => Names::IdentitiesAndGroups,
        _ => return None,
    })
}

/// Whether a name means nothing to a shell. bash puts it into the line as it comes, and whoever answers may be no
/// server of ours.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:+~=@".contains(c);
    name.chars().all(plain)
}

/// The words of the line, the name of the program first.
struct Words(Vec<String>);

impl Words {
    /// The value of a flag, in either of its forms.
    fn value(&self, flags: &[&str]) -> Option<String> {
        let mut words = self.0.iter();
        while let Some(word) = words.next() {
            if flags.contains(&word.as_str()) {
                return words.next().cloned();
            }
            let long = word.split_once('=').filter(|(flag, _)| flags.contains(flag));
            let short = flags.iter().filter(|flag| flag.len() == 2);
            let mut short = short.filter_map(|flag| word.strip_prefix(flag));
            if let Some(value) = long.map(|(_, value)| value).or_else(|| short.next()) {
                return Some(value.to_owned());
            }
        }
        None
    }

    fn global(&self) -> Global {
        Global {
            server: self.value(&["--server"]),
            cert: self.value(&["--cert"]).map(Into::into),
            key: self.value(&["--key"]).map(Into::into),
            ca: self.value(&["--ca"]).map(Into::into),
            config: self.value(&["--config"]).map(Into::into),
            ..Global::default()
        }
    }

    /// What the server has that begins like the word at the cursor.
    fn ask(&self, names: Names, word: &OsStr) -> Vec<CompletionCandidate> {
        word.to_str().and_then(|word| self.try_ask(names, word)).unwrap_or_default()
    }

    fn try_ask(&self, names: Names, word: &str) -> Option<Vec<CompletionCandidate>> {
        let settings = Settings::settle(&self.global(), &Terminal::of_process()).ok()?;
        let client = Client::new(&settings.credentials().ok()?).ok()?;
        // What is promoted is named as the suite that it is from has it.
        let of: &[&str] = match names {
            Names::GenerationsOfTo => &["--to"],
            _ => &["--suite", "-s", "--from"],
        };
        let named = self.value(of).and_then(|name| SuiteName::parse(&name).ok());
        let suite = named.or(settings.suite);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let asked = names.list(&client, suite.as_ref(), word);
        let found = runtime.block_on(async { tokio::time::timeout(PATIENCE, asked).await });
        // A name server that says nothing is waited for by a thread of its own.
        runtime.shutdown_background();
        let found = found.ok()?.ok()?.into_iter().filter(|name| is_plain(name));
        Some(found.map(CompletionCandidate::new).collect())
    }
}
