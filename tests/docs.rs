//! Documentation runs: README.md and docs/*.md say what is so. The words behind the fence of a block
//! say what it is:
//!
//! - `toml rule [PATH]`: rules. They have no mistakes, and their samples hold.
//! - `toml when`: conditions, one a line. They have no mistakes.
//! - `toml job PATH`: a job without mistakes, also for the rules of the same page.
//! - `toml config [PATH]`: a `wtor.toml` without mistakes.
//! - `log PATH`, `toml rule-with-mistakes PATH`: a file that the commands of the page find.
//! - `console`: commands behind `$`, run one after another in a directory that holds the files of the
//!   page (and the shipped rules and jobs, unless the page has its own). What they print stands below
//!   them; `…` is any text, alone on a line any lines.
//! - `sh`: commands that are not run. Those of wtor have arguments that it takes.
//!
//! Everything else is for reading only. Relative links lead to something.

use clap::Parser as _;
use regex::Regex;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use wtor::cli::args::Cli;
use wtor::config::Config;
use wtor::diagnostic::{has_errors, render_full};
use wtor::policy::Policy;
use wtor::rule::sample::Verdict;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A page of the documentation.
struct Page {
    /// Path from the root.
    name: String,
    text: String,
}

/// A fenced block.
struct Block {
    /// Line of the fence, from 1.
    line: usize,
    /// The words behind the fence.
    words: Vec<String>,
    text: String,
}

impl Block {
    fn is(&self, kind: &str) -> bool {
        let wanted: Vec<&str> = kind.split(' ').collect();
        self.words.len() >= wanted.len() && self.words.iter().zip(&wanted).all(|(word, wanted)| word == wanted)
    }

    /// The path behind the kind.
    fn path(&self) -> Option<&str> {
        self.words.last().map(String::as_str).filter(|word| word.contains(['/', '.']))
    }
}

impl Page {
    fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        for (number, line) in self.text.lines().enumerate() {
            match (&mut open, line.strip_prefix("```")) {
                (None, Some(words)) => {
                    let words = words.split_whitespace().map(str::to_owned).collect();
                    open = Some(Block { line: number + 1, words, text: String::new() });
                }
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(block), None) => {
                    block.text += line;
                    block.text.push('\n');
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a block is not closed", self.name);
        blocks
    }

    fn of_kind(&self, kind: &str) -> Vec<Block> {
        self.blocks().into_iter().filter(|block| block.is(kind)).collect()
    }
}

fn pages() -> Vec<Page> {
    let mut paths = vec![root().join("README.md")];
    let docs = fs::read_dir(root().join("docs")).expect("docs").map(|entry| entry.expect("an entry").path());
    paths.extend(docs.filter(|path| path.extension().is_some_and(|e| e == "md")));
    paths.sort();
    let page = |path: PathBuf| Page {
        name: path.strip_prefix(root()).expect("below").display().to_string(),
        text: fs::read_to_string(&path).expect("UTF-8"),
    };
    paths.into_iter().map(page).collect()
}

/// The shipped files of a directory.
fn shipped(directory: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(root().join(directory)).expect("readable").map(|entry| entry.expect("an entry").path());
    let read = |path: PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (format!("{directory}/{name}"), fs::read_to_string(&path).expect("UTF-8"))
    };
    let mut files: Vec<_> = entries.filter(|path| path.is_file()).map(read).collect();
    files.sort();
    files
}

/// The jobs that the rules of a page may run: its own, and the shipped ones.
fn jobs(page: &Page) -> Vec<(String, String)> {
    let mut jobs = shipped("jobs");
    for block in page.of_kind("toml job") {
        let path =
            block.path().unwrap_or_else(|| panic!("{}:{}: a job needs a path", page.name, block.line)).to_owned();
        let stem = Path::new(&path).file_stem().map(ToOwned::to_owned);
        jobs.retain(|(name, _)| Path::new(name).file_stem().map(ToOwned::to_owned) != stem);
        jobs.push((path, block.text));
    }
    jobs
}

fn report(findings: &[String]) {
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

/// Loads one file of rules with the jobs of its page, and tries its samples.
fn rule_findings(page: &Page, line: usize, text: &str) -> Vec<String> {
    let place = format!("{}:{line}", page.name);
    let (policy, mistakes) = Policy::load(&[("rules/here.toml".into(), text.into())], &jobs(page));
    let Some(policy) = policy else { return vec![format!("{place}:\n{}", render_full(&mistakes))] };
    let verdicts = policy.rules.iter().flat_map(|rule| rule.try_samples().map(move |(_, verdict)| (rule, verdict)));
    let failed = verdicts.filter(|(_, verdict)| !matches!(verdict, Verdict::Passed));
    failed.map(|(rule, verdict)| format!("{place}: rule {}: {verdict}", rule.name)).collect()
}

#[test]
fn rules_and_conditions_have_no_mistakes() {
    let mut findings = Vec::new();
    for page in pages() {
        for block in page.of_kind("toml rule") {
            findings.extend(rule_findings(&page, block.line, &block.text));
        }
        for block in page.of_kind("toml when") {
            for (number, line) in block.text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
                let rule = format!("[[rule]]\nname = 'here'\n{line}\n");
                findings.extend(rule_findings(&page, block.line + 1 + number, &rule));
            }
        }
    }
    report(&findings);
}

#[test]
fn jobs_have_no_mistakes() {
    for page in pages() {
        let (_, mistakes) = Policy::load(&[], &jobs(&page));
        assert!(mistakes.is_empty(), "{}:\n{}", page.name, render_full(&mistakes));
    }
}

#[test]
fn configurations_have_no_mistakes() {
    let mut findings = Vec::new();
    let mut texts: Vec<(String, String)> = Vec::new();
    for page in pages() {
        let blocks = page.of_kind("toml config").into_iter();
        texts.extend(blocks.map(|block| (format!("{}:{}", page.name, block.line), block.text)));
    }
    let example = fs::read_to_string(root().join("docs/wtor.toml")).expect("docs/wtor.toml");
    texts.push(("docs/wtor.toml".into(), example));
    for (place, text) in texts {
        let (_, mistakes) = Config::load("wtor.toml", &text);
        if has_errors(&mistakes) {
            findings.push(format!("{place}:\n{}", render_full(&mistakes)));
        }
    }
    report(&findings);
}

/// A directory with the files of a page.
fn directory(page: &Page) -> tempfile::TempDir {
    let temporary = tempfile::tempdir().expect("a directory");
    let mut files: Vec<(String, String)> = Vec::new();
    for block in page.blocks() {
        let kept = ["toml rule", "toml job", "toml config", "toml rule-with-mistakes", "log"];
        if let (true, Some(path)) = (kept.iter().any(|kind| block.is(kind)), block.path()) {
            files.push((path.to_owned(), block.text));
        }
    }
    for folder in ["rules", "jobs"] {
        if !files.iter().any(|(path, _)| path.starts_with(&format!("{folder}/")) && path.ends_with(".toml")) {
            files.extend(shipped(folder));
        }
    }
    for (path, text) in files {
        let path = temporary.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }
    temporary
}

/// The commands of a console block, each with what it prints.
fn commands(block: &Block) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    for line in block.text.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            commands.push((command.to_owned(), String::new()));
        } else if let Some((_, output)) = commands.last_mut() {
            *output += line;
            output.push('\n');
        }
    }
    commands
}

/// Whether the output is as the page says.
fn agrees(said: &str, printed: &str) -> bool {
    let mut pattern = String::from("^");
    for line in said.lines() {
        if line == "…" {
            pattern.push_str(r"(?:.*\n)*");
            continue;
        }
        let parts: Vec<String> = line.split('…').map(|part| regex::escape(part.trim_end_matches('\n'))).collect();
        pattern.push_str(&parts.join(".*"));
        pattern.push_str(r"\n");
    }
    pattern.push('$');
    // That the agent is root is not the page's doing, but this machine's.
    let mut lines: Vec<&str> = printed.lines().filter(|line| !line.contains(" WTR314W ")).collect();
    // That it watches is said when the disk has its positions, which may be after a run has started.
    lines.sort_by_key(|line| !line.contains(" WTR309I "));
    let printed: String = lines.iter().map(|line| format!("{}\n", line.trim_end())).collect();
    Regex::new(&pattern).expect("a pattern").is_match(&printed)
}

#[test]
fn commands_print_what_the_pages_say() {
    let wtor = Path::new(env!("CARGO_BIN_EXE_wtor")).parent().expect("a folder");
    let path = format!("{}:{}", wtor.display(), std::env::var("PATH").unwrap_or_default());
    let mut findings = Vec::new();
    for page in pages() {
        let blocks = page.of_kind("console");
        if blocks.is_empty() {
            continue;
        }
        let home = directory(&page);
        for (block, (command, said)) in blocks.iter().flat_map(|b| commands(b).into_iter().map(move |c| (b, c))) {
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", &format!("exec 2>&1; {command}")]).current_dir(home.path());
            let done = shell.env("PATH", &path).stdin(Stdio::null()).output().expect("a shell");
            let printed = String::from_utf8_lossy(&done.stdout);
            if !agrees(&said, &printed) {
                findings.push(format!("{}:{}: $ {command}\n{printed}", page.name, block.line));
            }
        }
    }
    report(&findings);
}

#[test]
fn commands_that_are_not_run_have_good_arguments() {
    let mut findings = Vec::new();
    for page in pages() {
        for block in page.of_kind("sh") {
            for line in block.text.lines() {
                let words = line.split_whitespace().take_while(|word| !matches!(*word, "|" | "#" | "&" | ">" | ";"));
                let words: Vec<&str> = words.collect();
                if words.first() != Some(&"wtor") {
                    continue;
                }
                if let Err(error) = Cli::try_parse_from(words) {
                    findings.push(format!("{}:{}: {line}\n{error}", page.name, block.line));
                }
            }
        }
    }
    report(&findings);
}

/// The anchors of a page's headings, as web front ends make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let anchor = |heading: &str| {
        let kept = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    text.lines().filter(|line| line.starts_with('#')).map(anchor).collect()
}

#[test]
fn links_lead_somewhere() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").expect("a pattern");
    let mut findings = Vec::new();
    for page in pages() {
        let here = root().join(&page.name);
        let mut in_block = false;
        for (number, line) in page.text.lines().enumerate() {
            in_block ^= line.starts_with("```");
            if in_block {
                continue;
            }
            for target in link.captures_iter(line).map(|found| found[1].to_owned()) {
                if target.contains("://") {
                    continue;
                }
                let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
                let file = if path.is_empty() { here.clone() } else { here.parent().expect("a folder").join(path) };
                let place = format!("{}:{}", page.name, number + 1);
                if !file.exists() {
                    findings.push(format!("{place}: there is no {target}"));
                } else if !anchor.is_empty()
                    && !anchors(&fs::read_to_string(&file).unwrap_or_default()).contains(anchor)
                {
                    findings.push(format!("{place}: there is no heading for {target}"));
                }
            }
        }
    }
    report(&findings);
}

/// The two commands of the README are programs of this repository, and CI runs the second.
#[test]
fn the_two_commands_of_the_readme_are_there() {
    use std::os::unix::fs::PermissionsExt as _;
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    let block = readme.split("## Two commands").nth(1).and_then(|section| section.split("```sh\n").nth(1));
    let commands: Vec<&str> =
        block.into_iter().flat_map(str::lines).take(2).filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(commands, ["scripts/demo", "scripts/test"]);
    for command in commands.iter().chain(&["scripts/setup", ".ci/run"]) {
        let mode = fs::metadata(root().join(command)).expect(command).permissions().mode();
        assert!(mode & 0o111 != 0, "{command} is not executable");
    }
    let text = |path: &str| fs::read_to_string(root().join(path)).expect(path);
    assert!(text(".ci/run").lines().any(|line| line == "exec scripts/test"));
    assert!(commands.iter().all(|command| text(command).contains("scripts/setup")), "each begins with what it needs");
    assert!(text("scripts/test").contains("cargo test\n"), "it runs all tests");
}
