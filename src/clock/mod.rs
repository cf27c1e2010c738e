//! Time as a value: [`Timestamp`] and [`Clock`].
//!
//! Nothing here reads the system clock; a door reads it and hands it in. The only room that knows
//! the time library.

pub(crate) mod calendar;
mod iso;
mod maths;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::error::Error;
pub(crate) use iso::IsoStop;
pub(crate) use maths::DateRefusal;

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// An instant in UTC with nanosecond precision, printed as Elasticsearch prints it: at least
/// milliseconds, at most nine fraction digits, trailing zeros dropped.
///
/// ```
/// use elastimock::Timestamp;
///
/// let at: Timestamp = "2031-05-01T12:00:00.5+02:00".parse()?;
/// assert_eq!(at.to_string(), "2031-05-01T10:00:00.500Z");
/// # Ok::<(), elastimock::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp {
    seconds: i64,
    nanos: u32,
}

impl Timestamp {
    /// The first instant that a timestamp can hold: the start of year 0000.
    pub const MIN: Timestamp = Timestamp { seconds: -62_167_219_200, nanos: 0 };
    /// The last instant that a timestamp can hold: 9999-12-30T22:00:00.999999999Z, so that it is within
    /// the year 9999 at any offset.
    pub const MAX: Timestamp = Timestamp { seconds: 253_402_207_200, nanos: 999_999_999 };

    /// The instant `nanos` nanoseconds after 1970-01-01T00:00:00Z, held within [`Timestamp::MIN`]
    /// and [`Timestamp::MAX`].
    pub fn from_nanos(nanos: i128) -> Timestamp {
        let seconds = nanos.div_euclid(NANOS_PER_SECOND);
        match i64::try_from(seconds) {
            Ok(seconds) if seconds > Timestamp::MAX.seconds => Timestamp::MAX,
            Ok(seconds) if seconds < Timestamp::MIN.seconds => Timestamp::MIN,
            Ok(seconds) => Timestamp { seconds, nanos: nanos.rem_euclid(NANOS_PER_SECOND) as u32 },
            Err(_) if nanos > 0 => Timestamp::MAX,
            Err(_) => Timestamp::MIN,
        }
    }

    /// The instant so long after 1970-01-01T00:00:00Z, held at [`Timestamp::MAX`].
    pub(crate) fn after_1970(by: Duration) -> Timestamp {
        match i64::try_from(by.as_secs()) {
            Ok(seconds) if seconds <= Timestamp::MAX.seconds => Timestamp { seconds, nanos: by.subsec_nanos() },
            _ => Timestamp::MAX,
        }
    }

    /// The instant `millis` milliseconds after 1970-01-01T00:00:00Z.
    pub fn from_millis(millis: i64) -> Timestamp {
        Timestamp::from_nanos(i128::from(millis) * 1_000_000)
    }

    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub fn as_nanos(self) -> i128 {
        i128::from(self.seconds) * NANOS_PER_SECOND + i128::from(self.nanos)
    }

    /// Whole milliseconds since 1970-01-01T00:00:00Z, the resolution in which Elasticsearch sorts a `date`.
    pub fn as_millis(self) -> i64 {
        self.seconds * 1000 + i64::from(self.nanos / 1_000_000)
    }

    /// The instant `by` later, held at [`Timestamp::MAX`].
    #[must_use]
    pub fn plus(self, by: Duration) -> Timestamp {
        let by = i128::try_from(by.as_nanos()).unwrap_or(i128::MAX / 4);
        Timestamp::from_nanos(self.as_nanos() + by)
    }

    /// The instant `by` earlier, held at [`Timestamp::MIN`].
    #[must_use]
    pub fn minus(self, by: Duration) -> Timestamp {
        let by = i128::try_from(by.as_nanos()).unwrap_or(i128::MAX / 4);
        Timestamp::from_nanos(self.as_nanos() - by)
    }

    /// The time from `earlier` to this instant; zero when `earlier` is the later one.
    pub fn since(self, earlier: Timestamp) -> Duration {
        let nanos = (self.as_nanos() - earlier.as_nanos()).max(0);
        Duration::new((nanos / NANOS_PER_SECOND) as u64, (nanos % NANOS_PER_SECOND) as u32)
    }

    /// Reads an RFC 3339 instant, or date maths from `now`: `now`, `now-5m`, `now+1h-30s`.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] with the text and what is accepted.
    pub fn parse_with_maths(text: &str, now: Timestamp) -> Result<Timestamp, Error> {
        let Some(mut rest) = text.strip_prefix("now") else {
            return text.parse();
        };
        let wrong = || {
            Error::invalid_input(format!(
                "[{text}] is not date maths: write `now`, `now-5m` or `now+1h-30s`; units are ms, s, m, h, d and w"
            ))
        };
        let mut at = now;
        while !rest.is_empty() {
            let later = match rest.as_bytes()[0] {
                b'+' => true,
                b'-' => false,
                _ => return Err(wrong()),
            };
            let end = rest[1..].find(['+', '-']).map_or(rest.len(), |end| end + 1);
            let by = parse_duration(&rest[1..end]).map_err(|_| wrong())?;
            at = if later { at.plus(by) } else { at.minus(by) };
            rest = &rest[end..];
        }
        Ok(at)
    }

    /// Reads an instant as Elasticsearch reads `last_seen`: ISO 8601 with an offset, or epoch
    /// milliseconds in digits.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] for anything else.
    pub fn parse_lenient(text: &str) -> Result<Timestamp, Error> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if !digits.is_empty() && digits.len() <= 18 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Timestamp::from_millis(text.parse().unwrap_or_default()));
        }
        text.parse()
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// Reads an RFC 3339 instant.
    fn from_str(text: &str) -> Result<Timestamp, Error> {
        let wrong = || {
            Error::invalid_input(format!(
                "[{text}] is not an instant: write it as in RFC 3339, for example 2031-05-01T10:00:00.000Z"
            ))
        };
        // The library also reads a blank for the `T` and a zone in brackets; Elasticsearch does not.
        if text.len() < 17 || !text.is_ascii() || !matches!(text.as_bytes()[10], b'T' | b't') || text.contains('[') {
            return Err(wrong());
        }
        let at: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
        Ok(Timestamp::from_nanos(at.as_nanosecond()))
    }
}

impl Timestamp {
    /// The instant as it is printed.
    pub fn text(self) -> String {
        let (text, end) = self.written();
        std::str::from_utf8(&text[..end]).unwrap_or_default().to_owned()
    }

    /// The instant as it is printed, for who reads it at once: nothing is copied.
    pub(crate) fn with_text<T>(self, read: impl FnOnce(&str) -> T) -> T {
        let (text, end) = self.written();
        read(std::str::from_utf8(&text[..end]).unwrap_or_default())
    }

    /// Source: Howard Hinnant, `civil_from_days`.
    fn written(self) -> ([u8; 30], usize) {
        const DAY: i64 = 86_400;
        let (days, second) = (self.seconds.div_euclid(DAY) + 719_468, self.seconds.rem_euclid(DAY) as u32);
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097) as u32;
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = (i64::from(year_of_era) + era * 400 + i64::from(month <= 2)) as u32;
        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        digits(&mut text[0..4], year);
        digits(&mut text[5..7], month);
        digits(&mut text[8..10], day);
        digits(&mut text[11..13], second / 3600);
        digits(&mut text[14..16], second / 60 % 60);
        digits(&mut text[17..19], second % 60);
        digits(&mut text[20..29], self.nanos);
        let mut end = 29;
        while end > 23 && text[end - 1] == b'0' {
            end -= 1;
        }
        text[end] = b'Z';
        (text, end + 1)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, end) = self.written();
        f.write_str(std::str::from_utf8(&text[..end]).unwrap_or_default())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn digits(into: &mut [u8], mut value: u32) {
    for digit in into.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// Reads a length of time in Elasticsearch's units: `nanos`, `micros`, `ms`, `s`, `m`, `h`, `d`, `w`.
///
/// # Errors
/// [`Error::is_invalid_input`] when the number or the unit is missing, or the time is too long.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, Error> {
    let wrong = || {
        Error::invalid_input(format!(
            "[{text}] is not a length of time: write a whole number and a unit, for example 250ms, 30s, 5m, 2h or 1d"
        ))
    };
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let count: u64 = text[..unit_at].parse().map_err(|_| wrong())?;
    let unit_nanos: u64 = match &text[unit_at..] {
        "nanos" => 1,
        "micros" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60 * 1_000_000_000,
        "h" => 3_600 * 1_000_000_000,
        "d" => 86_400 * 1_000_000_000,
        "w" => 7 * 86_400 * 1_000_000_000,
        _ => return Err(wrong()),
    };
    let nanos = u128::from(count) * u128::from(unit_nanos);
    let seconds = u64::try_from(nanos / 1_000_000_000).map_err(|_| wrong())?;
    Ok(Duration::new(seconds, (nanos % 1_000_000_000) as u32))
}

/// A length of time in the largest unit that it fills without a rest; [`parse_duration`] reads it.
pub(crate) fn duration_text(length: Duration) -> String {
    const UNITS: [(u128, &str); 6] = [
        (86_400_000_000_000, "d"),
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "micros"),
    ];
    let nanos = length.as_nanos();
    match UNITS.iter().find(|(unit, _)| nanos.is_multiple_of(*unit)) {
        Some(_) if nanos == 0 => "0s".to_owned(),
        Some((unit, name)) => format!("{}{name}", nanos / unit),
        None => format!("{nanos}nanos"),
    }
}

/// Mock time: a plain value that turns the system's time into the mock's.
///
/// A running clock moves with the system's time at a fixed distance; a frozen one stands still until
/// it is advanced or set.
///
/// ```
/// use elastimock::{Clock, Timestamp};
/// use std::time::Duration;
///
/// let ten: Timestamp = "2031-05-01T10:00:00Z".parse()?;
/// let mut clock = Clock::frozen(ten);
/// clock.advance(ten, Duration::from_secs(300));
/// assert_eq!(clock.read(ten).to_string(), "2031-05-01T10:05:00.000Z");
/// # Ok::<(), elastimock::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock(Face);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Face {
    Running {
        offset_nanos: i128,
    },
    /// Will run from `at`, counted from the first reading.
    Starting {
        at: Timestamp,
    },
    Frozen {
        at: Timestamp,
    },
}

impl Clock {
    /// A clock that shows the system's time.
    pub fn real() -> Clock {
        Clock(Face::Running { offset_nanos: 0 })
    }

    /// A clock that stands still at `at`.
    pub fn frozen(at: Timestamp) -> Clock {
        Clock(Face::Frozen { at })
    }

    /// A clock that shows `at` when it is first read, and runs on from there.
    pub fn starting(at: Timestamp) -> Clock {
        Clock(Face::Starting { at })
    }

    /// Whether the clock stands still.
    pub fn is_frozen(&self) -> bool {
        matches!(self.0, Face::Frozen { .. })
    }

    /// What the clock shows while the system's time is `system`.
    pub fn read(&mut self, system: Timestamp) -> Timestamp {
        match self.0 {
            // The clock that nobody has set.
            Face::Running { offset_nanos: 0 } => system,
            Face::Running { offset_nanos } => Timestamp::from_nanos(system.as_nanos() + offset_nanos),
            Face::Starting { at } => {
                self.set(system, at);
                at
            }
            Face::Frozen { at } => at,
        }
    }

    /// Makes the clock show `to` now; a running one runs on from there, a frozen one stays frozen.
    pub fn set(&mut self, system: Timestamp, to: Timestamp) {
        self.0 = match self.0 {
            Face::Frozen { .. } => Face::Frozen { at: to },
            Face::Running { .. } | Face::Starting { .. } => {
                Face::Running { offset_nanos: to.as_nanos() - system.as_nanos() }
            }
        };
    }

    /// Moves the clock forward by `by`, and returns what it then shows. It stops at the year 9999.
    pub fn advance(&mut self, system: Timestamp, by: Duration) -> Timestamp {
        let to = self.read(system).plus(by);
        self.set(system, to);
        to
    }

    /// Stops the clock at `at`.
    pub fn freeze(&mut self, at: Timestamp) {
        self.0 = Face::Frozen { at };
    }

    /// Lets the clock run on from `at`, while the system's time is `system`.
    pub fn run(&mut self, system: Timestamp, at: Timestamp) {
        self.0 = Face::Running { offset_nanos: at.as_nanos() - system.as_nanos() };
    }
}

impl Default for Clock {
    fn default() -> Clock {
        Clock::real()
    }
}

impl FromStr for Clock {
    type Err = Error;

    /// Reads `real`, `frozen@INSTANT` or `from@INSTANT`.
    fn from_str(text: &str) -> Result<Clock, Error> {
        match text.split_once('@') {
            None if text == "real" => Ok(Clock::real()),
            Some(("frozen", at)) => Ok(Clock::frozen(at.parse()?)),
            Some(("from", at)) => Ok(Clock::starting(at.parse()?)),
            _ => Err(Error::invalid_input(format!(
                "[{text}] is not a clock: write `real`, `frozen@2031-05-01T10:00:00Z` or `from@2031-05-01T10:00:00Z`"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect(text)
    }

    #[test]
    fn prints_three_to_nine_fraction_digits() {
        for (given, printed) in [
            ("2031-05-01T10:00:00Z", "2031-05-01T10:00:00.000Z"),
            ("2031-05-01T10:00:00.1Z", "2031-05-01T10:00:00.100Z"),
            ("2031-05-01T10:00:00.567149Z", "2031-05-01T10:00:00.567149Z"),
            ("2031-05-01T10:00:00.07693Z", "2031-05-01T10:00:00.07693Z"),
            ("2031-05-01T10:00:00.000000001Z", "2031-05-01T10:00:00.000000001Z"),
            ("2031-05-01T12:00:00+02:00", "2031-05-01T10:00:00.000Z"),
            ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
            ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"),
        ] {
            assert_eq!(at(given).to_string(), printed);
        }
    }

    proptest::proptest! {
        #[test]
        fn prints_what_jiff_prints(seconds in Timestamp::MIN.seconds..=Timestamp::MAX.seconds, nanos in 0_u32..1_000_000_000) {
            let at = Timestamp { seconds, nanos };
            let civil = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::new(seconds, nanos as i32).expect("an instant"));
            let date = civil.strftime("-%m-%dT%H:%M:%S.").to_string();
            let year = civil.year();
            proptest::prop_assert!(at.text().starts_with(&format!("{year:04}{date}")), "{at} is not {civil}");
            proptest::prop_assert_eq!(at.text(), at.to_string());
        }
    }

    #[test]
    fn refuses_what_is_no_instant() {
        for text in [
            "",
            "yesterday",
            "2031-05-01",
            "2031-05-01T10:00:00",
            "2031-05-01 10:00:00Z",
            "2031-02-30T10:00:00Z",
            "2031-05-01T10:00:00Z[UTC]",
            "now",
        ] {
            let error = text.parse::<Timestamp>().expect_err(text);
            assert!(error.is_invalid_input());
        }
    }

    #[test]
    fn date_maths_starts_at_now() {
        let now = at("2031-05-01T10:00:00Z");
        for (maths, expected) in [
            ("now", "2031-05-01T10:00:00.000Z"),
            ("now-5m", "2031-05-01T09:55:00.000Z"),
            ("now+1h-30s", "2031-05-01T10:59:30.000Z"),
            ("now-1d+250ms", "2031-04-30T10:00:00.250Z"),
            ("2031-05-01T09:00:00Z", "2031-05-01T09:00:00.000Z"),
        ] {
            assert_eq!(Timestamp::parse_with_maths(maths, now).expect(maths).to_string(), expected);
        }
        for wrong in ["now-", "now5m", "now-5", "now-5y", "nowish", "now-5m-"] {
            assert!(Timestamp::parse_with_maths(wrong, now).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_running_clock_keeps_its_distance_and_a_frozen_one_its_place() {
        let (t0, t1) = (at("2031-05-01T10:00:00Z"), at("2031-05-01T10:00:07Z"));
        let set = at("2020-01-01T00:00:00Z");

        let mut running = Clock::real();
        running.set(t0, set);
        assert_eq!(running.read(t1), set.plus(Duration::from_secs(7)));

        let mut starting = Clock::starting(set);
        assert_eq!(starting.read(t0), set);
        assert_eq!(starting.read(t1), set.plus(Duration::from_secs(7)));

        let mut frozen = Clock::frozen(set);
        assert_eq!(frozen.read(t1), set);
        assert_eq!(frozen.advance(t1, Duration::from_secs(60)), set.plus(Duration::from_secs(60)));
        frozen.run(t0, set);
        assert_eq!(frozen.read(t1), set.plus(Duration::from_secs(7)));
    }

    #[test]
    fn advancing_past_the_end_of_time_stops_there() {
        let mut clock = Clock::frozen(at("9999-12-30T21:00:00Z"));
        assert_eq!(clock.advance(Timestamp::default(), Duration::from_secs(u64::MAX)), Timestamp::MAX);
    }
}
