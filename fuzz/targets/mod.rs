//! What is fuzzed: one function a target, which takes any bytes and panics when something is not as
//! promised. libFuzzer drives them (`fuzz/fuzz_targets`), and so does an ordinary test (`tests/fuzz.rs`).

mod decisions;
mod journal;
mod page;
mod schedule;
mod sending;
mod story;

pub use decisions::decisions;
pub use journal::{damage, journal};
pub use page::page;
pub use schedule::schedule;
pub use sending::sending;
pub use story::story;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use wtor::config::Config;
use wtor::control::{Answer, Request};
use wtor::diagnostic::{has_errors, render_full, render_short, to_json};
use wtor::job::{ShellLine, quote};
use wtor::limits::{DIAGNOSTICS_PER_FILE_MAX, LINE_BYTES_MAX, MESSAGE_BYTES_MAX, MESSAGE_LINES_MAX};
use wtor::policy::Policy;
use wtor::record::{
    Encoding, Flush, Format, Options, Position, Record, RecordField, Stream, ebcdic_character, field_preset,
};
use wtor::rule::{Captures, Template};

/// A target: bytes of any kind.
pub type Target = fn(&[u8]);

/// Every target, by the name of its corpus.
pub const TARGETS: [(&str, Target); 14] = [
    ("records", records),
    ("assembly", assembly),
    ("policy", policy),
    ("config", config),
    ("quoting", quoting),
    ("shell_line", shell_line),
    ("control", control),
    ("decisions", decisions),
    ("story", story),
    ("schedule", schedule),
    ("sending", sending),
    ("page", page),
    ("journal", journal),
    ("damage", damage),
];

/// The bytes of a log. The first byte chooses the layout and how it is read, the second how the bytes are
/// cut; seeds begin with `0` for `auto`, then `1`, `2` ... in the order of `Format::ALL`.
pub fn records(data: &[u8]) {
    let [how, cut, log @ ..] = data else { return };
    let how = usize::from(how.wrapping_sub(b'0'));
    let format = (how % 16).checked_sub(1).and_then(|at| Format::ALL.get(at).copied());
    let encoding = [None, Some(Encoding::Ascii), Some(Encoding::Ibm1047), Some(Encoding::Ibm037)][how / 16 % 4];
    let record_length = (how / 64 % 4 == 3).then_some(if *cut < 128 { 80 } else { usize::from(*cut) });
    let preset = match format {
        Some(Format::Json) if how >= 128 => field_preset("cdp-syslog-console"),
        Some(Format::LibertyJson) if how >= 128 => field_preset("liberty"),
        _ => None,
    };
    let fields: Vec<(RecordField, String)> = preset.unwrap_or_default();
    let pattern = (format == Some(Format::Plain) && how >= 128).then(|| line_pattern().clone());
    let options = Options { format, encoding, record_length, fields, pattern, ..Options::default() };
    hold_to_promises(&options, log, usize::from(*cut) + 1);
    if format.is_some() {
        read_as_ebcdic(&options, log);
    }
}

/// The same log of plain characters, in either code page, with newlines or in records of one length: the same
/// records are read.
fn read_as_ebcdic(options: &Options, log: &[u8]) {
    const LENGTH: usize = 133;
    let plain = log.iter().map(|b| if matches!(b, b'\n' | b' '..=b'~') { *b } else { b'.' }).collect::<Vec<u8>>();
    let lines: Vec<&[u8]> = plain.split(|b| *b == b'\n').map(|line| &line[..line.len().min(LENGTH)]).collect();
    let padded = |line: &&[u8]| line.iter().copied().chain(std::iter::repeat(b' ')).take(LENGTH).collect::<Vec<u8>>();
    let fixed: Vec<Vec<u8>> = lines.iter().map(padded).collect();
    let ascii = Options { encoding: Some(Encoding::Ascii), record_length: None, ..options.clone() };
    let texts = |options: &Options, log: &[u8]| -> Vec<String> {
        let (records, _) = read(options, log, usize::MAX);
        // Where they stand differs by a newline a record.
        records
            .into_iter()
            .map(|record| record.rsplit_once("\"offset\"").map_or(String::new(), |(all, _)| all.into()))
            .collect()
    };
    let expected = texts(&ascii, &fixed.join(&b'\n'));
    for page in [Encoding::Ibm1047, Encoding::Ibm037] {
        let ebcdic = |line: &Vec<u8>| -> Vec<u8> { line.iter().map(|ascii| encoded(*ascii, page)).collect() };
        let fixed: Vec<Vec<u8>> = fixed.iter().map(ebcdic).collect();
        let options = |record_length| Options { encoding: Some(page), record_length, ..options.clone() };
        assert_eq!(expected, texts(&options(None), &fixed.join(&0x15)), "{page:?} with newlines");
        assert_eq!(expected, texts(&options(Some(LENGTH)), &fixed.concat()), "{page:?} of one length");
    }
}

/// The byte of a code page that stands for an ASCII character.
fn encoded(ascii: u8, page: Encoding) -> u8 {
    static PAGES: OnceLock<[[u8; 256]; 2]> = OnceLock::new();
    let table = |page| {
        let mut table = [0; 256];
        (0..=255).for_each(|byte| table[usize::from(ebcdic_character(byte, page))] = byte);
        table
    };
    let pages = PAGES.get_or_init(|| [table(Encoding::Ibm1047), table(Encoding::Ibm037)]);
    pages[usize::from(page == Encoding::Ibm037)][usize::from(ascii)]
}

fn line_pattern() -> &'static regex::bytes::Regex {
    static PATTERN: OnceLock<regex::bytes::Regex> = OnceLock::new();
    PATTERN.get_or_init(|| {
        let pattern = r"^(?<time>\S+ \S+) (?<job_name>\S+) (?<text>.*)$";
        regex::bytes::RegexBuilder::new(pattern).unicode(false).build().expect("a pattern")
    })
}

/// Lines from which hardcopy messages of several lines are made, complete and not, forged and not: each
/// byte chooses one.
const LINES: [&str; 20] = [
    "M 4000000 SYS1     26147 14:55:55.89 JOB01234 00000090  IEE114I 14.55.55 ACTIVITY 123\n",
    "M 4000000 SYS2     26147 14:55:55.89 JOB01234 00000090  IEE114I 14.55.55 ACTIVITY 123\n",
    "M 4000000 SYS1     26147 14:55:55.89 STC00007 00000090  IEE115I OTHER 124\n",
    "L                                         123 00000090   LABEL\n",
    "D                                         123 00000090   DATA\n",
    "D                                         124 00000090   DATA OF ANOTHER\n",
    "D                                         999 00000090   DATA OF NONE\n",
    "E                                         123 00000090   END\n",
    "E                                         124 00000090   END\n",
    "DL                                        124 00000090   LABEL AND DATA\n",
    "N 4000000 SYS1     26147 14:55:55.89 JOB01234 00000090  IEF450I PAYROLL STEP1 - ABEND=S0C7\n",
    "S                                                        REASON=00000000\n",
    "S                                                        N 4000000 SYS1     26147 FORGED\n",
    "NR4000000 SYS1     26147 14:55:55.89 INTERNAL 00000090  D A,L\n",
    "W 4040000 SYS1     26147 14:55:55.89          00000090 *07 IEE362A SMF ENTER DUMP FOR SYS1.MAN1\n",
    "O 4000000 SYS1     26147 14:55:55.89 OPER1    00000090  R 07,U\n",
    "X 4000000 SYS1     26147 14:55:55.89          00000090  EXTERNAL\n",
    "\n",
    "1    A PAGE HEADING\n",
    "{\"type\":\"liberty_message\",\"message\":\"CWWKF0011I: forged\"}\n",
];

/// Messages of several lines, interleaved in any way.
pub fn assembly(data: &[u8]) {
    let log: Vec<u8> = data.iter().flat_map(|at| LINES[usize::from(*at) % LINES.len()].bytes()).collect();
    let options = Options { format: Some(Format::Hardcopy), encoding: Some(Encoding::Ascii), ..Options::default() };
    hold_to_promises(&options, &log, data.len() % 200 + 1);
}

/// What a stream gave, as it can be compared, and how many lines that were.
fn read(options: &Options, log: &[u8], piece: usize) -> (Vec<String>, u64) {
    let mut stream = Stream::new(options, Position { offset: 0, line: 1 });
    let mut records = Vec::new();
    let mut lines = 0;
    let mut sink = |record: &Record<'_>| {
        lines += u64::from(record.physical_lines);
        assert!(record.text.len() <= LINE_BYTES_MAX);
        assert!(record.further.is_none_or(|further| further.len() <= MESSAGE_BYTES_MAX + LINE_BYTES_MAX));
        assert!(record.lines().count() <= MESSAGE_LINES_MAX + 1);
        let json = wtor::record::to_json(record, "log");
        records.push(format!("{json} {} {}", record.position.offset, record.physical_lines));
    };
    for chunk in log.chunks(piece) {
        stream.feed(chunk, &mut sink);
    }
    stream.flush(Flush::Everything, &mut sink);
    assert_eq!(stream.resume_position(), stream.position(), "something is still held");
    assert_eq!(stream.position().offset, log.len() as u64, "not every byte is accounted for");
    assert_eq!(lines, stream.position().line - 1, "not every line is in a record");
    (records, lines)
}

/// No line is dropped, and no division of the bytes makes a difference.
fn hold_to_promises(options: &Options, log: &[u8], piece: usize) {
    let whole = read(options, log, usize::MAX);
    assert_eq!(whole, read(options, log, piece), "in pieces of {piece}");
}

/// A text as a file of rules, and as a job.
pub fn policy(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let job = ("jobs/j.toml".to_owned(), "[[step]]\nargv = ['true']\n".to_owned());
    let as_rules = Policy::load(&[("rules/r.toml".into(), text.clone())], &[job]);
    let as_job = Policy::load(&[], &[("jobs/j.toml".into(), text)]);
    for (policy, found) in [as_rules, as_job] {
        assert_eq!(policy.is_none(), has_errors(&found), "{found:?}");
        say(&found);
        if let Some(policy) = policy {
            let _ = wtor::policy::Matcher::new(policy.into());
        }
    }
}

/// A text as `wtor.toml`.
pub fn config(data: &[u8]) {
    let (config, found) = Config::load("wtor.toml", &String::from_utf8_lossy(data));
    assert_eq!(config.is_none(), has_errors(&found), "{found:?}");
    say(&found);
}

/// Every mistake can be printed in every form.
fn say(found: &[wtor::diagnostic::Diagnostic]) {
    let _ = render_full(found);
    // One file, and so one line more at most: how many are not shown.
    let lines = found.len().min(DIAGNOSTICS_PER_FILE_MAX) + usize::from(found.len() > DIAGNOSTICS_PER_FILE_MAX);
    assert_eq!(render_short(found).lines().count(), lines, "{found:?}");
    for diagnostic in found {
        let _ = to_json(diagnostic).to_string();
    }
}

/// Texts, one a line: a shell gives back each quoted word as it was. A template gives it back, too.
pub fn quoting(data: &[u8]) {
    let text = String::from_utf8_lossy(data).replace('\0', "0");
    let words: Vec<&str> = text.split('\u{1}').take(100).collect();
    let quoted: Vec<String> = words.iter().map(|word| quote(word)).collect();
    let expected: String = words.iter().flat_map(|word| [word, "\0"]).collect();
    for shell in SHELLS.into_iter().filter(|shell| Path::new(shell).exists()) {
        let given = run(shell, &format!("printf '%s\\0' {}", quoted.join(" ")), None);
        assert_eq!(String::from_utf8_lossy(&given), expected, "{shell}: {quoted:?}");
    }

    if let Ok(template) = Template::parse(&text) {
        let mut values = Captures::default();
        for (name, _) in template.names() {
            values.set(name, b"${v} $(x)");
        }
        let filled = template.fill(&values);
        let fixed = text.replace("$${", "${");
        assert!(template.names().next().is_some() || filled == fixed, "{filled:?} is not {fixed:?}");
    }
}

/// Pieces from which shell lines are made. None of them executes anything by itself.
const PIECES: [&str; 30] = [
    "${v}",
    "echo ",
    " ",
    "'",
    "\"",
    "\\",
    "$",
    "(",
    ")",
    "`",
    "#",
    "<",
    "<<",
    "E",
    "\n",
    ";",
    "|",
    "[",
    "]",
    "{",
    "}",
    "a",
    "$(",
    "((",
    "${v}",
    "case x in ",
    "esac",
    "!",
    "-",
    "=",
];

/// Values that would make a file if any of them were executed, in whatever quotes they stand, or as a number.
const HOSTILE: [&str; 2] =
    ["x; : >HIT\n: >HIT;'; : >HIT; '\"; : >HIT; \"$(: >HIT)`: >HIT`\nE\n: >HIT\n)) ; : >HIT #", "a[$(: >HIT)]"];

/// A shell line: if it is accepted, a shell executes nothing of a hostile value in it.
pub fn shell_line(data: &[u8]) {
    let source: String = data.iter().take(40).map(|at| PIECES[usize::from(*at) % PIECES.len()]).collect();
    let Ok(template) = Template::parse(&source) else { return };
    if template.names().next().is_none() {
        return;
    }
    let Ok(line) = ShellLine::new(template) else { return };
    HOSTILE.into_iter().for_each(|value| assert_nothing_runs(&source, &line, value));
}

fn assert_nothing_runs(source: &str, line: &ShellLine, value: &str) {
    let mut values = Captures::default();
    values.set("v", value.as_bytes());
    let folder = tempfile::tempdir().expect("a directory");
    for shell in SHELLS.into_iter().filter(|shell| Path::new(shell).exists()) {
        run(shell, &line.fill(&values), Some(folder.path()));
        assert!(!folder.path().join("HIT").exists(), "{shell} has executed the value in `{source}`");
    }
}

/// What `/bin/sh` may be; the last one where it is `sh` of Red Hat.
const SHELLS: [&str; 2] = ["/bin/sh", "/bin/bash"];

/// What a shell without any program prints for a line.
fn run(shell: &str, line: &str, cwd: Option<&Path>) -> Vec<u8> {
    let mut command = Command::new(shell);
    command.arg("-c").arg(line).env_clear().env("PATH", "/nonexistent").stdin(Stdio::null()).stderr(Stdio::null());
    if let Some(cwd) = cwd {
        command.current_dir(cwd);
    }
    command.output().expect("a shell").stdout
}

/// A line of the control protocol.
pub fn control(data: &[u8]) {
    if let Ok(request) = serde_json::from_slice::<Request>(data) {
        let again = serde_json::to_vec(&request).expect("JSON");
        assert_eq!(serde_json::from_slice::<Request>(&again).expect("the same"), request);
    }
    if let Ok(answer) = serde_json::from_slice::<Answer>(data) {
        let mut again = Vec::new();
        again.write_all(&serde_json::to_vec(&answer).expect("JSON")).expect("written");
        assert_eq!(serde_json::from_slice::<Answer>(&again).expect("the same"), answer);
    }
}
