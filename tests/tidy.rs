//! The shape of the source holds: the module graph of docs/ARCHITECTURE.md, the layers, the size of
//! files, and the agreement of message ids with docs/messages.md. Every finding is printed as
//! `path:line: what, what to do instead`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of code and comments that a file may have before it should become a folder.
const FILE_LINES_MAX: usize = 450;

/// What a core module may not name.
const FORBIDDEN_IN_CORE: [&str; 12] = [
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "std::thread",
    "SystemTime",
    "Instant::now",
    "tokio::",
    "println!",
    "eprintln!",
    "std::time::Instant",
    "async fn",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file without its test module.
fn code_of(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or(text)
}

fn rust_files(dir: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(dir).expect("a folder").map(|e| e.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// Every source file: path from the root, node of the graph, text.
fn sources() -> Vec<(String, String, String)> {
    let mut files = Vec::new();
    rust_files(&root().join("src"), &mut files);
    let source = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("UTF-8");
        let name = path.strip_prefix(root()).expect("below").display().to_string();
        (name.clone(), node_of(&name), text)
    };
    files.into_iter().map(source).collect()
}

/// The node of the module graph that a file belongs to. The journal's store is the one shell module
/// inside a core folder.
fn node_of(path: &str) -> String {
    let parts: Vec<&str> = path.trim_start_matches("src/").trim_end_matches(".rs").split('/').collect();
    match parts.as_slice() {
        ["journal", "store" | "writer", ..] => "journal.store".into(),
        [first, ..] => (*first).to_owned(),
        [] => String::new(),
    }
}

/// The graph as docs/ARCHITECTURE.md states it.
fn graph() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).expect("docs/ARCHITECTURE.md");
    let block = text.split("```graph\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a ```graph block");
    let line = |line: &str| {
        let (node, uses) = line.split_once(':').unwrap_or_else(|| panic!("no colon in `{line}`"));
        (node.trim().to_owned(), uses.split_whitespace().map(str::to_owned).collect())
    };
    block.lines().filter(|l| !l.trim().is_empty()).map(line).collect()
}

/// Modules of this crate that a file names, with the line.
fn uses(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for part in code.split("crate::").skip(1) {
            if let Some(list) = part.strip_prefix('{') {
                found.extend(list.split(&[',', '}'][..]).map(|w| (number + 1, node_named(w))));
            } else {
                found.push((number + 1, node_named(part)));
            }
        }
    }
    found.retain(|(_, module)| !module.is_empty());
    found
}

/// The node that a path behind `crate::` leads to.
fn node_named(path: &str) -> String {
    let path = path.trim();
    if path.starts_with("journal::store") || path.starts_with("journal::{store") {
        return "journal.store".into();
    }
    path.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

/// The nodes of which some file is shell.
fn shell_nodes() -> BTreeSet<String> {
    let shell = sources().into_iter().filter(|(_, _, text)| text.contains("//! Layer: shell\n"));
    shell.map(|(_, node, _)| node).collect()
}

fn report(findings: &[String]) {
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

#[test]
fn modules_use_only_what_the_graph_allows() {
    let graph = graph();
    let mut findings = Vec::new();
    for (path, node, text) in sources() {
        if matches!(node.as_str(), "lib" | "main") {
            continue;
        }
        let Some(allowed) = graph.get(&node) else {
            findings.push(format!("{path}:1: module `{node}` is not in the graph of docs/ARCHITECTURE.md, add it"));
            continue;
        };
        for (line, used) in uses(code_of(&text)) {
            let own = used == node.split('.').next().unwrap_or_default();
            let known = graph.contains_key(&used);
            if known && !own && !allowed.contains(&used) {
                findings.push(format!("{path}:{line}: `{node}` may not use `{used}`, see docs/ARCHITECTURE.md"));
            }
        }
    }
    report(&findings);
}

#[test]
fn no_core_module_uses_a_shell_module() {
    let shell = shell_nodes();
    let mut findings = Vec::new();
    for (node, uses) in graph().iter().filter(|(node, _)| !shell.contains(*node)) {
        for used in uses.iter().filter(|used| shell.contains(*used)) {
            findings.push(format!("docs/ARCHITECTURE.md: core module `{node}` may not use shell module `{used}`"));
        }
    }
    report(&findings);
}

#[test]
fn the_graph_has_no_cycle() {
    let graph = graph();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    loop {
        let next = graph.iter().find(|(node, uses)| {
            !done.contains(node.as_str()) && uses.iter().all(|u| done.contains(u.as_str()) || u == *node)
        });
        let Some((node, _)) = next else { break };
        done.insert(node);
    }
    let stuck: Vec<_> = graph.keys().filter(|node| !done.contains(node.as_str())).collect();
    assert!(stuck.is_empty(), "modules that use each other in a circle: {stuck:?}");
}

#[test]
fn every_file_says_what_it_is_for_and_its_layer() {
    let mut findings = Vec::new();
    for (path, node, text) in sources() {
        if !text.starts_with("//!") {
            findings.push(format!("{path}:1: no opening comment, say what the file is for"));
        }
        if !text.lines().any(|l| l == "//! Layer: core" || l == "//! Layer: shell") && node != "main" {
            findings.push(format!("{path}:1: no layer, end the opening comment with `//! Layer: core` or `shell`"));
        }
        let lines = code_of(&text).lines().count();
        if lines > FILE_LINES_MAX {
            findings.push(format!("{path}:{lines}: {lines} lines, make it a folder"));
        }
    }
    report(&findings);
}

#[test]
fn the_core_is_pure() {
    let mut findings = Vec::new();
    for (path, _, text) in sources() {
        if !text.contains("//! Layer: core\n") {
            continue;
        }
        for (number, line) in code_of(&text).lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for word in FORBIDDEN_IN_CORE.iter().filter(|word| code.contains(**word)) {
                findings.push(format!("{path}:{}: core names `{word}`, leave it to the shell", number + 1));
            }
        }
    }
    report(&findings);
}

/// Ids of the form WTRnnnt in a text.
fn message_ids(text: &str) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for (at, _) in text.match_indices("WTR") {
        let id: String = text[at..].chars().take(7).collect();
        let shape = id.len() == 7
            && id[3..6].bytes().all(|b| b.is_ascii_digit())
            && matches!(id.as_bytes()[6], b'I' | b'W' | b'E' | b'A' | b'S');
        if shape {
            ids.insert(id);
        }
    }
    ids
}

#[test]
fn every_message_id_is_documented_and_every_documented_one_exists() {
    let mut used = BTreeSet::new();
    for (_, _, text) in sources() {
        let code = code_of(&text);
        let quoted = code.lines().filter(|l| !l.trim_start().starts_with("//")).filter(|l| l.contains("\"WTR"));
        used.extend(quoted.flat_map(message_ids));
    }
    let documented = fs::read_to_string(root().join("docs/messages.md")).expect("docs/messages.md");
    let headings = documented.lines().filter(|l| l.starts_with("## "));
    let documented: BTreeSet<String> = headings.flat_map(message_ids).collect();
    let missing: Vec<_> = used.difference(&documented).collect();
    let stale: Vec<_> = documented.difference(&used).collect();
    assert!(missing.is_empty() && stale.is_empty(), "not in docs/messages.md: {missing:?}; not in the code: {stale:?}");
}

/// Bounds that no test meets, and why.
const UNMET: [(&str, &str); 18] = [
    ("SITUATIONS_RECORDS_MAX", "a million records; the same code as SITUATIONS_MAX"),
    ("SCHEDULE_LEAP_MAX", "a leap of years is tested"),
    ("SCHEDULE_MISSED_COUNTED_MAX", "missed times are tested; beyond it they are not counted"),
    ("WAIT_AFTER_START", "a time; its effect is tested"),
    ("INPUT_CHUNK_BYTES", "a size of buffers; no cutting of the bytes makes a difference"),
    ("INPUT_HEAD_BYTES", "a size of samples; files of all sizes are tested"),
    ("INPUT_LEAVING_FILES_MAX", "64 renames within ten seconds"),
    ("INPUT_DIRECTORIES_MAX", "beyond it the poll finds what is new, which is tested"),
    ("INPUT_REMEMBERED_FILES_MAX", "beyond it a file is read again, which decides nothing anew, which is tested"),
    ("INPUT_COUNTED_BYTES_MAX", "beyond it a line has no number"),
    ("INPUT_DATAGRAM_BYTES_MAX", "no socket here sends one that long"),
    ("INPUT_COMMAND_BACKOFF_MAX", "a time"),
    ("INPUT_COMMAND_GRACE", "a time; its effect is tested"),
    ("STEP_GRACE", "a time; its effect is tested with a shorter one"),
    ("STEP_LINGER", "a time; its effect is tested with a shorter one"),
    ("SEND_CONNECT", "a time"),
    ("JOURNAL_GROUP_ENTRIES", "a size of transactions; groups are tested"),
    ("JOURNAL_RETRY_PAUSE", "a time; its effect is tested"),
];

#[test]
fn every_bound_is_met_by_a_test_or_says_why_not() {
    let mut files = Vec::new();
    rust_files(&root().join("tests"), &mut files);
    files.retain(|path| !path.ends_with("tidy.rs"));
    rust_files(&root().join("src"), &mut files);
    let tests: String = files
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).expect("UTF-8");
            let all_test = path.strip_prefix(root()).is_ok_and(|path| path.to_string_lossy().contains("tests"));
            if all_test { text } else { text[code_of(&text).len()..].to_owned() }
        })
        .collect();
    let words: BTreeSet<&str> = tests.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let limits = fs::read_to_string(root().join("src/limits.rs")).expect("src/limits.rs");
    let mut findings = Vec::new();
    for line in limits.lines() {
        let Some(name) = line.strip_prefix("pub const ").and_then(|rest| rest.split(':').next()) else { continue };
        let excused = UNMET.iter().any(|(unmet, _)| *unmet == name);
        match (words.contains(name), excused) {
            (false, false) => findings.push(format!(
                "src/limits.rs: no test names {name}: see tests/limits.rs, or say in UNMET why none can"
            )),
            (true, true) => findings.push(format!("tests/tidy.rs: {name} is met by a test, take it off the list")),
            _ => {}
        }
    }
    report(&findings);
}
