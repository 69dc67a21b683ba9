//! What counts as a message id. Ids come in many shapes (`IEF403I`, `$HASP373`, `CWWKF0011I`,
//! `DFHSI1517`, `JRPI104`, `BSPSP91I`); plain words, commands and step lines must not pass.
//!
//! Layer: core

use super::trim_end;

/// Longest id that is believed: z/OS ids end at 10 or so, products use a few more.
const LENGTH_MAX: usize = 16;

/// True if the bytes have the shape of a message id: an optional JES2 CONCHAR or other leading
/// special (`$`, `#`, `@`, `!`, `%`, `-`, `¬`) before `HASP`, else `$#@` as letters; 3 or more
/// letters before the first digit (2 where the type code says that it is one); at least one
/// digit; and at most one letter behind the digits.
#[must_use]
pub fn is_message_id(token: &[u8]) -> bool {
    let token = strip_conchar(token).unwrap_or(token);
    if token.len() > LENGTH_MAX {
        return false;
    }
    let letters = token.iter().position(|b| !is_letter(*b)).unwrap_or(token.len());
    let digits = token[letters..].iter().position(|b| !b.is_ascii_digit()).unwrap_or(token.len() - letters);
    let rest = &token[letters + digits..];
    (3..=9).contains(&letters) && digits >= 1 && letters + digits >= 5 && is_tail(rest)
}

/// What may stand behind the number: a type code, or a second group (`EZAIN11I`, `IOSHM0413I`
/// read as letters, `CNZ4105I`); never punctuation.
fn is_tail(rest: &[u8]) -> bool {
    match rest {
        [] => true,
        [letter] => letter.is_ascii_uppercase(),
        _ => false,
    }
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_uppercase() || matches!(byte, b'$' | b'#' | b'@')
}

/// `HASPnnn` without the CONCHAR before it, which an installation may change (CONDEF CONCHAR).
fn strip_conchar(token: &[u8]) -> Option<&[u8]> {
    // `¬` arrives as one byte (X'5F' decoded as Latin-1) or as two of UTF-8.
    let at = token.windows(4).take(3).position(|w| w == b"HASP")?;
    let ours = matches!(&token[..at], [] | [b'$' | b'#' | b'@' | b'!' | b'%' | b'-' | b'^' | 0xac] | [0xc2, 0xac]);
    ours.then(|| &token[at..])
}

/// The message id that a text begins with, if it begins with one: the first word, without
/// Liberty's colon.
#[must_use]
pub fn find_message_id(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().position(|b| *b == b' ').unwrap_or(text.len());
    let word = trim_end(&text[..end]);
    let word = word.strip_suffix(b":").unwrap_or(word);
    is_message_id(word).then_some(word)
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
        ] {
            assert!(!is_message_id(word.as_bytes()), "{word}");
        }
    }

    #[test]
    fn the_colon_is_not_part_of_it() {
        assert_eq!(find_message_id(b"CWWKF0011I: The server"), Some(&b"CWWKF0011I"[..]));
        assert_eq!(find_message_id(b"IST025I  BLDL"), Some(&b"IST025I"[..]));
        assert_eq!(find_message_id(b"RAKF is based"), None);
    }
}
