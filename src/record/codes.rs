//! Routing codes and the user-exit/MPF flags of a hardcopy record.
//! Sources: MVS System Messages, "Messages sent to hardcopy log in JES2 system", and the mapping
//! of the 8-digit flag field by IHAHCLOG (iea3g377).
//!
//! Layer: core

/// Routing codes 1 to 28 as the log writes them: a bit string in hex, leftmost bit = code 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoutingCodes(u32);

impl RoutingCodes {
    /// Reads 4 hex digits (MVS 3.8j: codes 1-16) or 7 (codes 1-28).
    #[must_use]
    pub fn from_hex(digits: &[u8]) -> Option<RoutingCodes> {
        let mut bits = 0u32;
        for &digit in digits {
            bits = bits << 4 | u32::from(hex(digit)?);
        }
        match digits.len() {
            4 => Some(RoutingCodes(bits << 16)),
            7 => Some(RoutingCodes(bits << 4)),
            _ => None,
        }
    }

    /// True if the code, 1 to 28, is set.
    #[must_use]
    pub fn contains(self, code: u8) -> bool {
        (1..=28).contains(&code) && self.0 & (1 << (32 - u32::from(code))) != 0
    }

    /// The codes that are set, ascending.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (1..=28).filter(move |&code| self.contains(code))
    }
}

/// The named bits of the 8 flag digits. A name is what a rule writes in `flags = [...]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlagSet(u32);

/// Name, position of the hex digit from the left (0-7), bit in that digit.
const FLAGS: [(&str, u32, u32); 26] = [
    ("text_changed", 0, 8),
    ("routing_changed", 0, 4),
    ("descriptor_changed", 0, 2),
    ("queued_to_console", 0, 1),
    ("queued_by_routing_only", 1, 4),
    ("console_changed", 1, 2),
    ("minor_lines_processed", 1, 1),
    ("deleted", 2, 8),
    ("suppression_overridden", 2, 4),
    ("forced_to_hardcopy", 2, 2),
    ("bypassed_hardcopy", 2, 1),
    ("hardcopy_only_forced", 3, 8),
    ("broadcast", 3, 4),
    ("not_broadcast", 3, 2),
    ("not_retained", 3, 1),
    ("retained", 4, 8),
    ("key_changed", 4, 4),
    ("console_id_changed", 4, 2),
    ("type_changed", 4, 1),
    ("do_not_automate", 5, 8),
    ("automate", 5, 4),
    ("hardcopy_only", 5, 2),
    ("not_serviced", 6, 8),
    ("exit_abended", 6, 4),
    ("automation_requested", 6, 1),
    ("flood_processed", 7, 8),
];

impl FlagSet {
    /// Reads the 8 hex digits; anything else is the empty set.
    #[must_use]
    pub fn from_hex(digits: &[u8]) -> FlagSet {
        let bits = digits.iter().try_fold(0u32, |bits, &d| Some(bits << 4 | u32::from(hex(d)?)));
        FlagSet(if digits.len() == 8 { bits.unwrap_or(0) } else { 0 })
    }

    /// The set that holds one named flag.
    #[must_use]
    pub fn named(name: &str) -> Option<FlagSet> {
        let &(_, digit, bit) = FLAGS.iter().find(|(n, _, _)| *n == name)?;
        Some(FlagSet(bit << (28 - 4 * digit)))
    }

    /// True if every flag of `other` is in this set.
    #[must_use]
    pub fn contains(self, other: FlagSet) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names of the flags in this set, left to right.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        FLAGS.iter().filter(move |(_, digit, bit)| self.0 & bit << (28 - 4 * digit) != 0).map(|(n, _, _)| *n)
    }

    /// Every name there is.
    pub fn all_names() -> impl Iterator<Item = &'static str> {
        FLAGS.iter().map(|(n, _, _)| *n)
    }
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routing_codes_are_a_bit_string_from_the_left() {
        let codes = |hex: &[u8]| RoutingCodes::from_hex(hex).map(|c| c.iter().collect::<Vec<_>>());
        assert_eq!(codes(b"4040000"), Some(vec![2, 10]));
        assert_eq!(codes(b"0000001"), Some(vec![28]));
        assert_eq!(codes(b"8100"), Some(vec![1, 8]));
        assert_eq!(codes(b"0000000"), Some(vec![]));
        assert_eq!(codes(b"40400"), None);
    }

    #[test]
    fn flags_have_names() {
        let names = |hex: &[u8]| FlagSet::from_hex(hex).names().collect::<Vec<_>>();
        assert_eq!(names(b"00000090"), ["not_serviced", "automation_requested"]);
        assert_eq!(names(b"00000290"), ["hardcopy_only", "not_serviced", "automation_requested"]);
        for name in FlagSet::all_names() {
            let one = FlagSet::named(name).expect("listed");
            assert_eq!(one.names().collect::<Vec<_>>(), [name]);
        }
    }
}
