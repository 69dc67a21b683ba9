//! Mistakes in what people write: each directory of tests/policy/bad holds one kind of mistake, and
//! the file of its name exactly what wtor says about it. `UPDATE_GOLDEN=1` writes those files anew.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wtor::action::{Allowed, Site};
use wtor::config::{Config, covers_copy};
use wtor::diagnostic::{has_errors, render_short, report, to_json};
use wtor::load::{Standing, Texts, open_to_somebody, unmet};
use wtor::policy::{Catalogue, Policy};
use wtor::replay::prove;
use wtor::span::TextFile;

const BAD: &str = "tests/policy/bad";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a directory with this ending, in order, named as from `base`.
fn texts(base: &Path, directory: &str, ending: &str) -> Texts {
    let mut files = Vec::new();
    let mut todo = vec![base.join(directory)];
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|e| e == ending) && path.symlink_metadata().is_ok() {
            files.push(path);
        }
    }
    files.sort();
    let mut texts = Texts::default();
    files.iter().for_each(|path| texts.read(path, path.strip_prefix(base).unwrap().to_str().unwrap()));
    texts
}

/// What wtor says about a directory with `rules`, `jobs` and `wtor.toml`.
fn said_about(directory: &Path) -> (String, Vec<wtor::diagnostic::Diagnostic>) {
    let (rules, jobs) = (texts(directory, "rules", "toml"), texts(directory, "jobs", "toml"));
    let unread = [rules.unread, jobs.unread].concat();
    let (rules, jobs) = (rules.files, jobs.files);
    let mut found = Vec::new();
    let mut keep = Config::default().journal_keep;
    let mut site = Site::default();
    for (name, text) in texts(directory, "wtor.toml", "toml").files {
        let (config, mistakes) = Config::load(&name, &text);
        let config = config.unwrap_or_default();
        keep = config.journal_keep;
        site = Site { allowed: Allowed::only(config.programs.as_deref()), mail: config.mail };
        found.extend(mistakes);
    }
    let (policy, mistakes) = Policy::load(&rules, &jobs);
    assert_eq!(policy.is_none(), has_errors(&mistakes));
    found.extend(unread);
    found.extend(mistakes);
    found.extend(policy.iter().flat_map(|policy| unmet(policy, &jobs, &site)));
    let stories = texts(directory, "rules", "story").files;
    let policy = policy.map(Arc::new);
    if let (Some(policy), Some("review")) = (&policy, directory.file_name().and_then(|name| name.to_str())) {
        let catalogue = Catalogue::new(&texts(directory, "rules", "txt").files);
        found.extend(policy.review(&rules, &catalogue, keep));
    }
    if let (Some(policy), false) = (policy, stories.is_empty()) {
        let proof = prove(&policy, &stories, wtor::rule::Brakes::default(), &|_| true);
        found.extend(proof.stories.iter().flat_map(|(_, wrong)| wrong.clone()));
        found.extend(proof.unproved(&rules));
    }
    if directory.ends_with("open-to-others") {
        found.extend(open_to_others());
    }
    if directory.ends_with("config-copy-covered") {
        let (name, text) = texts(directory, "wtor.toml", "toml").files.remove(0);
        let source = &Config::load(&name, &text).0.unwrap().sources[0];
        // Which file is older only the file system knows.
        found.push(covers_copy(&TextFile::new(&name, &text), source, "logs/app.log", "logs/app-20261121.log"));
    }
    let in_force = if has_errors(&found) { "nothing is in force" } else { "the policy can be used" };
    let read = if rules.len() == 1 { "1 rule file".to_owned() } else { format!("{} rule files", rules.len()) };
    (report(&read, &found, in_force), found)
}

/// What only the file system knows, and git does not keep: each way in which a file of the policy is not root's alone.
fn open_to_others() -> Vec<wtor::diagnostic::Diagnostic> {
    let of_root = Standing { owner: 0, group: 0, mode: 0o100_664, list: false };
    let open = |name: &str, standing: Standing| open_to_somebody(Path::new(name), &standing);
    assert!(open("rules", of_root).is_none());
    let cases = [
        ("jobs", Standing { mode: 0o40_777, ..of_root }),
        ("rules/group.toml", Standing { group: 50, ..of_root }),
        ("rules/list.toml", Standing { list: true, ..of_root }),
        ("rules/other.toml", Standing { owner: 1000, mode: 0o100_600, ..of_root }),
        ("wtor.toml", Standing { mode: 0o100_646, ..of_root }),
    ];
    cases.into_iter().map(|(name, standing)| open(name, standing).unwrap_or_else(|| panic!("{name}"))).collect()
}

fn cases() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(BAD)).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    cases.sort();
    cases
}

#[test]
fn every_mistake_is_said_exactly_so() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    for case in cases() {
        let (text, found) = said_about(&case);
        assert!(!found.is_empty(), "{} has no mistake", case.display());
        let golden = case.with_extension("txt");
        if update {
            fs::write(&golden, &text).unwrap();
        } else if fs::read_to_string(&golden).unwrap_or_default() != text {
            wrong.push(format!("{}:\n{text}", golden.display()));
        }
    }
    assert!(wrong.is_empty(), "not as recorded (UPDATE_GOLDEN=1 records):\n{}", wrong.join("\n"));
}

#[test]
fn one_mistake_has_one_first_line_and_one_json_object() {
    for case in cases() {
        let (_, found) = said_about(&case);
        let short = render_short(&found);
        assert_eq!(short.lines().count(), found.len(), "{short}");
        for diagnostic in &found {
            let json = to_json(diagnostic);
            let first = match json["at"]["line"].as_u64() {
                Some(0) => format!("{}: ", json["at"]["file"]),
                _ => format!("{}:{}:{}: ", json["at"]["file"], json["at"]["line"], json["at"]["column"]),
            };
            assert!(short.contains(&first.replace('"', "")), "{first} in {short}");
        }
    }
}

/// The ids in a text that a function of it accepts.
fn ids(text: &str) -> BTreeSet<String> {
    let pattern = regex::Regex::new(r"WTR0\d\d[EWI]").unwrap();
    pattern.find_iter(text).map(|id| id.as_str().to_owned()).collect()
}

#[test]
fn every_id_has_its_mistake_and_its_entry() {
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    let used = ids(&read(&root().join("src/diagnostic/id.rs")));
    let shown: String = cases().iter().map(|case| read(&case.with_extension("txt"))).collect();
    assert_eq!(used, ids(&shown), "ids in src/diagnostic/id.rs, and ids that {BAD} shows");
    let messages = read(&root().join("docs/messages.md"));
    let entries: Vec<&str> = messages.split("\n## ").skip(1).collect();
    for id in used {
        let entry = entries.iter().find(|entry| entry.starts_with(&id));
        let entry = entry.unwrap_or_else(|| panic!("docs/messages.md has no entry for {id}"));
        for part in ["**Explanation.**", "**System action.**", "**Operator response.**"] {
            assert!(entry.contains(part), "the entry of {id} has no {part}");
        }
    }
}

/// Whatever a file holds, there is an answer and no panic: the corpus with a few bytes changed.
#[test]
fn no_text_makes_it_panic() {
    let mut corpus = Vec::new();
    for case in cases() {
        for directory in ["rules", "jobs", "wtor.toml"] {
            corpus.extend(texts(&case, directory, "toml").files.into_iter().map(|(_, text)| text));
        }
    }
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    let mut random = fastrand::Rng::with_seed(seed);
    let pieces =
        ["'", "\"", "{", "}", "[", "]", "=", "\n", "\\", "${", "'''", "(", "ü", "\0", ",", "[[rule]]\n", "¬", "\r\n"];
    for _ in 0..3000 {
        let mut text = corpus[random.usize(..corpus.len())].clone();
        for _ in 0..random.usize(1..4) {
            let mut at = random.usize(..=text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            match (random.bool(), text[at..].chars().next()) {
                (true, Some(_)) => drop(text.remove(at)),
                _ => text.insert_str(at, pieces[random.usize(..pieces.len())]),
            }
        }
        let file = |name: &str| [(name.to_owned(), text.clone())];
        let (_, found) = Policy::load(&file("rules/a.toml"), &file("jobs/x.toml"));
        let (_, more) = Config::load("wtor.toml", &text);
        let found = [found, more].concat();
        assert!(report("1 rule file", &found, "nothing is in force").ends_with('\n'));
    }
}

#[test]
fn the_example_is_good_complete_and_true_about_defaults() {
    let example = fs::read_to_string(root().join("docs/wtor.toml")).unwrap();
    let load = |text: &str| {
        let (config, found) = Config::load("docs/wtor.toml", text);
        assert!(found.is_empty(), "{}", report("1 file", &found, ""));
        config.unwrap()
    };
    let whole = load(&example);
    assert_eq!(whole.sources.len(), 9);
    // Places move with the lines.
    let placeless = |text: &str| {
        let mut config = load(text);
        config.sources.iter_mut().for_each(|source| source.place = wtor::span::Place::default());
        config
    };
    for line in example.lines().filter(|line| line.contains("# default")) {
        let without = example.replacen(line, "", 1);
        assert_eq!(placeless(&without), placeless(&example), "{line}");
    }
    // A key that nobody knows makes wtor list those it knows.
    for table in ["", "[limits]\n", "[journal]\n", "[allow]\n", "[mail]\n", "[control]\n", "[[source]]\n"] {
        let (_, found) = Config::load("wtor.toml", &format!("{table}qqqqqq = 1\n"));
        let help: String = found.iter().filter_map(|d| d.help.clone()).filter(|help| help.contains("knows")).collect();
        let keys: Vec<&str> = help.split("knows").nth(1).unwrap().split('`').skip(1).step_by(2).collect();
        assert!(!keys.is_empty());
        for key in keys {
            let written = ["{} = ", "[{}]", "[[{}]]"].map(|form| format!("\n{}", form.replace("{}", key)));
            assert!(written.iter().any(|form| example.contains(form)), "docs/wtor.toml does not show `{key}`");
        }
    }
}
