//! What counts as a message id. Ids come in many shapes (`IEF403I`, `$HASP373`, `CWWKF0011I`,
//! `DFHSI1517`, `JRPI104`, `BSPSP91I`); plain words, commands and step lines must not pass.
//!
//! Layer: core

use super::trim_end;

/// Longest id that is believed: z/OS ids end at 10 or so, products use a few more.
const LENGTH_MAX: usize = 16;

/// Longest name of a job, program or device. A word without a type code and with few digits must
/// be longer than any of these to be an id: `RAKFPROF7` is one, `PRINTER1` is a printer.
const NAME_MAX: usize = 8;

/// True if the bytes have the shape of a message id: a prefix of 3 to 9 letters (digits may stand
/// inside it, as in `J2CA8050I` and `C2P1101I`), a number, and perhaps a type code. Two digits are
/// enough only with a type code, one only in a word too long to be a name. JES2's ids may begin
/// with another CONCHAR than `$`.
#[must_use]
pub fn is_message_id(token: &[u8]) -> bool {
    if let Some(number) = behind_hasp(token) {
        return (3..=4).contains(&number.len()) && number.iter().all(u8::is_ascii_digit);
    }
    if !(5..=LENGTH_MAX).contains(&token.len()) || !token[0].is_ascii_uppercase() {
        return false;
    }
    let (body, type_code) = match token {
        [body @ .., letter] if letter.is_ascii_uppercase() => (body, Some(*letter)),
        _ => (token, None),
    };
    let Some(last_letter) = body.iter().rposition(|b| !b.is_ascii_digit()) else { return false };
    let (prefix, number) = body.split_at(last_letter + 1);
    if !(3..=9).contains(&prefix.len()) || !prefix.iter().all(|b| is_letter(*b) || b.is_ascii_digit()) {
        return false;
    }
    if matches!(prefix, b"JOB" | b"STC" | b"TSU") {
        return false;
    }
    let plain_prefix = prefix.iter().all(|b| is_letter(*b));
    match (number.len(), type_code) {
        (0, _) => false,
        (1, Some(_)) => false,
        (2, Some(code)) => plain_prefix && is_type_code(code),
        (3.., Some(_)) => true,
        (1 | 2, None) => plain_prefix && token.len() > NAME_MAX,
        (3.., None) => plain_prefix,
    }
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_uppercase() || matches!(byte, b'$' | b'#' | b'@')
}

/// The number of a `HASPnnn`, behind the CONCHAR that an installation may change (CONDEF CONCHAR).
fn behind_hasp(token: &[u8]) -> Option<&[u8]> {
    if token.len() > 10 {
        return None;
    }
    // `¬` arrives as one byte (X'5F' decoded as Latin-1) or as two of UTF-8.
    let at = token.windows(4).take(3).position(|w| w == b"HASP")?;
    let ours = matches!(&token[..at], [] | [b'$' | b'#' | b'@' | b'!' | b'%' | b'-' | b'^' | 0xac] | [0xc2, 0xac]);
    ours.then(|| &token[at + 4..])
}

/// The message id that a text begins with, if it begins with one: the first word, without
/// Liberty's colon. The lines that IEFACTRT exits write about a step begin with the job's name,
/// which may look like an id (`HERC01D`): they have none.
#[must_use]
pub fn find_message_id(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().take(LENGTH_MAX + 2).position(|b| matches!(b, b' ' | b'\t')).unwrap_or(text.len());
    let word = trim_end(&text[..end]);
    let word = word.strip_suffix(b":").unwrap_or(word);
    (is_message_id(word) && !is_step_line(text)).then_some(word)
}

/// The message id of a text that stands in the text column of its layout, or is all there is: what
/// [`find_message_id`] finds, or a shorter word (`PAYOK01`, `DFS0I`). Such a word may as well name a device
/// or a module, so that it is none in the columns of a table, and does not tell which layout a line has.
#[must_use]
pub fn leading_id(text: &[u8]) -> Option<&[u8]> {
    find_message_id(text).or_else(|| {
        let end = text.iter().take(LENGTH_MAX + 2).position(|b| matches!(b, b' ' | b'\t')).unwrap_or(text.len());
        let (word, behind) = text.split_at(end);
        let word = word.strip_suffix(b":").unwrap_or(word);
        (is_short_id(word) && !behind.starts_with(b"  ")).then_some(word)
    })
}

/// True if any layout may take the word for a message id.
#[must_use]
pub fn may_be_message_id(word: &[u8]) -> bool {
    is_message_id(word) || is_short_id(word)
}

/// True for words that programs of a site send as ids: four or more letters with one or two digits, and
/// perhaps a type code (`PAYOK01`, `USER01`, `PAYRUN7E`), or three letters, of which only a type code makes an id
/// (`DFS0I`): `SYS1` is a system.
fn is_short_id(word: &[u8]) -> bool {
    let letters = word.iter().take_while(|b| b.is_ascii_uppercase()).count();
    let (prefix, rest) = word.split_at(letters);
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let has_code = match &rest[digits..] {
        [] => false,
        [code] if is_type_code(*code) => true,
        _ => return false,
    };
    let least = if has_code { 3 } else { 4 };
    (least..=9).contains(&letters) && (1..=2).contains(&digits) && !COUNTED.contains(&prefix)
}

/// Words that a number follows in prose and tables.
const COUNTED: [&[u8]; 12] = [
    b"PRINTER", b"READER", b"PUNCH", b"LINE", b"STEP", b"STAGE", b"PHASE", b"PART", b"LEVEL", b"PAGE", b"TAPE", b"DISK",
];

/// The letters that end an id and say what is asked of whoever reads it.
fn is_type_code(letter: u8) -> bool {
    matches!(letter, b'A' | b'D' | b'E' | b'I' | b'R' | b'S' | b'T' | b'W' | b'X')
}

/// True for a line of step statistics: job name, step, procedure step and program in columns of
/// ten (`HERC01D    S1        ASM       IFOX00    RC= 0000`). Source: the IEFACTRT exit of the
/// public MVS 3.8j systems.
fn is_step_line(text: &[u8]) -> bool {
    let columns = |gaps: &[std::ops::Range<usize>]| gaps.iter().all(|gap| text[gap.clone()].iter().all(|b| *b == b' '));
    text.len() > 41
        && columns(&[8..11, 19..21, 29..31, 39..41])
        && text[11] != b' '
        && text[31] != b' '
        && text[41] != b' '
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_of_real_ids() {
        for id in [
            "$HASP373",
            "#HASP100",
            "-HASP050",
            "IEF403I",
            "IEA101A",
            "DFHSI1517",
            "CWWKF0011I",
            "BSPSP91I",
            "RAKFPROF7",
            "JRPI104",
            "IST020I",
            "DMSK00I",
            "EZD1205I",
            "CSQ9022I",
            "ICH70001I",
            "HWSC0000I",
            "BAQR7000I",
            "ZWES0001I",
            "HHC00160I",
            "HHCRD012I",
            "EDT001I",
            "TRAS0018I",
            "CWLIB0103I",
            "EZAIN11I",
            "J2CA8050I",
            "C2P1101I",
            "HHC1C001A",
            "IOSHM0413I",
            "BSPSD999",
            "DFH0710",
        ] {
            assert!(is_message_id(id.as_bytes()), "{id}");
        }
    }

    #[test]
    fn words_are_not_ids() {
        for word in [
            "",
            "S",
            "START",
            "RAKF",
            "IS",
            "++",
            "D",
            "2019",
            "-LOGRSVTS",
            "PLPA",
            "//STEP1",
            "R",
            "$DOUTDEF",
            "$CJ0130811,PURGE",
            "A1",
            "SYS1.PARMLIB",
            "IEFACTRT",
            "----",
            "DSN",
            "CWWKF0011I.x",
            "T1000",
            "PRINTER1",
            "READER1",
            "STC18213",
            "JOB00123",
            "$SPRT1",
            "$PPRINTER1",
            "$HASP",
            "HERC1D",
            "T3767S11",
        ] {
            assert!(!is_message_id(word.as_bytes()), "{word}");
        }
    }

    #[test]
    fn the_colon_is_not_part_of_it() {
        assert_eq!(find_message_id(b"CWWKF0011I: The server"), Some(&b"CWWKF0011I"[..]));
        assert_eq!(find_message_id(b"IST025I\tBLDL"), Some(&b"IST025I"[..]));
        assert_eq!(find_message_id(b"IST025I  BLDL"), Some(&b"IST025I"[..]));
        assert_eq!(find_message_id(b"RAKF is based"), None);
    }

    #[test]
    fn shorter_words_are_ids_where_a_text_begins() {
        for id in ["PAYOK01", "PAYDONE1", "USER01", "AOF5I", "DFS0I", "PAYRUN7E", "ABCD12"] {
            for text in [id.to_owned(), format!("{id} DONE"), format!("{id}: DONE")] {
                assert_eq!(leading_id(text.as_bytes()), Some(id.as_bytes()), "{text}");
                assert_eq!(find_message_id(text.as_bytes()), None, "{text}");
            }
            assert!(may_be_message_id(id.as_bytes()), "{id}");
        }
        for text in [
            "SYS1 IS UP",
            "JOB00012 ENDED",
            "JOB12 ENDED",
            "TSO1 UP",
            "PAYOK DONE",
            "Payok01 done",
            "PAYOK123X4 DONE",
            "IEECVH1   875C60",
            "PRINTER1 IS OUT OF PAPER",
            "STEP2 BEGINS",
            "0A80 OFFLINE",
            "SLF4J: no",
            "DFS0Q NO",
            "A1 NO",
            "NOSUCHPREFIX1 NO",
            "PAYOK01, DONE",
        ] {
            assert_eq!(leading_id(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn step_lines_have_no_id() {
        assert_eq!(find_message_id(b"TEST01D    S1        ASM       IFOX00    RC= 0000"), None);
        assert_eq!(find_message_id(b"TEST01D STARTED"), Some(&b"TEST01D"[..]), "by shape alone it cannot be told");
    }
}
