//! ISO instants as Java's `ISO_INSTANT` reads them, and where it stops in a text that is none.
//!
//! Source: the JDK's formatter for instants: a local date and time, up to nine digits of a fraction,
//! and `Z` or an offset; letters in any case.

use super::Timestamp;

/// Where a text stops being an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IsoStop {
    /// Nothing fits here; 0 too for a date or time that the calendar does not have.
    At(usize),
    /// An instant ends here and the text goes on.
    Unparsed(usize),
}

impl Timestamp {
    /// Reads an instant as Elasticsearch reads those of connectors.
    ///
    /// # Errors
    /// [`IsoStop`] with the place, in characters from 0.
    pub(crate) fn parse_iso(text: &str) -> Result<Timestamp, IsoStop> {
        // What has been read is ASCII, so that bytes and characters are the same up to the stop.
        let mut scan = IsoScan { text: text.as_bytes(), at: 0 };
        let year = scan.year()?;
        scan.literal(b'-')?;
        let month = scan.two_digits()?;
        scan.literal(b'-')?;
        let day = scan.two_digits()?;
        scan.literal(b'T')?;
        let hour = scan.two_digits()?;
        scan.literal(b':')?;
        let minute = scan.two_digits()?;
        scan.literal(b':')?;
        let second = scan.two_digits()?;
        let fraction = scan.fraction();
        let offset = scan.offset()?;
        if scan.at < text.len() {
            return Err(IsoStop::Unparsed(scan.at));
        }
        let end_of_day = (hour, minute, second) == (24, 0, 0) && fraction.bytes().all(|digit| digit == b'0');
        let leap_second = (hour, minute, second) == (23, 59, 60);
        let (hour, second) = (if end_of_day { 0 } else { hour }, if leap_second { 59 } else { second });
        let fraction = if fraction.is_empty() { "0" } else { &fraction };
        let plain = format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction}{offset}");
        let at: Timestamp = plain.parse().map_err(|_| IsoStop::At(0))?;
        let day = std::time::Duration::from_secs(24 * 60 * 60);
        Ok(if end_of_day { at.plus(day) } else { at })
    }
}

struct IsoScan<'a> {
    text: &'a [u8],
    at: usize,
}

impl IsoScan<'_> {
    /// How many digits stand at `at`, up to `most`.
    fn digits(&self, at: usize, most: usize) -> usize {
        self.text.iter().skip(at).take(most).take_while(|byte| byte.is_ascii_digit()).count()
    }

    fn taken(&mut self, length: usize) -> String {
        let taken = String::from_utf8_lossy(&self.text[self.at..self.at + length]).into_owned();
        self.at += length;
        taken
    }

    /// Four digits, or more behind a plus sign. A year beyond four digits is beyond our calendar.
    fn year(&mut self) -> Result<String, IsoStop> {
        let start = self.at;
        let sign = matches!(self.text.first(), Some(b'+' | b'-'));
        let from = start + usize::from(sign);
        let length = self.digits(from, 10);
        match (self.text.first(), length) {
            (_, 0..4) => Err(IsoStop::At(from)),
            (Some(b'+'), 4) => Err(IsoStop::At(start)),
            (Some(b'+' | b'-'), _) => Err(IsoStop::At(0)),
            (_, 4) => Ok(self.taken(4)),
            _ => Err(IsoStop::At(start)),
        }
    }

    fn literal(&mut self, wanted: u8) -> Result<(), IsoStop> {
        match self.text.get(self.at) {
            Some(byte) if byte.eq_ignore_ascii_case(&wanted) => {
                self.at += 1;
                Ok(())
            }
            _ => Err(IsoStop::At(self.at)),
        }
    }

    fn two_digits(&mut self) -> Result<u32, IsoStop> {
        if self.digits(self.at, 2) < 2 {
            return Err(IsoStop::At(self.at));
        }
        Ok(self.taken(2).parse().unwrap_or_default())
    }

    fn fraction(&mut self) -> String {
        if self.text.get(self.at) != Some(&b'.') {
            return String::new();
        }
        self.at += 1;
        self.taken(self.digits(self.at, 9))
    }

    /// `Z`, or hours and minutes and perhaps seconds from it.
    fn offset(&mut self) -> Result<String, IsoStop> {
        let start = self.at;
        match self.text.get(start) {
            Some(b'Z' | b'z') => {
                self.at += 1;
                return Ok("Z".to_owned());
            }
            Some(b'+' | b'-') => {}
            _ => return Err(IsoStop::At(start)),
        }
        let wrong = |_| IsoStop::At(start);
        self.at += 1;
        let hours = self.two_digits().map_err(wrong)?;
        self.literal(b':').map_err(wrong)?;
        let minutes = self.two_digits().map_err(wrong)?;
        let mut seconds = 0;
        if self.text.get(self.at) == Some(&b':') && self.digits(self.at + 1, 2) == 2 {
            self.at += 1;
            seconds = self.two_digits().map_err(wrong)?;
        }
        if minutes > 59 || seconds > 59 {
            return Err(IsoStop::At(start));
        }
        if (hours, minutes, seconds) > (18, 0, 0) {
            return Err(IsoStop::At(0));
        }
        Ok(String::from_utf8_lossy(&self.text[start..self.at]).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_as_in_java() {
        for (text, expected) in [
            ("2024-02-03T04:05:06Z", Ok("2024-02-03T04:05:06.000Z")),
            ("2024-02-03t04:05:06.123456789z", Ok("2024-02-03T04:05:06.123456789Z")),
            ("2024-02-03T04:05:06.Z", Ok("2024-02-03T04:05:06.000Z")),
            ("2024-02-03T04:05:06+02:00", Ok("2024-02-03T02:05:06.000Z")),
            ("2024-02-03T04:05:06-00:00:30", Ok("2024-02-03T04:05:36.000Z")),
            ("2024-02-29T24:00:00Z", Ok("2024-03-01T00:00:00.000Z")),
            ("2024-12-31T23:59:60Z", Ok("2024-12-31T23:59:59.000Z")),
            ("soon", Err(IsoStop::At(0))),
            ("", Err(IsoStop::At(0))),
            ("1700000000000", Err(IsoStop::At(0))),
            ("2024-02", Err(IsoStop::At(7))),
            ("2024-2-03T04:05:06Z", Err(IsoStop::At(5))),
            ("2024-02-03 04:05:06Z", Err(IsoStop::At(10))),
            ("2024-02-03T04:05Z", Err(IsoStop::At(16))),
            ("2024-02-03T04:05:06", Err(IsoStop::At(19))),
            ("2024-02-03T04:05:06+0200", Err(IsoStop::At(19))),
            ("2024-02-03T04:05:06.1234567891Z", Err(IsoStop::At(29))),
            ("2024-02-03T04:05:06Z!", Err(IsoStop::Unparsed(20))),
            ("2024-02-30T04:05:06Z", Err(IsoStop::At(0))),
            ("2024-02-03T24:00:01Z", Err(IsoStop::At(0))),
            ("2024-02-03T04:05:06+19:00", Err(IsoStop::At(0))),
            ("éé24-02-03T04:05:06Z", Err(IsoStop::At(0))),
        ] {
            assert_eq!(Timestamp::parse_iso(text).map(|at| at.to_string()), expected.map(str::to_owned), "{text}");
        }
    }
}
