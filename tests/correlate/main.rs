//! Stories of rules that ask for more than one record, in virtual time. Each is told five times, and the
//! decisions are the same: straight; with a restart after every record; with restarts after which the whole
//! log is read again; as a replay of the saved log; and as a story file, with restarts.

mod life;

mod once_and_count;
mod random;
mod schedule;
mod shipped;
mod unless_followed_by;
mod values_and_reset;
mod waits;
