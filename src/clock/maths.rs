//! Dates and date maths as Elasticsearch's searches read them.
//!
//! A date may be cut off anywhere (`2031`, `2031-05-01T10`); what is missing is filled up with the
//! earliest moment, or with the latest one of its day where a range rounds up.
//!
//! Source: Elasticsearch 9.x, date math parser, and the format `strict_date_optional_time||epoch_millis`.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use jiff::{Span, ToSpan};

use super::Timestamp;

/// Why a text is no date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DateRefusal {
    /// It has neither of the two forms.
    NoDate(String),
    /// Its maths begin with something else than `+`, `-` or `/`.
    Operator(String),
    /// Its maths end too early.
    Truncated(String),
    /// Its maths round by several units.
    Rounding(String),
    /// Its maths have a unit that is none.
    Unit(char, String),
    /// It leads out of the years 0 to 9999.
    OutOfRange(String),
}

impl Timestamp {
    /// Reads a date that a document holds: the text of a `date` field in its default format.
    pub(crate) fn parse_date(text: &str) -> Option<Timestamp> {
        date(text, false)
    }

    /// Reads a date that is written with year, month and so on; a number of milliseconds is none.
    pub(crate) fn parse_written_date(text: &str) -> Option<Timestamp> {
        iso(text, false)
    }

    /// Reads a date of a query: a date, `now`, or one of the two followed by maths (`now-300s`,
    /// `2031-05-01||+1M/d`). `round_up` fills what is missing, or rounded off, with the latest moment.
    pub(crate) fn parse_date_maths(text: &str, now: Timestamp, round_up: bool) -> Result<Timestamp, DateRefusal> {
        let no_date = |text: &str| DateRefusal::NoDate(text.to_owned());
        let (start, maths) = match (text.strip_prefix("now"), text.split_once("||")) {
            // A search's `now` has no finer parts than milliseconds.
            (Some(maths), _) => (Timestamp::from_millis(now.as_millis()), maths),
            (None, Some((start, maths))) => (date(start, false).ok_or_else(|| no_date(start))?, maths),
            (None, None) => return date(text, round_up).ok_or_else(|| no_date(text)),
        };
        calculate(start, maths, round_up)
    }
}

/// One of the two forms: ISO 8601, cut off anywhere behind the year, or milliseconds since the epoch.
fn date(text: &str, round_up: bool) -> Option<Timestamp> {
    iso(text, round_up).or_else(|| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_number = (1..=18).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse().ok()).flatten().map(Timestamp::from_millis)
    })
}

fn iso(text: &str, round_up: bool) -> Option<Timestamp> {
    let mut rest = MathsText(text.as_bytes());
    let (latest_hour, latest, latest_nanos) = if round_up { (23, 59, 999_999_999) } else { (0, 0, 0) };
    let year = rest.digits(4)?;
    let (mut month, mut day, mut has_day) = (1, 1, false);
    if rest.skip(b'-') {
        month = rest.digits(2)?;
        has_day = rest.skip(b'-');
        if has_day {
            day = rest.digits(2)?;
        }
    }
    let (mut hour, mut minute, mut second, mut nanos) = (latest_hour, latest, latest, latest_nanos);
    let mut offset = 0;
    if has_day && rest.skip(b'T') {
        if !rest.0.is_empty() {
            hour = rest.digits(2)?;
            if rest.skip(b':') {
                minute = rest.digits(2)?;
                if rest.skip(b':') {
                    second = rest.digits(2)?;
                    if rest.skip(b'.') || rest.skip(b',') {
                        nanos = rest.fraction()?;
                    }
                }
            }
        }
        offset = rest.offset()?;
    }
    if !rest.0.is_empty() {
        return None;
    }
    let narrow = |number: i32| i8::try_from(number).ok();
    let date = Date::new(i16::try_from(year).ok()?, narrow(month)?, narrow(day)?).ok()?;
    let time = Time::new(narrow(hour)?, narrow(minute)?, narrow(second)?, nanos).ok()?;
    let at = Offset::from_seconds(offset).ok()?.to_timestamp(DateTime::from_parts(date, time)).ok()?;
    Some(Timestamp::from_nanos(at.as_nanosecond()))
}

/// What is left of a text.
struct MathsText<'a>(&'a [u8]);

impl MathsText<'_> {
    fn skip(&mut self, byte: u8) -> bool {
        let found = self.0.first() == Some(&byte);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    fn digits(&mut self, count: usize) -> Option<i32> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        digits.iter().try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i32::from(byte - b'0')))
    }

    /// One to nine digits of a second's fraction, in nanoseconds.
    fn fraction(&mut self) -> Option<i32> {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=9).contains(&count) {
            return None;
        }
        self.digits(count).map(|number| number * 10_i32.pow(9 - count as u32))
    }

    /// `Z`, `+02:00`, `+0200`, `+02`, or nothing, which is UTC; in seconds.
    fn offset(&mut self) -> Option<i32> {
        if self.skip(b'Z') {
            return Some(0);
        }
        let sign = if self.skip(b'+') {
            1
        } else if self.skip(b'-') {
            -1
        } else {
            return Some(0);
        };
        let hours = self.digits(2)?;
        let minutes = if self.skip(b':') || !self.0.is_empty() { self.digits(2)? } else { 0 };
        (hours <= 18 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
    }
}

fn calculate(start: Timestamp, maths: &str, round_up: bool) -> Result<Timestamp, DateRefusal> {
    let at = jiff::Timestamp::from_nanosecond(start.as_nanos()).unwrap_or_default();
    let mut at = Offset::UTC.to_datetime(at);
    let mut rest = maths;
    while let Some(operator) = rest.chars().next() {
        let (round, sign) = match operator {
            '/' => (true, 1),
            '+' => (false, 1),
            '-' => (false, -1),
            _ => return Err(DateRefusal::Operator(maths.to_owned())),
        };
        rest = &rest[1..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let out_of_range = || DateRefusal::OutOfRange(maths.to_owned());
        let count: i64 = if digits == 0 { 1 } else { rest[..digits].parse().map_err(|_| out_of_range())? };
        let Some(unit) = rest[digits..].chars().next() else {
            return Err(DateRefusal::Truncated(maths.to_owned()));
        };
        if round && count != 1 {
            return Err(DateRefusal::Rounding(maths.to_owned()));
        }
        rest = &rest[digits + unit.len_utf8()..];
        let span = span(unit, sign * count).ok_or_else(|| DateRefusal::Unit(unit, maths.to_owned()))?;
        let span = span.map_err(|_| out_of_range())?;
        let moved = match round {
            false => at.checked_add(span),
            true if round_up => begin(at, unit).checked_add(span).and_then(|end| end.checked_sub(1.millisecond())),
            true => Ok(begin(at, unit)),
        };
        at = moved.map_err(|_| out_of_range())?;
    }
    let at = Offset::UTC.to_timestamp(at).map_err(|_| DateRefusal::OutOfRange(maths.to_owned()))?;
    Ok(Timestamp::from_nanos(at.as_nanosecond()))
}

/// So many of a unit; none if there is no such unit.
fn span(unit: char, count: i64) -> Option<Result<Span, jiff::Error>> {
    let span = Span::new();
    Some(match unit {
        'y' => span.try_years(count),
        'M' => span.try_months(count),
        'w' => span.try_weeks(count),
        'd' => span.try_days(count),
        'h' | 'H' => span.try_hours(count),
        'm' => span.try_minutes(count),
        's' => span.try_seconds(count),
        _ => return None,
    })
}

/// The beginning of the unit that `at` lies in; a week begins on its Monday.
fn begin(at: DateTime, unit: char) -> DateTime {
    let date = at.date();
    let midnight = |date: Date| DateTime::from_parts(date, Time::midnight());
    match unit {
        'y' => midnight(date.first_of_year()),
        'M' => midnight(date.first_of_month()),
        'w' => {
            let days = i64::from(date.weekday().to_monday_zero_offset());
            midnight(date.checked_sub(days.days()).unwrap_or(date))
        }
        'd' => midnight(date),
        'm' => DateTime::from_parts(date, Time::constant(at.hour(), at.minute(), 0, 0)),
        's' => DateTime::from_parts(date, Time::constant(at.hour(), at.minute(), at.second(), 0)),
        _ => DateTime::from_parts(date, Time::constant(at.hour(), 0, 0, 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2031-05-01T10:20:30.456789Z".parse().expect("an instant")
    }

    #[test]
    fn dates_and_maths_follow_the_table() {
        for (text, down, up) in [
            ("2031-05-01T10:20:30.456789Z", "2031-05-01T10:20:30.456789Z", "2031-05-01T10:20:30.456789Z"),
            ("2026-01-02T03:04:05.678901+00:00", "2026-01-02T03:04:05.678901Z", "2026-01-02T03:04:05.678901Z"),
            ("2026-01-02T03:04:05,5+0130", "2026-01-02T01:34:05.500Z", "2026-01-02T01:34:05.500Z"),
            ("2026-01-02T03:04-02", "2026-01-02T05:04:00.000Z", "2026-01-02T05:04:59.999999999Z"),
            ("2026-01-02T03", "2026-01-02T03:00:00.000Z", "2026-01-02T03:59:59.999999999Z"),
            ("2026-01-02T", "2026-01-02T00:00:00.000Z", "2026-01-02T23:59:59.999999999Z"),
            ("2026-01-02", "2026-01-02T00:00:00.000Z", "2026-01-02T23:59:59.999999999Z"),
            // Only the time of day is filled up with its latest moment, the month and the day are not.
            ("2026", "2026-01-01T00:00:00.000Z", "2026-01-01T23:59:59.999999999Z"),
            ("1767225600000", "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z"),
            ("-1", "1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
            ("now", "2031-05-01T10:20:30.456Z", "2031-05-01T10:20:30.456Z"),
            ("now-300s", "2031-05-01T10:15:30.456Z", "2031-05-01T10:15:30.456Z"),
            ("now+d", "2031-05-02T10:20:30.456Z", "2031-05-02T10:20:30.456Z"),
            ("now-1M-1H", "2031-04-01T09:20:30.456Z", "2031-04-01T09:20:30.456Z"),
            ("now/d", "2031-05-01T00:00:00.000Z", "2031-05-01T23:59:59.999Z"),
            ("now/w", "2031-04-28T00:00:00.000Z", "2031-05-04T23:59:59.999Z"),
            ("now/M", "2031-05-01T00:00:00.000Z", "2031-05-31T23:59:59.999Z"),
            ("now-1y/y", "2030-01-01T00:00:00.000Z", "2030-12-31T23:59:59.999Z"),
            ("now/h", "2031-05-01T10:00:00.000Z", "2031-05-01T10:59:59.999Z"),
            ("now/m", "2031-05-01T10:20:00.000Z", "2031-05-01T10:20:59.999Z"),
            ("now/s", "2031-05-01T10:20:30.000Z", "2031-05-01T10:20:30.999Z"),
            ("2026-01-31||+1M", "2026-02-28T00:00:00.000Z", "2026-02-28T00:00:00.000Z"),
            ("2026-01-02||/M", "2026-01-01T00:00:00.000Z", "2026-01-31T23:59:59.999Z"),
            ("2026-01-02T05:00:00Z||", "2026-01-02T05:00:00.000Z", "2026-01-02T05:00:00.000Z"),
        ] {
            for (round_up, expected) in [(false, down), (true, up)] {
                let read = Timestamp::parse_date_maths(text, now(), round_up).map(|at| at.to_string());
                assert_eq!(read.as_deref(), Ok(expected), "{text}, rounded up: {round_up}");
            }
        }
    }

    #[test]
    fn what_is_no_date_says_why() {
        let text = |text: &str| text.to_owned();
        for (given, fault) in [
            ("", DateRefusal::NoDate(text(""))),
            ("yesterday", DateRefusal::NoDate(text("yesterday"))),
            ("2026-13-01", DateRefusal::NoDate(text("2026-13-01"))),
            ("2026-02-30", DateRefusal::NoDate(text("2026-02-30"))),
            ("2026-01-02 03:04", DateRefusal::NoDate(text("2026-01-02 03:04"))),
            ("2026-01-02T03:04:05.", DateRefusal::NoDate(text("2026-01-02T03:04:05."))),
            ("2026-01-02T03:04:60Z", DateRefusal::NoDate(text("2026-01-02T03:04:60Z"))),
            ("2026-01T10", DateRefusal::NoDate(text("2026-01T10"))),
            ("2026T", DateRefusal::NoDate(text("2026T"))),
            ("2026-1-2", DateRefusal::NoDate(text("2026-1-2"))),
            ("26-01-02", DateRefusal::NoDate(text("26-01-02"))),
            ("2026-01-02T03::05", DateRefusal::NoDate(text("2026-01-02T03::05"))),
            ("nope||+1d", DateRefusal::NoDate(text("nope"))),
            ("now5m", DateRefusal::Operator(text("5m"))),
            ("nowish", DateRefusal::Operator(text("ish"))),
            ("now-", DateRefusal::Truncated(text("-"))),
            ("now-5", DateRefusal::Truncated(text("-5"))),
            ("now/2d", DateRefusal::Rounding(text("/2d"))),
            ("now-5x", DateRefusal::Unit('x', text("-5x"))),
            ("now+99999999999999999999y", DateRefusal::OutOfRange(text("+99999999999999999999y"))),
            ("now+9000y", DateRefusal::OutOfRange(text("+9000y"))),
        ] {
            assert_eq!(Timestamp::parse_date_maths(given, now(), false), Err(fault), "{given}");
        }
    }

    #[test]
    fn a_stored_date_is_the_same_instant_in_every_form() {
        let forms = ["2026-01-02T03:04:05.678+00:00", "2026-01-02T03:04:05.678Z", "2026-01-02T05:04:05.678+02:00"];
        for form in forms {
            assert_eq!(Timestamp::parse_date(form).map(Timestamp::as_millis), Some(1_767_323_045_678), "{form}");
        }
        assert_eq!(Timestamp::parse_date("2026-01-02").map(Timestamp::as_millis), Some(1_767_312_000_000));
        assert_eq!(Timestamp::parse_date("now"), None);
        assert_eq!(Timestamp::parse_date("2026-01-02 03:04:05Z"), None);
        assert_eq!(Timestamp::parse_date("1000").map(|at| at.to_string()).as_deref(), Some("1000-01-01T00:00:00.000Z"));
        assert_eq!(Timestamp::parse_date("17").map(Timestamp::as_millis), Some(17));
        assert_eq!(Timestamp::parse_written_date("-17"), None);
    }
}
