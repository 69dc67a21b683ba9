//! Runs of real processes. Nothing here waits for a fixed time: every wait is for a report or for a
//! condition, with a bound; and nothing is ended that was not started here.
//!
//! Layer: shell

mod guard;

use super::child::Watch;
use super::{Pace, Runner, Site};
use crate::job::{CondCode, Outcome, Plan, PlannedStep, StepCondition, StepEnd};
use crate::journal::RunId;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

type Reports = Receiver<(RunId, u32, Vec<Outcome>)>;

fn runner_with(pace: Pace) -> (Runner, Reports) {
    let (sender, reports) = channel();
    let report = move |run, attempt, outcomes| sender.send((run, attempt, outcomes)).expect("somebody listens");
    (Runner::with_pace(pace, Site::default(), report), reports)
}

/// A short grace and linger, so that the tests are quick; the order of things is the same.
fn quick() -> Pace {
    Pace { grace: Duration::from_millis(300), linger: Duration::from_millis(200), watch: Watch::Pidfd }
}

fn step(argv: &[&str]) -> PlannedStep {
    PlannedStep {
        name: "STEP1".into(),
        argv: argv.iter().map(|&word| word.into()).collect(),
        send: None,
        env: Vec::new(),
        cwd: None,
        deadline: PATIENCE,
        max_cc: 0,
        bpxbatch: false,
        condition: None,
        output_max: 64 * 1024,
    }
}

fn sh(line: &str) -> PlannedStep {
    step(&["/bin/sh", "-c", line])
}

fn named(name: &str, step: PlannedStep) -> PlannedStep {
    PlannedStep { name: name.into(), ..step }
}

fn plan(steps: Vec<PlannedStep>) -> Plan {
    Plan { job: "test".into(), keep_env: Vec::new(), secrets: Vec::new(), user: None, steps }
}

fn run_with(pace: Pace, steps: Vec<PlannedStep>) -> Vec<Outcome> {
    let (runner, reports) = runner_with(pace);
    runner.start(RunId(7), 2, plan(steps));
    let (run, attempt, outcomes) = reports.recv_timeout(PATIENCE).expect("a report");
    assert_eq!((run, attempt), (RunId(7), 2));
    assert_eq!(runner.running(), 0);
    outcomes
}

fn run(steps: Vec<PlannedStep>) -> Vec<Outcome> {
    run_with(quick(), steps)
}

fn one(step: PlannedStep) -> Outcome {
    run(vec![step]).remove(0)
}

fn ends(outcomes: &[Outcome]) -> Vec<&StepEnd> {
    outcomes.iter().map(|outcome| &outcome.end).collect()
}

/// Waits until something is so.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// True while the process is there and no zombie.
fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

#[test]
fn exit_codes_follow_bpxbatch_or_stand_for_themselves() {
    for (status, bpx) in [(0, 0), (1, 256), (8, 2048), (15, 3840), (16, 0), (37, 1280), (255, 3840)] {
        let plain = one(sh(&format!("exit {status}")));
        assert_eq!((plain.end, plain.cond_code), (StepEnd::Exited(status as u8), Some(CondCode(status))));
        assert_eq!(plain.good, status == 0);
        let batch = one(PlannedStep { bpxbatch: true, ..sh(&format!("exit {status}")) });
        assert_eq!(batch.cond_code, Some(CondCode(bpx)), "exit {status}");
        assert_eq!(batch.good, status == 0, "exit 16 must not pass for 0");
    }
    assert!(one(PlannedStep { max_cc: 8, ..sh("exit 8") }).good);
}

#[test]
fn a_signal_ends_a_step_as_itself() {
    let outcome = one(PlannedStep { bpxbatch: true, ..sh("kill -9 $$") });
    assert_eq!((outcome.end, outcome.cond_code, outcome.good), (StepEnd::Signalled(9), Some(CondCode(9)), false));
}

#[test]
fn steps_after_a_bad_one_are_bypassed_unless_their_condition_says_otherwise() {
    let on_abend = PlannedStep { condition: Some(StepCondition::Abend(None)), ..named("CLEANUP", sh("exit 0")) };
    let outcomes = run(vec![sh("exit 0"), named("BAD", sh("kill -15 $$")), named("NEXT", sh("exit 0")), on_abend]);
    use StepEnd::{Bypassed, Exited, Signalled};
    assert_eq!(ends(&outcomes), [&Exited(0), &Signalled(15), &Bypassed, &Exited(0)]);
    assert_eq!(outcomes[2].cond_code, None);
}

#[test]
fn a_deadline_ends_the_step() {
    let begun = Instant::now();
    let outcome = one(PlannedStep { deadline: Duration::from_millis(50), ..sh("echo begun; exec sleep 60") });
    assert_eq!((outcome.end, outcome.cond_code), (StepEnd::TimedOut, Some(CondCode(4095))));
    assert_eq!(outcome.stdout, "begun\n");
    assert!(begun.elapsed() < Duration::from_secs(20) && outcome.millis >= 50);
}

#[test]
fn a_step_that_ends_in_its_grace_keeps_what_it_says() {
    let line = "trap 'echo tidied; exit 3' TERM; echo ready; while :; do sleep 0.01; done";
    let outcome = one(PlannedStep { deadline: Duration::from_millis(200), ..sh(line) });
    assert_eq!((outcome.end, outcome.stdout.as_str()), (StepEnd::TimedOut, "ready\ntidied\n"));
}

#[test]
fn a_step_that_ignores_sigterm_dies() {
    for watch in [Watch::Pidfd, Watch::Look] {
        let line = "trap '' TERM; echo $$; while :; do sleep 0.01; done";
        let step = PlannedStep { deadline: Duration::from_millis(50), ..sh(line) };
        let outcome = run_with(Pace { watch, ..quick() }, vec![step]).remove(0);
        assert_eq!(outcome.end, StepEnd::TimedOut);
        assert!(!lives(&outcome.stdout));
    }
}

#[test]
fn a_deadline_ends_the_grandchildren_too() {
    // The second one ignores SIGTERM and holds no pipe; the leader dies of SIGTERM at once.
    let line = "sleep 60 & echo $!; (trap '' TERM; exec >/dev/null 2>&1; exec sleep 60) & echo $!; wait";
    let outcome = one(PlannedStep { deadline: Duration::from_millis(100), ..sh(line) });
    assert_eq!(outcome.end, StepEnd::TimedOut);
    let pids: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(pids.len(), 2, "{}", outcome.stdout);
    for pid in pids {
        eventually("a grandchild lives on", || !lives(pid));
    }
}

#[test]
fn a_process_left_behind_does_not_hold_up_the_step_and_lives_on() {
    for watch in [Watch::Pidfd, Watch::Look] {
        let line = "sleep 60 & echo $!; exit 4";
        let begun = Instant::now();
        let outcome = run_with(Pace { watch, ..quick() }, vec![sh(line)]).remove(0);
        assert_eq!(outcome.end, StepEnd::Exited(4));
        assert!(begun.elapsed() < Duration::from_secs(20));
        let pid = outcome.stdout.lines().next().expect("its number").to_owned();
        assert!(outcome.stdout.contains("still holds this output"), "{}", outcome.stdout);
        assert!(outcome.stderr.contains("still holds this output"), "{}", outcome.stderr);
        assert!(lives(&pid), "a daemon that a job starts is none of our business");
        duct::cmd!("kill", "-9", &pid).run().expect("ours to end");
    }
}

#[test]
fn much_output_is_drained_and_bounded() {
    let line = "echo first; head -c 100000000 /dev/zero | tr '\\0' x; echo; echo last; echo oops >&2";
    let outcome = one(PlannedStep { output_max: 1000, ..sh(line) });
    assert_eq!(outcome.end, StepEnd::Exited(0));
    assert!(outcome.stdout.len() < 1100, "{}", outcome.stdout.len());
    assert!(outcome.stdout.starts_with("first\nxx") && outcome.stdout.ends_with("xx\nlast\n"));
    assert!(outcome.stdout.contains("[wtor: 99999012 bytes left out]"), "{}", outcome.stdout);
    assert_eq!(outcome.stderr, "oops\n");
}

#[test]
fn memory_follows_the_bound_and_not_the_output() {
    let before = resident_kib();
    let outcome = one(PlannedStep { output_max: 10_000, ..sh("head -c 100000000 /dev/zero") });
    assert_eq!(outcome.end, StepEnd::Exited(0));
    // Other tests run beside this one: the bound is loose, but far below the output.
    assert!(resident_kib() < before + 60_000, "{} -> {} KiB", before, resident_kib());
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("procfs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    line.trim().trim_end_matches(" kB").trim().parse().expect("a number")
}

#[test]
fn output_that_is_not_utf_8_is_replaced() {
    let outcome = one(sh(r"printf 'a\377b\0c'; printf '\303' >&2"));
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("a\u{fffd}b\0c", "\u{fffd}"));
}

#[test]
fn what_cannot_be_started_says_why() {
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("text");
    std::fs::write(&file, "no program").expect("writes");
    let file = file.to_str().expect("UTF-8");
    let why = |step: PlannedStep| match one(step).end {
        StepEnd::NotStarted(why) => why,
        other => panic!("{other:?}"),
    };
    let missing = why(step(&["no-such-program-here"]));
    assert!(missing.starts_with("WTR250E program `no-such-program-here` was not found in PATH"), "{missing}");
    assert_eq!(why(step(&["/no/such/program"])), "WTR250E program `/no/such/program` was not found");
    assert_eq!(why(step(&[file])), format!("WTR250E `{file}` is not executable"));
    let nowhere = PlannedStep { cwd: Some("/no/such/place".into()), ..sh("exit 0") };
    assert_eq!(why(nowhere), "WTR251E working directory `/no/such/place` does not exist");
    duct::cmd!("chmod", "+x", file).run().expect("may be executed");
    assert!(why(step(&[file])).starts_with("WTR252E"));
    let odd = PlannedStep { env: vec![("A=B".into(), "c".into())], ..sh("exit 0") };
    assert_eq!(why(odd), "WTR253E `A=B` cannot be the name of a variable");
    assert!(why(step(&["/bin/echo", "a\0b"])).starts_with("WTR252E"));
    assert!(why(step(&[])).starts_with("WTR250E"));
    let outcomes = run(vec![step(&["no-such-program-here"]), sh("exit 0")]);
    assert_eq!(outcomes[0].cond_code, Some(CondCode(255)));
    assert_eq!(outcomes[1].end, StepEnd::Bypassed);
}

#[test]
fn environment_directory_and_attempt_are_passed() {
    let folder = tempfile::tempdir().expect("a directory");
    let cwd = folder.path().canonicalize().expect("exists").to_str().expect("UTF-8").to_owned();
    let env = vec![("WTOR_VHOST".into(), "a b$(c)\nd".into()), ("WTOR_RUN".into(), "forged".into())];
    let line = r#"printf '%s|%s|%s|%s|%s' "$WTOR_VHOST" "$WTOR_RUN" "$WTOR_ATTEMPT" "$PWD" "${HOME+home}"; cat"#;
    let outcome = one(PlannedStep { env, cwd: Some(cwd.clone()), ..sh(line) });
    assert_eq!(outcome.stdout, format!("a b$(c)\nd|7|2|{cwd}|home"), "and standard input is empty");
}

#[test]
fn a_relative_program_counts_from_the_working_directory() {
    let folder = tempfile::tempdir().expect("a directory");
    let cwd = folder.path().to_str().expect("UTF-8");
    for name in ["script", "in-path"] {
        std::os::unix::fs::symlink("/bin/true", folder.path().join(name)).expect("a link");
    }
    let relative = one(PlannedStep { cwd: Some(cwd.into()), ..step(&["./script"]) });
    assert_eq!(relative.end, StepEnd::Exited(0));
    let env = vec![("PATH".into(), format!("{cwd}:/usr/bin:/bin"))];
    assert_eq!(one(PlannedStep { env, ..step(&["in-path"]) }).end, StepEnd::Exited(0));
}

#[test]
fn words_are_passed_exactly() {
    let words = ["; rm -rf /", "a\nb", "$(id)", "`id`", "-n", "--", "", "*", "~", "'", "\"", "\\", "ä\u{1b}[31m"];
    let mut argv = vec!["/bin/sh", "-c", r#"printf '<%s>' "$0" "$@""#, "zero"];
    argv.extend(words);
    let expected: String = std::iter::once("zero").chain(words).map(|word| format!("<{word}>")).collect();
    assert_eq!(one(step(&argv)).stdout, expected);
    assert_eq!(one(step(&["sh", "-c", "tr '\\0' '|' < /proc/$$/cmdline; :"])).stdout.split('|').next(), Some("sh"));
}

#[test]
fn a_cancelled_run_ends_with_its_group_and_runs_no_further_step() {
    let folder = tempfile::tempdir().expect("a directory");
    let mark = folder.path().join("begun");
    let line = format!("sleep 60 & echo $! > {0}.new; mv {0}.new {0}; wait", mark.display());
    let always = PlannedStep { condition: Some(StepCondition::Abend(None)), ..named("EVEN", sh("exit 0")) };
    let (runner, reports) = runner_with(quick());
    runner.start(RunId(1), 1, plan(vec![sh(&line), always]));
    runner.start(RunId(2), 1, plan(vec![sh("exit 0")]));
    assert_eq!(reports.recv_timeout(PATIENCE).expect("a report").0, RunId(2), "another run is not touched");
    eventually("the step has begun", || mark.exists());
    assert!(runner.cancel(RunId(1)));
    assert!(!runner.cancel(RunId(1)), "once is enough");
    assert!(!runner.cancel(RunId(9)), "there is no such run");
    let (_, _, outcomes) = reports.recv_timeout(PATIENCE).expect("a report");
    assert_eq!(ends(&outcomes), [&StepEnd::Cancelled, &StepEnd::Bypassed]);
    let pid = std::fs::read_to_string(&mark).expect("its number");
    eventually("the grandchild lives on", || !lives(&pid));
}

#[test]
fn a_run_cancelled_before_its_first_step_runs_none() {
    let (runner, reports) = runner_with(quick());
    for run in 0..50 {
        runner.start(RunId(run), 1, plan(vec![sh("exec sleep 60")]));
        assert!(runner.cancel(RunId(run)));
    }
    for _ in 0..50 {
        let (_, _, outcomes) = reports.recv_timeout(PATIENCE).expect("a report");
        assert_eq!(ends(&outcomes), [&StepEnd::Cancelled]);
    }
}

#[test]
fn many_runs_leave_nothing_behind() {
    let open_files = || std::fs::read_dir("/proc/self/fd").expect("procfs").count();
    let (runner, reports) = runner_with(quick());
    let before = open_files();
    for run in 0..200 {
        runner.start(RunId(run), 1, plan(vec![step(&["/bin/true"])]));
        let (_, _, outcomes) = reports.recv_timeout(PATIENCE).expect("a report");
        assert!(outcomes[0].good);
    }
    // Other tests open files beside this one.
    eventually("files stay open", || open_files() < before + 60);
}

/// From the request to the program's first instruction and to the report. Prints what it measures; the
/// bound is loose, since other tests run beside it.
#[test]
fn a_start_is_quick() {
    let (runner, reports) = runner_with(quick());
    let mut spans: Vec<Duration> = (0..100)
        .map(|run| {
            let begun = Instant::now();
            runner.start(RunId(run), 1, plan(vec![step(&["/bin/true"])]));
            reports.recv_timeout(PATIENCE).expect("a report");
            begun.elapsed()
        })
        .collect();
    spans.sort();
    assert!(spans[50] < Duration::from_millis(50), "start to report: p50 {:?}, p99 {:?}", spans[50], spans[98]);
}
