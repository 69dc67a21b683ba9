//! What a step sends, as a server on the other end of the wire sees it: whatever a value holds, the request
//! and the mail have the shape that their job gives them, and go where it says.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Mutex, OnceLock};
use wtor::job::{Message, Plan};
use wtor::policy::Policy;
use wtor::rule::Captures;

/// What URLs are made of behind a host and a port.
const IN_URL: [&str; 20] = [
    "/", "${v}", "?", "&", "=", "#", "@", ":", "\\", "..", ".", "%2f", "a", "[", "]", "//", "/${v}", "?q=${v}", "7",
    ";",
];

/// What the value of a header is made of.
const IN_HEADER: [&str; 8] = ["${v}", "${TOKEN}", " ", "a", ":", ",", ";", "\\"];

/// The secret of the job, which no value may bring in.
const SECRET: &str = "rather-secret";

/// A job with one step that sends, or none if no job may say so.
fn message(step: &str, value: &str) -> Option<Message> {
    let job = format!("params = {{ v = {{ required = true }} }}\nsecrets = {{ TOKEN = {{ env = 'TOKEN' }} }}\n{step}");
    let (policy, _) = Policy::load(&[], &[("jobs/j.toml".into(), job)]);
    let policy = policy?;
    let with = [("v".into(), value.to_owned())];
    let plan = Plan::new(policy.jobs.get("j")?, &with, &Captures::default()).expect("a value for each parameter");
    plan.steps.into_iter().next()?.send
}

/// The choices for a URL and for a header, then zero, then the value.
pub fn sending(data: &[u8]) {
    let zero = data.iter().position(|b| *b == 0).unwrap_or(data.len());
    let (choices, value) = (&data[..zero], data.get(zero + 1..).unwrap_or_default());
    // As a capture has it.
    let mut captures = Captures::default();
    captures.set("v", &value[..value.len().min(1000)]);
    let value = captures.get("v").unwrap_or_default();

    // No longer than what a server would read.
    let (url, header) = choices[..choices.len().min(30)].split_at(choices.len().min(30) / 2);
    let text =
        |choices: &[u8], of: &[&str]| choices.iter().map(|at| of[usize::from(*at) % of.len()]).collect::<String>();
    request(&text(url, &IN_URL), &text(header, &IN_HEADER), value);
    mail(value);
}

fn request(url: &str, header: &str, value: &str) {
    let port = web().port;
    let step = format!(
        "[[step]]\nwebhook = {{ url = 'http://127.0.0.1:{port}{url}', headers = {{ X-V = '{header}' }},
        json = {{ text = '<${{v}}>', list = ['${{v}}', 1, {{ k = '${{v}}' }}] }} }}\n"
    );
    let (Some(plain), Some(hostile)) = (message(&step, "x"), message(&step, value)) else { return };
    let host = format!("127.0.0.1:{port}");
    assert_eq!(authority(&plain), authority(&hostile), "{url} {value:?}");
    if authority(&plain).is_none_or(|authority| authority != host) {
        // The job itself goes on with the host, and what is not here is not tried.
        return;
    }
    let [plain, hostile] = [plain, hostile].map(|message| (sent(&message), has_dots(&message)));
    for (sent, has_dots) in [&plain, &hostile] {
        assert!(sent.is_none() == *has_dots, "{url} {header} {value:?}: {sent:?}");
    }
    let (Some(plain), Some(hostile)) = (&plain.0, &hostile.0) else { return };
    let (plain, hostile) = (Request::read(plain), Request::read(hostile));
    assert_eq!(plain.shape(), hostile.shape(), "{url} {header} {value:?}");
    let expected = json!({ "text": format!("<{value}>"), "list": [value, 1, { "k": value }] });
    assert_eq!(hostile.body, expected, "{value:?}");
    if !value.contains(SECRET) {
        let secrets = header.matches("${TOKEN}").count();
        assert_eq!(hostile.whole.matches(SECRET).count(), secrets, "{url} {header} {value:?}");
    }
}

/// The host and the port to which it goes; none if its address does not read.
fn authority(message: &Message) -> Option<String> {
    let address = message.to_json()["webhook"]["url"].as_str()?.parse::<ureq::http::Uri>().ok()?;
    Some(address.authority()?.to_string())
}

/// True if a part of the path is dots only, which is not sent, and nothing else is.
fn has_dots(message: &Message) -> bool {
    let shown = message.to_json();
    let path = shown["webhook"]["url"].as_str().and_then(|url| url.split(['?', '#']).next());
    path.is_some_and(|path| path.split('/').any(|part| matches!(part, "." | "..")))
}

/// What the server gets; none if it cannot be sent.
fn sent(message: &Message) -> Option<String> {
    let shown = message.reveal(|_| SECRET.into()).to_json();
    let hook = &shown["webhook"];
    let headers: Vec<(&String, &Value)> = hook["headers"].as_object().expect("headers").iter().collect();
    let request = json!({ "webhook": {
        "method": hook["method"], "url": hook["url"], "headers": headers,
        "body": hook["json"].to_string(), "expect": [[200, 299]],
    }});
    web().told_by(&request)
}

/// A request as a server reads it.
struct Request<'r> {
    whole: &'r str,
    first: &'r str,
    names: Vec<&'r str>,
    body: Value,
}

impl Request<'_> {
    fn read(whole: &str) -> Request<'_> {
        let (head, body) = whole.split_once("\r\n\r\n").expect("a head");
        let mut lines = head.split("\r\n");
        let first = lines.next().expect("a line");
        let names = lines.map(|line| line.split_once(": ").expect("a header").0).collect();
        Request { whole, first, names, body: serde_json::from_str(body).expect("JSON") }
    }

    /// What no value may change: the words of the first line, what divides its path, and the headers.
    fn shape(&self) -> (Vec<usize>, &[&str]) {
        let of = |mark: char| self.first.matches(mark).count();
        ([' ', '/', '?', '&', '=', '#', ';', ':', '@'].map(of).to_vec(), &self.names)
    }
}

/// As a subject, a text, a name and an address.
fn mail(value: &str) {
    static PLAIN: OnceLock<Vec<String>> = OnceLock::new();
    let step = "[[step]]\nmail = { to = ['${v}@example.com', 'ops@example.com'], subject = 'wtor: ${v}', body = '''\n${v}\n''' }\n";
    let handed_in = |value: &str, to: &str| {
        let message = message(&step.replace("${v}@", to), value).expect("a good job");
        let shown = &message.to_json()["mail"];
        let server = json!({ "name": "127.0.0.1", "port": post().port, "tls": "none", "login": null });
        post().told_by(&json!({ "mail": {
            "server": server, "from": "wtor@example.com",
            "to": shown["to"], "subject": shown["subject"], "body": shown["body"],
        }}))
    };
    let plain = PLAIN.get_or_init(|| shape_of_mail(&handed_in("x", "x@").expect("a good mail")));
    let hostile = handed_in(value, "x@").unwrap_or_else(|| panic!("it is no mail with {value:?}"));
    assert_eq!(plain, &shape_of_mail(&hostile), "{value:?}\n{hostile}");
    // As an address it may be none.
    if let Some(hostile) = handed_in(value, "${v}@") {
        let recipients = hostile.lines().filter(|line| line.starts_with("RCPT TO:")).count();
        assert_eq!(recipients, 2, "{value:?}\n{hostile}");
        assert!(hostile.contains("RCPT TO:<ops@example.com>"), "{value:?}\n{hostile}");
    }
}

/// The commands, without the address of this machine, and the names of the headers.
fn shape_of_mail(told: &str) -> Vec<String> {
    let (before, mail) = told.split_once("DATA\r\n").expect("a mail");
    let (mail, behind) = mail.split_once("\r\n.\r\n").expect("its end");
    let (head, _) = mail.split_once("\r\n\r\n").expect("a head");
    let names = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
    let names = names.map(|line| line.split_once(": ").expect("a header").0);
    // How the text is encoded depends on the text.
    let names = names.filter(|name| *name != "Content-Transfer-Encoding");
    before.lines().skip(1).chain(names).chain(behind.lines()).map(str::to_owned).collect()
}

/// A server on this machine that takes everything, and keeps what it was told.
struct Server {
    port: u16,
    told: &'static Mutex<String>,
    /// One at a time talks to it.
    turn: Mutex<()>,
}

impl Server {
    fn begin(serve: fn(TcpStream, &Mutex<String>) -> std::io::Result<()>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let told: &'static Mutex<String> = Box::leak(Box::default());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // Whoever goes away in the middle has told what he has told.
                let _ = stream.and_then(|stream| serve(stream, told));
            }
        });
        Server { port, told, turn: Mutex::default() }
    }

    /// What it is told when this is sent; none if that cannot be sent.
    fn told_by(&self, request: &Value) -> Option<String> {
        let alone = self.turn.lock().expect("nobody has panicked");
        self.told.lock().expect("nobody has panicked").clear();
        let sent = wtor::send::send(&request.to_string());
        if sent.why.as_ref().is_some_and(|why| why.contains("Interrupted system call")) {
            // By libFuzzer, which looks at the clock.
            drop(alone);
            return self.told_by(request);
        }
        assert!(matches!(sent.code, 0 | 16), "{:?} {request}", sent.why);
        let told = self.told.lock().expect("nobody has panicked").clone();
        assert!(sent.code == 0 || told.is_empty(), "what cannot be sent was sent: {told}");
        (sent.code == 0).then_some(told)
    }
}

fn web() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::begin(answer_request))
}

fn post() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::begin(take_mail))
}

fn answer_request(mut stream: TcpStream, told: &Mutex<String>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut all, mut length) = (String::new(), 0);
    loop {
        let at = all.len();
        reader.read_line(&mut all)?;
        match all[at..].to_ascii_lowercase().strip_prefix("content-length: ") {
            Some(number) => length = number.trim().parse().unwrap_or(0),
            None if all[at..].trim().is_empty() => break,
            None => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    all += &String::from_utf8_lossy(&body);
    *told.lock().expect("nobody has panicked") = all;
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

fn take_mail(mut stream: TcpStream, told: &Mutex<String>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    stream.write_all(b"220 ready\r\n")?;
    let mut in_mail = false;
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&line);
        *told.lock().expect("nobody has panicked") += &line;
        let answer: &[u8] = match &*line {
            ".\r\n" => b"250 taken\r\n",
            _ if in_mail => continue,
            "DATA\r\n" => b"354 go on\r\n",
            "QUIT\r\n" => b"221 bye\r\n",
            _ => b"250 8BITMIME\r\n",
        };
        in_mail = line == "DATA\r\n";
        stream.write_all(answer)?;
    }
}
