//! The JES2 job log (JESMSGLG): `hh.mm.ss JOBnnnnn mtext`, with or without a carriage-control
//! column, or cut at the left of the text; and the printer files of old systems, in which banners,
//! JCL, system messages and output stand around it.
//!
//! The date stands only in lines `---- DAY, dd MON yyyy ----`: the first line, and one after each
//! midnight. Sources: z/OS JES2 Introduction, "JES2 job log"; ibm_zos_core's documentation.
//!
//! Layer: core

use super::super::assemble::{Class, Follow};
use super::super::{Format, Kind, Record, find_message_id, trim, trim_end};
use super::Layout;
use super::mvs38j::{is_console_text, part};
use super::stamp::{month, number, time_of_day};
use super::text::{is_job_id, is_reply, with_text};
use crate::time::{Date, Stamp};

/// The layout.
#[derive(Debug, Default)]
pub struct Joblog {
    section: Section,
    date: Option<Date>,
    /// A line with a time was seen: lines without one continue messages.
    timed: bool,
    /// Column in which the texts of lines with a time begin.
    text_column: usize,
    /// The three digits that the last messages ended with: connect ids, if a line begins with them.
    recent: [Option<[u8; 3]>; 4],
    /// Outside: a message stands before, whose further lines are indented.
    after_message: bool,
}

/// The part of a job's output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Section {
    /// Nothing of a job log was seen yet, or it has ended: banners, JCL, output.
    #[default]
    Outside,
    /// Its heading was seen, and nothing else.
    Headed,
    /// Messages.
    Log,
    /// The statistics that end it.
    Statistics,
}

/// Says why a line is certainly of this layout.
pub fn claims(line: &[u8]) -> Option<&'static str> {
    if is_heading(line) {
        return Some("the line is the heading of a JES2 job log");
    }
    if date_line(behind_time(line)).is_some() {
        return Some("the line is the date line of a JES2 job log");
    }
    if is_banner(line) {
        return Some("the line is from a separator page of JES2 output");
    }
    let timed = Timed::of(line)?;
    let sure = timed.job_id.is_some() || is_console_text(timed.text);
    sure.then_some("the line has hh.mm.ss and a job id, as in a JES2 job log")
}

impl Layout for Joblog {
    fn format(&self) -> Format {
        Format::Joblog
    }

    fn read<'a>(&'a mut self, line: &'a [u8]) -> Class<'a> {
        let header = Class::alone(Kind::Header, Format::Joblog, trim(line), line);
        if is_heading(line) {
            *self = Joblog { section: Section::Headed, ..Joblog::default() };
            return header;
        }
        if let Some(date) = date_line(behind_time(line)) {
            self.date = Some(date);
            if self.section != Section::Log {
                self.section = Section::Log;
            }
            self.timed |= Timed::of(line).is_some();
            return header;
        }
        if let Some(timed) = Timed::of(line) {
            self.section = Section::Log;
            self.timed = true;
            self.text_column = timed.text_column;
            return self.message(line, Some(timed.time), timed.job_id, timed.text);
        }
        if is_statistics_heading(line) {
            self.section = Section::Statistics;
            return header;
        }
        match self.section {
            Section::Outside => self.outside(line),
            Section::Statistics if is_statistic(line) => header,
            Section::Statistics => {
                self.section = Section::Outside;
                Class::alone(Kind::Unparsed, Format::Joblog, trim_end(line), line)
            }
            // A carriage control alone is a blank line.
            _ if line.len() <= 2 && matches!(trim(line), [b'0' | b'1' | b'-' | b'+']) => {
                Class::alone(Kind::Header, Format::Joblog, &line[..0], line)
            }
            Section::Log if !self.timed && line.starts_with(b"        ") => Class::Further(line),
            Section::Headed | Section::Log if !self.timed => {
                self.section = Section::Log;
                self.message(line, None, None, line)
            }
            _ => self.without_time(line),
        }
    }

    fn blank(&mut self) -> Follow {
        self.after_message = false;
        Follow::Nothing
    }
}

impl Joblog {
    fn message<'a>(
        &mut self,
        line: &'a [u8],
        time: Option<Stamp>,
        job_id: Option<&'a [u8]>,
        field: &'a [u8],
    ) -> Class<'a> {
        let time = time.map(|time| Stamp { date: self.date, ..time });
        let record = Record { time, job_id, ..Record::bare(Kind::Message, Format::Joblog, trim(field)) };
        let is_echo = is_reply(trim(field)) && find_message_id(trim(field)).is_none();
        let record = if is_echo { Record { kind: Kind::Command, ..record } } else { with_text(record, field) };
        self.recent.rotate_right(1);
        self.recent[0] = record.text.last_chunk::<3>().filter(|id| id.iter().all(u8::is_ascii_digit)).copied();
        Class::Head { record, bytes: line, follow: if is_echo { Follow::Nothing } else { Follow::Body } }
    }

    /// A line of another of the job's data sets: of the system messages (JESYSMSG, where IEF142I
    /// stands), or of JCL and output, which are not for us.
    fn outside<'a>(&mut self, line: &'a [u8]) -> Class<'a> {
        let continues = std::mem::take(&mut self.after_message) && line.starts_with(b"        ");
        if is_banner(line) {
            return Class::alone(Kind::Header, Format::Joblog, trim(line), line);
        }
        if let Some(text) = system_message(line) {
            self.after_message = true;
            let record = with_text(Record::bare(Kind::Message, Format::Joblog, text), text);
            return Class::Head { record, bytes: line, follow: Follow::Directly };
        }
        if continues {
            self.after_message = true;
            return Class::Further(line);
        }
        Class::alone(Kind::Unparsed, Format::Joblog, trim_end(line), line)
    }

    /// A line in a log whose other lines have a time: part of a message, wrapped text, or a
    /// message that JES2 wrote after the job (`-$HASP106 …`).
    fn without_time<'a>(&mut self, line: &'a [u8]) -> Class<'a> {
        if let [b' ' | b'0' | b'1' | b'-' | b'+', rest @ ..] = line
            && find_message_id(rest).is_some()
        {
            return self.message(line, None, None, line.get(1..).unwrap_or_default());
        }
        let is_recent = |id: &[u8]| self.recent.iter().flatten().any(|recent| recent == id);
        if let Some((connect_id, text)) = part(line).filter(|(id, _)| is_recent(id)) {
            // The body begins in the column of the texts, as far as only blanks stand before it.
            let from = line.len() - text.len();
            let blanks = text.iter().take_while(|b| **b == b' ').count();
            let skip = self.text_column.saturating_sub(from).min(blanks);
            return Class::Part { connect_id, text: &text[skip..], last: false };
        }
        Class::Further(line)
    }
}

/// The text of a system message: it begins the line, or stands behind the number of a JCL
/// statement. Only what the initiator, allocation (IEF) and SMS (IGD) say is believed: the output of
/// programs repeats messages that the job log has.
fn system_message(line: &[u8]) -> Option<&[u8]> {
    let digits = line.trim_ascii_start();
    let number = digits.iter().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
    let text = match line {
        _ if number > 0 => digits[number..].strip_prefix(b" ")?.trim_ascii_start(),
        [b' ', rest @ ..] => rest,
        _ => line,
    };
    let id = find_message_id(text)?;
    (id.starts_with(b"IEF") || id.starts_with(b"IGD")).then_some(trim_end(text))
}

/// A line with time and job.
struct Timed<'a> {
    time: Stamp,
    job_id: Option<&'a [u8]>,
    /// From the special column on.
    text: &'a [u8],
    text_column: usize,
}

impl<'a> Timed<'a> {
    fn of(line: &'a [u8]) -> Option<Timed<'a>> {
        let at = match (line.get(2), line.get(3)) {
            (Some(b'.'), _) => 0,
            (_, Some(b'.')) if matches!(line[0], b' ' | b'0' | b'1' | b'-' | b'+') => 1,
            _ => return None,
        };
        let time = time_of_day(line.get(at..at + 8)?, b'.', None)?;
        if line.get(at + 8).is_some_and(|b| *b != b' ') {
            return None;
        }
        let job = line.get(at + 9..(at + 17).min(line.len())).unwrap_or_default();
        let text = line.get(at + 18..).unwrap_or_default();
        match trim(job) {
            job if is_job_id(job) => Some(Timed { time, job_id: Some(job), text, text_column: at + 19 }),
            [] => Some(Timed { time, job_id: None, text, text_column: at + 19 }),
            _ => None,
        }
    }
}

/// `J E S 2  J O B  L O G`, with any number of blanks between the words.
fn is_heading(line: &[u8]) -> bool {
    const LETTERS: &[u8] = b"JES2JOBLOG";
    let mut letters = line.iter().filter(|b| **b != b' ').skip_while(|b| matches!(b, b'0' | b'1' | b'-')).copied();
    let spaced = line.windows(5).any(|w| w == b"J E S");
    spaced && letters.by_ref().take(LETTERS.len()).eq(LETTERS.iter().copied())
}

/// The line behind its time and job, for date lines, which have them where messages do.
fn behind_time(line: &[u8]) -> &[u8] {
    trim(Timed::of(line).map_or(line, |timed| timed.text))
}

/// The date of `---- TUESDAY,   18 FEB 2020 ----`.
fn date_line(text: &[u8]) -> Option<Date> {
    let inner = trim(text.strip_prefix(b"---- ")?.strip_suffix(b" ----")?);
    let comma = inner.iter().position(|b| *b == b',')?;
    let mut words = inner[comma + 1..].split(|b| *b == b' ').filter(|w| !w.is_empty());
    let (day, month_name, year) = (words.next()?, words.next()?, words.next()?);
    Date::new(i32::try_from(number(year)?).ok()?, month(month_name)?, u8::try_from(number(day)?).ok()?)
}

fn is_statistics_heading(line: &[u8]) -> bool {
    line.windows(26).any(|w| w == b"------ JES2 JOB STATISTICS")
}

/// `-           90 CARDS READ`, `-  12 JUL 2019 JOB EXECUTION DATE`.
fn is_statistic(line: &[u8]) -> bool {
    let text = match line {
        [b'0' | b'1' | b'-' | b'+', rest @ ..] if rest.starts_with(b" ") => rest,
        _ => line,
    };
    let text = trim(text);
    let mut words = text.split(|b| *b == b' ').filter(|w| !w.is_empty());
    let number_first = words.next().is_some_and(|w| w.iter().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',')));
    let known = |w: &[u8]| matches!(w, b"CARDS" | b"SYSOUT" | b"MINUTES" | b"SPOOL" | b"TOTAL");
    number_first && words.next().is_some_and(|w| known(w) || w.len() == 3 && month(w).is_some())
}

/// A line of a separator page: `****A  START  JOB 4502 …`, or block letters, which repeat each
/// character at least twice.
fn is_banner(line: &[u8]) -> bool {
    let text = trim(line);
    if text.starts_with(b"****") && text.ends_with(b"****") {
        let has = |word: &[u8]| memchr::memmem::find(text, word).is_some();
        return has(b" START ") || has(b" END ") || has(b" CONT ");
    }
    let repeated = |word: &[u8]| word.len() >= 2 && word.iter().all(|b| *b == word[0] && b.is_ascii_alphanumeric());
    let mut words = text.split(|b| *b == b' ').filter(|w| !w.is_empty());
    line.starts_with(b"      ") && text.len() >= 10 && words.clone().count() >= 2 && words.all(repeated)
}

#[cfg(test)]
mod tests;
