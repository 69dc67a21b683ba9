//! Text without the secrets in it, whole or as it comes in pieces.
//!
//! Layer: core

use super::Secret;

/// What stands where a secret stood.
pub const MASK: &str = "[secret]";

/// Lines of a secret that has several (a key in PEM) are masked one by one, too, from this length on:
/// shorter ones would mask half of all words.
const LINE_BYTES_MIN: usize = 8;

/// The text with every secret in it replaced by [`MASK`].
#[must_use]
pub fn mask(text: &str, secrets: &[Secret]) -> String {
    let mut mask = Mask::new(secrets);
    let mut bytes = mask.push(text.as_bytes());
    bytes.extend(mask.finish());
    // Secrets are text, so whole characters were replaced by whole characters.
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Masks a stream. A secret is seen however the stream is cut: what may be the beginning of one is held
/// back until it is known.
#[derive(Debug)]
pub struct Mask {
    words: Vec<Secret>,
    held: Vec<u8>,
}

impl Mask {
    /// A stream in which these are not to be seen; without any it passes as it is.
    #[must_use]
    pub fn new(secrets: &[Secret]) -> Mask {
        let lines = |s: &Secret| s.reveal().lines().filter(|l| l.len() >= LINE_BYTES_MIN).map(str::to_owned).collect();
        let lines = secrets.iter().flat_map(|secret| -> Vec<String> { lines(secret) });
        let whole = secrets.iter().map(|secret| secret.reveal().to_owned());
        let mut words: Vec<String> = whole.chain(lines).filter(|word| !word.is_empty()).collect();
        // The longest first: one secret may begin with another.
        words.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        words.dedup();
        Mask { words: words.into_iter().map(Secret::new).collect(), held: Vec::new() }
    }

    /// Takes the next bytes, and gives those that are known to be shown.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.words.is_empty() {
            return bytes.to_vec();
        }
        self.held.extend_from_slice(bytes);
        self.release(true)
    }

    /// Gives what was held back, at the end of the stream.
    pub fn finish(&mut self) -> Vec<u8> {
        self.release(false)
    }

    fn release(&mut self, more_may_come: bool) -> Vec<u8> {
        let held = std::mem::take(&mut self.held);
        let mut shown = Vec::with_capacity(held.len());
        let mut rest = &held[..];
        while let Some((first, behind)) = rest.split_first() {
            if more_may_come && self.words().any(|word| word.len() > rest.len() && word.starts_with(rest)) {
                break;
            }
            if let Some(word) = self.words().find(|word| rest.starts_with(word)) {
                shown.extend_from_slice(MASK.as_bytes());
                rest = &rest[word.len()..];
            } else {
                shown.push(*first);
                rest = behind;
            }
        }
        self.held = rest.to_vec();
        shown
    }

    fn words(&self) -> impl Iterator<Item = &[u8]> {
        self.words.iter().map(|word| word.reveal().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(values: &[&str]) -> Vec<Secret> {
        values.iter().map(|value| Secret::new((*value).to_owned())).collect()
    }

    #[test]
    fn a_secret_is_masked_however_the_stream_is_cut() {
        let secrets = secrets(&["hunter2", "hunter2-long", "käse!"]);
        let text = "a hunter2 b hunter2-long c hunterhunter2 käse! hunter";
        let expected = "a [secret] b [secret] c hunter[secret] [secret] hunter";
        assert_eq!(mask(text, &secrets), expected);
        for size in 1..text.len() {
            let mut mask = Mask::new(&secrets);
            let mut shown: Vec<u8> = text.as_bytes().chunks(size).flat_map(|chunk| mask.push(chunk)).collect();
            shown.extend(mask.finish());
            assert_eq!(String::from_utf8_lossy(&shown), expected, "pieces of {size}");
        }
    }

    #[test]
    fn the_lines_of_a_key_are_masked_one_by_one() {
        let key = secrets(&["-----BEGIN KEY-----\nMIIEvQIBADANBg\nx\n-----END KEY-----"]);
        assert_eq!(mask("read MIIEvQIBADANBg, x", &key), "read [secret], x");
    }

    #[test]
    fn nothing_is_masked_where_there_is_no_secret() {
        assert_eq!(mask("as it is", &[]), "as it is");
        assert_eq!(mask("as it is", &secrets(&[""])), "as it is");
    }

    #[test]
    fn a_secret_is_not_shown_by_its_debug_form() {
        let value = secrets(&["hunter2"]);
        assert_eq!(format!("{value:?}"), "[[secret]]");
        assert!(!format!("{:?}", Mask::new(&value)).contains("hunter2"));
    }
}
