//! Lines constructed from the definition of the layout.
//!
//! Layer: core

use super::super::super::{Position, Record, Stream};
use super::super::Options;
use super::*;
use crate::record::Flush;

fn records(text: &str) -> Vec<serde_json::Value> {
    records_as(Some(Format::Hardcopy), text)
}

fn records_as(format: Option<Format>, text: &str) -> Vec<serde_json::Value> {
    let mut stream = Stream::new(&Options { format, ..Options::default() }, Position { offset: 0, line: 1 });
    let mut out = Vec::new();
    let mut sink = |record: &Record<'_>| out.push(crate::record::to_json(record, "t"));
    stream.feed(text.as_bytes(), &mut sink);
    stream.flush(Flush::Everything, &mut sink);
    out
}

/// `kind|mark|reply|id|text|further|connect` of each record.
fn brief(text: &str) -> Vec<String> {
    records(text).iter().map(brief_of).collect()
}

fn brief_of(record: &serde_json::Value) -> String {
    let text = |key: &str| record[key].as_str().unwrap_or("-").to_owned();
    let lines = record["lines"]
        .as_array()
        .map_or("-".into(), |l| l.iter().map(|v| v.as_str().unwrap_or("?")).collect::<Vec<_>>().join("/"));
    ["kind", "mark", "reply_id", "message_id", "text"].map(text).join("|") + "|" + &lines + "|" + &text("connect_id")
}

#[test]
fn all_fields_of_a_record() {
    let record = &records("N 4040000 SYS1     24060 21:16:20.82 STC01234 00000090 *XYZ050E SHORTAGE - 100%   \n")[0];
    for (key, want) in [
        ("kind", "message"),
        ("message_id", "XYZ050E"),
        ("text", "XYZ050E SHORTAGE - 100%"),
        ("system", "SYS1"),
        ("job_id", "STC01234"),
        ("flags", "00000090"),
        ("time", "2024-02-29T21:16:20.82"),
        ("mark", "*"),
    ] {
        assert_eq!(record[key], want, "{key}");
    }
    assert_eq!(record["routing"], serde_json::json!([2, 10]));
    assert_eq!(record["console"], serde_json::Value::Null);
}

#[test]
fn both_date_widths_and_control_columns() {
    for line in [
        "N 0000000 SYS1     24060 21:16:20.82          00000090  ABC001I X",
        "N 0000000 SYS1     2024060 21:16:20.82          00000090  ABC001I X",
        " N 0000000 SYS1     24060 21:16:20.82          00000090  ABC001I X",
        "1N 0000000 SYS1     2024060 21:16:20.82          00000090  ABC001I X",
        "N 0000000 LONGSYSTEM1 24060 21:16:20.82 JOB00001 00000090  ABC001I X",
    ] {
        let record = &records_as(None, line)[0];
        assert_eq!(record["format"], "hardcopy", "{line}");
        assert_eq!(brief_of(record), "message|-|-|ABC001I|ABC001I X|-|-", "{line}");
        assert_eq!(record["time"], "2024-02-29T21:16:20.82", "{line}");
    }
}

#[test]
fn requests_and_replies() {
    let text = "\
NC0000000 SYS1     24060 21:16:20.82 CONS01   00000290  D A,L
NI0000000 SYS1     24060 21:16:20.82 J0130811 00000210  $CJ1,PURGE
NR0000000 SYS1     24060 21:16:20.82 CONS01   00000090  IEE341I X NOT ACTIVE
W 4000000 SYS1     24060 21:16:20.82 STC00007 00000090 *07 ABC100A REPLY Y OR N
W 4000000 SYS1     24060 21:16:20.82 STC00007 00000090  123 ABC200A READY
N 0000000 SYS1     24060 21:16:20.82 CONS01   00000090 -D T
O 0000000 SYS1     24060 21:16:20.82 CONS01   00000090  NOTE OF THE OPERATOR
";
    let want = [
        "command|-|-|-|D A,L|-|-",
        "command|-|-|-|$CJ1,PURGE|-|-",
        "response|-|-|IEE341I|IEE341I X NOT ACTIVE|-|-",
        "wtor|*|07|ABC100A|ABC100A REPLY Y OR N|-|-",
        "wtor|-|123|ABC200A|ABC200A READY|-|-",
        "command|-|-|-|D T|-|-",
        "command|-|-|-|NOTE OF THE OPERATOR|-|-",
    ];
    assert_eq!(brief(text), want);
}

#[test]
fn continuations_in_both_date_widths() {
    for date in ["24060", "2024060"] {
        let wide = " ".repeat(date.len() - 5);
        let blanks = " ".repeat(55);
        // Lines of a response say so.
        let request = format!("R{}", " ".repeat(54));
        let text = format!(
            "N 0000000 SYS1     {date} 21:16:20.82          00000090  ABC001I FIRST HALF,\n\
             S{blanks}{wide}SECOND HALF\n\
             M 0000000 SYS1     {date} 21:16:20.82          00000090  ABC002I LONG\n\
             S{blanks}{wide} 601\n\
             E                                         {wide}601 00000090   BODY\n\
             S{blanks}{wide}OF NOTHING\n\
             MR0000000 SYS1     {date} 21:16:20.82 CONS01   00000090  ABC003I FIRST\n\
             S{request}{wide}SECOND 602\n\
             ER                                        {wide}602 00000090   BODY\n"
        );
        let want = [
            "message|-|-|ABC001I|ABC001I FIRST HALF, SECOND HALF|-|-",
            "message|-|-|ABC002I|ABC002I LONG| BODY|601",
            "orphan|-|-|-|OF NOTHING|-|-",
            "response|-|-|ABC003I|ABC003I FIRST SECOND| BODY|602",
        ];
        assert_eq!(brief(&text), want, "{date}");
    }
}

#[test]
fn a_label_a_blank_line_and_an_orphan() {
    let text = "\
ER                                        601 00000090  END OF SOMETHING
MR0000000 SYS1     24060 21:16:20.82 CONS01   00000090  ABC002I DISPLAY 602
LR                                        602 00000090  NAME  STATUS
DR                                        602 00000090
ER                                        602 00000090    A   B
M 0000000 SYS1     24060 21:16:20.82 CONS01   00000090
";
    let want = [
        "orphan|-|-|-|END OF SOMETHING|-|601",
        "response|-|-|ABC002I|ABC002I DISPLAY|NAME  STATUS//  A   B|602",
        "message|-|-|-||-|-",
    ];
    assert_eq!(brief(text), want);
}

#[test]
fn sdsf_headings_are_headers() {
    let text = "\
1     SDSF  SYSLOG  PRINT     4.101 SYS1 SYS1 02/29/2024
 N 0000000 SYS1     24060 21:16:20.82          00000090  ABC001I X
 SDSF SYSLOG      4.101 SYS1 SYS1 02/29/2024     LINE 1,234        COLUMNS 02- 81
 COMMAND INPUT ===>                                            SCROLL ===> CSR

something else
";
    let kinds: Vec<_> = records(text).iter().map(|r| r["kind"].clone()).collect();
    assert_eq!(kinds, ["header", "message", "header", "header", "header", "unparsed"]);
}

#[test]
fn copies_cut_at_the_left() {
    let text = "\
14:34:57.90          00000290  ABC283I STAGING DATA SET 734
                 734 00000290  ALLOCATED
14:34:57.91 STC00007 00000090 *ABC284E FULL
0281  $HASP100 XYZ ON STCINRDR
0290  S XYZ
0290  ABC695I START XYZ
      CONTINUED
";
    let want = [
        "message|-|-|ABC283I|ABC283I STAGING DATA SET|ALLOCATED|734",
        "message|*|-|ABC284E|ABC284E FULL|-|-",
        "message|-|-|$HASP100|$HASP100 XYZ ON STCINRDR|-|-",
        "command|-|-|-|S XYZ|-|-",
        "message|-|-|ABC695I|ABC695I START XYZ|      CONTINUED|-",
    ];
    let mut got = brief(text);
    got.sort();
    let mut want = want.to_vec();
    want.sort_unstable();
    assert_eq!(got, want);
}

#[test]
fn the_master_trace() {
    let records = records_as(None, "STC18213 00000090 $HASP373 BPXAS STARTED\n");
    assert_eq!(brief_of(&records[0]), "message|-|-|$HASP373|$HASP373 BPXAS STARTED|-|-");
    assert_eq!((&records[0]["job_id"], &records[0]["flags"]), (&"STC18213".into(), &"00000090".into()));
}

#[test]
fn a_forwarder_s_prefix() {
    let text = "hostname  : H *$HASP050 JES2 SHORTAGE,\nhostname  : H           IMMEDIATE ACTION,\n";
    let records = records_as(None, text);
    assert_eq!(brief_of(&records[0]), "message|*|-|$HASP050|$HASP050 JES2 SHORTAGE|          IMMEDIATE ACTION|-");
    assert_eq!(records[0]["system"], "hostname");
}

#[test]
fn a_single_line_that_ends_with_an_open_connect_id_takes_no_lines() {
    let text = "\
M 4000000 SYS1     26147 10:00:00.00 JOB00001 00000090  ABC114I ACTIVITY 602
D                                         602 00000090   JOBS     M/S
N 4000000 SYS1     26147 10:00:00.02 JOB00002 00000090  ABC237I ALLOCATED TO UNIT 602
D                                         602 00000090  00001    00015
E                                         602 00000090  LLA      LLA
";
    assert_eq!(
        brief(text),
        [
            "message|-|-|ABC237I|ABC237I ALLOCATED TO UNIT 602|-|-",
            "message|-|-|ABC114I|ABC114I ACTIVITY| JOBS     M/S/00001    00015/LLA      LLA|602",
        ]
    );
}
