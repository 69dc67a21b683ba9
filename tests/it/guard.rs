//! Least privilege: who may look, what may run, and that a secret is shown nowhere.

use crate::world::{World, line};
use std::os::unix::fs::PermissionsExt;

/// A world in which message TST0001I runs the job `j`.
fn world(job: &str) -> World {
    let world = World::new();
    let rule = "[[rule]]\nname = 'r'\nwhen = { id = 'TST0001I' }\nthen = { run = 'j' }";
    world.rules(rule).job("j", job).write("logs/a.log", line(1, "TST0001I"));
    world
}

const ONCE: [&str; 5] = ["run", "--from", "start", "--until-idle", "logs/a.log"];

#[test]
fn the_state_directory_and_all_that_is_in_it_are_for_their_owner_only() {
    let world = world("[[step]]\nargv = ['true']");
    let agent = world.watch(1, &["--from", "start", "logs/a.log"]);
    agent.until_said("WTR302I", 1);
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&world.path("state")), 0o700);
    let files = std::fs::read_dir(world.path("state")).expect("a directory").map(|entry| entry.expect("a file").path());
    let files: Vec<_> = files.collect();
    let names: Vec<_> = files.iter().filter_map(|file| file.file_name()?.to_str()).collect();
    for name in ["journal.db", "journal.db-wal", "lock", "wtor.sock"] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    for file in &files {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
}

#[test]
fn a_program_that_is_not_allowed_is_a_mistake_of_its_job() {
    let world = world("[[step]]\nargv = ['/bin/echo', 'x']\n[[step]]\nparm = 'SH echo x'");
    world.write("wtor.toml", "[allow]\nprograms = ['/bin/echo']");
    world.wtor(&["check"]).code(1).says(&["WTR051E: `/bin/sh` is not among", "jobs/j.toml:3:"]);
    world.wtor(&ONCE).code(1);
    world.write("wtor.toml", "[allow]\nprograms = ['/bin/echo', '/bin/sh']");
    world.wtor(&["check"]).code(0);
    world.wtor(&ONCE).code(0).says(&["WTR302I"]);
}

#[test]
fn a_program_that_is_looked_up_is_held_to_the_list_when_it_starts() {
    let world = world("[[step]]\nargv = ['touch', 'touched']");
    world.write("wtor.toml", "[allow]\nprograms = ['/bin/echo', '/usr/lpp/']");
    world.wtor(&["check"]).code(0);
    world.wtor(&ONCE).code(0).says(&["WTR304E", "WTR258E", "/touch` is not among the programs"]);
    assert!(!world.exists("touched"));
}

#[test]
fn an_agent_that_is_root_says_so_where_it_matters() {
    let root = rustix::process::geteuid().is_root();
    let said = world("[[step]]\nargv = ['true']").wtor(&ONCE).code(0);
    assert_eq!(said.out.contains("WTR314W"), root, "{said}");
    let said = world("user = 'root'\n[[step]]\nargv = ['true']").wtor(&ONCE);
    assert!(!said.out.contains("WTR314W"), "{said}");
}

#[test]
fn a_secret_is_shown_nowhere() {
    const SECRETS: [&str; 2] = ["hunter2-in-a-file", "hunter2-in-a-variable"];
    let world = World::new();
    let token = world.path("token");
    world.write("token", SECRETS[0]);
    std::fs::set_permissions(&token, PermissionsExt::from_mode(0o600)).expect("its mode");
    world.job(
        "j",
        &format!(
            "secrets = {{ TOKEN = {{ file = '{}' }}, OTHER = {{ env = 'AGENTS_OTHER' }} }}
[[step]]
parm = 'SH test -z \"$AGENTS_OTHER\" && echo $TOKEN $OTHER && echo $TOKEN >&2 && echo \"$TOKEN$OTHER\" > seen'
[[step]]
parm = 'SH echo $OTHER; exit 3'",
            token.display()
        ),
    );
    world.rules("[[rule]]\nname = 'r'\nwhen = { id = 'TST0001I' }\nthen = { run = 'j' }");
    world.write("logs/a.log", line(1, "TST0001I"));
    let once = |json: &[&str]| {
        let mut command = world.command(&ONCE);
        let output = command.args(json).env("AGENTS_OTHER", SECRETS[1]).output().expect("ran");
        String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8")
    };
    let mut shown = once(&[]) + &once(&["--json", "--state", "other"]);
    assert_eq!(world.read("seen").trim(), SECRETS.concat(), "the job has them\n{shown}");
    let more = world.wtor(&["journal", "export"]).code(0);
    assert!(more.out.contains("[secret] [secret]"), "{more}");
    shown += &(more.out + &world.wtor(&["journal", "check"]).code(0).out);
    for args in [&["runs", "1"][..], &["runs", "1", "--json"], &["runs", "--json"], &["history", "--json"], &["check"]]
    {
        let said = world.wtor(args);
        shown += &(said.out + &said.err);
    }
    assert!(shown.contains("[secret] [secret]"), "{shown}");
    for file in std::fs::read_dir(world.path("state")).expect("a directory") {
        let bytes = std::fs::read(file.expect("a file").path()).expect("read");
        shown += &String::from_utf8_lossy(&bytes);
    }
    assert!(!shown.contains("hunter2"), "a secret is shown");
}
