//! What happens to the log while calls fail, and what must have become of every message.

use crate::strike::{self, Phase, Strike};
use crate::world::{World, eventually, line};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

/// In which the agent must do what is waited for, or end.
const PATIENCE: Duration = Duration::from_secs(30);
/// After which the journal is asked about what no file shows.
const ASK_AFTER: Duration = Duration::from_secs(1);

const RULES: &str = "
[[rule]]
name = 'note'
when = { id = 'FLT0001I', text = 'number (?<n>\\d+)' }
then = { run = 'note', with = { n = '${n}' } }
";
const JOB: &str = "
params = { n = { required = true } }
[[step]]
argv = ['/bin/sh', '-c', 'echo \"$0\" >> out.txt', '${n}']
";
const LOG: &str = "logs/a.log";

/// How the struck agent ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    /// It went on, and ended when it was told to.
    Went,
    /// A crate panicked at what cannot happen, such as a thread that cannot be woken: with the code of a fault.
    Fault,
    /// By itself, with this code, after it had said why.
    Refused(i32, String),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Went => f.write_str("went on and ended as told"),
            Ended::Fault => f.write_str("ended with code 4 by a panic of a crate"),
            Ended::Refused(code, _) => write!(f, "ended by themselves with code {code} and said why"),
        }
    }
}

/// What is left of a strike.
#[derive(Debug)]
pub struct Outcome {
    /// How many calls were struck; several where several threads have come so far.
    pub struck: usize,
    pub ended: Ended,
    /// Runs in doubt, and runs whose job could not be carried out.
    pub in_doubt: usize,
    pub failed: usize,
}

/// Plays the story under a strike. What is wrong is said with all that the agents said.
pub fn play(strike: &Strike) -> Result<Outcome, String> {
    let mut story = Story::new(strike);
    let played = story.struck_life().and_then(|ended| story.account(ended));
    played.map_err(|what| format!("{what}\n{}", story.told()))
}

struct Story<'s> {
    strike: &'s Strike,
    world: World,
    /// Messages written.
    written: u32,
    lives: usize,
    copies: usize,
}

/// One agent, whose messages are in files.
struct Life {
    child: Child,
    nr: usize,
    /// Its calls are struck from the first one on.
    is_struck: bool,
    /// Where calls are struck in an agent that runs already.
    strace: Option<Child>,
}

impl Life {
    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child")
    }

    /// Tells it to stop, as an operator would, unless it has ended.
    fn terminate(&mut self) {
        if self.ended().is_none() {
            let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
            rustix::process::kill_process(pid.expect("a process"), rustix::process::Signal::TERM).expect("signalled");
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(strace) = &mut self.strace {
            let _ = strace.wait();
        }
    }
}

impl<'s> Story<'s> {
    fn new(strike: &'s Strike) -> Story<'s> {
        let world = World::new();
        world.rules(RULES).job("note", JOB).write(LOG, "").write("out.txt", "").write("said/none", "");
        world.write("wtor.toml", "[[source]]\nname = 'log'\nfile = 'logs/a.log'\npoll = '100ms'\n");
        Story { strike, world, written: 0, lives: 0, copies: 0 }
    }

    /// The life in which calls fail, and what comes before it.
    fn struck_life(&mut self) -> Result<Ended, String> {
        match self.strike.phase {
            Phase::First => {
                let mut life = self.begin(true);
                if !self.watches(&mut life)? {
                    let ended = self.is_over(&mut life)?;
                    // What stands in a log before it was ever watched is not new.
                    let mut life = self.begin(false);
                    self.watches(&mut life)?;
                    self.stop(&mut life)?;
                    self.happen(None)?;
                    return Ok(ended);
                }
                self.happen(Some(&mut life))?;
                self.stop(&mut life)
            }
            Phase::Running => {
                let mut life = self.begin(false);
                self.watches(&mut life)?;
                life.strace = Some(self.strike.attach(&self.world, life.child.id()));
                self.happen(Some(&mut life))?;
                self.stop(&mut life)
            }
            Phase::Again => {
                let mut life = self.begin(false);
                self.watches(&mut life)?;
                self.write();
                self.until_done(Some(&mut life))?;
                self.stop(&mut life)?;
                self.write();
                self.rename();
                self.write();
                self.copy_and_truncate();
                self.write();
                let mut life = self.begin(true);
                self.watches(&mut life)?;
                self.write();
                self.until_done(Some(&mut life))?;
                self.stop(&mut life)
            }
        }
    }

    /// Messages, rotations and a reload, with or without an agent; it may end at any time.
    fn happen(&mut self, mut life: Option<&mut Life>) -> Result<(), String> {
        self.write();
        self.until_done(life.as_deref_mut())?;
        self.write();
        self.rename();
        self.write();
        self.until_done(life.as_deref_mut())?;
        self.write();
        self.copy_and_truncate();
        self.write();
        self.until_done(life.as_deref_mut())?;
        if let Some(life) = life.as_deref_mut() {
            self.reload(life)?;
        }
        self.write();
        self.until_done(life)
    }

    fn begin(&mut self, is_struck: bool) -> Life {
        self.lives += 1;
        let mut command = self.world.command(&["run", "--json"]);
        command.env_remove("WTOR_PROBE");
        if is_struck {
            command = self.strike.around(&self.world, &command);
        }
        let open = |name: String| -> File {
            OpenOptions::new().create(true).append(true).open(self.world.path(&name)).expect("a file")
        };
        command.stdout(open(format!("said/{}.json", self.lives))).stderr(open(format!("said/{}.err", self.lives)));
        Life { child: command.spawn().expect("started"), nr: self.lives, is_struck, strace: None }
    }

    /// Waits until it watches. False if it has ended instead.
    fn watches(&self, life: &mut Life) -> Result<bool, String> {
        let said = format!("said/{}.json", life.nr);
        let mut ended = false;
        let held = eventually(PATIENCE, || {
            ended = life.ended().is_some();
            // That message may be what could not be written.
            let struck = if life.is_struck { "trace" } else { &said };
            ended || [&said, struck].iter().any(|name| self.world.read(name).contains("WTR309I"))
        });
        if held { Ok(!ended) } else { Err("it hangs: it neither watches nor ends".into()) }
    }

    fn write(&mut self) {
        self.written += 1;
        self.world.append(LOG, line(self.written, &format!("FLT0001I number {}", self.written)));
    }

    fn next_copy(&mut self) -> String {
        self.copies += 1;
        format!("{LOG}.{}", self.copies)
    }

    fn rename(&mut self) {
        let copy = self.next_copy();
        fs::rename(self.world.path(LOG), self.world.path(&copy)).expect("renamed");
    }

    fn copy_and_truncate(&mut self) {
        let copy = self.next_copy();
        fs::copy(self.world.path(LOG), self.world.path(&copy)).expect("copied");
        let file = OpenOptions::new().write(true).open(self.world.path(LOG));
        file.and_then(|file| file.set_len(0)).expect("truncated");
    }

    /// Waits until every message has been acted upon, or the agent has ended.
    fn until_done(&self, life: Option<&mut Life>) -> Result<(), String> {
        let Some(life) = life else { return Ok(()) };
        let begun = Instant::now();
        let held = eventually(PATIENCE, || {
            let done = self.world.lines("out.txt").len() >= self.written as usize;
            done || life.ended().is_some() || (begun.elapsed() > ASK_AFTER && self.all_over())
        });
        if held { Ok(()) } else { Err(format!("it hangs: message {} is not acted upon", self.written)) }
    }

    /// The journal has a run that is over for each message.
    fn all_over(&self) -> bool {
        std::thread::sleep(Duration::from_millis(200));
        let said = self.world.wtor(&["runs", "--json"]);
        let over = said.out.lines().filter(|run| run.contains("\"closed\"") || run.contains("\"in_doubt\""));
        over.count() >= self.written as usize
    }

    /// Another policy, told by command. The command may be what was struck: then another one must work.
    fn reload(&self, life: &mut Life) -> Result<(), String> {
        self.world.rules(&format!("{RULES}enabled = true\n"));
        for _ in 0..4 {
            let said = self.world.wtor(&["reload"]);
            if said.code == Some(0) || life.ended().is_some() {
                return Ok(());
            }
        }
        // It may be about to end.
        if eventually(Duration::from_secs(2), || life.ended().is_some()) {
            return Ok(());
        }
        Err(format!("it cannot be talked to any more: {}", self.world.wtor(&["reload"])))
    }

    /// Stops it, and waits.
    fn stop(&self, life: &mut Life) -> Result<Ended, String> {
        life.terminate();
        self.is_over(life)
    }

    /// Waits for its end, and looks how it was.
    fn is_over(&self, life: &mut Life) -> Result<Ended, String> {
        if !eventually(PATIENCE, || life.ended().is_some()) {
            return Err("it hangs: it does not end".into());
        }
        let status = life.ended().expect("it has ended");
        let errors = self.world.read(&format!("said/{}.err", life.nr));
        let panics: Vec<&str> = errors.lines().filter(|line| line.contains("panicked at")).collect();
        if !panics.is_empty() {
            // Code of others lies in the registry; a panic there must end the agent as one of ours does.
            let of_crates = panics.iter().all(|line| line.contains("/registry/src/"));
            return match status.code() {
                Some(4) if of_crates => Ok(Ended::Fault),
                // It was just coming to its end.
                Some(0) if of_crates => Ok(Ended::Went),
                _ => Err(format!("it panicked, and ended: {status}")),
            };
        }
        if errors.contains("is damaged") {
            return Err("it takes a journal for damaged that is not".into());
        }
        match (status.code(), status.signal()) {
            (Some(0), _) => Ok(Ended::Went),
            // 127 is the dynamic loader's.
            (Some(code @ (1 | 3 | 127)), _) if names_what_failed(&errors) => Ok(Ended::Refused(code, errors)),
            (Some(code), _) => Err(format!("it ended with code {code}, and said: {errors}")),
            (None, signal) => Err(format!("it died by signal {signal:?}")),
        }
    }

    /// An agent that nothing strikes does what is left. Then every message must have come to its end, once.
    fn account(&mut self, ended: Ended) -> Result<Outcome, String> {
        let mut life = self.begin(false);
        if !self.watches(&mut life)? {
            return Err("the next agent does not start".into());
        }
        self.until_done(Some(&mut life))?;
        if self.stop(&mut life)? != Ended::Went {
            return Err("the next agent ended by itself".into());
        }
        let check = self.world.wtor(&["journal", "check"]);
        if check.code != Some(0) {
            return Err(format!("the journal is not good: {check}"));
        }
        let mut done: BTreeMap<u32, usize> = BTreeMap::new();
        for line in self.world.lines("out.txt") {
            *done.entry(line.parse().expect("a number")).or_default() += 1;
        }
        let runs = self.world.runs();
        let history = self.world.history();
        let mut outcome = Outcome { struck: strike::struck(&self.world), ended, in_doubt: 0, failed: 0 };
        let mut wrong = Vec::new();
        for n in 1..=self.written {
            let captured = n.to_string();
            let of = |decision: &&serde_json::Value| decision["captures"]["n"].as_str() == Some(&captured);
            let decisions: Vec<_> = history.iter().filter(of).collect();
            let times = done.get(&n).copied().unwrap_or(0);
            let [decision] = decisions[..] else {
                wrong.push(format!("message {n} was decided {} times and done {times} times", decisions.len()));
                continue;
            };
            let number = &decision["actions"][0]["number"];
            let run = runs.iter().find(|run| run["run"] == *number);
            let state = run.map(|run| (run["state"].as_str().unwrap_or_default(), run["good"].as_bool()));
            match (state, times) {
                (Some(("closed", Some(true))), 1) => {}
                (Some(("in_doubt", _)), 0 | 1) => outcome.in_doubt += 1,
                (Some(("closed", Some(false))), 0 | 1) => outcome.failed += 1,
                _ => wrong.push(format!("message {n} was done {times} times; its run: {state:?}")),
            }
        }
        if wrong.is_empty() { Ok(outcome) } else { Err(wrong.join("; ")) }
    }

    fn told(&self) -> String {
        let mut told = format!("--- struck\n{}\n", strike::struck_lines(&self.world));
        for nr in 1..=self.lives {
            let (said, errors) = (format!("said/{nr}.json"), format!("said/{nr}.err"));
            told += &format!("--- agent {nr}\n{}{}", self.world.read(&said), self.world.read(&errors));
        }
        told + &format!("--- out.txt\n{}\n--- runs\n{}", self.world.read("out.txt"), self.world.wtor(&["runs"]).out)
    }
}

/// Its last words say more than the system's error: what it was about.
fn names_what_failed(errors: &str) -> bool {
    let last = errors.lines().rfind(|line| line.contains("wtor: "));
    last.and_then(|line| line.split_once("wtor: "))
        .is_some_and(|(_, why)| why.contains(": ") || why.contains("in force"))
}
