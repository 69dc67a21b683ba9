//! Liberty's text formats, constructed from their documentation.
//!
//! Layer: core

use super::super::testing::{brief, column, detected};
use super::*;

fn simple(stamp: &str, level: char, text: &str) -> String {
    format!("[{stamp}] 00000056 {:<60} {level} {text}\n", "com.ibm.ws.tcpchannel.internal.TCPChannel")
}

#[test]
fn messages_log_with_header_and_stack_trace() {
    let rule = "*".repeat(80);
    let text = format!(
        "{rule}\nproduct = Open Liberty 22.0.0.6 (wlp-1.0.65.cl220620220523-1607)\nos = Linux (4.18; amd64) (en_US)\n{rule}\n\
         {}{}java.lang.NullPointerException\n\tat x.y.Z\n\n\tat x.y.W\n{}",
        simple("4/5/23, 0:07:36:003 UTC", 'A', "CWWKE0001I: The server has been launched. "),
        simple("4/5/23, 0:07:37:003 UTC", 'E', "SRVE0777E: Exception thrown by application class 'x.Y'"),
        simple("4/5/23, 0:07:38:003 UTC", 'O', "text of an application"),
    );
    let want = [
        &format!("header|-|-|-|{rule}|-"),
        "header|-|-|-|product = Open Liberty 22.0.0.6 (wlp-1.0.65.cl220620220523-1607)|-",
        "header|-|-|-|os = Linux (4.18; amd64) (en_US)|-",
        &format!("header|-|-|-|{rule}|-"),
        "message|-|-|CWWKE0001I|CWWKE0001I: The server has been launched.|-",
        "message|-|-|SRVE0777E|SRVE0777E: Exception thrown by application class 'x.Y'|java.lang.NullPointerException/\tat x.y.Z/\tat x.y.W",
        "header|-|-|-||-",
        "message|-|-|-|text of an application|-",
    ];
    assert_eq!(brief(Format::Liberty, &text), want);
    assert_eq!(detected(&text), Some((Format::Liberty, 2)));
    assert_eq!(column(Format::Liberty, "time", &text)[4], "2023-04-05T00:07:36.003Z");
    assert_eq!(column(Format::Liberty, "level", &text)[4..], ["A", "E", "null", "O"]);
}

#[test]
fn shapes_of_a_line() {
    let text = "\
[8/25/25, 13:36:19:701 UTC] 00000033 TCPPort       I   CWWKO0219I: TBASIC
[8/25/25, 13:36:19:701 UTC] 00000033 I CWWKO0219I: no logger
[8/25/25, 13:36:19:701 UTC] 00000033 com.ibm.ws.x.Y A CWWKO0219I: not padded
[8/25/25, 13:36:19:701 UTC] 00000033 com.ibm.ws.x.Y
A CWWKT0016I: wrapped before its level
[8/25/25, 13:36:19:701 UTC] 00000033 com.ibm.ws.x.Y CWWKT0016I: no level
[2025-08-25T13:36:19.701+0200] 00000033 LogService-11-com.ibm.ws.org.apache.felix.scr                I CWWKE0703I: bundle (11)
";
    let want = [
        "message|-|-|CWWKO0219I|CWWKO0219I: TBASIC|-",
        "message|-|-|CWWKO0219I|CWWKO0219I: no logger|-",
        "message|-|-|CWWKO0219I|CWWKO0219I: not padded|-",
        "message|-|-|CWWKT0016I|CWWKT0016I: wrapped before its level|-",
        "message|-|-|CWWKT0016I|CWWKT0016I: no level|-",
        "message|-|-|CWWKE0703I|CWWKE0703I: bundle (11)|-",
    ];
    assert_eq!(brief(Format::Liberty, text), want);
    assert_eq!(column(Format::Liberty, "level", text), ["I", "I", "A", "A", "null", "I"]);
    assert_eq!(column(Format::Liberty, "time", text)[5], "2025-08-25T13:36:19.701+02:00");
    assert_eq!(detected(text), Some((Format::Liberty, 1)));
}

#[test]
fn console_lines() {
    let text = "\
Launching defaultServer (Open Liberty 22.0.0.6/wlp-1.0.65.cl220620220523-1607) on OpenJDK (en_US)
jvm: a line of its own
[AUDIT   ] CWWKE0001I: The server has been launched.
[ERROR   ] CWWKZ0002E: An exception occurred
\tat x.y.Z
[\u{76e3}\u{67fb}      ] CWWKT0017I: \u{524a}
[INFO] [AUDIT   ] CWWKF0011I: from Maven
[INFO] BUILD SUCCESS
[err] java.lang.X
";
    let want = [
        "header|-|-|-|Launching defaultServer (Open Liberty 22.0.0.6/wlp-1.0.65.cl220620220523-1607) on OpenJDK (en_US)|-",
        "unparsed|-|-|-|jvm: a line of its own|-",
        "message|-|-|CWWKE0001I|CWWKE0001I: The server has been launched.|-",
        "message|-|-|CWWKZ0002E|CWWKZ0002E: An exception occurred|\tat x.y.Z",
        "message|-|-|CWWKT0017I|CWWKT0017I: \u{524a}|-",
        "message|-|-|CWWKF0011I|CWWKF0011I: from Maven|-",
        "message|-|-|-|BUILD SUCCESS|-",
        "message|-|-|-|java.lang.X|-",
    ];
    assert_eq!(brief(Format::Liberty, text), want);
    assert_eq!(column(Format::Liberty, "level", text)[2..], ["A", "E", "\u{76e3}\u{67fb}", "A", "I", "R"]);
    assert_eq!(detected(text), Some((Format::Liberty, 1)));
    assert_eq!(detected("[FEHLER  ] CWWKZ0002E: x"), Some((Format::Liberty, 1)));
    let later = text.split_once("own\n").expect("there").1;
    assert_eq!(detected(later), Some((Format::Liberty, 1)));
}

#[test]
fn the_build_log_of_zos_connect() {
    let text = "\
[7/18/24 15:56:23:940 UTC] - BAQW0056I: Undeploying API project.

> Task :clean
BAQG0001I: Deleting generated Java
";
    let want = [
        "message|-|-|BAQW0056I|BAQW0056I: Undeploying API project.|-",
        "header|-|-|-||-",
        "unparsed|-|-|-|> Task :clean|-",
        "message|-|-|BAQG0001I|BAQG0001I: Deleting generated Java|-",
    ];
    assert_eq!(brief(Format::Liberty, text), want);
    assert_eq!(detected(text), Some((Format::Liberty, 1)));
}

#[test]
fn other_logs_with_brackets_are_not_claimed() {
    for line in ["[Sun Dec 04 04:47:44 2005] [notice] workerEnv.init() ok", "[main] INFO x - y", "[INFO] BUILD SUCCESS"]
    {
        assert_eq!(detected(line), None, "{line}");
    }
}

#[test]
fn a_stamp_that_cannot_be_read_still_begins_a_message() {
    let text = "\
[2022-06-09 13 H 03 min 03 s:918 EDT] 00000001 com.ibm.ws.x.Y A CWWKE0001I: French Canada
[5/27/19, 2:55:47:452 PM Central European Time] 00000001 com.ibm.ws.x.Y A CWWKE0001I: words
[8/25/25, 13:36:19:701 UTC] 00000033 id=1a2b3c4d com.ibm.ws.x.Y                                               > method Entry
[8/25/25, 13:36:19:701 UTC] 00000033 id=         TCPPort       I   CWWKO0219I: of an object
";
    assert_eq!(column(Format::Liberty, "message_id", text), ["CWWKE0001I", "CWWKE0001I", "null", "CWWKO0219I"]);
    assert_eq!(column(Format::Liberty, "level", text), ["A", "A", ">", "I"]);
    assert_eq!(column(Format::Liberty, "time", text)[..2], ["null", "null"]);
    assert_eq!(detected(text), Some((Format::Liberty, 1)));
}
