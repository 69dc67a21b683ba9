//! What stands around a message text on a console: action marks, reply ids, JES2 node and member,
//! wrapped messages, job ids, and the verbs of operator commands.
//!
//! Sources: JES2 Messages, "Message format" (`{*|@|blank[+]} {Nn Mm} $HASPnnnn text`); MVS System
//! Commands for the verbs and their short forms.
//!
//! Layer: core

use super::super::{Kind, Record, find_message_id, leading_id, trim, trim_end};

/// Takes marks, reply id, message id and inner id off a text. The first byte of `field` is the
/// column for special characters before the text; a layout without one gives a blank there.
pub fn with_text<'a>(record: Record<'a>, field: &'a [u8]) -> Record<'a> {
    let (mark, body) = split_mark(trim_end(field));
    let asks = record.kind == Kind::Wtor || matches!(mark, Some(b'*' | b'@'));
    let (reply_id, body) = match split_reply_id(body) {
        Some((id, rest)) if asks => (Some(id), rest),
        _ => (None, body),
    };
    let (mark, body) = match body {
        [b'+', rest @ ..] if mark.is_some() && find_message_id(rest).is_some() => (mark, rest),
        _ => (mark, body),
    };
    let text = behind_node(body);
    let message_id = leading_id(text);
    let inner_id = message_id.and_then(|id| inner_id(id, text));
    let kind = if reply_id.is_some() { Kind::Wtor } else { record.kind };
    Record { kind, mark, reply_id, message_id, inner_id, text, ..record }
}

/// The mark before a text, and the text. In the special column a mark is a mark; in the text
/// itself `+` is one (it is written by the issuing service, not by the column), while `*` and `@`
/// are only before an id: texts may be framed by asterisks.
fn split_mark(field: &[u8]) -> (Option<u8>, &[u8]) {
    match field {
        _ if has_at_sign_of_jes2(field) => (None, field),
        [mark @ (b'*' | b'@' | b'+'), rest @ ..]
            if rest.first().is_some_and(|next| next != mark) || has_at_sign_of_jes2(rest) =>
        {
            (Some(*mark), trim(rest))
        }
        [b' ', ..] | [] => {
            let body = trim(field);
            match body {
                _ if has_at_sign_of_jes2(body) => (None, body),
                [b'+', rest @ ..] if rest.first().is_some_and(|next| *next != b'+') => (Some(b'+'), trim(rest)),
                [mark @ (b'*' | b'@'), rest @ ..] if begins_with_id(rest) => (Some(*mark), rest),
                _ => (None, body),
            }
        }
        _ => (None, field),
    }
}

/// True for `@HASP373 …`: JES2 writes no id without its CONCHAR, so that the `@` is that, and no mark.
fn has_at_sign_of_jes2(text: &[u8]) -> bool {
    text.starts_with(b"@HASP") && find_message_id(text).is_some()
}

/// True for `IEE362A …` and for `00 IKT012D …`.
pub fn begins_with_id(text: &[u8]) -> bool {
    find_message_id(text).is_some() || split_reply_id(text).is_some_and(|(_, rest)| find_message_id(rest).is_some())
}

/// The reply id, two to four digits, that a WTOR's text begins with, and the text behind it.
pub fn split_reply_id(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let digits = text.iter().take(5).position(|b| !b.is_ascii_digit())?;
    let rest = &text[digits..];
    ((2..=4).contains(&digits) && rest.starts_with(b" ")).then(|| (&text[..digits], trim(rest)))
}

/// The text behind JES2's node and member (`N1 M2 $HASP373 …`).
fn behind_node(text: &[u8]) -> &[u8] {
    if !matches!(text, [b'N' | b'M', b'0'..=b'9', ..]) {
        return text;
    }
    let mut rest = text;
    for letter in [b'N', b'M'] {
        if let [first, behind @ ..] = rest
            && *first == letter
            && let Some(blank) = behind.iter().position(|b| *b == b' ')
            && (1..=5).contains(&blank)
            && behind[..blank].iter().all(u8::is_ascii_digit)
        {
            rest = trim(&behind[blank..]);
        }
    }
    if find_message_id(rest).is_some() { rest } else { text }
}

/// The id of the message that a wrapper carries: IEF196I (messages of started tasks' JCL, perhaps
/// behind a statement number), IEF170I (`1 jobname text`).
fn inner_id<'a>(id: &[u8], text: &'a [u8]) -> Option<&'a [u8]> {
    if !matches!(id, b"IEF196I" | b"IEF170I") {
        return None;
    }
    let mut rest = trim(&text[id.len()..]);
    let digits = rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
    if digits > 0 && rest[digits..].starts_with(b" ") {
        rest = trim(&rest[digits..]);
    }
    if id == b"IEF170I"
        && let Some(blank) = rest.iter().position(|b| *b == b' ')
    {
        rest = trim(&rest[blank..]);
    }
    find_message_id(rest)
}

/// True for JES job ids: `JOB12345`, `J0126429`, `STC05049`, `STC   17`, `JOB 4501`, `TSU00012`.
pub fn is_job_id(ident: &[u8]) -> bool {
    let digits = match ident {
        [b'J', b'O', b'B', rest @ ..] | [b'S', b'T', b'C', rest @ ..] | [b'T', b'S', b'U', rest @ ..] => rest,
        [b'J' | b'S' | b'T', rest @ ..] if rest.len() >= 5 => rest,
        _ => return false,
    };
    let digits = trim(digits);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// Job id and console, one of which the ident field holds.
pub fn split_ident(field: &[u8]) -> (Option<&[u8]>, Option<&[u8]>) {
    match trim(field) {
        [] => (None, None),
        id if is_job_id(id) => (Some(id), None),
        name => (None, Some(name)),
    }
}

/// Verbs of operator commands and their short forms.
const VERBS: [&[u8]; 78] = [
    b"A",
    b"ACTIVATE",
    b"C",
    b"CANCEL",
    b"CD",
    b"CF",
    b"CHNGDUMP",
    b"CONFIG",
    b"CONTROL",
    b"D",
    b"DEVSERV",
    b"DISPLAY",
    b"DS",
    b"DUMP",
    b"DUMPDS",
    b"E",
    b"F",
    b"FORCE",
    b"H",
    b"HALT",
    b"HOLD",
    b"I",
    b"IOACTION",
    b"K",
    b"L",
    b"LIBRARY",
    b"LOG",
    b"LOGON",
    b"LOGOFF",
    b"M",
    b"MN",
    b"MODE",
    b"MODIFY",
    b"MONITOR",
    b"MOUNT",
    b"MR",
    b"MSGRT",
    b"N",
    b"P",
    b"PA",
    b"PAGEADD",
    b"PAGEDEL",
    b"PD",
    b"PM",
    b"PT",
    b"Q",
    b"QUIESCE",
    b"R",
    b"RELEASE",
    b"REPLY",
    b"RESET",
    b"RO",
    b"ROUTE",
    b"S",
    b"SE",
    b"SEND",
    b"SET",
    b"SETDMN",
    b"SETIOS",
    b"SETOMVS",
    b"SETPROG",
    b"SETSMF",
    b"SETSMS",
    b"SETXCF",
    b"SF",
    b"SL",
    b"SLIP",
    b"START",
    b"STOP",
    b"STOPMN",
    b"SWITCH",
    b"T",
    b"TRACE",
    b"U",
    b"UNLOAD",
    b"V",
    b"VARY",
    b"Z",
];

/// True if a text reads as an operator command: a known verb alone or before a blank or a comma,
/// or a JES2 command (`$DA`).
pub fn is_command(text: &[u8]) -> bool {
    if let [b'$', next, ..] = text {
        return next.is_ascii_alphabetic() && find_message_id(text).is_none();
    }
    let end = text.iter().position(|b| matches!(b, b' ' | b',')).unwrap_or(text.len());
    VERBS.iter().any(|verb| verb.eq_ignore_ascii_case(&text[..end]))
}

/// True for the echo of a reply: `R 17,ALLOC`, `REPLY 00,'U'`.
pub fn is_reply(text: &[u8]) -> bool {
    let rest = text.strip_prefix(b"R ").or_else(|| text.strip_prefix(b"REPLY "));
    let Some(rest) = rest.map(trim) else { return false };
    let digits = rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
    (1..=4).contains(&digits) && rest.get(digits).is_none_or(|b| matches!(b, b',' | b' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Format;

    fn read(kind: Kind, field: &str) -> (Kind, Option<char>, String, String, String, String) {
        let record = with_text(Record::bare(kind, Format::Hardcopy, b""), field.as_bytes());
        let text = |f: Option<&[u8]>| f.map_or(String::new(), |f| String::from_utf8_lossy(f).into_owned());
        let Record { kind, mark, reply_id, message_id, inner_id, .. } = record;
        (kind, mark.map(char::from), text(reply_id), text(message_id), text(inner_id), text(Some(record.text)))
    }

    fn texts(kind: Kind, mark: Option<char>, words: [&str; 4]) -> (Kind, Option<char>, String, String, String, String) {
        let [reply, id, inner, text] = words.map(String::from);
        (kind, mark, reply, id, inner, text)
    }

    #[test]
    fn marks_and_reply_ids_come_off() {
        use Kind::{Message, Wtor};
        for (kind, field, want) in [
            (Message, " IEF403I A", texts(Message, None, ["", "IEF403I", "", "IEF403I A"])),
            (Message, " +CWWKF0011I: x", texts(Message, Some('+'), ["", "CWWKF0011I", "", "CWWKF0011I: x"])),
            (Message, "@@HASP373 x", texts(Message, Some('@'), ["", "@HASP373", "", "@HASP373 x"])),
            (Message, " @HASP373 x", texts(Message, None, ["", "@HASP373", "", "@HASP373 x"])),
            (Message, "*@HASP373 x", texts(Message, Some('*'), ["", "@HASP373", "", "@HASP373 x"])),
            (Message, "@HASP373 x", texts(Message, None, ["", "@HASP373", "", "@HASP373 x"])),
            (Message, "@*DFS x", texts(Message, Some('@'), ["", "", "", "*DFS x"])),
            (Message, "*PAYOK01 x", texts(Message, Some('*'), ["", "PAYOK01", "", "PAYOK01 x"])),
            (Message, "*07 PAYOK01 x", texts(Wtor, Some('*'), ["07", "PAYOK01", "", "PAYOK01 x"])),
            (Message, " PRINTER1 READY", texts(Message, None, ["", "", "", "PRINTER1 READY"])),
            (Message, " +AUTOMVS 22:15", texts(Message, Some('+'), ["", "", "", "AUTOMVS 22:15"])),
            (Message, "*$HASP050 x  ", texts(Message, Some('*'), ["", "$HASP050", "", "$HASP050 x"])),
            (Message, "*00 IKT012D x", texts(Wtor, Some('*'), ["00", "IKT012D", "", "IKT012D x"])),
            (Message, "@17 EDT200A x", texts(Wtor, Some('@'), ["17", "EDT200A", "", "EDT200A x"])),
            (Wtor, " 0007 DSI802A x", texts(Wtor, None, ["0007", "DSI802A", "", "DSI802A x"])),
            (Wtor, " 12 HWSC0000I *IMS", texts(Wtor, None, ["12", "HWSC0000I", "", "HWSC0000I *IMS"])),
            (Message, " 12 MONKEYS", texts(Message, None, ["", "", "", "12 MONKEYS"])),
            (Message, " **** LEGEND ****", texts(Message, None, ["", "", "", "**** LEGEND ****"])),
            (Message, "*CMD SUBSYS -", texts(Message, Some('*'), ["", "", "", "CMD SUBSYS -"])),
            (Message, " N1 M2 $HASP373 J", texts(Message, None, ["", "$HASP373", "", "$HASP373 J"])),
            (Message, " IEF196I IEF237I 390", texts(Message, None, ["", "IEF196I", "IEF237I", "IEF196I IEF237I 390"])),
            (
                Message,
                " IEF196I  4  IEF653I S",
                texts(Message, None, ["", "IEF196I", "IEF653I", "IEF196I  4  IEF653I S"]),
            ),
            (Message, " IEF196I )", texts(Message, None, ["", "IEF196I", "", "IEF196I )"])),
            (
                Message,
                " IEF170I 1 J LGN001I T",
                texts(Message, None, ["", "IEF170I", "LGN001I", "IEF170I 1 J LGN001I T"]),
            ),
        ] {
            assert_eq!(read(kind, field), want, "{field}");
        }
    }

    #[test]
    fn commands_are_known_by_their_verb() {
        for command in ["D A,L", "$DA", "S INIT.INIT,,,JES2", "QUIESCE", "r 2,u", "SF ,00C", "$PJES2"] {
            assert!(is_command(command.as_bytes()), "{command}");
        }
        for text in ["RAKF is active", "", "$HASP000 OK", "RCVT WAS", "PLPA ...", "'"] {
            assert!(!is_command(text.as_bytes()), "{text}");
        }
        assert!(is_reply(b"R 17,ALLOC") && is_reply(b"R 2,U") && !is_reply(b"R THE"));
    }
}
