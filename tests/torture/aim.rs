//! When the agent is killed. Without any help of the program: what it writes shows where it is.

use crate::world::World;
use fastrand::Rng;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What a kill is aimed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// Nothing: any moment, the start of the agent included.
    Anywhere,
    /// A line has just been written: between reading and deciding.
    Line,
    /// The journal has just grown: between the intent on disk and the start of the process.
    Intent,
    /// A job has just written: between its start and the record of its end.
    Job,
    /// A log has just been rotated.
    Rotation,
}

/// The longest delay behind the mark.
const DELAY: Duration = Duration::from_millis(3);

impl Aim {
    pub const ALL: [Aim; 5] = [Aim::Anywhere, Aim::Intent, Aim::Job, Aim::Rotation, Aim::Line];

    /// Waits until it is time: at least so long, and then for the mark.
    pub fn wait(self, world: &World, life: Duration, random: &mut Rng) {
        pause(life);
        let mark = |path: PathBuf| fs::metadata(path).map_or(0, |meta| meta.len());
        match self {
            Aim::Anywhere => return,
            Aim::Intent => until_changed(|| mark(world.path("state/journal.db-wal"))),
            Aim::Job => until_changed(|| mark(world.path("out.txt"))),
            Aim::Rotation => until_changed(|| {
                fs::read_dir(world.path("logs"))
                    .map_or(0, |names| names.flatten().map(|name| name.file_name().len() as u64 * 1_000 + 1).sum())
            }),
            Aim::Line => until_changed(|| mark(world.path("logs/c.log"))),
        }
        // At once, mostly; the gaps are some tens of microseconds to some milliseconds long.
        pause(DELAY.mul_f64(random.f64().powi(3)));
    }
}

/// Looks as fast as it can, for two seconds at most.
fn until_changed(look: impl Fn() -> u64) {
    let (begun, first) = (Instant::now(), look());
    while look() == first && begun.elapsed() < Duration::from_secs(2) {
        std::hint::spin_loop();
    }
}

/// Lets the world go on for so long: not a wait for anything, but the rhythm of the torture.
pub fn pause(span: Duration) {
    std::thread::sleep(span);
}
