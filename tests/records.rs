//! Properties of reading that hold for any bytes: nothing panics, nothing is lost, and how the
//! bytes were cut into chunks and lines ended makes no difference. Seeds are printed on failure
//! and come from a fixed sequence.
//!
//! Layer: tests

#![expect(clippy::print_stdout, reason = "a notice of the test")]

use wtor::record::{Flush, Format, Kind, Options, Position, Record, Stream};

/// Pieces of lines of every layout, so that random lines are often nearly right.
const PIECES: &[&str] = &[
    "N 4000000 SYS1     24060 21:16:20.82 STC01234 00000090  ABC001I TEXT",
    "M 0000000 SYS1     24060 21:16:20.82          00000090  ABC002I FIRST 601",
    "W 0000000 SYS1     2024060 21:16:20.82          00000090 *07 ABC003A REPLY",
    "D                                         601 00000090  DATA",
    "E                                         601 00000090  END",
    "S                                                        REST",
    "NC0000000 SYS1     24060 21:16:20.82 CONS01   00000290  D A,L",
    "14:34:57.90          00000290  ABC283I STAGING 734",
    "0281  $HASP100 X ON STCINRDR",
    "STC18213 00000090 $HASP373 X STARTED",
    "NC0000000 ZOSMACHINE 25240 12:40:30.15 OMVS0000 00000210....D T",
    "hostname  : H *$HASP050 SHORTAGE,",
    "hostname  : H           IMMEDIATE ACTION,",
    "0000 072     MORE",
    "S short",
    "205800 8000  IEE140I SYSTEM CONSOLES",
    "****A  START  JOB 4502  HERC01C  START  A****",
    "[7/18/24 15:56:23:940 UTC] - BAQW0056I: x",
    "Launching s1 (Open Liberty 25/wlp-1)",
    "1     SDSF  SYSLOG  PRINT     4.101",
    "4000 12.26.23 STC   17  IEF403I X - STARTED",
    "8100 12.28.55 STC   21 *00 IKT012D TERMINATION",
    "0000                    112551 NIP  IEA940I PAGE",
    " 210425 2800*IEF233A M 480",
    "210425 0000  IEE821I ACTIVE DISPLAY 075",
    "075  PNO JOBNAME",
    "12:25:46 HHC00081I Match",
    "12:26:26 /12.26.26 STC   18  IST020I  VTAM",
    "20:58:30 /(001F) R 2,U",
    "1      J E S 2  J O B  L O G  --  S Y S T E M  S Y S 1",
    " 10.25.48 JOB00134 ---- TUESDAY,   18 FEB 2020 ----",
    " 10.25.48 JOB00134  IRR010I  USERID X 162",
    "    162                     TIME=10.25.48",
    "0------ JES2 JOB STATISTICS ------",
    "-           90 CARDS READ",
    "SYS1      2020039  04:29:57.59             ABC457I UNIT STATUS 948",
    "MLG           24060 1055149  SY1 R= MSTJCL00 ABC136I LOCAL",
    "[3/15/23 0:07:36:003 UTC] 00000001 com.ibm.ws.kernel.launch.internal.FrameworkManager           A CWWKE0001I: x",
    "[04/07/19 16:43:22:897 COT] 00000001 x",
    "I CWWKE0001I: x",
    "[AUDIT   ] CWWKF0011I: x",
    "\tat x.y.Z(Z.java:1)",
    "********************************************************************************",
    "os = Linux (5; amd64) (en_US)",
    "product = Open Liberty 22 (wlp-1)",
    "{\"type\":\"liberty_message\",\"message\":\"CWWKF0011I: x\\r\\ny\",\"ibm_sequence\":\"1\"}",
    "{\"message\":\"ABC001I x\",\"system\":\"S\"}",
    "{\"message\":\"NC,002B,26083 23.13.55.120 -0700,S,TSU00121,U ,00000000000000000000000000000000,00000210,U ,80,\\\"D A\\\"\"}",
    "<34>Oct 11 22:14:15 mymachine su[17]: failed",
    "<165>1 2003-10-11T22:14:15.003Z host app - ID47 [a b=\"3\"] text",
    "plain words",
    "",
    "   ",
];

fn random_text(rng: &mut fastrand::Rng) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..rng.usize(1..40) {
        let mut line = PIECES[rng.usize(..PIECES.len())].as_bytes().to_vec();
        // Most lines stay as they are; others are damaged.
        match rng.u8(..12) {
            0 => line.truncate(rng.usize(..=line.len())),
            1 if !line.is_empty() => {
                let at = rng.usize(..line.len());
                line[at] = rng.u8(..);
            }
            2 => line.insert(rng.usize(..=line.len()), rng.u8(..)),
            3 => line.drain(..rng.usize(..=line.len())).for_each(drop),
            4 => line = (0..rng.usize(..90)).map(|_| rng.u8(..)).collect(),
            _ => {}
        }
        line.retain(|b| *b != b'\n');
        text.extend_from_slice(&line);
        text.push(b'\n');
    }
    if rng.bool() {
        text.pop();
    }
    text
}

/// Everything that a record says, with its end, so that any difference shows.
fn read(format: Option<Format>, text: &[u8], mut next_cut: impl FnMut() -> usize) -> Vec<String> {
    let mut stream = Stream::new(&Options { format, ..Options::default() }, Position { offset: 0, line: 1 });
    let mut out = Vec::new();
    let mut lines = 0;
    let mut sink = |record: &Record<'_>| {
        lines += record.physical_lines as usize;
        assert!(!(matches!(record.kind, Kind::Orphan | Kind::Command) && record.message_id.is_some()), "{record:?}");
        out.push(format!("{record:?}"));
    };
    let mut rest = text;
    while !rest.is_empty() {
        let (chunk, behind) = rest.split_at(next_cut().clamp(1, rest.len()));
        stream.feed(chunk, &mut sink);
        rest = behind;
    }
    stream.flush(Flush::Everything, &mut sink);
    assert_eq!(stream.resume_position().offset, text.len() as u64);
    let newlines = text.iter().filter(|b| **b == b'\n').count();
    let expected = newlines + usize::from(!text.is_empty() && !text.ends_with(b"\n"));
    if stream.encoding() == Some(wtor::record::Encoding::Ascii) {
        assert_eq!(lines, expected, "every physical line is in exactly one record");
    }
    out
}

fn formats() -> impl Iterator<Item = Option<Format>> {
    std::iter::once(None).chain(Format::ALL.into_iter().map(Some))
}

fn with_seeds(count: u64, mut check: impl FnMut(&mut fastrand::Rng)) {
    for seed in 0..count {
        let run = std::panic::AssertUnwindSafe(|| check(&mut fastrand::Rng::with_seed(seed)));
        if let Err(panic) = std::panic::catch_unwind(run) {
            println!("failing seed: {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn any_bytes_are_read_without_panic_and_no_line_is_lost() {
    with_seeds(150, |rng| {
        let text = random_text(rng);
        let noise: Vec<u8> = (0..rng.usize(..600)).map(|_| rng.u8(..)).collect();
        for format in formats() {
            read(format, &text, || usize::MAX);
            read(format, &noise, || usize::MAX);
        }
    });
}

#[test]
fn cuts_at_any_byte_give_the_same_records() {
    with_seeds(60, |rng| {
        let text = random_text(rng);
        let format = formats().nth(rng.usize(..=Format::ALL.len())).flatten();
        let whole = read(format, &text, || usize::MAX);
        assert_eq!(whole, read(format, &text, || 1), "byte by byte");
        let sizes = rng.usize(2..50);
        assert_eq!(whole, read(format, &text, || sizes), "in chunks of {sizes}");
        assert_eq!(whole, read(format, &text, || rng.usize(1..120)), "in chunks of any size");
        let mut first = Some(rng.usize(..=text.len()));
        assert_eq!(whole, read(format, &text, || first.take().unwrap_or(usize::MAX)), "cut once");
    });
}

#[test]
fn carriage_returns_make_no_difference() {
    with_seeds(60, |rng| {
        let lf: Vec<u8> = random_text(rng).into_iter().filter(|b| !matches!(b, b'\r' | 0x15 | 0x25)).collect();
        let crlf: Vec<u8> =
            lf.iter().flat_map(|b| if *b == b'\n' { &b"\r\n"[..] } else { std::slice::from_ref(b) }.to_vec()).collect();
        let without_places = |records: Vec<String>| -> Vec<String> {
            records.into_iter().map(|r| r.split("position: ").next().unwrap_or_default().to_owned()).collect()
        };
        for format in formats() {
            let a = without_places(read(format, &lf, || usize::MAX));
            let b = without_places(read(format, &crlf, || usize::MAX));
            assert_eq!(a, b);
        }
    });
}

/// Each line carries a word that no other has: it must come out exactly once. This counts what the
/// records say, not what they claim to have counted.
#[test]
fn every_line_s_text_comes_out_exactly_once() {
    with_seeds(150, |rng| {
        let mut text = String::new();
        let mut words = Vec::new();
        for number in 0..rng.usize(1..60) {
            let piece = PIECES[rng.usize(..PIECES.len())];
            // Stamps, headers in JSON and blank lines have no place for another word.
            if piece.starts_with('{') || piece.trim().is_empty() || piece.ends_with("601") {
                continue;
            }
            let word = format!("zz{number}zz");
            text += &format!("{piece} {word}\n");
            words.push(word);
        }
        for format in formats().filter(|f| !matches!(f, Some(Format::Json))) {
            let mut all = Vec::new();
            let mut stream = Stream::new(&Options { format, ..Options::default() }, Position { offset: 0, line: 1 });
            let mut sink = |record: &Record<'_>| {
                all.extend_from_slice(record.text);
                all.push(b'\n');
                all.extend_from_slice(record.further.unwrap_or_default());
                all.push(b'\n');
            };
            stream.feed(text.as_bytes(), &mut sink);
            stream.flush(Flush::Everything, &mut sink);
            let all = String::from_utf8_lossy(&all);
            for word in &words {
                assert_eq!(all.matches(&word[..]).count(), 1, "{word} as {format:?} in:\n{text}\nout:\n{all}");
            }
        }
    });
}

/// A log of one layout may quote lines of another.
#[test]
fn auto_keeps_to_the_layout_that_it_has_found() {
    let text = b"[3/15/23 0:07:36:003 UTC] 00000001 com.ibm.ws.x.Y A CWWKE0001I: launched\n\
        N 4000000 SYS1     24060 21:16:20.82 STC01234 00000090  ABC001I quoted\n\
        [3/15/23 0:07:37:003 UTC] 00000001 com.ibm.ws.x.Y A CWWKF0011I: ready\n";
    let mut stream = Stream::new(&Options::default(), Position { offset: 0, line: 1 });
    let mut got = Vec::new();
    let mut sink = |record: &Record<'_>| {
        got.push((record.format, record.message_id.map(|id| String::from_utf8_lossy(id).into_owned())));
    };
    stream.feed(text, &mut sink);
    stream.flush(Flush::Everything, &mut sink);
    let id = |id: &str| (Format::Liberty, Some(id.to_owned()));
    assert_eq!(got, [id("CWWKE0001I"), id("CWWKF0011I")]);
    assert_eq!(stream.detection().map(|found| found.position.line), Some(1));
}
