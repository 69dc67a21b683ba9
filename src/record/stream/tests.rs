//! Splitting, decoding and the bound on lines; and that chunks make no difference.
//!
//! Layer: core

use super::super::{Format, Kind};
use super::*;

fn options(encoding: Option<Encoding>, record_length: Option<usize>) -> Options {
    Options { encoding, record_length, ..Options::default() }
}

/// What a record says and where it stood, fed in pieces of the given size.
fn read(options: &Options, bytes: &[u8], piece: usize) -> Vec<(String, u64, u64, bool, Format)> {
    let mut stream = Stream::new(options, Position { offset: 0, line: 1 });
    let mut out = Vec::new();
    let mut sink = |r: &Record<'_>| {
        let text = String::from_utf8_lossy(r.text).into_owned();
        out.push((text, r.position.offset, r.position.line, r.incomplete, r.format));
    };
    for chunk in bytes.chunks(piece) {
        stream.feed(chunk, &mut sink);
    }
    stream.flush(Flush::Everything, &mut sink);
    assert_eq!(stream.resume_position().offset, bytes.len() as u64, "every byte is accounted for");
    out
}

/// `text` in code page 037.
fn ebcdic(text: &str) -> Vec<u8> {
    let find = |c: u8| (0..=255).find(|b| ebcdic::character(*b, Encoding::Ibm037) == c);
    text.bytes().map(|c| if c == b'\n' { 0x15 } else { find(c).expect("every character is there") }).collect()
}

#[test]
fn ebcdic_lines_are_found_and_decoded_with_their_own_offsets() {
    let bytes = ebcdic("13.49.38 STC    7  $HASP373 A STARTED\n13.49.39 STC    7  $HASP395 A ENDED\n");
    for piece in [1, 7, 38, 1000] {
        let records = read(&options(None, None), &bytes, piece);
        assert_eq!(records[0], ("$HASP373 A STARTED".into(), 0, 1, false, Format::Joblog), "{piece}");
        assert_eq!(records[1], ("$HASP395 A ENDED".into(), 38, 2, false, Format::Joblog), "{piece}");
        assert_eq!(records.len(), 2);
    }
}

#[test]
fn the_first_brackets_tell_the_code_page() {
    let banner = "product = Open Liberty 22.0.0.1 (wlp-1.0.60)\n".repeat(12);
    let text = banner + "[3/15/23 0:07:36:003 UTC] 00000001 x  A ABC001I: [one]\n";
    let bytes = ebcdic(&text);
    // The same in 1047, whose brackets are 037's rare letters.
    let other: Vec<u8> = bytes
        .iter()
        .map(|b| {
            if *b == 0xba {
                0xad
            } else if *b == 0xbb {
                0xbd
            } else {
                *b
            }
        })
        .collect();
    for (bytes, page) in [(bytes, Encoding::Ibm037), (other, Encoding::Ibm1047)] {
        for piece in [1, 100, 4096] {
            let records = read(&options(None, None), &bytes, piece);
            assert_eq!(records.last().expect("one").0, "ABC001I: [one]", "{piece}");
        }
        let mut stream = Stream::new(&options(None, None), Position { offset: 0, line: 1 });
        stream.feed(&bytes, &mut |_| {});
        assert_eq!(stream.encoding(), Some(page));
        stream.feed(&[0xba, 0xbb, 0x15, 0xad, 0xbd, 0x15], &mut |_| {});
        assert_eq!(stream.encoding(), Some(page), "only the first ones");
    }
}

#[test]
fn records_of_fixed_length() {
    let text =
        "13.49.38 STC    7  ABC001I ONE          13.49.39 STC    7  ABC002I TWO          13.49.40 STC    7  ABC003I";
    for piece in [1, 39, 40, 41, 1000] {
        let records = read(&options(None, Some(40)), &ebcdic(text), piece);
        let texts: Vec<_> = records.iter().map(|r| (&r.0[..], r.1, r.2)).collect();
        assert_eq!(texts, [("ABC001I ONE", 0, 1), ("ABC002I TWO", 40, 2), ("ABC003I", 80, 3)], "{piece}");
    }
}

#[test]
fn a_line_that_is_too_long_is_cut_and_says_so() {
    let mut bytes = b"ABC001I first\n".to_vec();
    bytes.resize(bytes.len() + LINE_BYTES_MAX + 5000, b'x');
    bytes.extend_from_slice(b"\nABC002I last");
    let start = bytes.len() as u64 - 12;
    for piece in [1000, LINE_BYTES_MAX, 4 << 20] {
        let records = read(&options(Some(Encoding::Ascii), None), &bytes, piece);
        assert_eq!(records.len(), 3);
        assert_eq!((records[1].0.len(), records[1].3), (LINE_BYTES_MAX, true));
        assert_eq!(records[2], ("ABC002I last".into(), start, 3, false, Format::Plain));
    }
}

#[test]
fn a_stream_holds_back_no_more_than_it_must() {
    let mut stream = Stream::new(&Options::default(), Position { offset: 0, line: 1 });
    let mut count = 0;
    stream.feed(b"short\n", &mut |r| {
        assert_eq!(r.kind, Kind::Message);
        count += 1;
    });
    assert_eq!(count, 1, "a first line is given out when it has come");
    assert_eq!(stream.encoding(), Some(Encoding::Ascii));
}

#[test]
fn a_first_line_without_end_in_ebcdic_may_be_many_records() {
    let usual = usize::try_from(EBCDIC_LINE_BYTES_USUAL).expect("small");
    let line = |length: usize| ebcdic(&"A".repeat(length));
    let lacks = |options: &Options, bytes: &[u8]| {
        let mut stream = Stream::new(options, Position { offset: 0, line: 1 });
        bytes.chunks(1000).for_each(|chunk| stream.feed(chunk, &mut |_| {}));
        stream.lacks_record_length().is_some()
    };
    let found_out = options(None, None);
    assert!(!lacks(&found_out, &line(usual)) && lacks(&found_out, &line(usual + 1)));
    assert!(lacks(&found_out, &[line(usual + 1), line(9).repeat(9), vec![0x15]].concat()), "a newline by chance");
    assert!(!lacks(&found_out, &[line(9), vec![0x15], line(usual + 1)].concat()), "only the first line tells");
    assert!(!lacks(&options(Some(Encoding::Ibm037), Some(133)), &line(usual + 1)));
    assert!(!lacks(&options(Some(Encoding::Ascii), None), &line(usual + 1)));
}
