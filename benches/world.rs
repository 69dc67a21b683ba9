//! A world to measure in: a seeded generator of hardcopy logs (HCFORMAT CENTURY) and of rules that
//! fit them, written out for wtor and, beside it, for SEC and syslog-ng's patterndb. A rule is a
//! message id and one text condition with a capture. The hits belong to rules 0 to 9 whatever the
//! number of rules; of the others four in five have ids that the log lacks, and one in five is a
//! near miss: its id is there, its text is not. All of it is constructed.

#![allow(dead_code, reason = "each benchmark uses a part of it")]

use fastrand::Rng;
use std::collections::BTreeSet;
use std::fmt::Write as _;

const KEYS: [&str; 16] = [
    "REASON", "RC", "ABEND", "SENSE", "STATUS", "CODE", "JOBNAME", "ASID", "VOL", "DSN", "UNIT", "USER", "PORT",
    "ENTR", "CT", "SYS",
];
const WORDS: [&str; 24] = [
    "JOB",
    "STEP",
    "ENDED",
    "STARTED",
    "NOT",
    "AVAILABLE",
    "RESOURCE",
    "DATA",
    "SET",
    "ALLOCATED",
    "REQUEST",
    "FAILED",
    "FOR",
    "SUBSYSTEM",
    "CONNECTION",
    "CLOSED",
    "OPENED",
    "VOLUME",
    "MOUNT",
    "PENDING",
    "DEVICE",
    "OFFLINE",
    "PATH",
    "ERROR",
];
const PREFIXES: [&str; 16] = [
    "$HASP", "IEF", "IEE", "IEA", "IEC", "IST", "EZZ", "EZD", "DFHSI", "DFHFC", "CWWKZ", "CWWKE", "HWSC", "DSNL",
    "IXC", "IGD",
];
/// Ids that occur in the log.
const TRAFFIC: usize = 2000;
/// Rules that the hits belong to.
pub const HIT_RULES: usize = 10;

/// Ids and rules that fit each other.
pub struct World {
    ids: Vec<String>,
    /// Message id and key of each rule.
    pub rules: Vec<(String, &'static str)>,
}

impl World {
    pub fn new(seed: u64, rules_max: usize) -> World {
        let mut rng = Rng::with_seed(seed);
        let mut ids = BTreeSet::new();
        while ids.len() < TRAFFIC + rules_max {
            let prefix = PREFIXES[rng.usize(..PREFIXES.len())];
            let type_code = if prefix == "$HASP" { "" } else { ["I", "E", "W", "A"][rng.usize(..4)] };
            ids.insert(format!("{prefix}{:04}{type_code}", rng.u32(..10_000)));
        }
        let mut ids: Vec<String> = ids.into_iter().collect();
        rng.shuffle(&mut ids);
        // Ordinary traffic uses the last ten keys; rules use the first six, so that only hits hit.
        let key = |n: usize| KEYS[n % 6];
        let id = |n: usize| match n {
            n if n < HIT_RULES => ids[60 + n].clone(),
            n if n % 5 == 0 => ids[100 + n % (TRAFFIC - 100)].clone(),
            n => ids[TRAFFIC + n].clone(),
        };
        let rules = (0..rules_max).map(|n| (id(n), key(n + n / 5))).collect();
        World { ids, rules }
    }

    /// A line that rule `n % HIT_RULES` matches, with the value `V000n`.
    pub fn hit(&self, n: usize, head: &str) -> String {
        let (id, key) = &self.rules[n % HIT_RULES];
        format!("{head}{id} RESOURCE REQUEST FAILED {key}=V{n:06} FROM HERE\n")
    }

    /// A log of about so many bytes; returns it with the number of hits in it.
    pub fn log(&self, seed: u64, bytes: usize) -> (Vec<u8>, usize) {
        let mut rng = Rng::with_seed(seed);
        let mut log = String::with_capacity(bytes + 4096);
        let (mut hits, mut connect, mut hundredths) = (0, 100, 5_375_589u64);
        while log.len() < bytes {
            hundredths += rng.u64(..6);
            let head = head(&mut rng, hundredths);
            if rng.u32(..1000) < 1 {
                log.push_str(&self.hit(hits, &format!("N {head}")));
                hits += 1;
                continue;
            }
            let body = self.body(&mut rng);
            match rng.u32(..100) {
                0..80 => drop(writeln!(log, "N {head}{body}")),
                80..90 => drop(writeln!(log, "N {head}{body}\nS {:57}{}", "", words(&mut rng, 5))),
                90..93 => drop(writeln!(log, "NC{head}D A,L")),
                _ => {
                    connect = if connect == 999 { 100 } else { connect + 1 };
                    multi_line(&mut log, &mut rng, &head, &body, connect);
                }
            }
        }
        (log.into_bytes(), hits)
    }

    fn body(&self, rng: &mut Rng) -> String {
        // A few ids make most of the traffic, as in a real log.
        let rank = (rng.f64() * rng.f64() * rng.f64() * TRAFFIC as f64) as usize;
        let key = KEYS[6 + rank % 10];
        format!("{} {} {key}=JOB{:05} {}", self.ids[rank], words(rng, 3), rng.u32(..100_000), words(rng, 3))
    }

    /// The first `count` rules for wtor.
    pub fn wtor(&self, count: usize) -> String {
        self.each(count, |n, id, key| {
            format!(
                "[[rule]]\nname = \"rule{n}\"\nwhen = {{ id = '{id}', text = '{key}=(?<val>\\S+)' }}\n\
                 then = {{ report = 'rule{n} ${{val}}' }}\n\n"
            )
        })
    }

    /// The same for SEC, one rule each.
    pub fn sec(&self, count: usize, out: &str) -> String {
        self.each(count, |n, id, key| {
            let id = id.replace('$', "\\$");
            format!(
                "type=Single\nptype=RegExp\npattern= {id} .*{key}=(\\S+)\ndesc=rule{n} $1\naction=write {out} rule{n} $1\n\n"
            )
        })
    }

    /// The same for syslog-ng's patterndb.
    pub fn patterndb(&self, count: usize) -> String {
        let rules = self.each(count, |n, id, key| {
            format!(
                "<rule id='rule{n}' provider='t' class='violation'><patterns><pattern>{id} @ESTRING:pre:{key}=@@ESTRING:val: @@ANYSTRING:rest@</pattern></patterns></rule>\n"
            )
        });
        format!(
            "<?xml version='1.0' encoding='UTF-8'?>\n<patterndb version='5' pub_date='2024-01-01'>\n<ruleset name='zos' id='rs1'><patterns><pattern>zos</pattern></patterns><rules>\n{rules}</rules></ruleset></patterndb>\n"
        )
    }

    fn each(&self, count: usize, write: impl Fn(usize, &str, &str) -> String) -> String {
        self.rules.iter().take(count).enumerate().map(|(n, (id, key))| write(n, id, key)).collect()
    }
}

fn head(rng: &mut Rng, hundredths: u64) -> String {
    let (day, in_day) = (147 + hundredths / 8_640_000, hundredths % 8_640_000);
    let seconds = in_day / 100;
    format!(
        "4000000 SYS1     2019{day:03} {:02}:{:02}:{:02}.{:02} STC{:05} 00000090  ",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        in_day % 100,
        rng.u32(..100_000)
    )
}

fn multi_line(log: &mut String, rng: &mut Rng, head: &str, body: &str, connect: u32) {
    let _ = writeln!(log, "M {head}{body} {connect}");
    for _ in 0..rng.u32(2..7) {
        let _ = writeln!(
            log,
            "D {:42}{connect} 00000090  {} OWT SO A={:04X} PER=NO SMC=000",
            "",
            words(rng, 2),
            rng.u16(..)
        );
    }
    let _ = writeln!(log, "E {:42}{connect} 00000090  WORKING SET {} PAGES", "", rng.u32(..9999));
}

fn words(rng: &mut Rng, count: usize) -> String {
    let words: Vec<_> = (0..count).map(|_| WORDS[rng.usize(..WORDS.len())]).collect();
    words.join(" ")
}
