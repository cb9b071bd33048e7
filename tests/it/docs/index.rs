//! The index of the pages: it has each of them, and the README leads to it at once.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::pages::{Page, pages, read, root};

/// The files that a page links to, without what is on other servers.
fn linked(page: &Page) -> BTreeSet<PathBuf> {
    let links = page.links().into_iter().map(|(_, link)| link.split('#').next().unwrap());
    let ours = links.filter(|link| !link.is_empty() && !link.contains("://"));
    ours.filter_map(|link| page.folder().join(link).canonicalize().ok()).collect()
}

fn named(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

#[test]
fn each_page_is_in_the_index_and_each_decision_behind_it() {
    let all = pages();
    let docs = root().join("docs").canonicalize().unwrap();
    let index = docs.join("README.md");
    let page_at = |path: &Path| all.iter().find(|page| page.path() == path);
    let first = linked(page_at(&index).expect("docs/README.md is there"));
    let mut reached = BTreeSet::from([index.clone()]);
    let mut next: Vec<_> = first.iter().cloned().collect();
    while let Some(path) = next.pop() {
        if let Some(page) = page_at(&path).filter(|_| reached.insert(path.clone())) {
            next.extend(linked(page));
        }
    }
    let of_docs: Vec<_> = all.iter().filter(|page| page.path().starts_with(&docs)).collect();
    assert!(of_docs.len() > 50, "only {} pages were found", of_docs.len());
    for path in of_docs.iter().map(|page| page.path()) {
        assert!(reached.contains(path), "nothing leads from docs/README.md to {}", named(path));
        let is_top = path.parent() == Some(&docs) && path != index;
        assert!(!is_top || first.contains(path), "docs/README.md has no row for {}", named(path));
    }
}

#[test]
fn the_readme_leads_to_the_index_before_anything_else() {
    let readme = read("README.md");
    let (top, _) = readme.split_once("\n## ").expect("the README has sections");
    assert!(
        top.contains("](docs/README.md)"),
        "the top of README.md has no link to docs/README.md"
    );
}

/// A link to a heading leads to a heading that is there, named as GitHub names it.
#[test]
fn each_link_to_a_heading_leads_to_one() {
    let all = pages();
    let mut seen = 0;
    for page in &all {
        for (line, link) in page.links() {
            let Some((file, heading)) = link.split_once('#').filter(|_| !link.contains("://"))
            else {
                continue;
            };
            let to = if file.is_empty() {
                page.path().to_owned()
            } else {
                page.folder().join(file).canonicalize().unwrap_or_default()
            };
            let to = all.iter().find(|one| one.path() == to);
            let Some(to) = to else { continue };
            let there = to.headings().iter().any(|one| one == heading);
            assert!(there, "{}: {link}: there is no such heading", page.at(line));
            seen += 1;
        }
    }
    assert!(seen > 50, "only {seen} links to headings were found");
}
