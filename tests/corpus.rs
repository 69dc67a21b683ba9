//! The records of every file of the corpus of real logs, as one row a file: the format that `auto`
//! finds, how many records of each kind there are, and their ids as a count and a hash. The corpus
//! is read in place and never copied (its licences are mixed): from `WTOR_CORPUS`, or from
//! `../shared/corpus` beside the checkout; where it is absent the test says so and passes.
//!
//! `UPDATE_GOLDEN=1` writes `tests/golden/corpus.txt` anew.
//!
//! Layer: tests

#![expect(clippy::print_stdout, reason = "a notice of the test")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use wtor::record::{Flush, Kind, Options, Position, Record, Stream};

#[test]
fn every_file_of_the_corpus_gives_the_records_on_file() {
    let Some(corpus) = corpus() else {
        println!("skipped: no corpus (set WTOR_CORPUS, or put it at ../shared/corpus)");
        return;
    };
    let mut files = Vec::new();
    collect(&corpus, &mut files);
    files.sort();
    let mut table = String::from(
        "file lines format line | message command response wtor orphan header unparsed | ids distinct hash\n",
    );
    for file in &files {
        let bytes = std::fs::read(file).expect("a file of the corpus reads");
        let name = file.strip_prefix(&corpus).expect("it lies in the corpus").display().to_string();
        writeln!(table, "{name} {}", row(&name, &bytes)).expect("a string takes it");
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/corpus.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, &table).expect("the golden file is written");
    }
    let want = std::fs::read_to_string(&golden).unwrap_or_default();
    for (got, want) in table.lines().zip(want.lines()) {
        assert_eq!(got, want, "UPDATE_GOLDEN=1 takes the new table");
    }
    assert_eq!(table, want, "UPDATE_GOLDEN=1 takes the new table");
}

fn corpus() -> Option<PathBuf> {
    let given = std::env::var_os("WTOR_CORPUS").map(PathBuf::from);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = [root.join("../shared/corpus"), root.join("../../shared/corpus")];
    given.into_iter().chain(beside).find(|path| path.is_dir())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the corpus reads") {
        let path = entry.expect("an entry reads").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_none_or(|e| e != "md") {
            files.push(path);
        }
    }
}

fn row(name: &str, bytes: &[u8]) -> String {
    let mut kinds = [0u32; Kind::ALL.len()];
    let mut ids: Vec<(Position, Vec<u8>)> = Vec::new();
    let mut lines = 0;
    let mut sink = |record: &Record<'_>| {
        kinds[Kind::ALL.iter().position(|k| *k == record.kind).expect("every kind is listed")] += 1;
        lines += record.physical_lines;
        let never = matches!(record.kind, Kind::Orphan | Kind::Command | Kind::Header | Kind::Unparsed);
        assert!(!(never && record.message_id.is_some()), "{name}: {record:?}");
        if let Some(id) = record.message_id {
            assert!(record.text.starts_with(id) || name.ends_with("jsonl"), "{name}: {record:?}");
            ids.push((record.position, id.to_vec()));
        }
    };
    let mut stream = Stream::new(&Options::default(), Position { offset: 0, line: 1 });
    for chunk in bytes.chunks(4096) {
        stream.feed(chunk, &mut sink);
    }
    stream.flush(Flush::Everything, &mut sink);
    assert_eq!(u64::from(lines), stream.resume_position().line - 1, "{name}: every line is in exactly one record");
    assert_eq!(stream.resume_position().offset, bytes.len() as u64, "{name}: every byte was read");
    ids.sort();
    let hash = hash(ids.iter().map(|(_, id)| id));
    let count = ids.len();
    let mut names: Vec<_> = ids.into_iter().map(|(_, id)| id).collect();
    names.sort();
    names.dedup();
    let (format, line) = stream.detection().map_or(("plain", 0), |d| (d.format.name(), d.position.line));
    let kinds = kinds.map(|n| n.to_string()).join(" ");
    format!("{lines} {format} {line} | {kinds} | {count} {} {hash:016x}", names.len())
}

/// FNV-1a over the ids in the order of their lines: it changes if one id changes.
fn hash<'a>(ids: impl Iterator<Item = &'a Vec<u8>>) -> u64 {
    let bytes = ids.flat_map(|id| id.iter().chain(b"\n"));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
