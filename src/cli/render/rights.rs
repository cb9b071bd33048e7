//! Groups, grants, and explanations of rights.

use crate::api::{
    AccessChange, AccessGrant, AccessGroup, AccessView, ExplainedDeed, ExplainedGrant, Explanation,
};
use crate::cli::sheet::Sheet;
use crate::cli::table::Table;
use crate::cli::text::{age, count, escape};
use crate::debian::Component;

/// Every grant, as a table; an identity's own grants only with `all`.
pub fn list(view: &AccessView, all: bool, sheet: &Sheet) -> String {
    let mut table = Table::new(&["ROLE", "TO", "SUITES", "COMPONENTS", "PACKAGES", "BY", "GIVEN"]);
    let own = view.grants.iter().filter(|given| given.own).count();
    for given in view.grants.iter().filter(|given| all || !given.own) {
        let grant = &given.grant;
        let by = if given.own { "its certificate".into() } else { given.by.clone() };
        table.row([
            grant.role.as_str().to_owned(),
            grant.to.clone(),
            grant.suites.join(","),
            names(&grant.components),
            grant.packages.join(","),
            by,
            given.at.map(|at| age(at, sheet.now)).unwrap_or_default(),
        ]);
    }
    let mut out = table.lines(0, sheet);
    if !all && own > 0 {
        let rights = count(own, "grant");
        out.push_str(&format!("{rights} beside, given with certificates; --all lists them too\n"));
    }
    for name in &view.shut_out {
        out.push_str(&format!("{} was revoked: nothing counts for it\n", escape(name)));
    }
    out
}

/// Groups, as a table.
pub fn groups(groups: &[AccessGroup], sheet: &Sheet) -> String {
    let mut table = Table::new(&["GROUP", ">MEMBERS", "FIRST"]);
    for group in groups {
        let first = group.members.first().cloned().unwrap_or_default();
        table.row([group.name.clone(), group.members.len().to_string(), first]);
    }
    table.lines(0, sheet)
}

/// One group: its members and grants.
pub fn group(group: &AccessGroup, grants: &[&AccessGrant]) -> String {
    let mut out = format!("{}\n", escape(&group.name));
    for member in &group.members {
        out.push_str(&format!("  {}\n", escape(member)));
    }
    for one in grants {
        out.push_str(&format!("is {}\n", escape(&words(one))));
    }
    if grants.is_empty() {
        out.push_str("was given nothing\n");
    }
    out
}

/// A grant in words: `uploader of stable to ci.example.org, for acme-web* in main`.
pub fn grant(grant: &AccessGrant) -> String {
    let words = words(grant);
    let (what, within) = words.split_once(", for ").unwrap_or((&words, ""));
    match within {
        "" => format!("{what} to {}", grant.to),
        within => format!("{what} to {}, for {within}", grant.to),
    }
}

/// What a grant gives: `uploader of stable, for acme-web* in main`.
fn words(grant: &AccessGrant) -> String {
    let out = format!("{} of {}", grant.role.as_str(), grant.suites.join(" "));
    match limits(&grant.components, &grant.packages) {
        limits if limits.is_empty() => out,
        limits => format!("{out}, for {limits}"),
    }
}

/// What a grant is limited to: `acme-web* in main`; empty for one without limits.
pub fn limits(components: &[Component], packages: &[String]) -> String {
    match (components.is_empty(), packages.is_empty()) {
        (true, _) => packages.join(" "),
        (false, true) => format!("what is in {}", names(components)),
        (false, false) => format!("{} in {}", packages.join(" "), names(components)),
    }
}

/// The changes of rights, one line each: `+` for an addition, `-` for a removal.
pub fn lines(change: &AccessChange) -> Vec<String> {
    let mut lines = Vec::new();
    let of_groups = |sign: &str, groups: &[AccessGroup]| -> Vec<String> {
        let of = |group: &AccessGroup| {
            let line = |member: &String| format!("{sign} group {}: {}", group.name, member);
            group.members.iter().map(line).collect::<Vec<_>>()
        };
        groups.iter().flat_map(of).collect()
    };
    lines.extend(change.revoke.iter().map(|one| format!("- grant {}", grant(one))));
    lines.extend(of_groups("-", &change.leave));
    lines.extend(change.end_groups.iter().map(|name| format!("- group {name}")));
    lines.extend(change.make_groups.iter().map(|name| format!("+ group {name}")));
    lines.extend(of_groups("+", &change.join));
    lines.extend(change.give.iter().map(|one| format!("+ grant {}", grant(one))));
    lines.iter().map(|line| escape(line)).collect()
}

/// What an identity may do, and why.
pub fn explanation(explained: &Explanation) -> String {
    let mut out = format!("{} in suite {}\n", escape(&explained.identity), explained.suite);
    for deed in &explained.deeds {
        let word = if deed.allowed { "yes" } else { "no" };
        out.push_str(&format!("  {:8} {word:3}  {}\n", deed.deed, escape(&why(deed))));
        for more in deed.by.iter().skip(1) {
            out.push_str(&format!("  {:8} {:3}  also {}\n", "", "", escape(&origin(more))));
        }
        if !deed.cure.is_empty() {
            out.push_str(&format!("  {:8} {:3}  {}\n", "", "", escape(&deed.cure)));
        }
    }
    for note in &explained.notes {
        out.push_str(&format!("note: {}\n", escape(note)));
    }
    out
}

fn why(deed: &ExplainedDeed) -> String {
    match deed.by.first() {
        Some(first) => format!("is {}", origin(first)),
        None => deed.missing.clone(),
    }
}

fn origin(by: &ExplainedGrant) -> String {
    let words = words(&by.grant);
    match (&by.member, by.own) {
        (Some(member), _) => {
            format!("{words}, as {member} of group {}", by.grant.to.trim_start_matches('@'))
        }
        (None, true) => format!("{words}, by its own grant"),
        (None, false) => format!("{words}, by a grant to it"),
    }
}

fn names<T: std::fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
