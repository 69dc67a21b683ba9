//! The EBCDIC tables against independent implementations: Python's codec cp037, and iconv's
//! IBM037 and IBM1047. Where a program is missing the test says so and passes.
//!
//! Layer: tests

#![expect(clippy::print_stdout, reason = "a notice of the test")]

use std::io::Write as _;
use std::process::{Command, Stdio};
use wtor::record::{Encoding, ebcdic_character};

/// What a program makes of the 256 bytes, if it is there and knows the code page.
fn ask(program: &str, args: &[&str]) -> Option<Vec<char>> {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let bytes: Vec<u8> = (0..=255).collect();
    child.stdin.take()?.write_all(&bytes).ok()?;
    let output = child.wait_with_output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.chars().collect())
}

fn compare(encoding: Encoding, program: &str, args: &[&str]) {
    let Some(theirs) = ask(program, args) else {
        println!("skipped: `{program} {}` is not there", args.join(" "));
        return;
    };
    let ours: Vec<char> = (0..=255).map(|byte| char::from(ebcdic_character(byte, encoding))).collect();
    assert_eq!(theirs.len(), 256, "one character a byte");
    for byte in 0..256 {
        assert_eq!(ours[byte], theirs[byte], "X'{byte:02X}' of {encoding:?} by {program}");
    }
}

#[test]
fn code_page_037_is_python_s_and_iconv_s() {
    let script = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read().decode('cp037').encode('utf-8'))";
    compare(Encoding::Ibm037, "python3", &["-c", script]);
    compare(Encoding::Ibm037, "iconv", &["-f", "IBM037", "-t", "UTF-8"]);
}

#[test]
fn code_page_1047_is_iconv_s() {
    compare(Encoding::Ibm1047, "iconv", &["-f", "IBM1047", "-t", "UTF-8"]);
}
