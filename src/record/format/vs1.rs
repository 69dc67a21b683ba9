//! The hardcopy log of OS/VS1: ` hhmmss rrrr text`, without dates and jobs. The first line of a
//! display stands one column further left, its body lines begin with the 3-digit connect id.
//!
//! Source of the columns: measured on the hardcopy console of an OS/VS1 6.0 system.
//!
//! Layer: core

use super::super::assemble::{Class, Follow};
use super::super::{Format, Kind, Record, RoutingCodes, trim_end};
use super::Layout;
use super::mvs38j::{is_console_text, part, read_text};
use super::stamp::{Clock, packed_time};
use super::text::{begins_with_id, with_text};

/// The layout.
#[derive(Debug, Default)]
pub struct Vs1 {
    clock: Clock,
}

/// Says why a line is certainly of this layout.
pub fn claims(line: &[u8]) -> Option<&'static str> {
    let fields = Fields::of(line)?;
    is_console_text(fields.text)
        .then_some("the line has hhmmss and four routing digits, as OS/VS1 writes its hardcopy log")
}

impl Layout for Vs1 {
    fn format(&self) -> Format {
        Format::Vs1
    }

    fn read<'a>(&'a mut self, line: &'a [u8]) -> Class<'a> {
        let bare = Record::bare(Kind::Message, Format::Vs1, b"");
        if let Some(fields) = Fields::of(line) {
            let time = self.clock.believe(packed_time(fields.time));
            let record = fields.record(Record { time, ..bare });
            return Class::Head { record, bytes: line, follow: Follow::Body };
        }
        if line[0].is_ascii_digit()
            && let Some((connect_id, text)) = part(line)
        {
            return Class::Part { connect_id, text, last: false };
        }
        // Messages before the console is up have no time.
        let record = with_text(bare, line);
        if begins_with_id(record.text) {
            return Class::Head { record, bytes: line, follow: Follow::Body };
        }
        Class::alone(Kind::Unparsed, Format::Vs1, trim_end(line), line)
    }
}

/// The fields of a line. The consoles of an OS/VS1 in a Hercules log have the same.
pub struct Fields<'a> {
    time: &'a [u8],
    routing: &'a [u8],
    /// From the special column on.
    text: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields, if the line has them.
    pub fn of(line: &'a [u8]) -> Option<Fields<'a>> {
        let line = line.strip_prefix(b" ").unwrap_or(line);
        let time = line.get(..6).filter(|t| packed_time(t).is_some())?;
        let routing = line.get(7..11).filter(|r| r.iter().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(b)))?;
        let text = line.get(11..).unwrap_or_default();
        let special = matches!(text.first(), None | Some(b' ' | b'*' | b'@' | b'+'));
        (line[6] == b' ' && special).then_some(Fields { time, routing, text })
    }

    /// Fills a record.
    pub fn record(&self, bare: Record<'a>) -> Record<'a> {
        let routing = RoutingCodes::from_hex(self.routing);
        read_text(Record { routing, ..bare }, self.text, self.routing == b"0000")
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{brief, column, detected};
    use super::*;

    const LOG: &str = "\
210423 8000  ABC140I SYSTEM CONSOLES
001    CONSOLE/ALT  COND
001      009/01F     H
 000000 0000 ABC760A SPECIFY STORAGE
 000000 0000
 210423 9000*00 ABC107D E 150
 210423 9000 ABC600I REPLY TO 00 IS 'U'
 210423 0000 R 0,U
 ABC048I INITIALIZATION COMPLETED
 210425 2800*ABC233A M 480
 210425 0000 D A
210425 0000  ABC821I 21.04.25 ACTIVE DISPLAY 075
075  PNO JOBNAME
075
Connected to device
 210437 0000 Z EOD
";

    #[test]
    fn lines_of_each_kind() {
        let want = [
            "message|-|-|ABC140I|ABC140I SYSTEM CONSOLES|   CONSOLE/ALT  COND/     009/01F     H",
            "message|-|-|ABC760A|ABC760A SPECIFY STORAGE|-",
            "message|-|-|-||-",
            "wtor|*|00|ABC107D|ABC107D E 150|-",
            "message|-|-|ABC600I|ABC600I REPLY TO 00 IS 'U'|-",
            "command|-|-|-|R 0,U|-",
            "message|-|-|ABC048I|ABC048I INITIALIZATION COMPLETED|-",
            "message|*|-|ABC233A|ABC233A M 480|-",
            "command|-|-|-|D A|-",
            "message|-|-|ABC821I|ABC821I 21.04.25 ACTIVE DISPLAY| PNO JOBNAME/",
            "unparsed|-|-|-|Connected to device|-",
            "command|-|-|-|Z EOD|-",
        ];
        assert_eq!(brief(Format::Vs1, LOG), want);
        assert_eq!(detected(LOG), Some((Format::Vs1, 1)));
    }

    #[test]
    fn a_clock_that_is_not_set_gives_no_time() {
        assert_eq!(
            column(Format::Vs1, "time", " 000000 0000 ABC760A X\n 235959 0000 ABC1I X\n 000000 0000 ABC2I X\n"),
            ["null", "23:59:59", "00:00:00"]
        );
    }
}
