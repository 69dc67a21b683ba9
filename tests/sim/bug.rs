//! Bugs of the kind that this simulation is there for. They are planted in the wiring between the agent
//! and the world, which is the simulation's own: the agent that is shipped has no switch for them. To the
//! invariants it is the same whether the agent forgets something or the wiring withholds it.

/// See the module text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// The disk says that a batch is on it when it has only been asked.
    DurableTooSoon,
    /// What is re-read is decided again: recovery forgets the decisions behind the position.
    ForgetsDecisions,
    /// The position behind a chunk is told before the matches in it.
    PositionAhead,
    /// The position told is where the reader stands, not the first line of what it still holds.
    PositionOfReader,
    /// Recovery leaves out a run that was owed.
    LosesRun,
    /// Recovery takes an attempt that had begun for one that had not.
    ForgetsStart,
    /// A job that says hold is rerun after a crash.
    RerunsHeld,
    /// A job is tried again and again.
    RetriesForEver,
    /// Run numbers are given out again after a crash.
    ReusesNumbers,
    /// Half of a batch gets to the disk.
    TearsBatch,
    /// The journal skips a batch and writes the next.
    SkipsBatch,
    /// The end of an attempt is not told.
    LosesEnd,
    /// A second process is started for an attempt.
    StartsTwice,
    /// Matches that arrive while the journal is slow are dropped.
    DropsUnderPressure,
    /// Recovery forgets what rules had noted of situations.
    ForgetsNotes,
    /// Recovery forgets that decisions hold their rules, and use up what was noted.
    ForgetsConclusions,
    /// What is re-read is noted again: recovery forgets the notes behind the position.
    NotesAgain,
    /// Records that rules wait for are not told.
    DropsFurther,
    /// Recovery forgets which rules are disabled, and what is set.
    ForgetsOrders,
}

impl Bug {
    pub const ALL: [Bug; 19] = [
        Bug::DurableTooSoon,
        Bug::ForgetsDecisions,
        Bug::PositionAhead,
        Bug::PositionOfReader,
        Bug::LosesRun,
        Bug::ForgetsStart,
        Bug::RerunsHeld,
        Bug::RetriesForEver,
        Bug::ReusesNumbers,
        Bug::TearsBatch,
        Bug::SkipsBatch,
        Bug::LosesEnd,
        Bug::StartsTwice,
        Bug::DropsUnderPressure,
        Bug::ForgetsNotes,
        Bug::ForgetsConclusions,
        Bug::NotesAgain,
        Bug::DropsFurther,
        Bug::ForgetsOrders,
    ];
}
