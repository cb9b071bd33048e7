//! `repoctl who-has --vulnerable`.

use super::Session;
use crate::api::{InstalledQuery, MOST_ASKED_PACKAGES, YankView};
use crate::cli::args::VulnerableArgs;
use crate::cli::failure::Failure;
use crate::cli::flaws::{self, Reader, answer};
use crate::cli::render;
use crate::debian::Namespace;
use crate::domain::vulnerable::join;
use crate::domain::{Identity, PinKind, PinTarget, Yank};
use crate::time::Moment;

/// How many records that were left out are told to people.
const MOST_SHOWN: usize = 10;

/// Shows which hosts have installed what is known to be vulnerable. The files are read here; the server never sees them.
///
/// # Errors
/// A [`Failure`] when a file has no record, when nothing is known of the flaw that is asked for, from the server or from
/// the network.
pub async fn vulnerable(
    session: &mut Session<'_>,
    only: Option<&String>,
    (args, all): (&VulnerableArgs, bool),
) -> Result<(), Failure> {
    let mut reader = Reader::new(only.cloned());
    let mut spent = 0;
    for path in &args.from {
        flaws::read(&mut reader, path, &mut spent)?;
    }
    let yanks = session.client.list_yanks().await?;
    let yanks = yanks.into_iter().filter(|yank| only.is_none_or(|name| mentions(yank, name)));
    let yanks: Vec<(Namespace, Yank)> = yanks.map(known).collect::<Result<_, _>>()?;
    if let Some(name) = only.filter(|_| !reader.known.is_known() && yanks.is_empty()) {
        return Err(unknown(name, args, reader));
    }
    let mut names: Vec<String> = reader.known.sources().map(ToString::to_string).collect();
    names.extend(yanks.iter().map(|(_, yank)| yank.target.name.to_string()));
    names.sort();
    names.dedup();
    let few = !names.is_empty() && names.len() <= MOST_ASKED_PACKAGES;
    let query = InstalledQuery { packages: few.then(|| names.join(",")), all };
    let said = session.client.fleet_installed(&query).await?;
    let joined = join(&answer::fleet(&said), &reader.known, &yanks, args.unimportant);
    let withdrawn = reader.known.withdrawn().to_vec();
    let found = answer::answer(&said, reader, joined);
    session.show(&found, |sheet| render::vulnerable::found(&found, sheet));
    if !session.json {
        let mut told = render::vulnerable::left_out(&found.records, MOST_SHOWN);
        for record in &withdrawn {
            told.push_str(&format!("{record} was withdrawn, and concerns nothing\n"));
        }
        told.push_str(&render::vulnerable::counts(&found));
        session.around.complain(&told);
    }
    Ok(())
}

fn unknown(name: &str, args: &VulnerableArgs, reader: Reader) -> Failure {
    let failure = match args.from.is_empty() {
        true => Failure::refused(format!("no yank names {name}, and no records were given"))
            .with_hint("give records with --from FILE"),
        false => {
            let read = crate::cli::text::count(reader.read(), "record");
            Failure::refused(format!("none of {read} is about {name}; nothing is known of it"))
                .with_hint("is the name right, and are the files new enough?")
        }
    };
    failure.with_reasons(reader.faults.told.iter().take(5).map(|one| one.told()).collect())
}

/// Whether the reason of a yank has this name as a word.
fn mentions(yank: &YankView, name: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    yank.message.split(|c| !is_inner(c)).any(|word| word.eq_ignore_ascii_case(name))
}

fn known(yank: YankView) -> Result<(Namespace, Yank), Failure> {
    let kind = match yank.kind {
        crate::api::PinKind::Source => PinKind::Source,
        crate::api::PinKind::Binary => PinKind::Binary,
    };
    let author = Identity::parse(&yank.author);
    let author =
        author.map_err(|error| Failure::refused(format!("the server's answer: {error}")))?;
    let target = PinTarget { kind, name: yank.package };
    let (message, at) = (yank.message, Moment(yank.at));
    Ok((yank.namespace, Yank { target, version: yank.version, author, message, at }))
}
