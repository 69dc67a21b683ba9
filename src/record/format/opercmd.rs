//! What console command utilities print (`opercmd`, Ansible's zos_operator, SDSF REXX): system,
//! yyyyddd, hh:mm:ss.th, job id, text; the lines of a display behind its first without any prefix.
//!
//! Source: ansible-collections/ibm_zos_core, docs/source/modules/zos_operator.rst.
//!
//! Layer: core

use super::super::assemble::{Class, Follow};
use super::super::{Format, Kind, Record, trim, trim_end};
use super::Layout;
use super::stamp::julian;
use super::text::{split_ident, with_text};

/// The layout.
#[derive(Debug, Default)]
pub struct Opercmd {
    /// A record was read: lines without a prefix belong to it.
    begun: bool,
}

/// Says why a line is certainly of this layout.
pub fn claims(line: &[u8]) -> Option<&'static str> {
    head(line).map(|_| "the line has system, yyyyddd and hh:mm:ss.th, as console command utilities print them")
}

impl Layout for Opercmd {
    fn format(&self) -> Format {
        Format::Opercmd
    }

    fn read<'a>(&'a mut self, line: &'a [u8]) -> Class<'a> {
        if let Some(class) = head(line) {
            self.begun = true;
            return class;
        }
        if self.begun {
            Class::Further(line)
        } else {
            Class::alone(Kind::Unparsed, Format::Opercmd, trim_end(line), line)
        }
    }

    fn blank(&mut self) -> Follow {
        Follow::Aside
    }
}

fn head(line: &[u8]) -> Option<Class<'_>> {
    let system = &line[..line.iter().position(|b| *b == b' ').filter(|n| (1..=10).contains(n))?];
    let date_at = system.len() + line[system.len()..].iter().position(|b| *b != b' ')?;
    let date = line.get(date_at..date_at + 7).filter(|d| d.iter().all(u8::is_ascii_digit))?;
    let behind = line.get(date_at + 7..)?;
    let time_at = date_at + 7 + behind.iter().position(|b| *b != b' ').filter(|n| (1..=3).contains(n))?;
    let time = julian(date, line.get(time_at..time_at + 11)?)?;
    // The job's field begins two columns behind the time, the special column ten behind that.
    let field = |from: usize, to: usize| line.get(time_at + from..(time_at + to).min(line.len())).unwrap_or_default();
    let (job_id, console) = split_ident(field(13, 21));
    let text = field(23, line.len());
    let is_echo = matches!(text, [b'-' | b'=', next, ..] if *next != b' ');
    let bare = Record::bare(Kind::Command, Format::Opercmd, trim(text.get(1..).unwrap_or_default()));
    let record = Record { system: Some(system), job_id, console, time: Some(time), ..bare };
    let record = if is_echo { record } else { with_text(Record { kind: Kind::Message, ..record }, text) };
    Some(Class::Head { record, bytes: line, follow: if is_echo { Follow::Nothing } else { Follow::Display } })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{brief, column, detected};
    use super::*;

    const LOG: &str = "\
SYS1      2020039  04:29:57.58             ISF031I CONSOLE XYZ ACTIVATED
SYS1      2020039  04:29:57.58            -D U,ALL
SYS1      2020039  04:29:57.59             ABC457I 04.29.57 UNIT STATUS 948
         UNIT TYPE STATUS

         0000 3390 A
EC33017A   2020238  23:37:37.00  STC18668   ABC022I ##X NORMAL COMPLETION
EC33017A   2020238  23:37:37.00  STC18668  *ABC023E FAILED
";

    #[test]
    fn lines_of_each_kind() {
        let want = [
            "message|-|-|ISF031I|ISF031I CONSOLE XYZ ACTIVATED|-",
            "command|-|-|-|D U,ALL|-",
            "message|-|-|ABC457I|ABC457I 04.29.57 UNIT STATUS|         UNIT TYPE STATUS/         0000 3390 A",
            "header|-|-|-||-",
            "message|-|-|ABC022I|ABC022I ##X NORMAL COMPLETION|-",
            "message|*|-|ABC023E|ABC023E FAILED|-",
        ];
        assert_eq!(brief(Format::Opercmd, LOG), want);
        assert_eq!(detected(LOG), Some((Format::Opercmd, 1)));
        assert_eq!(column(Format::Opercmd, "connect_id", LOG)[2], "948");
        assert_eq!(column(Format::Opercmd, "job_id", LOG)[4], "STC18668");
        assert_eq!(column(Format::Opercmd, "time", LOG)[0], "2020-02-08T04:29:57.58");
        assert_eq!(column(Format::Opercmd, "system", LOG)[4], "EC33017A");
    }
}
