//! What a step may have: the environment, secrets, and who it is.
//!
//! Layer: shell

use super::*;
use crate::limits::SECRET_BYTES_MAX;
use crate::secret::Reference;
use std::os::unix::fs::PermissionsExt;

fn run_plan(plan: Plan) -> Outcome {
    let (runner, reports) = runner_with(quick());
    runner.start(RunId(7), 1, plan);
    reports.recv_timeout(PATIENCE).expect("a report").2.remove(0)
}

fn why(outcome: Outcome) -> String {
    match outcome.end {
        StepEnd::NotStarted(why) => why,
        other => panic!("{other:?}"),
    }
}

/// A file with that content and mode, and a reference to it.
fn secret_file(content: impl AsRef<[u8]>, mode: u32) -> (tempfile::TempDir, Reference) {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("token");
    std::fs::write(&path, content).expect("written");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("its mode");
    let reference = Reference::File(path.display().to_string());
    (folder, reference)
}

#[test]
fn a_step_has_of_the_agents_environment_only_what_its_job_asks_for() {
    // Cargo has given this process variables of its own.
    assert!(std::env::var_os("CARGO_PKG_NAME").is_some() && std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let known = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR"];
    let keep_env = vec!["CARGO_PKG_NAME".to_owned()];
    let outcome = run_plan(Plan { keep_env, ..plan(vec![step(&["/usr/bin/env"])]) });
    let names: Vec<&str> = outcome.stdout.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    for name in &names {
        let known = known.contains(name) || name.starts_with("LC_");
        assert!(known || ["CARGO_PKG_NAME", "WTOR_RUN", "WTOR_ATTEMPT"].contains(name), "{name} came through");
    }
    for name in ["PATH", "CARGO_PKG_NAME", "WTOR_RUN"] {
        assert!(names.contains(&name), "{name} is missing in {names:?}");
    }
}

#[test]
fn a_secret_reaches_the_step_and_nothing_that_is_kept() {
    let (_folder, token) = secret_file("s3cret-token\n", 0o640);
    let secrets = vec![("TOKEN".into(), token), ("NAME".into(), Reference::Env("CARGO_PKG_NAME".into()))];
    // In one piece, in two, on both outputs, and across the cut of what is kept.
    let line = r#"test "$TOKEN" = s3cret-token || exit 9; echo "$NAME $TOKEN"; printf s3cret; sleep 0.05
        printf -- '-token\n'; echo "$TOKEN" >&2; head -c 100 /dev/zero | tr '\0' x"#;
    for output_max in [64 * 1024, 40, 41, 42, 43] {
        let step = PlannedStep { output_max, ..sh(line) };
        let outcome = run_plan(Plan { secrets: secrets.clone(), ..plan(vec![step]) });
        assert_eq!(outcome.end, StepEnd::Exited(0));
        assert_eq!(outcome.stderr, "[secret]\n");
        assert!(outcome.stdout.starts_with("[secret] [secret]\n"), "{}", outcome.stdout);
        for part in ["s3c", "token", "wtor\n"] {
            assert!(!outcome.stdout.contains(part), "{part}: {}", outcome.stdout);
        }
    }
}

#[test]
fn a_secret_that_anybody_may_read_is_refused_and_so_is_none() {
    let of = |reference: Reference| {
        why(run_plan(Plan { secrets: vec![("TOKEN".into(), reference)], ..plan(vec![sh("exit 0")]) }))
    };
    let (_folder, open) = secret_file("s3cret", 0o644);
    assert!(of(open).contains("is open to anybody (mode 0644)"));
    let (_folder, empty) = secret_file("\n", 0o600);
    assert!(of(empty).contains("it is empty"));
    let missing = of(Reference::File("/no/such/file".into()));
    assert!(
        missing.starts_with("WTR256E the secret `TOKEN` cannot be had: `/no/such/file` cannot be read"),
        "{missing}"
    );
    assert!(of(Reference::Env("NO_SUCH_VARIABLE".into())).contains("the agent has no variable `NO_SUCH_VARIABLE`"));
}

#[test]
fn a_secret_is_as_long_as_it_may_be_and_no_longer() {
    let (_folder, longest) = secret_file(vec![b'x'; SECRET_BYTES_MAX], 0o600);
    assert_eq!(crate::action::secret::read("T", &longest).map(|s| s.reveal().len()), Ok(SECRET_BYTES_MAX));
    let (_folder, longer) = secret_file(vec![b'x'; SECRET_BYTES_MAX + 1], 0o600);
    assert!(crate::action::secret::read("T", &longer).expect_err("too long").contains("is longer than"));
}

#[test]
fn a_step_runs_as_the_user_of_its_job_where_the_agent_may() {
    let run_as = |user: &str| {
        let line = "echo $(id -un) $(id -gn) $(id -G | wc -w) $USER $HOME";
        run_plan(Plan { user: Some(user.into()), ..plan(vec![sh(line)]) })
    };
    assert_eq!(why(run_as("no-such-user")), "WTR257E there is no user `no-such-user` in /etc/passwd");
    let users = std::fs::read_to_string("/etc/passwd").expect("users");
    let home = users.lines().find(|line| line.starts_with("nobody:")).and_then(|line| line.split(':').nth(5));
    let outcome = run_as("nobody");
    if rustix::process::geteuid().is_root() {
        let group = outcome.stdout.split(' ').nth(1).unwrap_or_default();
        assert_eq!(outcome.stdout, format!("nobody {group} 1 nobody {}\n", home.expect("nobody")));
    } else {
        assert_eq!(why(outcome), "WTR257E the agent is not root and cannot run steps as `nobody`");
    }
}

#[test]
fn a_step_has_the_groups_of_its_user() {
    let groups = std::fs::read_to_string("/etc/group").expect("groups");
    let members = groups.lines().filter_map(|line| line.rsplit(':').next()?.split(',').next());
    let users = std::fs::read_to_string("/etc/passwd").expect("users");
    let known = |name: &&str| users.lines().any(|line| line.split(':').next() == Some(name));
    // As `id` finds them for a user that is a member of more than its own group, if this machine has one.
    let Some(user) = members.filter(|name| !name.is_empty()).find(known) else { return };
    let expected = std::process::Command::new("id").args(["-G", user]).output().expect("id").stdout;
    if rustix::process::geteuid().is_root() {
        let outcome = run_plan(Plan { user: Some(user.into()), ..plan(vec![sh("id -G")]) });
        let sorted = |text: &str| {
            let mut numbers: Vec<u32> = text.split_whitespace().map(|n| n.parse().expect("a number")).collect();
            numbers.sort_unstable();
            numbers
        };
        let expected = sorted(&String::from_utf8(expected).expect("numbers"));
        assert!(expected.len() > 1, "{user}: {expected:?}");
        assert_eq!(sorted(&outcome.stdout), expected, "{user}");
    }
}
