//! Yanks: the versions that no suite of a namespace offers.

use super::rows::{moment, parse, pin_target};
use super::{Answer, Tx, all};
use crate::debian::Namespace;
use crate::domain::{Withdrawn, Yank, YankEdit, Yanks};

const YANKS: &str = "\
    SELECT kind, name, version, author, message, yanked_at FROM yank WHERE namespace = $1";

const YANK: &str = "\
    INSERT INTO yank (namespace, kind, name, version, author, message, yanked_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) \
    ON CONFLICT DO NOTHING";

const UNDO: &str =
    "DELETE FROM yank WHERE namespace = $1 AND kind = $2 AND name = $3 AND version = $4";

/// The yanks of a namespace.
pub fn of(tx: &mut dyn Tx, namespace: &Namespace) -> Answer<Yanks> {
    let yanks = all(tx, YANKS, &[namespace.as_str().into()], |row| {
        Ok(Yank {
            target: pin_target(row, 0)?,
            version: parse(row, 2)?,
            author: parse(row, 3)?,
            message: row.text(4)?.to_owned(),
            at: moment(row, 5)?,
        })
    })?;
    let named = |yank: Yank| {
        (Withdrawn { target: yank.target.clone(), version: yank.version.clone() }, yank)
    };
    Ok(yanks.into_iter().map(named).collect())
}

/// Records what becomes of the yanks of a namespace. What another suite of it has recorded already stays as it is.
pub fn record(tx: &mut dyn Tx, namespace: &Namespace, edits: &[YankEdit]) -> Answer<()> {
    for edit in edits {
        let named = |of: &Withdrawn| {
            let (target, version) = (of.target.clone(), of.version.clone());
            [
                namespace.as_str().to_owned().into(),
                target.kind.as_str().into(),
                target.name.as_str().to_owned().into(),
                version.as_str().to_owned().into(),
            ]
        };
        match edit {
            YankEdit::Undo(of) => tx.exec(UNDO, &named(of))?,
            YankEdit::Yank(yank) => {
                let of = Withdrawn { target: yank.target.clone(), version: yank.version.clone() };
                let [namespace, kind, name, version] = named(&of);
                let (author, message) = (yank.author.as_str().into(), yank.message.as_str().into());
                let values = [namespace, kind, name, version, author, message, yank.at.0.into()];
                tx.exec(YANK, &values)?
            }
        };
    }
    Ok(())
}
