//! Every bound in the program: one constant each, with its reason and what happens at it.
//!
//! Layer: core

use std::time::Duration;

/// Longest physical line, in bytes. z/OS records end at 32 KiB, Liberty's JSON events at a few
/// hundred KiB; a longer line is cut here, its record says so by the flag `cut`, and the rest of
/// the line is passed over up to its newline.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// First line of an EBCDIC log without `record_length` beyond which people are told that it may have records of fixed
/// length. A console message on one line is far shorter; data sets have no newlines at all.
pub const EBCDIC_LINE_BYTES_USUAL: u64 = 4096;

/// Further lines of one multi-line message. The longest displays (`D GRS,ALL`) run to some
/// thousand lines; at the limit the message is completed with what it has.
pub const MESSAGE_LINES_MAX: usize = 10_000;

/// Bytes of one multi-line message, all lines together; at the limit it is completed.
pub const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// Multi-line messages of one source that may be open at a time. Connect ids have three digits,
/// so real systems stay far below; at the limit the oldest is completed as it is.
pub const OPEN_MESSAGES_MAX: usize = 64;

/// Complete messages that are remembered because their lines overlap those of an open one; at the limit
/// the two oldest are taken as one, and a restart reads a little more again.
pub const OVERLAPPING_MESSAGES_MAX: usize = 1_024;

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

/// Bytes of a value that a step gets in its environment; the rest is cut off. Linux starts no program
/// with a variable of 128 KiB, nor with much more than 1 MiB of them together, and a line of a log may be
/// longer than either.
pub const ENV_VALUE_BYTES_MAX: usize = 32 << 10;

/// Longest secret: a key in PEM has a few KiB. A longer one is refused, and its step is not started.
pub const SECRET_BYTES_MAX: usize = 64 << 10;

/// Our own messages that may wait for a reader who stands still. At the limit they are left out, and
/// counted; what they would have said is in the journal.
pub const NOTICES_WAITING_MAX: usize = 10_000;

/// Situations alive at a time, over all rules and keys. A key taken from the text of messages may have
/// any number of values; at the limit the situation that would end first is forgotten, and WTR320W says so.
pub const SITUATIONS_MAX: usize = 10_000;

/// Most matches that a rule may count, and most values that it may wait for: each is remembered until its
/// window is over.
pub const COUNT_MAX: i64 = 1000;

/// Records of one situation that are remembered: as many as may be counted. Beyond it the oldest are
/// forgotten, but not how many there were.
pub const SITUATION_RECORDS_MAX: usize = 1000;

/// Records remembered over all situations: some 100 MB, with a value of each. At the limit the situation that
/// would end first is forgotten, as when there are too many of them.
pub const SITUATIONS_RECORDS_MAX: usize = 1_000_000;

/// Bytes that are remembered of a capture or text for `${each.NAME}` and `${situation.messages}`; the rest is
/// cut off. Messages of the console are shorter.
pub const SITUATION_VALUE_BYTES_MAX: usize = 500;

/// Values that `${each.NAME}`, and messages that `${situation.messages}` lists; the others are counted.
pub const SITUATION_VALUES_SHOWN: usize = 50;

/// Steps of a sequence, levels of a count: more than that is a program and not a rule.
pub const STEPS_MAX: usize = 20;

/// Longest window or pause of a rule. What is remembered longer than the journal keeps decisions helps
/// nobody; a longer one is refused.
pub const SITUATION_SPAN_MAX: Duration = Duration::from_secs(31 * 86_400);

/// Times of a schedule that are decided one by one when time leaps; after a longer leap they count as missed.
/// A saved log may have no record for months, and a broken stamp may lie thousands of years ahead.
pub const SCHEDULE_LEAP_MAX: Duration = Duration::from_secs(366 * 86_400);

/// Missed times of a schedule that are counted one by one.
pub const SCHEDULE_MISSED_COUNTED_MAX: usize = 1000;

/// After a start, what a rule waits for may stand in a log that is not yet read: a wait ends no sooner than
/// this (or than its own span, if that is shorter).
pub const WAIT_AFTER_START: Duration = Duration::from_secs(10);

/// Situations that `wtor status` lists, those that end first before all; the others are counted.
pub const SITUATIONS_SHOWN: usize = 100;

/// Most attempts of a run.
pub const ATTEMPTS_MAX: i64 = 1000;

/// Attempts of a run after which `on_doubt = "rerun"` starts no further one, unless the job's `retry` allows more. A run that
/// was under way at the end of so many agents may well be what ends them; it is held in doubt, and WTR305W says so.
pub const ATTEMPTS_IN_DOUBT_MAX: u32 = 10;

/// Most bytes that a source reads at a time and gives as one arrival.
pub const INPUT_CHUNK_BYTES: usize = 128 << 10;

/// First bytes of a file by which it is known again, and last bytes read by which it is seen to be
/// the same still; enough for a time stamp and some text.
pub const INPUT_HEAD_BYTES: usize = 256;

/// Files that one source follows at a time. At the limit further files are left alone and the
/// operator is told; they are taken up when others have gone.
pub const INPUT_FILES_MAX: usize = 1_000;

/// Renamed or deleted files that one source still reads because their writers may not have noticed.
/// At the limit the oldest is given up, after it was read to its end.
pub const INPUT_LEAVING_FILES_MAX: usize = 64;

/// Directories that one source has watched by the system. Beyond it the poll finds what is new.
pub const INPUT_DIRECTORIES_MAX: usize = 1_000;

/// Files that a source remembers after it has given them up, so that one that comes back is not
/// read again. At the limit the oldest is forgotten; what was decided is still not decided again.
pub const INPUT_REMEMBERED_FILES_MAX: usize = 4_096;

/// Longest part of a file whose lines are counted when reading starts behind it. Beyond it the line
/// number is unknown.
pub const INPUT_COUNTED_BYTES_MAX: u64 = 64 << 20;

/// How long a look at what lies beside a log is repeated while the system refuses it for a reason that may pass. A
/// shortage of open files is over when a few jobs have ended; beyond, what cannot be looked at counts as not there, and
/// what is missed for that is told. The other files of the source wait meanwhile.
pub const INPUT_REFUSAL_WAIT: Duration = Duration::from_secs(10);

/// From SIGTERM to SIGKILL for a step that is past its deadline or cancelled. JVM tools such as
/// `server resume` need a second or two to end properly; an operator who cancels will not wait much
/// longer than this.
pub const STEP_GRACE: Duration = Duration::from_secs(5);

/// How long the output of a step is still read after its process has exited. What the step wrote
/// itself is in the pipe already; only a process that it left behind can write more, and that one
/// must not hold up the run. After it, the pipe is closed and the output says so.
pub const STEP_LINGER: Duration = Duration::from_secs(1);

/// How long a step that sends waits for a connection, and a mail for each answer of its server: so that a host
/// that is not there is told from one that is slow. All of it is within the step's deadline.
pub const SEND_CONNECT: Duration = Duration::from_secs(10);

/// Bytes that are read of the body of an answer; the rest is left. Of these the step's `output_max` is kept.
pub const SEND_ANSWER_BYTES_MAX: usize = 1 << 20;

/// Entries in one transaction of the journal. Enough that a burst costs one sync and not a thousand,
/// few enough that the first of them does not wait noticeably for the last; more wait for the next
/// transaction.
pub const JOURNAL_GROUP_ENTRIES: usize = 1_000;

/// Pause before a failed write of the journal is tried again. A full disk is seldom freed sooner, and
/// every try costs a sync.
pub const JOURNAL_RETRY_PAUSE: Duration = Duration::from_millis(500);

/// Runs or decisions that one round of pruning deletes, so that no commit waits long behind it.
pub const JOURNAL_PRUNE_ROWS: usize = 500;

/// Checkpoints that pruning leaves to each source at least, newest first. Beyond it, those whose path
/// another file has taken over since are let go: rotated files that nobody has read for so many
/// rotations.
pub const JOURNAL_CHECKPOINTS: usize = 1_000;

/// Connections of one listening source at a time. At the limit further ones are closed at once and
/// the operator is told.
pub const INPUT_CONNECTIONS_MAX: usize = 256;

/// Longest datagram. UDP has no longer ones than 64 KiB, Unix sockets may; the rest is cut off and
/// the operator is told.
pub const INPUT_DATAGRAM_BYTES_MAX: usize = 256 << 10;

/// Longest wait before a source's command is started again.
pub const INPUT_COMMAND_BACKOFF_MAX: Duration = Duration::from_secs(60);

/// How long a source's command may take to end by itself before it is asked to, and again before it
/// is killed.
pub const INPUT_COMMAND_GRACE: Duration = Duration::from_millis(500);

/// Lines of a source's command on standard error that the operator is told within a window; the
/// others are counted.
pub const INPUT_COMPLAINTS_MAX: usize = 20;

/// The window for these lines.
pub const INPUT_COMPLAINTS_WINDOW: Duration = Duration::from_secs(60);

/// Longest such line; the rest is cut off.
pub const INPUT_COMPLAINT_BYTES_MAX: usize = 500;

/// So many times in a row a rule acts on the same text, each time less than [`LOOP_GUARD_GAP`] after the one
/// before. Then it seems to answer messages of its own action, and is held. High enough that a burst of equal
/// messages is acted upon whole; a loop of quick jobs meets it within seconds.
pub const LOOP_GUARD: usize = 500;

/// See [`LOOP_GUARD`]. The message that an action causes comes at once, or within some seconds.
pub const LOOP_GUARD_GAP: Duration = Duration::from_secs(10);

/// The loop guard holds a rule until it has not matched that text for so long.
pub const LOOP_GUARD_QUIET: Duration = Duration::from_secs(60);

/// Runs that one rule may start in a minute unless it says otherwise: more than any machine can carry out,
/// so it is met only by a mistake. What is beyond is held, and WTR341E says so.
pub const BRAKE_OF_RULE: usize = 60_000;

/// Runs that all rules together may start in a minute unless `wtor.toml` says otherwise.
pub const BRAKE_OF_ALL: usize = 200_000;

/// Longest span of a brake: what was decided within it is remembered.
pub const BRAKE_SPAN_MAX: Duration = Duration::from_secs(3600);

/// Most runs that a brake may allow: each is remembered with its time.
pub const BRAKE_RUNS_MAX: i64 = 1_000_000;

/// Named situations that may be set at a time. At the limit no further one begins, and WTR342W says so.
pub const NAMED_SITUATIONS_MAX: usize = 10_000;
