//! What is asked of the running agent: `wtor status`, `reload`, `approve`, `disable` and so on.
//!
//! Layer: shell

use super::args::{AboutRunArgs, CloseArgs, ControlArgs, DisableArgs, EnableArgs, InjectArgs, ReleaseArgs};
use super::output::{complain, print, print_json};
use super::{Done, Exit, Failure, policy};
use crate::agent::{RunView, SituationView};
use crate::control::{Answer, Request};
use crate::daemon::{self, counted};
use crate::journal::{Release, RunId, Subject};
use crate::span::visible;
use std::fmt::Write as _;
use std::path::PathBuf;

fn ask(args: &ControlArgs, request: &Request) -> Result<Answer, Failure> {
    let socket: PathBuf = match &args.state {
        Some(state) => state.join("wtor.sock"),
        None => {
            let found = policy::good_config(args.config.as_deref())?;
            found.base.join(&found.config.control_socket)
        }
    };
    daemon::ask(&socket, request).map_err(|error| Failure(format!("no agent answers at {}: {error}", socket.display())))
}

/// Owed runs that are shown one by one; `--json` has all.
const OWED_SHOWN: usize = 20;

pub(super) fn status(args: &ControlArgs) -> Done {
    let answer = ask(args, &Request::Status)?;
    let Answer::Status { pid, version, view, problems, stalled, stopping } = &answer else {
        return unexpected(&answer);
    };
    if args.json {
        return print_json(&answer);
    }
    let (rules, jobs) = (counted(view.rules, "rule", "rules"), counted(view.jobs, "job", "jobs"));
    let mut text = format!("wtor {version}, pid {pid}, policy {}: {rules}, {jobs}\n", view.policy);
    let counts = &view.counts;
    let _ = writeln!(
        text,
        "decisions: {} fired, {} held, {} did nothing for another reason; matches: {} noted, {} read again; attempts started {}; runs good {}, failed {}",
        counts.fired,
        counts.held,
        counts.idle,
        counts.noted,
        counts.repeated,
        counts.started,
        counts.good,
        counts.failed
    );
    if *stopping {
        text.push_str("stopping: nothing more is read or started, and it ends when what runs has ended\n");
    }
    if let Some(why) = stalled {
        let _ = writeln!(text, "THE JOURNAL CANNOT BE WRITTEN, nothing is started: {why}");
    }
    let (owed, under_way): (Vec<&RunView>, Vec<&RunView>) = view.runs.iter().partition(|run| run.state == "owed");
    for run in under_way.into_iter().chain(owed.iter().copied().take(OWED_SHOWN)) {
        text.push_str(&run_line(run));
    }
    if owed.len() > OWED_SHOWN {
        let more = counted(owed.len() - OWED_SHOWN, "run more is owed", "runs more are owed");
        let _ = writeln!(text, "and {more}");
    }
    for order in &view.disabled {
        let _ = writeln!(text, "disabled: {}", visible(&order.line()));
    }
    for (rule, until) in &view.guarded {
        let _ = writeln!(text, "the loop guard holds rule {rule}, until {until}Z or later");
    }
    for order in &view.set {
        let _ = writeln!(text, "set: {}", visible(&order.line()));
    }
    for known in &view.situations {
        let _ = writeln!(text, "{}", situation_line(known));
    }
    let more = view.situations_alive.saturating_sub(view.situations.len());
    if more > 0 {
        let _ = writeln!(text, "and {more} situations more");
    }
    for due in &view.schedules {
        let _ = writeln!(text, "rule {} is due at {}Z", due.rule, due.at);
    }
    for file in &view.files {
        let _ = writeln!(
            text,
            "{}  {} read to byte {}, line {}",
            visible(&file.source),
            visible(&file.path),
            file.offset,
            file.line
        );
    }
    for problem in problems {
        let _ = writeln!(text, "problem: {}", visible(problem));
    }
    print(&text)
}

fn situation_line(known: &SituationView) -> String {
    format!("situation of rule {}  {}  {}  since {}Z", known.rule, visible(&known.key), known.state, known.since)
}

fn run_line(run: &RunView) -> String {
    let word = if run.state == "owed" { "not before" } else { "until" };
    let due = run.due.map(|due| format!(" {word} {due}Z")).unwrap_or_default();
    let mut line =
        format!("run {}  {}  {}{due}  attempt {}  rule {}", run.run, run.job, run.state, run.attempt, run.rule);
    // Who is asked for approval must see of what.
    if run.state == "asked" {
        run.with.iter().for_each(|(name, value)| line.push_str(&format!("  {name}={}", visible(value))));
    }
    line.push('\n');
    line
}

pub(super) fn reload(args: &ControlArgs) -> Done {
    let answer = ask(args, &Request::Reload)?;
    if args.json {
        print_json(&answer)?;
    }
    match &answer {
        Answer::Reloaded { .. } if args.json => Ok(Exit::Good),
        Answer::Reloaded { policy, rules, jobs, difference, .. } => print(&format!(
            "policy {policy} is in force: {}, {}\n{difference}\n",
            counted(*rules, "rule", "rules"),
            counted(*jobs, "job", "jobs")
        )),
        Answer::Refused { reason } => {
            complain(reason);
            Ok(Exit::Findings)
        }
        _ => unexpected(&answer),
    }
}

pub(super) fn release(args: &ReleaseArgs) -> Done {
    let how = match (args.rerun, args.good, args.failed) {
        (true, false, false) => Release::Rerun,
        (false, true, false) => Release::Good,
        (false, false, true) => Release::Failed,
        _ => return Err(Failure("release: say --rerun, --good or --failed".into())),
    };
    done(&args.control, &Request::Release { run: RunId(args.run), how, why: args.why.clone() })
}

pub(super) fn cancel(args: &AboutRunArgs) -> Done {
    done(&args.control, &Request::Cancel { run: RunId(args.run), why: args.why.clone() })
}

pub(super) fn approve(args: &AboutRunArgs) -> Done {
    done(&args.control, &Request::Approve { run: RunId(args.run), why: args.why.clone() })
}

pub(super) fn deny(args: &AboutRunArgs) -> Done {
    done(&args.control, &Request::Deny { run: RunId(args.run), why: args.why.clone() })
}

pub(super) fn disable(args: &DisableArgs) -> Done {
    let until = match (&args.until, &args.r#for) {
        (Some(at), _) => Some(daemon::clock::moment(at).map_err(Failure)?),
        (None, Some(span)) => {
            let span = crate::time::parse_duration(span).map_err(Failure)?;
            Some(daemon::clock::now().after(span))
        }
        (None, None) => None,
    };
    let subject = Subject::from(args.what.clone());
    done(&args.control, &Request::Disable { subject, until, why: args.why.clone() })
}

pub(super) fn enable(args: &EnableArgs) -> Done {
    let subject = Subject::from(args.what.clone());
    done(&args.control, &Request::Enable { subject, why: args.why.clone() })
}

pub(super) fn situations(args: &ControlArgs) -> Done {
    let answer = ask(args, &Request::Situations)?;
    let Answer::Situations { alive, set } = &answer else { return unexpected(&answer) };
    if args.json {
        return print_json(&answer);
    }
    let set = set.iter().map(|order| format!("set: {}\n", visible(&order.line())));
    let alive = alive.iter().map(|known| situation_line(known) + "\n");
    print(&set.chain(alive).collect::<String>())
}

pub(super) fn close(args: &CloseArgs) -> Done {
    let (name, key, why) = (args.name.clone(), args.key.clone(), args.why.clone());
    done(&args.control, &Request::Close { name, key, why })
}

pub(super) fn inject(args: &InjectArgs) -> Done {
    let request = Request::Inject { text: args.text.clone(), source: args.source.clone() };
    let answer = ask(&args.control, &request)?;
    if args.control.json {
        print_json(&answer)?;
    }
    match &answer {
        Answer::Injected { .. } if args.control.json => Ok(Exit::Good),
        Answer::Injected { records, decisions } => {
            let lines: String = decisions.iter().map(|line| visible(line) + "\n").collect();
            print(&format!("{}\n{lines}", counted(*records, "record", "records")))
        }
        Answer::Refused { reason } => {
            complain(&format!("wtor: {reason}\n"));
            Ok(Exit::Findings)
        }
        _ => unexpected(&answer),
    }
}

pub(super) fn drain(args: &ControlArgs) -> Done {
    done(args, &Request::Drain)
}

pub(super) fn stop(args: &ControlArgs) -> Done {
    done(args, &Request::Stop)
}

/// Asks for something that is either done or refused.
fn done(args: &ControlArgs, request: &Request) -> Done {
    let answer = ask(args, request)?;
    if args.json {
        print_json(&answer)?;
    }
    match &answer {
        Answer::Done { .. } if args.json => Ok(Exit::Good),
        Answer::Done { in_force: Some(text) } => print(&format!("{}\n", visible(text))),
        Answer::Done { in_force: None } => Ok(Exit::Good),
        Answer::Refused { reason } => {
            complain(&format!("wtor: {reason}\n"));
            Ok(Exit::Findings)
        }
        _ => unexpected(&answer),
    }
}

fn unexpected(answer: &Answer) -> Done {
    match answer {
        Answer::Refused { reason } => Err(Failure(reason.clone())),
        _ => Err(Failure("the agent gave an answer to something else; is it of another release?".into())),
    }
}
