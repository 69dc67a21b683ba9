//! How soon a line that is appended arrives at the reader, and how fast a long file is read.

use crate::harness::{Place, ok};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};
use wtor::input::{Arrival, From, Kind, Known, Spec, start};

fn source(place: &Place, from: From) -> (wtor::input::Handle, Receiver<Arrival>) {
    let patterns = vec![place.path("messages.log").to_str().unwrap().to_owned()];
    let mut spec = Spec::new("test", Kind::Files { patterns });
    spec.from = from;
    let (sink, arrivals) = sync_channel(64);
    (ok(start(spec, Known::nothing(), 1, sink)), arrivals)
}

fn next_bytes(arrivals: &Receiver<Arrival>) -> usize {
    loop {
        if let Arrival::Bytes { bytes, .. } = ok(arrivals.recv_timeout(Duration::from_secs(20))) {
            return bytes.len();
        }
    }
}

/// The bound is loose, because tests share the machine; `--nocapture` shows the figures.
#[test]
fn a_line_arrives_at_once() {
    let place = Place::new();
    place.append("messages.log", "");
    let (_handle, arrivals) = source(&place, From::Checkpoint);
    let mut writer = ok(OpenOptions::new().append(true).open(place.path("messages.log")));
    let mut times: Vec<Duration> = (0..500)
        .map(|number| {
            let written = Instant::now();
            ok(writeln!(writer, "line {number}"));
            next_bytes(&arrivals);
            written.elapsed()
        })
        .collect();
    times.sort_unstable();
    let (p50, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!("write to arrival: p50 {p50:?}, p99 {p99:?}");
    assert!(p50 < Duration::from_millis(5), "p50 {p50:?}, p99 {p99:?}");
}

#[test]
fn a_long_file_is_read_fast() {
    let place = Place::new();
    let size = 64 << 20;
    ok(std::fs::write(place.path("messages.log"), "0123456789abcde\n".repeat(size / 16)));
    let begun = Instant::now();
    let (_handle, arrivals) = source(&place, From::Start);
    let mut read = 0;
    while read < size {
        read += next_bytes(&arrivals);
    }
    let rate = size as f64 / begun.elapsed().as_secs_f64() / 1e6;
    println!("read at {rate:.0} MB/s");
    assert!(rate > 20.0, "{rate} MB/s");
}
