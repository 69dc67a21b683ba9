//! Temporary.
use std::sync::Arc;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let t = std::time::Instant::now();
    let loaded = wtor::load::policy(std::path::Path::new(&a[1]).join("rules").as_path(), std::path::Path::new(&a[1]).join("jobs").as_path()).unwrap();
    let errs = loaded.diagnostics.iter().filter(|d| d.severity() == wtor::diagnostic::Severity::Error).count();
    println!("load {:?} errors {errs}", t.elapsed());
    let p = Arc::new(loaded.policy.unwrap());
    let t = std::time::Instant::now();
    let mut r = wtor::replay::Replay::new(p.clone());
    println!("compile {:?}", t.elapsed());
    let mut n = 0u64;
    let t = std::time::Instant::now();
    let mut f = std::fs::File::open(&a[2]).unwrap();
    r.file(&a[2], &mut f, &Default::default(), &mut |_| (), &mut |_| n += 1).unwrap();
    println!("replay {:?} decisions {n}", t.elapsed());
    if a.len() > 3 { println!("{}", r.summary().table(10)); }
}
