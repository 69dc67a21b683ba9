//! The hardcopy log of MVS 3.8j and its kin: `rrrr hh.mm.ss JOB nnnn mtext`, with 4 routing digits
//! (7 from MVS/XA 2.2 on), without a date and without flags. Before the clock is set, NIP writes
//! its own time in place of the job.
//!
//! Source of the columns: measured on hardcopy logs of public MVS 3.8j systems.
//!
//! Layer: core

use super::super::assemble::{Class, Follow};
use super::super::{Format, Kind, Record, RoutingCodes, find_message_id, trim, trim_end};
use super::Layout;
use super::stamp::{Clock, packed_time, time_of_day};
use super::text::{begins_with_id, is_command, is_job_id, is_reply, with_text};
use crate::time::Stamp;

/// The layout.
#[derive(Debug, Default)]
pub struct Mvs38j {
    clock: Clock,
    /// A message was read.
    begun: bool,
}

/// Says why a line is certainly of this layout.
pub fn claims(line: &[u8]) -> Option<&'static str> {
    let columns = Columns::of(line)?;
    if columns.nip {
        return Some("the line has routing codes and a NIP time");
    }
    let sure = columns.time(line).is_some() && matches!(line.get(columns.routing + 9), Some(b' ') | None);
    sure.then_some("the line has routing codes and a time with dots, as MVS 3.8j writes its hardcopy log")
}

impl Layout for Mvs38j {
    fn format(&self) -> Format {
        Format::Mvs38j
    }

    fn read<'a>(&'a mut self, line: &'a [u8]) -> Class<'a> {
        if let Some(columns) = Columns::of(line) {
            self.begun = true;
            return head(line, columns, &mut self.clock);
        }
        if let Some((connect_id, text)) = part(line) {
            return Class::Part { connect_id, text, last: false };
        }
        // Routing codes without a time: a line of the message before.
        if self.begun
            && line.get(..4).is_some_and(|r| r.iter().all(u8::is_ascii_hexdigit))
            && line[4..].starts_with(b"          ")
        {
            return Class::Further(&line[4..]);
        }
        Class::alone(Kind::Unparsed, Format::Mvs38j, trim_end(line), line)
    }
}

/// Where the fields stand.
#[derive(Clone, Copy)]
struct Columns {
    /// Routing digits: 4 or 7.
    routing: usize,
    /// NIP's time, in place of the job.
    nip: bool,
}

impl Columns {
    fn of(line: &[u8]) -> Option<Columns> {
        [4, 7].into_iter().find_map(|routing| {
            let digits = line.get(..routing)?.iter().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(b));
            if !digits || line.get(routing) != Some(&b' ') {
                return None;
            }
            let time = line.get(routing + 1..routing + 9)?;
            if time_of_day(time, b'.', None).is_some() {
                return Some(Columns { routing, nip: false });
            }
            let nip = line.get(routing + 20..routing + 26).and_then(packed_time).is_some();
            let blank = time.iter().all(|b| *b == b' ');
            (nip && blank && line.get(routing + 27..routing + 30) == Some(b"NIP")).then_some(Columns { routing, nip })
        })
    }

    /// The time. A blank in place of the first digit (` 0.00.00`) says that the clock is not set.
    fn time(self, line: &[u8]) -> Option<Stamp> {
        time_of_day(line.get(self.routing + 1..self.routing + 9)?, b'.', None)
    }
}

fn head<'a>(line: &'a [u8], columns: Columns, clock: &mut Clock) -> Class<'a> {
    let routing = RoutingCodes::from_hex(&line[..columns.routing]);
    let bare = Record { routing, ..Record::bare(Kind::Message, Format::Mvs38j, b"") };
    let at = columns.routing;
    if columns.nip {
        let record = Record { time: clock.believe(packed_time(&line[at + 20..at + 26])), ..bare };
        let record = with_text(record, line.get(at + 31..).unwrap_or_default());
        return Class::Head { record, bytes: line, follow: Follow::Body };
    }
    let time = if line[at + 1] == b' ' { None } else { clock.believe(columns.time(line)) };
    // The job's field is as wide as `JOB 4501`; a text without a job stands behind its blanks.
    let job = trim(line.get(at + 10..(at + 18).min(line.len())).unwrap_or_default());
    let (job_id, text) = match job {
        job if is_job_id(job) => (Some(job), line.get(at + 19..)),
        [] => (None, line.get(at + 19..)),
        _ => (None, line.get(at + 9..)),
    };
    let record = Record { time, job_id, ..bare };
    let record = read_text(record, text.unwrap_or_default(), line[..at].iter().all(|b| *b == b'0'));
    Class::Head { record, bytes: line, follow: Follow::Body }
}

/// Reads the text from its special column on. Commands are logged without routing codes.
pub fn read_text<'a>(record: Record<'a>, field: &'a [u8], unrouted: bool) -> Record<'a> {
    let text = trim(field);
    if unrouted && find_message_id(text).is_none() && (is_command(text) || is_reply(text)) {
        return Record { kind: Kind::Command, text, ..record };
    }
    with_text(record, field)
}

/// A line of a multi-line message: its connect id stands where the time would, or at the
/// beginning of the line.
pub fn part(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = match line.iter().position(|b| *b == b' ') {
        // Routing codes may stand before it.
        Some(4 | 7) if line[..4].iter().all(u8::is_ascii_hexdigit) => &line[line.iter().position(|b| *b == b' ')?..],
        _ => line,
    };
    let from = rest.iter().position(|b| *b != b' ').filter(|n| *n <= 24)?;
    let id = rest.get(from..from + 3).filter(|id| id.iter().all(u8::is_ascii_digit))?;
    match rest.get(from + 3) {
        None => Some((id, &rest[..0])),
        Some(b' ') => Some((id, rest.get(from + 4..)?)),
        Some(_) => None,
    }
}

/// True for a text that only a console can have written: it begins with an id or is a command.
pub fn is_console_text(field: &[u8]) -> bool {
    let text = trim(field);
    let unmarked = text.strip_prefix(b"*").or_else(|| text.strip_prefix(b"@")).unwrap_or(text);
    begins_with_id(unmarked)
        || begins_with_id(text.strip_prefix(b"+").unwrap_or(text))
        || is_command(text)
        || is_reply(text)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{brief, column, detected};
    use super::*;

    const LOG: &str = "\
0000  0.00.00           ABC923I TABLE GEN
0000                    112546 NIP  ABC101A SPECIFY PARAMETERS
0000                    112551 NIP   PLPA ... SYS1.PAGE
4000 12.25.52           ABC992I  INIT COMPLETE
FFFF 12.25.52           XYZ IS BASED ON SOMETHING
0200 07.16.01 JOB  136 *02 ABC120A M 01E,AN
0200 07.16.32           ABC600I REPLY TO 02 IS;'AN'
0000 07.16.32           R 02,'AN'
0000 12.26.23 STC    9  $CA,ALL
0000 12.26.26 STC   18  S TSO
FFFF 12.29.17 STC    9  +XYZPILOT - DONE
4000 12.29.17          *CMD SUBSYS -   TERMINATED
4000000 12.29.18 JOB 4501  ABC404I X - ENDED
0000 12.30.00           ABC104I 12.30.00 ACTIVITY 072
072    00003 JOBS      00005 INITIATORS
0000 072     MORE
4000 12.30.01
";

    #[test]
    fn lines_of_each_kind() {
        let want = [
            "message|-|-|ABC923I|ABC923I TABLE GEN|-",
            "message|-|-|ABC101A|ABC101A SPECIFY PARAMETERS|-",
            "message|-|-|-|PLPA ... SYS1.PAGE|-",
            "message|-|-|ABC992I|ABC992I  INIT COMPLETE|-",
            "message|-|-|-|XYZ IS BASED ON SOMETHING|-",
            "wtor|*|02|ABC120A|ABC120A M 01E,AN|-",
            "message|-|-|ABC600I|ABC600I REPLY TO 02 IS;'AN'|-",
            "command|-|-|-|R 02,'AN'|-",
            "command|-|-|-|$CA,ALL|-",
            "command|-|-|-|S TSO|-",
            "message|+|-|-|XYZPILOT - DONE|-",
            "message|*|-|-|CMD SUBSYS -   TERMINATED|-",
            "message|-|-|ABC404I|ABC404I X - ENDED|-",
            "message|-|-|ABC104I|ABC104I 12.30.00 ACTIVITY|   00003 JOBS      00005 INITIATORS/    MORE",
            "message|-|-|-||-",
        ];
        assert_eq!(brief(Format::Mvs38j, LOG), want);
        assert_eq!(detected(LOG), Some((Format::Mvs38j, 1)));
    }

    #[test]
    fn times_jobs_and_routing() {
        let times = column(Format::Mvs38j, "time", LOG);
        assert_eq!(times[..4], ["null", "11:25:46", "11:25:51", "12:25:52"]);
        let jobs = column(Format::Mvs38j, "job_id", LOG);
        assert_eq!((&jobs[5][..], &jobs[9][..], &jobs[12][..]), ("JOB  136", "STC   18", "JOB 4501"));
        assert_eq!(column(Format::Mvs38j, "routing", LOG)[5..7], ["[7]", "[7]"]);
    }
}
