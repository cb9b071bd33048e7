//! The snippets for programs that the gate does not install: `tests/recipes` runs each of them.

use super::pages::{pages, read, root};

/// Pages on which every snippet has a marker.
const WHOLE: [&str; 3] = ["docs/proxies.md", "docs/bootstrapping.md", "docs/automation.md"];

/// The scripts that `tests/recipes` runs, joined.
fn scripts() -> String {
    let entries = std::fs::read_dir(root().join("tests/recipes-inside")).unwrap();
    let read = |path| std::fs::read_to_string(path).unwrap();
    entries.map(|entry| read(entry.unwrap().path())).collect::<Vec<_>>().join("\n")
}

/// `<!-- recipe: NAME -->`, alone on its line.
fn marked(line: &str) -> Option<&str> {
    line.strip_prefix("<!-- recipe: ")?.strip_suffix(" -->")
}

#[test]
fn every_recipe_on_a_page_is_run_by_the_recipes() {
    let scripts = scripts();
    let runs = |name: &str| {
        let verbs = ["block $page ", "place ", "run_block $page "];
        let ends = |rest: &str| rest.is_empty() || rest.starts_with([' ', '\n', ')']);
        verbs.iter().any(|verb| scripts.split(&format!("{verb}{name}")).skip(1).any(ends))
    };
    let mut seen = 0;
    for page in pages() {
        let text = std::fs::read_to_string(page.path()).unwrap();
        for name in text.lines().filter_map(marked) {
            assert!(runs(name), "{}: tests/recipes does not run {name}", page.at(0));
            seen += 1;
        }
    }
    assert!(seen > 15, "only {seen} recipes were found");
}

#[test]
fn every_snippet_of_a_page_of_recipes_is_one() {
    for path in WHOLE {
        let page = read(path);
        let lines: Vec<_> = page.lines().collect();
        let mut inside = false;
        for (at, line) in lines.iter().enumerate() {
            let Some(kind) = line.trim_start().strip_prefix("```") else { continue };
            inside = !inside;
            let runs_in_the_gate = matches!(kind, "sh" | "sh host");
            let before = at.checked_sub(1).and_then(|before| marked(lines[before]));
            assert!(
                !inside || runs_in_the_gate || before.is_some(),
                "{path}:{}: name it for tests/recipes, in a line <!-- recipe: NAME -->",
                at + 1
            );
        }
    }
}
