//! Steps that send: what reaches a web server and a mail server, what their answers come to, and that no
//! text of a log is ever more than text in it.

use crate::servers::{Server, certificates, closed_port};
use crate::world::{PATIENCE, World, eventually, line};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use wtor::limits::SEND_ANSWER_BYTES_MAX;

const ONCE: [&str; 5] = ["run", "--from", "start", "--until-idle", "logs/a.log"];

/// A world in which message TST0001I runs the job `j` with what stands behind the id.
fn world(job: &str) -> World {
    let world = World::new();
    world.rules(
        "[[rule]]\nname = 'r'\nwhen = { id = 'TST0001I', text = '^TST0001I (?<x>.*)' }
then = { run = 'j', with = { what = '${x}' } }",
    );
    world.job("j", &format!("params = {{ what = {{ required = true }} }}\n{job}"));
    world.write("logs/a.log", line(1, "TST0001I hello"));
    world
}

fn mail_world(server: &Server, table: &str, job: &str) -> World {
    let world = world(job);
    let port = server.port;
    world
        .write("wtor.toml", format!("[mail]\nserver = 'localhost'\nport = {port}\nfrom = 'wtor@example.com'\n{table}"));
    world
}

/// A file that only its owner reads.
fn secret(world: &World, name: &str, value: &str) {
    world.write(name, value);
    std::fs::set_permissions(world.path(name), PermissionsExt::from_mode(0o600)).expect("its mode");
}

/// Runs the one run, and gives what became of its step.
fn step(world: &World) -> Value {
    let said = world.wtor(&ONCE).code(0);
    let run = world.wtor(&["runs", "1", "--json"]).json().remove(0);
    let outcome = run["attempts_made"][0]["outcomes"][0].clone();
    assert!(outcome.is_object(), "{said}");
    outcome
}

const MAIL: &str = "[[step]]\nmail = { to = ['ops@example.com'], subject = 'wtor: ${what}', body = '''\n${what}\n''' }";

#[test]
fn a_webhook_sends_what_its_job_says() {
    let server = Server::web("201 Created", "noted");
    let hook = format!(
        "[[step]]\nwebhook = {{ url = 'http://127.0.0.1:{}/hooks/${{what}}?from=${{system}}', method = 'PUT',
  headers = {{ X-Run = '<${{message_id}}>' }}, json = {{ text = 'seen ${{what}}', n = [1, 2.5, true, {{ s = '$${{x}}' }}] }} }}",
        server.port
    );
    let world = world(&hook);
    let step = step(&world);
    assert_eq!((&step["cond_code"], &step["good"]), (&json!(0), &json!(true)), "{step}");
    assert_eq!(step["stdout"], "201 Created\nnoted");
    let received = server.one();
    assert_eq!(received.first, "PUT /hooks/hello?from=SYS1 HTTP/1.1");
    assert_eq!(received.headers["x-run"], "<TST0001I>");
    assert_eq!(received.headers["content-type"], "application/json");
    assert_eq!(received.text(), r#"{"text":"seen hello","n":[1,2.5,true,{"s":"${x}"}]}"#);
    // A replay shows what a run would send, and sends nothing.
    let replayed = world.wtor(&["replay", "--json", "logs/a.log"]).json();
    let action = &replayed[0]["actions"][0];
    assert_eq!(action["argv"], json!(["wtor", "send"]));
    assert_eq!(action["send"]["webhook"]["json"]["text"], "seen hello");
    assert_eq!(action["send"]["webhook"]["url"], format!("http://127.0.0.1:{}/hooks/hello?from=SYS1", server.port));
    assert_eq!(server.received().len(), 1);
}

#[test]
fn the_answer_decides_the_condition_code() {
    let elsewhere = Server::web("200 OK", "");
    let moved = format!("302 Found\r\nLocation: http://127.0.0.1:{}/", elsewhere.port);
    for (answer, more, code) in [
        ("204 No Content", "", 0),
        ("503 Service Unavailable", "", 8),
        ("404 Not Found", "", 8),
        ("503 Service Unavailable", ", expect = [200, '500-599']", 0),
        ("200 OK", ", expect = [202]", 8),
        (&*moved, "", 8),
    ] {
        let server = Server::web(answer, "why");
        let url = format!("http://127.0.0.1:{}/", server.port);
        let step = step(&world(&format!("[[step]]\nwebhook = {{ url = '{url}', body = '${{what}}'{more} }}")));
        assert_eq!((&step["cond_code"], &step["good"]), (&json!(code), &json!(code == 0)), "{answer} {more}: {step}");
        assert_eq!(step["stderr"].as_str().is_some_and(|text| text.starts_with("WTR261E ")), code == 8, "{step}");
        assert_eq!(server.one().text(), "hello");
    }
    assert_eq!(elsewhere.received().len(), 0, "a redirect is not followed");
    let url = format!("http://127.0.0.1:{}/", closed_port());
    let step = step(&world(&format!("[[step]]\nwebhook = {{ url = '{url}' }}")));
    assert_eq!(step["cond_code"], 12, "{step}");
    assert!(step["stderr"].as_str().is_some_and(|text| text.starts_with("WTR262E ")), "{step}");
}

#[test]
fn a_failed_webhook_is_tried_again_like_any_job() {
    let server = Server::web("500 Internal Server Error", "");
    let url = format!("http://127.0.0.1:{}/", server.port);
    let retry = "retry = { attempts = 3, delay = '1ms' }";
    let world = world(&format!("{retry}\n[[step]]\nwebhook = {{ url = '{url}' }}"));
    assert_eq!(step(&world)["cond_code"], 8);
    let received = server.received();
    assert_eq!(received.len(), 3);
    assert_eq!(received[0].headers["content-length"], "0", "{received:?}");
}

#[test]
fn a_server_that_never_answers_meets_the_deadline() {
    let server = Server::silent();
    let url = format!("http://127.0.0.1:{}/", server.port);
    let step = step(&world(&format!("[[step]]\ndeadline = '300ms'\nwebhook = {{ url = '{url}', body = 'x' }}")));
    assert_eq!((&step["end"], &step["cond_code"]), (&json!("timed_out"), &json!(4095)), "{step}");
    assert_eq!(server.one().text(), "x", "it was asked, and its client was ended");
}

#[test]
fn an_answer_is_read_within_bounds() {
    let server = Server::web("200 OK", vec![b'x'; 3 * SEND_ANSWER_BYTES_MAX]);
    let url = format!("http://127.0.0.1:{}/", server.port);
    let step = step(&world(&format!("[[step]]\noutput_max = '4MiB'\nwebhook = {{ url = '{url}' }}")));
    assert_eq!(step["good"], true);
    assert_eq!(step["stdout"].as_str().map(str::len), Some("200 OK\n".len() + SEND_ANSWER_BYTES_MAX));
}

/// What somebody who can write to a log may put into a message.
fn hostile() -> Vec<Vec<u8>> {
    let texts = [
        r#"","admin":true,"x":""#,
        "\\\" \\u0000 \\",
        "${TOKEN} ${what} $${x}",
        "a\rX-Injected: yes",
        "a\r\u{85}Bcc: evil@example.net\u{2028}b\u{0}c\u{1b}[2J",
        "../../admin",
        "?a=b&c=d#e @evil.example:1/",
        "..",
        "=?utf-8?q?evil?= <evil@example.net>, x",
        ".",
    ];
    let long = "x".repeat(20_000);
    let texts = texts.into_iter().chain([&*long]).map(|text| text.as_bytes().to_vec());
    texts.chain([b"not \xff\xfe\xc3 UTF-8".to_vec()]).collect()
}

#[test]
fn no_text_of_a_log_changes_the_shape_of_a_request() {
    for text in hostile() {
        let server = Server::web("200 OK", "");
        let world = world(&format!(
            "secrets = {{ TOKEN = {{ file = 'token' }} }}
[[step]]\nwebhook = {{ url = 'http://127.0.0.1:{}/a/x${{what}}/b?q=${{what}}', headers = {{ X-What = 'x${{what}}' }}, json = {{ what = '${{what}}' }} }}",
            server.port
        ));
        secret(&world, "token", "hunter2-token");
        let bytes = [line(1, "TST0001I ").trim_end_matches('\n').as_bytes(), &text, b"\n"].concat();
        world.write("logs/a.log", bytes);
        let shown = step(&world);
        assert_eq!(shown["cond_code"], 0, "{shown}");
        let received = server.one();
        let names: Vec<&str> = received.headers.keys().map(String::as_str).collect();
        assert_eq!(names, ["accept", "content-length", "content-type", "host", "user-agent", "x-what"], "{received:?}");
        assert_eq!(received.header_lines, names.len());
        assert_eq!(received.headers["host"], format!("127.0.0.1:{}", server.port));
        let words: Vec<&str> = received.first.split(' ').collect();
        assert_eq!((words.len(), words[0], words[2]), (3, "POST", "HTTP/1.1"), "{received:?}");
        assert_eq!(words[1].split(['/', '?', '&', '#', '=']).count(), 6, "{received:?}");
        let body: Value = serde_json::from_slice(&received.body).expect("JSON");
        let what = body["what"].as_str().expect("a text");
        assert_eq!(body, json!({ "what": what }));
        let run = world.wtor(&["runs", "1", "--json"]).json().remove(0);
        assert_eq!(json!(what), run["decision"]["captures"]["x"], "whole, and nothing is put into it");
        assert!(!format!("{received:?}").contains("hunter2"), "{received:?}");
    }
}

#[test]
fn a_value_that_is_dots_only_is_no_way_out_of_a_path() {
    let server = Server::web("200 OK", "");
    let world = world(&format!("[[step]]\nwebhook = {{ url = 'http://127.0.0.1:{}/a/${{what}}/b' }}", server.port));
    world.write("logs/a.log", line(1, "TST0001I .."));
    let step = step(&world);
    assert_eq!(step["cond_code"], 16, "{step}");
    assert!(step["stderr"].as_str().is_some_and(|text| text.starts_with("WTR263E ")), "{step}");
    assert_eq!(server.received().len(), 0);
}

#[test]
fn a_secret_reaches_the_server_and_nothing_that_is_kept_or_shown() {
    const SECRET: &str = "hunter2/token";
    // A server that says again what it was told.
    let server = Server::web("403 Forbidden", format!("no: {SECRET}"));
    let world = world(&format!(
        "secrets = {{ TOKEN = {{ file = 'token' }} }}
[[step]]\nwebhook = {{ url = 'http://127.0.0.1:{}/${{TOKEN}}', headers = {{ Authorization = 'Bearer ${{TOKEN}}' }}, body = '${{TOKEN}}' }}",
        server.port
    ));
    secret(&world, "token", SECRET);
    let step = step(&world);
    assert_eq!((&step["cond_code"], &step["stdout"]), (&json!(8), &json!("403 Forbidden\nno: [secret]")));
    let received = server.one();
    assert_eq!(received.first, format!("POST /{SECRET} HTTP/1.1"));
    assert_eq!(received.headers["authorization"], format!("Bearer {SECRET}"));
    assert_eq!(received.text(), SECRET);
    for args in [
        &["runs", "1"][..],
        &["runs", "--json"],
        &["history", "--json"],
        &["check"],
        &["replay", "logs/a.log"],
        &["replay", "--json", "logs/a.log"],
    ] {
        let said = world.wtor(args);
        assert!(!said.to_string().contains("hunter2"), "{args:?}: {said}");
    }
    let journal = std::fs::read(world.path("state/journal.db")).expect("a journal");
    assert!(!journal.windows(7).any(|part| part == b"hunter2"), "the journal has it");
}

#[test]
fn https_asks_for_a_certificate_that_this_machine_trusts() {
    let server = Server::web_tls("200 OK");
    let hook = format!("[[step]]\nwebhook = {{ url = 'https://localhost:{}/', body = 'x' }}", server.port);
    let step_of = |job: &str| step(&world(job));
    let stranger = step_of(&hook);
    assert_eq!(stranger["cond_code"], 12, "{stranger}");
    assert!(stranger["stderr"].as_str().is_some_and(|text| text.contains("certificate")), "{stranger}");
    assert_eq!(server.received().len(), 0);
    let known = format!("{hook}\nenv = {{ SSL_CERT_FILE = '{}' }}", certificates("ca.pem").display());
    assert_eq!(step_of(&known)["cond_code"], 0, "{}", step_of(&known));
    let other_name = known.replace("https://localhost", "https://127.0.0.2");
    assert_eq!(step_of(&other_name)["cond_code"], 12);
}

#[test]
fn a_mail_says_what_its_job_says() {
    let server = Server::mail("250 fine");
    let job = "[[step]]\nmail = { to = ['Operations <ops@example.com>', 'x@example.org'], subject = 'wtor: ${what} ü',
  body = '''\n${what} on ${system}\n.\nend\n''' }";
    let world = mail_world(&server, "tls = 'none'", job);
    let step = step(&world);
    assert_eq!((&step["cond_code"], &step["stdout"]), (&json!(0), &json!("250 taken as 4711\n")), "{step}");
    let received = server.one();
    assert_eq!(received.headers["from"], "wtor@example.com");
    assert!(received.headers["to"].contains("<ops@example.com>, x@example.org"), "{received:?}");
    assert_eq!(received.headers["subject"], "wtor: hello =?utf-8?b?w7w=?=");
    assert_eq!(received.text(), "hello on SYS1\n.\nend\n");
    assert!(received.first.contains("RCPT TO:<ops@example.com>\nRCPT TO:<x@example.org>\n"), "{received:?}");
}

#[test]
fn no_text_of_a_log_changes_the_shape_of_a_mail() {
    for text in hostile() {
        let server = Server::mail("250 fine");
        let world = mail_world(&server, "tls = 'none'", MAIL);
        let bytes = [line(1, "TST0001I ").trim_end_matches('\n').as_bytes(), &text, b"\n"].concat();
        world.write("logs/a.log", bytes);
        let shown = step(&world);
        assert_eq!(shown["cond_code"], 0, "{shown}");
        let received = server.one();
        let names: Vec<&str> = received.headers.keys().map(String::as_str).collect();
        let expected = [
            "content-transfer-encoding",
            "content-type",
            "date",
            "from",
            "message-id",
            "mime-version",
            "subject",
            "to",
        ];
        let expected: Vec<_> = expected.into_iter().filter(|name| names.contains(name)).collect();
        assert_eq!((names.len(), received.header_lines), (expected.len(), expected.len()), "{received:?}");
        assert_eq!(received.headers["to"], "ops@example.com");
        assert_eq!(received.first.matches("RCPT").count(), 1, "{received:?}");
        assert_eq!(received.first.matches("DATA").count(), 1, "{received:?}");
    }
}

#[test]
fn a_mail_server_that_refuses_or_is_not_there_has_a_code_of_its_own() {
    let refuses = Server::mail("550 no such user");
    let step_of = |server: &Server, table: &str| step(&mail_world(server, table, MAIL));
    let refused = step_of(&refuses, "tls = 'none'");
    assert_eq!(refused["cond_code"], 8, "{refused}");
    assert!(refused["stderr"].as_str().is_some_and(|text| text.contains("no such user")), "{refused}");
    // It does not turn to TLS, and gets neither a name nor a mail in clear text.
    let in_clear = Server::mail("250 fine");
    let step = step_of(&in_clear, "");
    assert_eq!(step["cond_code"], 12, "{step}");
    assert!(!in_clear.received().iter().any(|seen| seen.first.contains("MAIL")), "{:?}", in_clear.received());
    let gone = mail_world(&in_clear, "tls = 'none'", MAIL);
    let at = format!("port = {}", in_clear.port);
    gone.write("wtor.toml", gone.read("wtor.toml").replace(&at, &format!("port = {}", closed_port())));
    assert_eq!(self::step(&gone)["cond_code"], 12);
}

#[test]
fn a_password_of_the_mail_server_is_shown_nowhere() {
    const SECRET: &str = "hunter2-mail";
    let server = Server::mail("550 not with hunter2-mail");
    let table = "tls = 'none'\nuser = 'wtor'\npassword = { file = 'password' }";
    let world = mail_world(&server, table, MAIL);
    secret(&world, "password", SECRET);
    let step = step(&world);
    assert_eq!(step["cond_code"], 8, "{step}");
    assert!(step["stderr"].as_str().is_some_and(|text| text.contains("not with [secret]")), "{step}");
    // \0wtor\0hunter2-mail, as AUTH PLAIN has it.
    assert!(server.received().is_empty() || server.one().first.contains("AUTH PLAIN AHd0b3IAaHVudGVyMi1tYWls"));
    for args in [&["runs", "1"][..], &["runs", "1", "--json"], &["history", "--json"], &["check"]] {
        assert!(!world.wtor(args).to_string().contains(SECRET));
    }
    std::fs::set_permissions(world.path("password"), PermissionsExt::from_mode(0o644)).expect("its mode");
    let again = world.wtor(&["run", "--state", "other", "--from", "start", "--until-idle", "logs/a.log"]);
    again.code(0).says(&["WTR256E the secret `password` cannot be had"]);
}

#[test]
fn mail_over_tls_asks_for_a_certificate_that_this_machine_trusts() {
    let server = Server::mail_tls();
    assert_eq!(step(&mail_world(&server, "tls = 'tls'", MAIL))["cond_code"], 12);
    let known = format!("{MAIL}\nenv = {{ SSL_CERT_FILE = '{}' }}", certificates("ca.pem").display());
    let step = step(&mail_world(&server, "tls = 'tls'", &known));
    assert_eq!(step["cond_code"], 0, "{step}");
    assert_eq!(server.one().text(), "hello\n");
}

#[test]
fn a_mail_needs_a_server() {
    let world = world(MAIL);
    world.wtor(&["check"]).code(0).says(&["WTR056W"]);
    let step = step(&world);
    assert_eq!(step["cond_code"], 255, "{step}");
    assert!(step["end"]["not_started"].as_str().is_some_and(|why| why.starts_with("WTR260E")), "{step}");
}

#[test]
fn a_list_of_programs_does_not_keep_wtor_from_sending() {
    let server = Server::web("200 OK", "");
    let world = world(&format!("[[step]]\nwebhook = {{ url = 'http://127.0.0.1:{}/' }}", server.port));
    world.write("wtor.toml", "[allow]\nprograms = []");
    assert_eq!(step(&world)["cond_code"], 0);
}

#[test]
fn what_is_no_request_is_not_sent() {
    let world = World::new();
    world.wtor_given(&["send"], b"GET / HTTP/1.1\r\n\r\n").code(16).says(&["WTR263E"]);
    assert!(!world.wtor(&["--help"]).code(0).out.contains("send "), "it is for steps, not for people");
}

#[test]
fn what_is_sent_is_sent_by_the_user_of_the_job() {
    let server = Server::web("200 OK", "");
    let hook = format!("user = 'nobody'\n[[step]]\nwebhook = {{ url = 'http://127.0.0.1:{}/' }}", server.port);
    let code = if rustix::process::geteuid().is_root() { 0 } else { 255 };
    assert_eq!(step(&world(&hook))["cond_code"], code);
}

#[test]
fn an_agent_whose_program_was_replaced_sends_as_before() {
    let server = Server::web("200 OK", "");
    let url = format!("http://127.0.0.1:{}/", server.port);
    let world = world(&format!("[[step]]\nwebhook = {{ url = '{url}' }}"));
    world.write("logs/a.log", "");
    std::fs::copy(env!("CARGO_BIN_EXE_wtor"), world.path("wtor")).expect("copied");
    let mut agent = Command::new(world.path("wtor"))
        .args(["run", "--from", "start", "logs/a.log"])
        .current_dir(world.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("started");
    assert!(eventually(PATIENCE, || world.exists("state/wtor.sock")), "it does not start");
    std::fs::remove_file(world.path("wtor")).expect("removed");
    world.write("wtor", "#!/bin/false\n");
    world.append("logs/a.log", line(1, "TST0001I hello"));
    let sent = eventually(PATIENCE, || !server.received().is_empty());
    agent.kill().and_then(|()| agent.wait()).expect("ended");
    assert!(sent, "nothing was sent");
}
