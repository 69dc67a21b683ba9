//! Small histories, written down, in which the failure comes before each single effect in turn.

use crate::disk::{Failure, Luck};
use crate::world::{Act, World};

use Act::{Commit, Feed, Finish, Hear, Pass, Reload, Rotate, Settle, Stop, Write};

/// How it fails.
pub const RUINS: [(Failure, Luck); 5] = [
    (Failure::Power, Luck::None),
    (Failure::Power, Luck::Some(1)),
    (Failure::Power, Luck::All),
    (Failure::Kill, Luck::None),
    (Failure::Kill, Luck::All),
];

const GOOD: Act = Finish { good: true, proves: true };
const UNPROVED: Act = Finish { good: true, proves: false };
const BAD: Act = Finish { good: false, proves: false };
const READ: Act = Feed(10_000);
const HEAR: Act = Hear(1);
const SYNC: Act = Commit(9);

/// Kinds of blocks, see `LogFile::block`.
const PLAIN: Act = Write(0, 1);
const HELD: Act = Write(4, 1);
const AGAIN: Act = Write(5, 1);
const PROVED: Act = Write(6, 1);
const MULTI: Act = Write(11, 1);
const DATA: Act = Write(13, 1);
const END: Act = Write(15, 1);

/// One of them.
pub struct Script {
    name: &'static str,
    acts: &'static [Act],
}

pub const ALL: [Script; 5] = [
    Script {
        name: "a run",
        acts: &[PLAIN, READ, Settle, HEAR, HEAR, HEAR, SYNC, HEAR, GOOD, HEAR, SYNC, PLAIN, READ, Settle, HEAR],
    },
    Script {
        name: "a retry",
        acts: &[HELD, READ, Settle, Hear(9), SYNC, Hear(9), BAD, GOOD, Hear(9), SYNC, Pass(3_000), Hear(1), SYNC],
    },
    Script {
        name: "a proof",
        acts: &[
            PROVED,
            READ,
            Settle,
            Hear(9),
            SYNC,
            HEAR,
            GOOD,
            Hear(2),
            SYNC,
            READ,
            Settle,
            Hear(9),
            UNPROVED,
            Hear(9),
        ],
    },
    Script {
        name: "messages that interleave",
        acts: &[
            MULTI,
            MULTI,
            DATA,
            READ,
            HEAR,
            AGAIN,
            END,
            READ,
            Settle,
            Hear(9),
            SYNC,
            Hear(9),
            END,
            Rotate,
            READ,
            Settle,
        ],
    },
    Script {
        name: "a stop and a reload",
        acts: &[AGAIN, READ, Settle, Hear(3), SYNC, Reload(2), Stop, Hear(9), GOOD, Hear(9), PLAIN, READ],
    },
];

impl Script {
    /// Nothing is wrong with failures before these effects, and a good end after them. How many effects
    /// there were.
    #[track_caller]
    pub fn holds(&self, ruin: (Failure, Luck), before: &[u64]) -> u64 {
        let live = |mut world: World| {
            world.ruin = Some(ruin);
            world.fail_before = before.iter().copied().collect();
            let result = self.acts.iter().try_for_each(|act| world.act(*act)).and_then(|()| world.conclude());
            (world, result)
        };
        let (world, result) = live(World::scripted());
        if let Err(why) = result {
            let (world, _) = live(World::scripted().told_in_full());
            panic!("{}, {ruin:?} before effects {before:?}: {why}\n{}", self.name, world.story());
        }
        world.rested_after
    }
}
