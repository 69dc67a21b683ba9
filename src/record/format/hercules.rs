//! The log of the Hercules emulator: its own messages, the lines of the guest's console, and what
//! the operator typed, with or without a clock before them (which may change inside one file).
//!
//! Guest lines follow a slash (`/ text`, `/hh.mm.ss JOB n text` after MN) or stand bare; `/text` is
//! input. Messages of Hercules 4 have five digits, of 3.x two letters and three digits. Sources:
//! Hercules' msgs documentation; logs of public MVS 3.8j and OS/VS1 systems.
//!
//! Layer: core

use super::super::assemble::{Class, Follow};
use super::super::{Format, Kind, Record, find_message_id, trim, trim_end};
use super::Layout;
use super::mvs38j::part;
use super::stamp::{iso_date, time_of_day};
use super::text::{begins_with_id, is_job_id, with_text};
use super::vs1;
use crate::time::Stamp;

/// The layout.
#[derive(Debug, Default)]
pub struct Hercules {
    /// The lines that an emulator prints about itself before its first message.
    in_banner: bool,
    /// A message stands before: lines that are none may continue it.
    after_message: bool,
}

/// Says why a line is certainly of this layout.
pub fn claims(line: &[u8]) -> Option<&'static str> {
    let (clock, text) = split_clock(line);
    if is_hercules_id(find_message_id(text)) {
        return Some("the line is a message of the Hercules emulator");
    }
    if clock.is_some() && starts_banner(text) {
        return Some("the line is the first of the Hercules emulator");
    }
    let guest = text.strip_prefix(b"/")?;
    let sure = guest_clock(guest).is_some()
        || clock.is_some()
            && (guest.starts_with(b" ") && begins_with_id(trim(guest))
                || begins_with_id(guest)
                || guest.starts_with(b"(0"));
    sure.then_some("the line has a slash before the guest's console text, as in a Hercules log")
}

impl Layout for Hercules {
    fn format(&self) -> Format {
        Format::Hercules
    }

    fn read<'a>(&'a mut self, line: &'a [u8]) -> Class<'a> {
        let (time, text) = split_clock(line);
        let bare = Record { time, ..Record::bare(Kind::Message, Format::Hercules, trim_end(text)) };
        if text.iter().all(|b| *b == b' ') {
            let record = Record { kind: Kind::Header, text: &line[..0], ..bare };
            return Class::Head { record, bytes: line, follow: Follow::Aside };
        }
        if let Some(record) = own_message(bare, text) {
            return self.head(record, line, Follow::Directly);
        }
        if vs1::claims(text).is_some()
            && let Some(fields) = vs1::Fields::of(text)
        {
            return self.head(fields.record(bare), line, Follow::Body);
        }
        if let Some(record) = guest_line(bare, text) {
            return self.head(record, line, Follow::Display);
        }
        if text[0].is_ascii_digit()
            && let Some((connect_id, text)) = part(text)
        {
            return Class::Part { connect_id, text, last: false };
        }
        self.in_banner |= starts_banner(text);
        if !self.in_banner && self.after_message && (text.starts_with(b" ") || is_register_dump(text)) {
            return Class::Further(text);
        }
        self.after_message = false;
        let kind = match text {
            _ if self.in_banner => Kind::Header,
            _ if is_panel_command(text) => Kind::Command,
            _ => Kind::Unparsed,
        };
        Class::Head { record: Record { kind, ..bare }, bytes: line, follow: Follow::Nothing }
    }

    fn blank(&mut self) -> Follow {
        Follow::Aside
    }
}

impl Hercules {
    fn head<'a>(&mut self, record: Record<'a>, bytes: &'a [u8], follow: Follow) -> Class<'a> {
        self.in_banner = false;
        self.after_message = record.kind != Kind::Command;
        Class::Head { record, bytes, follow: if self.after_message { follow } else { Follow::Nothing } }
    }
}

/// The clock of the emulator, with the date that `LOGOPT DATESTAMP` puts before it, and the text
/// behind it.
fn split_clock(line: &[u8]) -> (Option<Stamp>, &[u8]) {
    let date = line.get(..10).and_then(iso_date).filter(|_| line.get(10) == Some(&b' '));
    let dated = if date.is_some() { &line[11..] } else { line };
    match dated.get(..8).and_then(|clock| time_of_day(clock, b':', date)) {
        Some(time) if dated.len() == 8 => (Some(time), &dated[8..]),
        Some(time) if dated[8] == b' ' => (Some(time), &dated[9..]),
        _ => (None, line),
    }
}

/// `HHC01413I`, or of 3.x `HHCRD012I`.
fn is_hercules_id(id: Option<&[u8]>) -> bool {
    id.is_some_and(|id| id.len() == 9 && id.starts_with(b"HHC"))
}

fn starts_banner(text: &[u8]) -> bool {
    text.starts_with(b"Hercules Version ") || text.starts_with(b"Hercules version ")
}

/// A message of the emulator, or the command that it echoes in one.
fn own_message<'a>(bare: Record<'a>, text: &'a [u8]) -> Option<Record<'a>> {
    let id = find_message_id(text).filter(|id| is_hercules_id(Some(id)))?;
    let rest = trim(&text[id.len()..]);
    let typed = match id {
        // The command line, and the integrated console's (`SCP command: d r,l`).
        b"HHC01603I" => Some(rest),
        b"HHC00160I" => rest.strip_prefix(b"SCP command:").map(trim),
        _ => None,
    };
    Some(match typed {
        Some(text) => Record { kind: Kind::Command, text, ..bare },
        None => Record { message_id: Some(id), ..bare },
    })
}

/// A line of the guest's console, or what was typed at it.
fn guest_line<'a>(bare: Record<'a>, text: &'a [u8]) -> Option<Record<'a>> {
    let Some(guest) = text.strip_prefix(b"/") else {
        // A console without the slash. Its display lines have no id and are not known from others.
        let record = with_text(bare, text);
        return find_message_id(record.text).map(|_| record);
    };
    if let Some(clock) = guest_clock(guest) {
        let time = bare.time.or(Some(clock));
        let job = guest.get(9..17.min(guest.len())).map_or(&b""[..], trim);
        let (job_id, text) = match job {
            job if is_job_id(job) => (Some(job), guest.get(18..)),
            [] => (None, guest.get(18..)),
            _ => (None, guest.get(8..)),
        };
        return Some(with_text(Record { time, job_id, ..bare }, text.unwrap_or_default()));
    }
    if guest.starts_with(b" ") {
        return Some(with_text(bare, guest));
    }
    let marked = guest.strip_prefix(b"*").or_else(|| guest.strip_prefix(b"@")).unwrap_or(guest);
    if begins_with_id(marked) {
        return Some(with_text(bare, guest));
    }
    // `/(001F) R 2,U`: typed at the console device of that number.
    let (console, text) = match guest {
        [b'(', inner @ ..] => match inner.iter().take(8).position(|b| *b == b')') {
            Some(end) => (Some(&inner[..end]), trim(&inner[end + 1..])),
            None => (None, trim(guest)),
        },
        _ => (None, trim(guest)),
    };
    Some(Record { kind: Kind::Command, console, text, ..bare })
}

/// The guest's own time, after `MN JOBNAMES,T` and the like: `12.26.26 STC   18  …`.
fn guest_clock(guest: &[u8]) -> Option<Stamp> {
    let time = time_of_day(guest.get(..8)?, b'.', None)?;
    guest.get(8).is_none_or(|b| *b == b' ').then_some(time)
}

/// Registers, PSW and storage, as the emulator shows them behind a program check.
fn is_register_dump(text: &[u8]) -> bool {
    let bank = matches!(text, [b'G' | b'C' | b'A' | b'F', b'R' | b'P', b'0'..=b'9', ..]);
    bank && text.contains(&b'=')
        || text.starts_with(b"PSW=")
        || matches!(text, [b'V' | b'R', b':', b'0'..=b'9' | b'A'..=b'F', ..])
}

/// Commands to the emulator itself, which 3.x echoes as they were typed.
fn is_panel_command(text: &[u8]) -> bool {
    const COMMANDS: [&[u8]; 44] = [
        b"ar",
        b"attach",
        b"cckd",
        b"codepage",
        b"cpu",
        b"cr",
        b"ctc",
        b"define",
        b"detach",
        b"devinit",
        b"devlist",
        b"exit",
        b"fpr",
        b"gpr",
        b"hao",
        b"help",
        b"ipl",
        b"loadcore",
        b"loadparm",
        b"maxrates",
        b"msghld",
        b"msglvl",
        b"ostailor",
        b"panrate",
        b"pr",
        b"psw",
        b"pwd",
        b"quit",
        b"restart",
        b"savecore",
        b"scp",
        b"script",
        b"sh",
        b"start",
        b"startall",
        b"stop",
        b"stopall",
        b"store",
        b"sysclear",
        b"sysreset",
        b"timerint",
        b"toddrag",
        b"uptime",
        b"version",
    ];
    let word = text.split(|b| *b == b' ').next().unwrap_or_default();
    COMMANDS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{brief, column, detected};
    use super::*;

    #[test]
    fn hercules_4() {
        let text = "\
12:25:37 HHC01413I Hercules version 4.6
HHC01414I without a clock
12:25:46 /ABC101A SPECIFY PARAMETERS
12:25:51 / PLPA ... SYS1.PAGE
12:25:53 / +XYZ22I - done
12:25:58 /d t
12:26:26 /12.26.26 STC   18  IST020I  VTAM COMPLETE
12:26:26 /12.26.26           $HASP160 PRINTER2 INACTIVE
12:28:56 /12.28.55 STC   21 *00 IKT012D TERMINATION
/22.15.52 STC   72  +AUTOMVS 22:15:52.837397 x
12:30:17 /$PJES2
12:30:18 HHC01603I ipl 390
09:33:16 HHC00160I SCP command: d r,l
09:33:16  IEE112I 03.33.16 PENDING REQUESTS 787
09:33:16   RM=0
";
        let want = [
            "message|-|-|HHC01413I|HHC01413I Hercules version 4.6|-",
            "message|-|-|HHC01414I|HHC01414I without a clock|-",
            "message|-|-|ABC101A|ABC101A SPECIFY PARAMETERS|-",
            "message|-|-|-|PLPA ... SYS1.PAGE|-",
            "message|+|-|XYZ22I|XYZ22I - done|-",
            "command|-|-|-|d t|-",
            "message|-|-|IST020I|IST020I  VTAM COMPLETE|-",
            "message|-|-|$HASP160|$HASP160 PRINTER2 INACTIVE|-",
            "wtor|*|00|IKT012D|IKT012D TERMINATION|-",
            "message|+|-|-|AUTOMVS 22:15:52.837397 x|-",
            "command|-|-|-|$PJES2|-",
            "command|-|-|-|ipl 390|-",
            "command|-|-|-|d r,l|-",
            "message|-|-|IEE112I|IEE112I 03.33.16 PENDING REQUESTS|  RM=0",
        ];
        assert_eq!(brief(Format::Hercules, text), want);
        assert_eq!(column(Format::Hercules, "job_id", text)[6], "STC   18");
        let times = column(Format::Hercules, "time", text);
        assert_eq!((&times[1][..], &times[8][..], &times[9][..]), ("null", "12:28:56", "22:15:52"));
        assert_eq!(detected(text), Some((Format::Hercules, 1)));
        assert_eq!(
            column(Format::Hercules, "time", "2024-02-29 12:25:37 HHC01413I x\n2024-02-29 12:25:38 / ABC001I y\n"),
            ["2024-02-29T12:25:37", "2024-02-29T12:25:38"]
        );
        assert_eq!(detected("/22.15.52 STC   72  $HASP100 X\n"), Some((Format::Hercules, 1)));
    }

    #[test]
    fn hercules_3() {
        let text = "\
20:57:37 Hercules Version 3.13
20:57:37   Modes: S/370
20:57:37 HHCHD018I Loadable module directory
20:57:37 HHCAO001I Automatic Operator started;
20:57:37           tid=7F17291A86C0
20:57:41 ipl 150
20:57:42 ABC760A SPECIFY STORAGE
20:57:43 HHCCP014I CPU0000: exception
20:57:43 PSW=070C0000 00877006
20:57:43 GR00=00000000  GR01=000010A0
20:58:30 /(001F) R 2,U
20:58:31 *00 ABC107D E 150
20:58:32 something
20:58:32 205800 8000  ABC140I SYSTEM CONSOLES
20:58:32 001    CONSOLE/ALT  COND
20:58:32  205801 0000 D CONSOLES
20:58:32 ostailor quiet
20:58:33
";
        let want = [
            "header|-|-|-|Hercules Version 3.13|-",
            "header|-|-|-|  Modes: S/370|-",
            "message|-|-|HHCHD018I|HHCHD018I Loadable module directory|-",
            "message|-|-|HHCAO001I|HHCAO001I Automatic Operator started;|          tid=7F17291A86C0",
            "command|-|-|-|ipl 150|-",
            "message|-|-|ABC760A|ABC760A SPECIFY STORAGE|-",
            "message|-|-|HHCCP014I|HHCCP014I CPU0000: exception|PSW=070C0000 00877006/GR00=00000000  GR01=000010A0",
            "command|-|-|-|R 2,U|-",
            "wtor|*|00|ABC107D|ABC107D E 150|-",
            "unparsed|-|-|-|something|-",
            "message|-|-|ABC140I|ABC140I SYSTEM CONSOLES|   CONSOLE/ALT  COND",
            "command|-|-|-|D CONSOLES|-",
            "command|-|-|-|ostailor quiet|-",
            "header|-|-|-||-",
        ];
        assert_eq!(brief(Format::Hercules, text), want);
        assert_eq!(column(Format::Hercules, "console", text)[7], "001F");
        assert_eq!(detected(text), Some((Format::Hercules, 1)));
    }
}
