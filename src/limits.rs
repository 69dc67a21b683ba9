//! Every bound in the program: one constant each, with its reason and what happens at it.
//!
//! Layer: core

/// Longest physical line, in bytes. z/OS records end at 32 KiB, Liberty's JSON events at a few
/// hundred KiB; a longer line is cut here, its record says so by the flag `cut`, and the rest of
/// the line is passed over up to its newline.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// Further lines of one multi-line message. The longest displays (`D GRS,ALL`) run to some
/// thousand lines; at the limit the message is completed with what it has.
pub const MESSAGE_LINES_MAX: usize = 10_000;

/// Bytes of one multi-line message, all lines together; at the limit it is completed.
pub const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// Multi-line messages of one source that may be open at a time. Connect ids have three digits,
/// so real systems stay far below; at the limit the oldest is completed as it is.
pub const OPEN_MESSAGES_MAX: usize = 64;

/// Lines that may follow the first line of an open multi-line message before it is completed as it
/// is: a bound on how long a message without its end line can hold back the checkpoint.
pub const OPEN_MESSAGE_SPAN_LINES: u64 = 20_000;

/// Mistakes shown of one file. More than a screen or two helps nobody; the rest is counted.
pub const DIAGNOSTICS_PER_FILE_MAX: usize = 50;

/// Bytes of a step's `if`, and how deep its parentheses go: a condition that a person can read is
/// far below; a longer one is refused, since the stack is finite.
pub const CONDITION_BYTES_MAX: usize = 4096;

/// See [`CONDITION_BYTES_MAX`]. JCL nests its IF statements 15 deep.
pub const CONDITION_DEPTH_MAX: usize = 20;

/// Most bytes that a step may have kept of each of its outputs; they go into the journal.
pub const OUTPUT_BYTES_MAX: usize = 16 << 20;

/// Most attempts of a run.
pub const ATTEMPTS_MAX: i64 = 1000;
