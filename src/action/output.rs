//! What a process printed, within a bound: the beginning and the end are kept, since errors stand at
//! the end and their cause at the beginning.
//!
//! Layer: shell

use std::collections::VecDeque;

/// The first and the last bytes of a stream.
pub(super) struct Kept {
    head: Vec<u8>,
    head_max: usize,
    tail: VecDeque<u8>,
    tail_max: usize,
    seen: u64,
}

impl Kept {
    /// Keeps at most `max` bytes.
    pub(super) fn new(max: usize) -> Kept {
        let head_max = max / 2;
        Kept { head: Vec::new(), head_max, tail: VecDeque::new(), tail_max: max - head_max, seen: 0 }
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.seen += bytes.len() as u64;
        let to_head = bytes.len().min(self.head_max - self.head.len());
        self.head.extend_from_slice(&bytes[..to_head]);
        let rest = &bytes[to_head..];
        let rest = &rest[rest.len().saturating_sub(self.tail_max)..];
        let over = (self.tail.len() + rest.len()).saturating_sub(self.tail_max);
        self.tail.drain(..over);
        self.tail.extend(rest);
    }

    /// The text, with bytes that are not UTF-8 replaced, and where something is left out a line that
    /// says how many bytes. The text is longer than the bound by that line, and by the replacement
    /// characters at most three times as long.
    pub(super) fn text(mut self) -> String {
        let tail = &*self.tail.make_contiguous();
        let kept = (self.head.len() + tail.len()) as u64;
        if kept == self.seen {
            self.head.extend_from_slice(tail);
            return String::from_utf8_lossy(&self.head).into_owned();
        }
        let head = whole_characters_before_the_cut(&self.head);
        let tail = whole_characters_after_the_cut(tail);
        let left_out = self.seen - (head.len() + tail.len()) as u64;
        let newline = if head.is_empty() || head.ends_with(b"\n") { "" } else { "\n" };
        format!(
            "{}{newline}[wtor: {left_out} bytes left out]\n{}",
            String::from_utf8_lossy(head),
            String::from_utf8_lossy(tail)
        )
    }
}

/// Without a character of which the cut has left only the first bytes.
fn whole_characters_before_the_cut(bytes: &[u8]) -> &[u8] {
    let continuation = bytes.iter().rev().take(3).take_while(|b| **b & 0xc0 == 0x80).count();
    let Some(lead_at) = bytes.len().checked_sub(continuation + 1) else { return bytes };
    let needed = match bytes[lead_at] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    if needed > continuation + 1 { &bytes[..lead_at] } else { bytes }
}

/// Without a character of which the cut has left only the last bytes.
fn whole_characters_after_the_cut(bytes: &[u8]) -> &[u8] {
    let continuation = bytes.iter().take(3).take_while(|b| **b & 0xc0 == 0x80).count();
    &bytes[continuation..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(max: usize, chunks: &[&[u8]]) -> String {
        let mut kept = Kept::new(max);
        for chunk in chunks {
            kept.push(chunk);
        }
        kept.text()
    }

    #[test]
    fn up_to_the_bound_everything_is_kept() {
        assert_eq!(kept(10, &[b"0123", b"456789"]), "0123456789");
        assert_eq!(kept(10, &[]), "");
    }

    #[test]
    fn beyond_the_bound_beginning_and_end_are_kept() {
        assert_eq!(kept(10, &[b"0123456789a"]), "01234\n[wtor: 1 bytes left out]\n6789a");
        assert_eq!(kept(4, &[b"a\n", b"b", b"c", b"d", b"e\n"]), "a\n[wtor: 3 bytes left out]\ne\n");
        assert_eq!(kept(0, &[b"abc"]), "[wtor: 3 bytes left out]\n");
    }

    #[test]
    fn no_chunking_changes_the_text() {
        let bytes: Vec<u8> = (0..=255).collect();
        for max in [0, 1, 2, 3, 50, 255, 256, 300] {
            let whole = kept(max, &[&bytes]);
            for size in [1, 2, 3, 7, 64, 200] {
                assert_eq!(kept(max, &bytes.chunks(size).collect::<Vec<_>>()), whole, "max {max}, chunks of {size}");
            }
        }
    }

    #[test]
    fn the_cut_leaves_no_half_character() {
        let text = "äöü€𝄞".repeat(10);
        for max in 0..text.len() {
            assert!(!kept(max, &[text.as_bytes()]).contains('\u{fffd}'), "{max}");
        }
        assert_eq!(kept(10, &[b"a\xffb"]), "a\u{fffd}b");
    }
}
