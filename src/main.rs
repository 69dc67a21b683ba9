//! The program.
use std::io::Write as _;
fn main() {
    let file = std::env::args().nth(1).expect("file");
    let data = std::fs::read(&file).expect("read");
    let mut s = wtor::record::Stream::new(&Default::default(), wtor::record::Position { offset: 0, line: 1 });
    let out = std::io::stdout();
    let mut out = std::io::BufWriter::new(out.lock());
    let quiet = std::env::args().nth(2).is_some();
    let mut n = 0u64;
    let mut sink = |r: &wtor::record::Record<'_>| {
        n += 1;
        if !quiet {
            writeln!(out, "{}", wtor::record::to_json(r, &file)).expect("w");
        }
    };
    for c in data.chunks(1 << 20) {
        s.feed(c, &mut sink);
    }
    s.flush(wtor::record::Flush::Everything, &mut sink);
    drop(out);
    eprintln!("{n} records");
}
