//! What lies beside a log is looked at once, at the moment that counts: when the log was rotated, or at the start. A
//! system that refuses just then (too many open files, no memory, a device that stumbles) is asked again, for some
//! seconds: a copy that is not found then would be missed, or read a second time as a file of its own.
//!
//! Layer: shell

use crate::limits::INPUT_REFUSAL_WAIT;
use rustix::io::Errno;
use std::io;
use std::time::Duration;

/// The pause before the second look; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// Looks, and looks again while the system refuses for a reason that may pass.
///
/// # Errors
/// What was refused for good, or for too long.
pub(super) fn patiently<T>(look: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    with_pauses(std::thread::sleep, look)
}

fn with_pauses<T>(mut rest: impl FnMut(Duration), mut look: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let (mut pause, mut waited) = (FIRST_PAUSE, Duration::ZERO);
    loop {
        match look() {
            Err(error) if may_pass(&error) && waited + pause <= INPUT_REFUSAL_WAIT => rest(pause),
            done => return done,
        }
        waited += pause;
        pause *= 2;
    }
}

/// Neither a file that is not there, nor one that may not be read.
fn may_pass(error: &io::Error) -> bool {
    let passing = [Errno::IO, Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::AGAIN, Errno::STALE, Errno::TIMEDOUT];
    Errno::from_io_error(error).is_some_and(|errno| passing.contains(&errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was found, and how long was waited, where the first looks are refused.
    fn refusing(times: u32, errno: Errno) -> (Option<u32>, Duration) {
        let (mut looks, mut waited) = (0, Duration::ZERO);
        let found = with_pauses(
            |pause| waited += pause,
            || {
                looks += 1;
                if looks > times { Ok(looks) } else { Err(errno.into()) }
            },
        );
        (found.ok(), waited)
    }

    #[test]
    fn what_is_refused_for_a_moment_is_looked_at_again_for_so_long() {
        assert_eq!(refusing(2, Errno::MFILE), (Some(3), 3 * FIRST_PAUSE));
        assert_eq!(refusing(1, Errno::ACCESS), (None, Duration::ZERO), "that does not pass");
        let (found, waited) = refusing(u32::MAX, Errno::IO);
        assert_eq!(found, None);
        assert!(waited <= INPUT_REFUSAL_WAIT && 2 * waited + FIRST_PAUSE > INPUT_REFUSAL_WAIT, "{waited:?}");
    }
}
