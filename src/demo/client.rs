//! A client that asks for one page again and again, and remembers what it saw.
//! Layer: shell
//!
//! Every 10 ms a new connection, as a load balancer's health check or an
//! impatient user makes it. The answers are put into few classes, so that "only
//! refused, then only 200" can be read off the timeline's changes.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

/// The time from the begin of one request to the begin of the next.
pub const INTERVAL: Duration = Duration::from_millis(10);
/// Longer than any delay of the demo: Liberty holds back requests to a starting application.
const PATIENCE: Duration = Duration::from_secs(60);

/// What one request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nobody listens on the port.
    Refused,
    /// The application answered.
    Ok,
    /// The server answered, without the application: the gap of the story.
    NotFound,
    /// Another status.
    Status(u16),
    /// The connection broke or nothing came in time.
    Broken,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Refused => f.write_str("refused"),
            Outcome::Ok => f.write_str("200"),
            Outcome::NotFound => f.write_str("404"),
            Outcome::Status(status) => write!(f, "{status}"),
            Outcome::Broken => f.write_str("broken"),
        }
    }
}

/// Neighbouring requests with the same outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// What they came to.
    pub outcome: Outcome,
    /// How many there were.
    pub requests: u32,
    /// When the first of them began, since the poller's start.
    pub begin: Duration,
    /// When the first of them was answered.
    pub first_answer: Duration,
    /// When the last of them was answered.
    pub end: Duration,
}

/// Everything that the client saw.
#[derive(Debug, Clone)]
pub struct Timeline {
    /// When the poller started, to compare with a log's times.
    pub started_at: SystemTime,
    /// The stretches in order; two neighbours differ.
    pub stretches: Vec<Stretch>,
    /// The longest that any request waited for its answer.
    pub slowest: Duration,
}

impl Timeline {
    /// How many requests had this outcome.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> u32 {
        self.of(outcome).map(|stretch| stretch.requests).sum()
    }

    /// How many requests there were.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.stretches.iter().map(|stretch| stretch.requests).sum()
    }

    /// When the first 200 was complete, since the start.
    #[must_use]
    pub fn first_ok(&self) -> Option<Duration> {
        self.of(Outcome::Ok).map(|stretch| stretch.first_answer).next()
    }

    /// When the first 200 was complete, by the clock.
    #[must_use]
    pub fn first_ok_at(&self) -> Option<SystemTime> {
        self.first_ok().map(|since_start| self.started_at + since_start)
    }

    /// The time from the first 404 to the first 200 (or to the last request).
    #[must_use]
    pub fn gap(&self) -> Option<Duration> {
        let begin = self.of(Outcome::NotFound).map(|stretch| stretch.first_answer).next()?;
        let end = self.first_ok().or_else(|| self.stretches.last().map(|stretch| stretch.end))?;
        Some(end.saturating_sub(begin))
    }

    fn of(&self, outcome: Outcome) -> impl Iterator<Item = &Stretch> {
        self.stretches.iter().filter(move |stretch| stretch.outcome == outcome)
    }

    fn add(&mut self, outcome: Outcome, begin: Duration, end: Duration) {
        self.slowest = self.slowest.max(end.saturating_sub(begin));
        match self.stretches.last_mut() {
            Some(last) if last.outcome == outcome => {
                last.requests += 1;
                last.end = end;
            }
            _ => self.stretches.push(Stretch { outcome, requests: 1, begin, first_answer: end, end }),
        }
    }
}

impl fmt::Display for Timeline {
    /// One line: `refused x340 to 3.806s, 404 x323 to 7.148s, 200 x622 to 14.001s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, stretch) in self.stretches.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let end = stretch.end.as_secs_f64();
            write!(f, "{comma}{} x{} to {end:.3}s", stretch.outcome, stretch.requests)?;
        }
        Ok(())
    }
}

/// A thread that polls one page of 127.0.0.1 until it is stopped or dropped.
#[derive(Debug)]
pub struct Poller {
    timeline: Arc<Mutex<Timeline>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Poller {
    /// Starts to poll `http://127.0.0.1:PORT/PATH` every [`INTERVAL`].
    #[must_use]
    pub fn start(port: u16, path: &str) -> Poller {
        let empty = Timeline { started_at: SystemTime::now(), stretches: Vec::new(), slowest: Duration::ZERO };
        let timeline = Arc::new(Mutex::new(empty));
        let stop = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let (timeline, stop) = (Arc::clone(&timeline), Arc::clone(&stop));
            let request = format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
            move || poll(port, &request, &timeline, &stop)
        });
        Poller { timeline, stop, thread: Some(thread) }
    }

    /// What was seen so far.
    #[must_use]
    pub fn timeline(&self) -> Timeline {
        self.timeline.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until a request had this outcome; false when the time was up first.
    #[must_use]
    pub fn wait_for(&self, outcome: Outcome, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if self.timeline().count(outcome) > 0 {
                return true;
            }
            thread::sleep(INTERVAL);
        }
        false
    }

    /// Ends the polling after the request under way.
    #[must_use]
    pub fn stop(mut self) -> Timeline {
        self.halt();
        self.timeline()
    }

    fn halt(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // The thread has no way to fail; a panic there would show in the counts.
            let _ = thread.join();
        }
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.halt();
    }
}

fn poll(port: u16, request: &str, timeline: &Mutex<Timeline>, stop: &AtomicBool) {
    let started = Instant::now();
    let mut due = Duration::ZERO;
    while !stop.load(Ordering::Relaxed) {
        let begin = started.elapsed();
        let outcome = ask(port, request).unwrap_or_else(|error| classify(&error));
        let end = started.elapsed();
        timeline.lock().unwrap_or_else(PoisonError::into_inner).add(outcome, begin, end);
        // After a long answer the beat starts anew, without a burst to catch up.
        due = (due + INTERVAL).max(end.saturating_sub(INTERVAL));
        thread::sleep(due.saturating_sub(started.elapsed()));
    }
}

/// One request on a connection of its own; only the status line is read.
fn ask(port: u16, request: &str) -> io::Result<Outcome> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::with_capacity(512);
    let mut chunk = [0; 512];
    while !answer.contains(&b'\n') {
        let read = stream.read(&mut chunk)?;
        if read == 0 {
            return Ok(Outcome::Broken);
        }
        answer.extend_from_slice(&chunk[..read]);
    }
    let text = String::from_utf8_lossy(&answer);
    let status = text.split_whitespace().nth(1).and_then(|word| word.parse().ok());
    Ok(match status {
        Some(200) => Outcome::Ok,
        Some(404) => Outcome::NotFound,
        Some(other) => Outcome::Status(other),
        None => Outcome::Broken,
    })
}

fn classify(error: &io::Error) -> Outcome {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Outcome::Refused,
        _ => Outcome::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_outcomes_become_one_stretch() {
        let mut timeline = Timeline { started_at: SystemTime::now(), stretches: Vec::new(), slowest: Duration::ZERO };
        let ms = Duration::from_millis;
        for (outcome, begin) in
            [(Outcome::Refused, 0), (Outcome::Refused, 10), (Outcome::NotFound, 20), (Outcome::Ok, 30)]
        {
            timeline.add(outcome, ms(begin), ms(begin + 1));
        }
        assert_eq!(timeline.to_string(), "refused x2 to 0.011s, 404 x1 to 0.021s, 200 x1 to 0.031s");
        assert_eq!(timeline.gap(), Some(ms(10)));
        assert_eq!((timeline.count(Outcome::Refused), timeline.total()), (2, 4));
        assert_eq!(timeline.first_ok(), Some(ms(31)));
    }

    #[test]
    fn a_status_line_is_put_into_its_class() -> io::Result<()> {
        for (status, expected) in
            [("200 OK", Outcome::Ok), ("404 Not Found", Outcome::NotFound), ("503 x", Outcome::Status(503))]
        {
            let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let port = listener.local_addr()?.port();
            let server = thread::spawn(move || -> io::Result<()> {
                let (mut stream, _) = listener.accept()?;
                let mut request = [0; 64];
                let _ = stream.read(&mut request)?;
                stream.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes())
            });
            assert_eq!(ask(port, "GET / HTTP/1.1\r\n\r\n")?, expected);
            server.join().map_err(|_| io::Error::other("the server thread panicked"))??;
        }
        Ok(())
    }
}
