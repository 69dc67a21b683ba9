//! Story files that hold. What is said of those that do not stands in `tests/policy/bad`.

use std::sync::Arc;
use wtor::diagnostic::render_short;
use wtor::policy::Policy;
use wtor::replay::Story;
use wtor::rule::{AtMost, Brakes};

const JOBS: [(&str, &str); 2] = [
    ("jobs/fix.toml", "params = { who = '' }\n[[step]]\nparm = 'SH echo ${who}'"),
    ("jobs/call.toml", "params = { who = '' }\n[[step]]\nparm = 'SH echo ${who}'"),
];

/// What is wrong with a story of these rules.
fn wrong(rules: &str, story: &str) -> String {
    wrong_if_braked(rules, Brakes::default(), story)
}

/// The same under these brakes.
fn wrong_if_braked(rules: &str, brakes: Brakes, story: &str) -> String {
    let jobs = JOBS.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let (policy, found) = Policy::load(&[("rules/a.toml".into(), rules.into())], &jobs);
    let policy = Arc::new(policy.unwrap_or_else(|| panic!("{}", wtor::diagnostic::render_full(&found))));
    match Story::parse("a.story", story, &policy) {
        Ok(story) => render_short(&story.play(&policy, brakes, &mut |_, _| {})),
        Err(mistakes) => render_short(&mistakes),
    }
}

#[track_caller]
fn holds(rules: &str, story: &str) {
    assert_eq!(wrong(rules, story), "");
}

const ABEND: &str = "
[[rule]]
name = 'abend'
when = { id = 'IEF450I', text = '^IEF450I (?<job>\\S+)' }
";

#[test]
fn lines_of_one_time_may_be_one_message_and_later_ones_are_not() {
    let rules = "[[rule]]\nname = 'whole'\nwhen = { id = 'ABC100I', text = 'FIRST PART AND THE SECOND' }
[[rule]]\nname = 'torn'\nwhen = { kind = 'orphan', text = 'SECOND' }\n";
    let first = "N 4000000 SYS1     2026325 10:00:01.00 STC01234 00000090  ABC100I THE FIRST PART AND";
    let second = "S                                                          THE SECOND";
    let other = "N 4000000 SYS1     2026325 10:00:01.00 STC01234 00000090  ABC101I OTHER";
    holds(rules, &format!("at 00:00:01 {other}\nat 00:00:01 {first}\nat 00:00:01 {second}\nexpect whole fired\n"));
    holds(rules, &format!("at 00:00:01 {other}\nat 00:00:01 {first}\nat 00:00:02 {second}\nexpect torn fired\n"));
    holds(rules, &format!("log {other}\nlog {first}\nlog {second}\nexpect whole fired\n"));
}

#[test]
fn lines_have_their_own_time_or_that_of_the_story() {
    let rules = ABEND.to_owned() + "by = 'job'\nonce_per = '1m'\n";
    let log = |second: &str| {
        format!("log N 4000000 SYS1     2026325 10:00:{second}.00 STC01234 00000090  IEF450I PAYROLL ABEND\n")
    };
    holds(&rules, &format!("{}expect abend fired\n{}expect abend held\n", log("01"), log("59")));
    holds(&rules, &format!("{}expect abend fired\ntick +2m\n{}expect abend fired\n", log("01"), log("59")));
    let at = "IEF450I PAYROLL ABEND";
    holds(&rules, &format!("at 23:59:30 {at}\nexpect abend fired\nat 24:00:29.9 {at}\nexpect abend held\n"));
    holds(
        &rules,
        &format!(
            "day 2026-11-21\nat 23:59:30 {at}\nday 2026-11-22\nat 00:00:31 {at}\nexpect abend fired\nexpect abend fired\n"
        ),
    );
}

#[test]
fn a_story_has_several_sources() {
    let rules = "
[[rule]]
name = 'there'
when = { id = 'IEF450I', server = 'web1' }
[[rule]]
name = 'here'
when = { id = 'IEF450I', source = 'syslog' }
";
    holds(
        rules,
        "at 00:00:00 IEF450I A\nexpect nothing
source /w/servers/web1/logs/messages.log\nformat plain\nat 00:00:01 IEF450I A\nexpect there fired with server=web1
source syslog\nat 00:00:01 IEF450I A\nexpect here fired with source=syslog
source /w/servers/web1/logs/messages.log\nat 00:00:01 IEF450I A\nexpect there fired\n",
    );
}

#[test]
fn jobs_come_out_as_the_story_says() {
    let rules = ABEND.to_owned()
        + "then = [{ run = 'fix', with = { who = '${job}' } }, { run = 'call', if = 'failed', after = '5m' }]\n";
    let line = "at +0s IEF450I PAYROLL ABEND\nexpect abend fired with who=PAYROLL\n";
    holds(&rules, &format!("{line}expect run fix good\nexpect run call skipped\n"));
    let failed = format!("run fix failed\n{line}expect run fix failed\n");
    holds(&rules, &format!("{failed}tick +5m\nexpect run call good\n"));
    assert!(wrong(&rules, &format!("{failed}tick +4m\nexpect run call good\n")).contains("no run of call is good"));
    // What waits for its time survives the agent.
    holds(&rules, &format!("{failed}tick +4m\nrestart\ntick +1m\nexpect run call good\n"));
    holds(&rules, &format!("{failed}run fix good\n{line}expect run fix good\nexpect run call skipped\n"));
}

#[test]
fn somebody_answers_in_a_story() {
    let rules =
        ABEND.to_owned() + "mode = 'ask'\nask = { within = '15m', otherwise = 'deny' }\nthen = { run = 'fix' }\n";
    let asked = "at 00:00:00 IEF450I PAYROLL\nexpect abend fired\nexpect run fix asked\n";
    holds(&rules, &format!("{asked}approve fix\nexpect run fix good\n"));
    holds(&rules, &format!("{asked}restart\ndeny fix\nexpect run fix skipped\n"));
    holds(&rules, &format!("{asked}tick 00:15:00\nexpect run fix skipped\n"));
    assert!(wrong(&rules, "deny fix\n").contains("no run of fix waits for an answer"));
}

#[test]
fn time_alone_makes_a_rule_fire() {
    let rules = "[[rule]]\nname = 'morning'\nschedule = { at = '08:00', days = 'mon-fri', zone = 'Europe/Berlin' }\nthen = { report = 'up' }\n";
    let story = "day 2026-11-20\ntick 06:59:00\nexpect nothing\ntick 07:00:00\nexpect morning fired with report=up\n";
    holds(
        rules,
        &format!("{story}restart\nday 2026-11-23\ntick 06:59:59\nexpect nothing\ntick +1s\nexpect morning fired\n"),
    );
}

#[test]
fn named_situations_and_hand_overs_are_told_in_stories() {
    let rules = "[[rule]]\nname = 'down'\nwhen = { id = 'IEE334I' }\nthen = { set = 'down', for = '2h' }
[[rule]]\nname = 'broken'\nwhen = { id = 'IEF450I' }\nif_not_set = 'down'\nthen = { rule = 'tell' }
[[rule]]\nname = 'tell'\nthen = { report = 'broken' }\n";
    let broken = "IEF450I PAYROLL\nexpect broken fired\nexpect tell fired with report=broken\n";
    let held = "IEF450I PAYROLL\nexpect broken held\n";
    holds(
        rules,
        &format!(
            "at 10:00:00 {broken}at +1s IEE334I\nexpect down fired\nat +1h {held}restart\nat +1m {held}at +1h {broken}"
        ),
    );
}

#[test]
fn a_shadow_is_expected_as_such() {
    holds(&(ABEND.to_owned() + "mode = 'shadow'\n"), "at 00:00:00 IEF450I A\nexpect abend shadow with job=A\n");
}

#[test]
fn what_a_story_is_not_about_does_not_count() {
    let rules = ABEND.to_owned() + "[[rule]]\nname = 'other'\nwhen = { id = 'IEF450I' }\n";
    assert!(wrong(&rules, "at 00:00:00 IEF450I A\nexpect abend fired\n").contains("here other fired"));
    holds(&rules, "about abend\nat 00:00:00 IEF450I A\nexpect abend fired\n");
    holds(&rules, "at 00:00:00 IEF450I A\nexpect other fired\nexpect abend fired\n");
}

#[test]
fn a_run_in_doubt_is_told_in_a_story() {
    let rules = ABEND.to_owned() + "then = [{ run = 'fix' }, { run = 'call', if = 'failed' }]\n";
    let doubt =
        "run fix hangs\nat 00:00:00 IEF450I A\nexpect abend fired\ntick +1h\nrestart\nexpect run fix in-doubt\n";
    holds(&rules, &format!("{doubt}release fix good\nexpect run fix good\nexpect run call skipped\n"));
    holds(&rules, &format!("{doubt}release fix failed\nexpect run fix failed\nexpect run call good\n"));
    holds(&rules, &format!("{doubt}run fix good\nrelease fix rerun\nexpect run fix good\n"));
    holds(&rules, &format!("{doubt}release fix rerun\nrestart\nexpect run fix in-doubt\n"));
    assert!(wrong(&rules, "release fix good\n").contains("no run of fix is in doubt"));
    let ended = doubt.replace("hangs", "good");
    assert!(wrong(&rules, &ended).contains("no run of fix is in doubt"));
}

#[test]
fn rules_are_disabled_and_enabled_in_a_story() {
    let rules = ABEND.to_owned() + "group = 'jobs'\n";
    let abend = "at +1s IEF450I A\nexpect abend";
    let told = |subject: &str, span: &str, later: &str| {
        holds(&rules, &format!("{abend} fired\ndisable {subject}{span}\n{abend} disabled\n{later}\n{abend} fired\n"));
    };
    told("abend", "", "enable abend");
    told("abend", " for 1h", "tick +1h");
    told("group:jobs", " for 1d", "restart\nenable group:jobs");
    for (line, what) in [
        ("disable abnd", "there is no rule `abnd`"),
        ("enable group:job", "there is no group `job`"),
        ("disable abend 2h", "here `for 2h` belongs"),
        ("disable abend for 2", "has no unit"),
        ("disable abend for", "a span, as in `for 2h`, is missing"),
        ("enable", "the name of a rule, or `group:NAME`, is missing"),
    ] {
        let said = wrong(&rules, line);
        assert!(said.contains(what), "{line}: {said}");
    }
}

#[test]
fn stories_are_under_the_brakes_of_the_site() {
    let rules = ABEND.to_owned() + "then = { run = 'fix' }\n";
    let per = std::time::Duration::from_secs(60);
    let brakes = Brakes { rule: AtMost { runs: 1, per }, ..Brakes::default() };
    let story = "at 10:00:00 IEF450I A\nexpect abend fired\nrestart\nat +1s IEF450I B\nexpect abend held\n";
    assert_eq!(wrong_if_braked(&rules, brakes, story), "");
    assert!(wrong(&rules, story).contains("abend fired"));
}

const FINAL: &str = "
[[rule]]
name = 'begin'
when = { id = 'MNT001I' }
then = { set = 'maint' }
[[rule]]
name = 'end'
when = { id = 'MNT002I' }
then = { close = 'maint' }
[[rule]]
name = 'fin'
final = true
when = { id = 'IEF450I' }
IN_FORCE
[[rule]]
name = 'behind'
when = { id = 'IEF450I' }
";

#[test]
fn a_final_rule_that_is_not_in_force_takes_nothing() {
    let rules = |in_force: &str| FINAL.replace("IN_FORCE", in_force);
    let abend = "IEF450I PAYROLL ABEND";
    let always = rules("");
    holds(&always, &format!("at 10:00:00 {abend}\nexpect fin fired\n"));
    holds(&always, &format!("disable fin\nat 10:00:00 {abend}\nexpect fin disabled\nexpect behind fired\n"));
    let by_day = rules("during = { hours = '08:00-17:00' }");
    holds(&by_day, &format!("at 10:00:00 {abend}\nexpect fin fired\n"));
    holds(&by_day, &format!("at 22:00:00 {abend}\nexpect fin held\nexpect behind fired\n"));
    let (begin, end) = ("MNT001I BEGIN", "MNT002I END");
    let about = "about fin behind\n";
    for (in_force, first, then) in [("if_set", begin, end), ("if_not_set", end, begin)] {
        let rules = rules(&format!("{in_force} = 'maint'"));
        holds(&rules, &format!("{about}at 10:00:00 {first}\nat 10:00:01 {abend}\nexpect fin fired\n"));
        holds(
            &rules,
            &format!("{about}at 10:00:00 {then}\nat 10:00:01 {abend}\nexpect fin held\nexpect behind fired\n"),
        );
    }
    // It counts as it was when it decided, not as it is once it has acted.
    let once = rules("if_not_set = 'maint'\nthen = { set = 'maint' }");
    let twice = format!("{abend}\nexpect fin fired\nat +1s {abend}\nexpect fin held\nexpect behind fired\n");
    holds(&once, &format!("{about}at 10:00:00 {twice}"));
    // Held by what it did before, it is in force.
    let rests = rules("once_per = '1h'");
    holds(&rests, &format!("at 10:00:00 {abend}\nexpect fin fired\nat +1s {abend}\nexpect fin held\n"));
}

#[test]
fn of_a_rule_behind_a_final_one_is_said_that_it_sees_nothing() {
    let (policy, _) = Policy::load(&[("rules/a.toml".into(), FINAL.replace("IN_FORCE", ""))], &[]);
    let policy = Arc::new(policy.expect("it is good"));
    let text = "at 10:00:00 IEF450I PAYROLL ABEND\nexpect fin fired\nexpect behind fired\n";
    let story = Story::parse("a.story", text, &policy).expect("it reads");
    let mut met = Vec::new();
    let found = story.play(&policy, Brakes::default(), &mut |rule, _| met.push(rule.name.to_string()));
    let found = wtor::diagnostic::render_full(&found);
    assert!(found.contains("behind did not fire"), "{found}");
    assert!(found.contains("help: it does not see what came: rule fin is final"), "{found}");
    assert_eq!(met, ["fin"], "what a rule does not see proves nothing about it");
}
