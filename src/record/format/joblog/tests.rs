//! Job logs constructed from the definition, in each of the shapes they are found in.
//!
//! Layer: core

use super::super::testing::{brief, column, detected};
use super::*;

const LOG: &str = "\
1                     J E S 2  J O B  L O G  --  S Y S T E M  S Y S 1  --  N O D E  N 1
0
 23.59.44 JOB07186 ---- SATURDAY,  29 FEB 2020 ----
 23.59.44 JOB07186  ABC010I  USERID USER001  IS ASSIGNED TO THIS JOB.
 23.59.45 JOB07186 *07 ABC100A REPLY Y OR N
 23.59.46 JOB07186  R 07,Y
 23.59.46 JOB07186  +XYZ001I: from a program
 23.59.47 JOB07186  ABC408I USER(X) GROUP(Y)
                     SUBMITTER(Z)
                   NOT AUTHORIZED
 23.59.48 JOB07186  ABC450I JOB STEP - ABEND=S222 U0000 REASON=00000000  162
    162                     TIME=23.59.48
 00.00.01 JOB07186 ---- SUNDAY,    01 MAR 2020 ----
 00.00.01 JOB07186  - STEPNAME PROCSTEP PGMNAME
 00.00.02 JOB07186  $HASP395 JOB ENDED - RC=0008
0------ JES2 JOB STATISTICS ------
-  29 FEB 2020 JOB EXECUTION DATE
-           90 CARDS READ
-         0.17 MINUTES EXECUTION TIME
";

fn want() -> Vec<&'static str> {
    vec![
        "message|-|-|ABC010I|ABC010I  USERID USER001  IS ASSIGNED TO THIS JOB.|-",
        "wtor|*|07|ABC100A|ABC100A REPLY Y OR N|-",
        "command|-|-|-|R 07,Y|-",
        "message|+|-|XYZ001I|XYZ001I: from a program|-",
        "message|-|-|ABC408I|ABC408I USER(X) GROUP(Y)|                     SUBMITTER(Z)/                   NOT AUTHORIZED",
        "message|-|-|ABC450I|ABC450I JOB STEP - ABEND=S222 U0000 REASON=00000000|        TIME=23.59.48",
        "message|-|-|-|- STEPNAME PROCSTEP PGMNAME|-",
        "message|-|-|$HASP395|$HASP395 JOB ENDED - RC=0008|-",
    ]
}

fn messages(text: &str) -> Vec<String> {
    let all = brief(Format::Joblog, text);
    all.into_iter().filter(|r| !r.starts_with("header") && !r.starts_with("unparsed")).collect()
}

#[test]
fn messages_replies_and_wrapped_text() {
    assert_eq!(messages(LOG), want());
    assert_eq!(detected(LOG), Some((Format::Joblog, 1)));
    let headers = column(Format::Joblog, "kind", LOG).iter().filter(|k| *k == "header").count();
    assert_eq!(headers, 8, "heading, blank, two dates, statistics");
}

#[test]
fn without_the_control_column() {
    let cut: String = LOG
        .lines()
        .map(|l| if l.starts_with(" 2") || l.starts_with(" 0") { &l[1..] } else { l })
        .map(|l| format!("{l}\n"))
        .collect();
    let mut want = want();
    want[5] = "message|-|-|ABC450I|ABC450I JOB STEP - ABEND=S222 U0000 REASON=00000000|         TIME=23.59.48";
    assert_eq!(messages(&cut), want);
}

#[test]
fn the_date_changes_with_its_line() {
    let times = column(Format::Joblog, "time", LOG);
    assert!(times.contains(&"2020-02-29T23:59:48".into()) && times.contains(&"2020-03-01T00:00:02".into()));
}

#[test]
fn only_a_connect_id_that_a_message_ended_with_begins_a_part() {
    let text = "\
 23.59.48 JOB07186  ABC450I JOB STEP - REASON=00000000  162
 23.59.48 JOB07186  ABC451I OTHER
162                     TIME=23.59.48
 23.59.48 JOB07186  ABC452I OTHER
    200 TRACKS
";
    let want = [
        "message|-|-|ABC450I|ABC450I JOB STEP - REASON=00000000|    TIME=23.59.48",
        "message|-|-|ABC451I|ABC451I OTHER|-",
        "message|-|-|ABC452I|ABC452I OTHER|    200 TRACKS",
    ];
    assert_eq!(messages(text), want);
}

#[test]
fn a_job_that_never_ran() {
    let text = "\
1                    J E S 2  J O B  L O G  --  S Y S T E M  P 2 1    --  N O D E  N
01.31.28 JOB18539 ---- FRIDAY,    07 AUG 2020 ----
01.31.28 JOB18539  ABC408I USER(X) GROUP(Y)
                   NOT AUTHORIZED
-$HASP106 JOB DELETED BY JES2
0------ JES2 JOB STATISTICS ------
0           11 CARDS READ
";
    let want = [
        "message|-|-|ABC408I|ABC408I USER(X) GROUP(Y)|                   NOT AUTHORIZED",
        "message|-|-|$HASP106|$HASP106 JOB DELETED BY JES2|-",
    ];
    assert_eq!(messages(text), want);
}

#[test]
fn cut_before_the_text() {
    let text = "\
---- MONDAY,    12 AUG 2002 ----
 IRR010I  USERID X  IS ASSIGNED TO THIS JOB.
@17 EDT200A Enter command or 'HELP'
 R 17,ALLOC
 +EDT205I Commands:
 +        ALLOC:            Allocate
 IEF404I X - ENDED - TIME=09.41.06
";
    let want = [
        "message|-|-|IRR010I|IRR010I  USERID X  IS ASSIGNED TO THIS JOB.|-",
        "wtor|@|17|EDT200A|EDT200A Enter command or 'HELP'|-",
        "command|-|-|-|R 17,ALLOC|-",
        "message|+|-|EDT205I|EDT205I Commands:|-",
        "message|+|-|-|ALLOC:            Allocate|-",
        "message|-|-|IEF404I|IEF404I X - ENDED - TIME=09.41.06|-",
    ];
    assert_eq!(messages(text), want);
    assert_eq!(detected(text), Some((Format::Joblog, 1)));
}

#[test]
fn a_printer_file() {
    let text = "\
\x0c                        HH        HH  EEEEEEEEEEEE  RRRRRRRRRRR\r
\r
****A  START  JOB 4502  HERC01C    ROOM   2.40.30 AM 21 APR  9  PRINTER1  SYS BSP1  JOB 4502  START  A****\r
\r\r
\x0c                                                J E S 2   J O B   L O G\r
02.40.29 JOB 4502  $HASP373 HERC01C  STARTED\r
02.40.30 JOB 4502  HERC01C    S1        COB       IKFCBL00  RC= 0000\r
\r
------ JES2 JOB STATISTICS ------\r
 21 APR  9 JOB EXECUTION DATE\r
        55 CARDS READ\r
\x0c    1     //HERC01C JOB 'ME'\r
IEF142I HERC01C S1 - STEP WAS EXECUTED - COND CODE 0000\r
";
    let kinds = column(Format::Joblog, "kind", text).join(" ");
    assert_eq!(
        kinds,
        "header header header header header message message header header header header unparsed message"
    );
    assert_eq!(detected(text), Some((Format::Joblog, 1)));
    assert_eq!(column(Format::Joblog, "message_id", text)[5..7], ["$HASP373", "null"]);
    assert_eq!(column(Format::Joblog, "job_id", text)[5], "JOB 4502");
}

#[test]
fn system_messages_behind_the_job_log_are_messages() {
    let text = format!(
        "{LOG}\
         \x20       1 //ABC     JOB (ACCT),CLASS=A\n\
         \x20       2 IEFC653I SUBSTITUTION JCL - PGM=ABC\n\
         IEF236I ALLOC. FOR ABC STEP1\n\
         IGD101I SMS ALLOCATED TO DDNAME (SYSOUT)\n\
         \x20       DSN (A.B)\n\
         IEF142I ABC STEP1 - STEP WAS EXECUTED - COND CODE 0000\n\
         \n\
         \x20       indented output\n\
         XYZ001I written by a program\n\
         any output\n"
    );
    let want = [
        "unparsed|-|-|-|        1 //ABC     JOB (ACCT),CLASS=A|-",
        "message|-|-|IEFC653I|IEFC653I SUBSTITUTION JCL - PGM=ABC|-",
        "message|-|-|IEF236I|IEF236I ALLOC. FOR ABC STEP1|-",
        "message|-|-|IGD101I|IGD101I SMS ALLOCATED TO DDNAME (SYSOUT)|        DSN (A.B)",
        "message|-|-|IEF142I|IEF142I ABC STEP1 - STEP WAS EXECUTED - COND CODE 0000|-",
        "header|-|-|-||-",
        "unparsed|-|-|-|        indented output|-",
        "unparsed|-|-|-|XYZ001I written by a program|-",
        "unparsed|-|-|-|any output|-",
    ];
    assert_eq!(brief(Format::Joblog, &text)[16..], want);
}
