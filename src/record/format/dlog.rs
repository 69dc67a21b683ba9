//! The DLOG of JES3: destination class, console, Julian date, `hhmmsst`, an action mark, and 90
//! bytes of text that begin with `SYSNAME R= jobname`.
//!
//! Source: IBM/IBM-Z-zOS, zOS-Tools/DLOG-Formatter/IEAMDBL3.s, DSECT DLOGLINE.
//!
//! Layer: core

use super::super::assemble::{Class, Follow};
use super::super::{Format, Kind, Record, find_message_id, trim, trim_end};
use super::Layout;
use super::stamp::{julian_date, number, packed_time};
use super::text::with_text;
use crate::time::{Fraction, Stamp};

/// The layout.
#[derive(Debug, Default)]
pub struct Dlog {
    /// All that stood before the text of the last line, if its text was long enough to go on.
    full_line: Option<Vec<u8>>,
}

/// Says why a line is certainly of this layout.
pub fn claims(line: &[u8]) -> Option<&'static str> {
    let prefix = Prefix::of(line)?;
    is_destination(prefix.destination)
        .then_some("the line has destination class, date and hhmmsst in the columns of a JES3 DLOG")
}

/// Columns of the text: a line is split at a blank, comma or `=` among the last 28 of them.
const TEXT: usize = 29;
const SPLIT_MIN: usize = 90 - 28;

impl Layout for Dlog {
    fn format(&self) -> Format {
        Format::Dlog
    }

    fn read<'a>(&'a mut self, line: &'a [u8]) -> Class<'a> {
        let Some(prefix) = Prefix::of(line) else {
            self.full_line = None;
            return Class::alone(Kind::Unparsed, Format::Dlog, trim_end(line), line);
        };
        let origin = Origin::of(&line[TEXT.min(line.len())..]);
        let before = &line[..line.len() - origin.text.len()];
        // A split line repeats the whole prefix.
        let goes_on = self.full_line.as_deref().is_some_and(|full| trim_end(full) == trim_end(before))
            && find_message_id(trim(origin.text)).is_none();
        let is_full = trim_end(line).len() >= TEXT + SPLIT_MIN;
        self.full_line = is_full.then(|| before.to_vec());
        if goes_on {
            return Class::join(origin.text);
        }
        let kind = if matches!(prefix.action, b'+' | b'-' | b'=') { Kind::Command } else { Kind::Message };
        let bare = Record::bare(kind, Format::Dlog, trim(origin.text));
        let record = Record {
            system: origin.system,
            job_name: origin.job_name,
            console: Some(trim(prefix.console)).filter(|c| !c.is_empty()),
            mark: Some(prefix.action).filter(|a| *a == b'*'),
            time: Some(prefix.time),
            ..bare
        };
        let record = match kind {
            Kind::Command => record,
            _ => {
                let read = with_text(record, origin.text);
                Record { mark: read.mark.or(record.mark), ..with_reply_id(read) }
            }
        };
        Class::Head { record, bytes: line, follow: Follow::Directly }
    }
}

/// An action message may be a WTOR: its text begins with the reply id.
fn with_reply_id(record: Record<'_>) -> Record<'_> {
    match super::text::split_reply_id(record.text) {
        Some((id, rest)) if record.message_id.is_none() && find_message_id(rest).is_some() => {
            let record = with_text(record, rest);
            Record { kind: Kind::Wtor, reply_id: Some(id), ..record }
        }
        _ => record,
    }
}

struct Prefix<'a> {
    destination: &'a [u8],
    console: &'a [u8],
    time: Stamp,
    action: u8,
}

impl<'a> Prefix<'a> {
    fn of(line: &'a [u8]) -> Option<Prefix<'a>> {
        if line.len() < TEXT || line[19] != b' ' || line[27] != b' ' || line[3] != b' ' {
            return None;
        }
        // A date of two digits' year begins two columns further right.
        let (date, console) =
            if line[13] == b' ' { (&line[14..19], &line[5..13]) } else { (&line[12..19], &line[4..12]) };
        let date = julian_date(date)?;
        let tenth = number(&line[26..27])?;
        let time = packed_time(&line[20..26])?;
        let micros = time.micros + i64::from(tenth) * 100_000;
        let time = Stamp { date: Some(date), micros, digits: Fraction { value: tenth, digits: 1 }.digits, ..time };
        Some(Prefix { destination: trim(&line[..3]), console, time, action: line[28] })
    }
}

/// Where the text comes from: `&SY1 R= MSTJCL00 IEE136I …`; the `&` is the mark of a message that
/// MPF suppressed.
struct Origin<'a> {
    system: Option<&'a [u8]>,
    job_name: Option<&'a [u8]>,
    text: &'a [u8],
}

impl<'a> Origin<'a> {
    fn of(field: &'a [u8]) -> Origin<'a> {
        Origin::named(field).unwrap_or(Origin { system: None, job_name: None, text: field })
    }

    fn named(field: &'a [u8]) -> Option<Origin<'a>> {
        let (system, rest) = word(field)?;
        let (mark, rest) = word(rest)?;
        if mark != b"R=" {
            return None;
        }
        let (job_name, text) = word(rest)?;
        // The job's name is padded to eight columns, and a blank follows.
        let blanks = text.iter().take_while(|b| **b == b' ').count();
        let text = &text[blanks.min(9usize.saturating_sub(job_name.len()))..];
        let system = if system[0].is_ascii_alphanumeric() { system } else { &system[1..] };
        Some(Origin { system: Some(system).filter(|s| !s.is_empty()), job_name: Some(job_name), text })
    }
}

/// The first word, and what stands behind it.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let from = text.iter().position(|b| *b != b' ')?;
    let end = text[from..].iter().position(|b| *b == b' ').map_or(text.len(), |n| from + n);
    Some((&text[from..end], &text[end..]))
}

/// True for the names of destination classes.
fn is_destination(class: &[u8]) -> bool {
    match class {
        b"" | b"TAP" | b"UR" | b"TP" | b"SEC" | b"ERR" | b"LOG" | b"JES" | b"ALL" | b"MLG" => true,
        [b'D' | b'M' | b'S', digits @ ..] => number(digits).is_some_and(|n| (1..=32).contains(&n)),
        digits => number(digits).is_some_and(|n| (1..=40).contains(&n)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{brief, column, detected};
    use super::*;

    const LOG: &str = "\
MLG           24060 1055149  SY1 R= MSTJCL00 ABC136I LOCAL  TIME=10.55.14
MLG           24060 1108299 &SY1 R= MSTJCL00 ABC136I SUPPRESSED
LOG CONS01  2024060 1108300 +*I,Q
LOG  CONS01   24060 1108300 - SY1 D A,L
TAP CONS01  2024060 1108301 *SY1 R= MYJOB    07 ABC233A REPLY
LOG         2024060 1108302  IAT2000 JOB X SELECTED
LOG         2024060 1108303  SY1 R= MYJOB    ABC001I A TEXT THAT IS SO LONG THAT IT MUST BE SPLIT AND GOES ON,
LOG         2024060 1108303  SY1 R= MYJOB    HERE
nothing
";

    #[test]
    fn lines_of_each_kind() {
        let want = [
            "message|-|-|ABC136I|ABC136I LOCAL  TIME=10.55.14|-",
            "message|-|-|ABC136I|ABC136I SUPPRESSED|-",
            "command|-|-|-|*I,Q|-",
            "command|-|-|-|SY1 D A,L|-",
            "wtor|*|07|ABC233A|ABC233A REPLY|-",
            "message|-|-|IAT2000|IAT2000 JOB X SELECTED|-",
            "message|-|-|ABC001I|ABC001I A TEXT THAT IS SO LONG THAT IT MUST BE SPLIT AND GOES ON, HERE|-",
            "unparsed|-|-|-|nothing|-",
        ];
        assert_eq!(brief(Format::Dlog, LOG), want);
        assert_eq!(detected(LOG), Some((Format::Dlog, 1)));
        assert_eq!(
            column(Format::Dlog, "time", LOG)[..3],
            ["2024-02-29T10:55:14.9", "2024-02-29T11:08:29.9", "2024-02-29T11:08:30.0"]
        );
        assert_eq!(column(Format::Dlog, "job_name", LOG)[..2], ["MSTJCL00", "MSTJCL00"]);
        assert_eq!(column(Format::Dlog, "system", LOG)[..2], ["SY1", "SY1"]);
        assert_eq!(column(Format::Dlog, "console", LOG)[2..4], ["CONS01", "CONS01"]);
    }
}
