//! [`Interval`]: spans of time, by the calendar or of a fixed length. [`DatePattern`]: how an instant is written.
//!
//! Everything is reckoned in UTC.
//!
//! Source: Elasticsearch 9.x, date histogram (calendar and fixed intervals), and the letters of Java's date
//! patterns.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use jiff::{Span, ToSpan};

use super::Timestamp;

/// A span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interval {
    /// So many milliseconds.
    Fixed(i64),
    /// One unit of the calendar.
    Calendar(CalendarUnit),
}

/// A unit of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CalendarUnit {
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// 24 hours.
    Day,
    /// From Monday on.
    Week,
    /// From the first day of a month on.
    Month,
    /// From the first day of January, April, July or October on.
    Quarter,
    /// From the first of January on.
    Year,
}

impl CalendarUnit {
    /// The unit that a calendar interval of that name has.
    pub(crate) fn named(name: &str) -> Option<CalendarUnit> {
        Some(match name {
            "minute" | "1m" => CalendarUnit::Minute,
            "hour" | "1h" => CalendarUnit::Hour,
            "day" | "1d" => CalendarUnit::Day,
            "week" | "1w" => CalendarUnit::Week,
            "month" | "1M" => CalendarUnit::Month,
            "quarter" | "1q" => CalendarUnit::Quarter,
            "year" | "1y" => CalendarUnit::Year,
            _ => return None,
        })
    }
}

impl Interval {
    /// The beginning of the span that an instant lies in; both in milliseconds.
    pub(crate) fn floor(self, at: i64) -> i64 {
        match self {
            Interval::Fixed(length) => at.div_euclid(length) * length,
            Interval::Calendar(unit) => match civil(at) {
                Some(at) => millis(unit.floor(at)).unwrap_or(i64::MIN),
                None => at,
            },
        }
    }

    /// The beginning of the span after the one that begins there.
    pub(crate) fn next(self, start: i64) -> i64 {
        match self {
            Interval::Fixed(length) => start.saturating_add(length),
            Interval::Calendar(unit) => {
                let after = civil(start).and_then(|start| start.checked_add(unit.span()).ok());
                after.and_then(millis).unwrap_or(i64::MAX)
            }
        }
    }
}

impl CalendarUnit {
    fn span(self) -> Span {
        match self {
            CalendarUnit::Minute => 1.minute(),
            CalendarUnit::Hour => 1.hour(),
            CalendarUnit::Day => 1.day(),
            CalendarUnit::Week => 1.week(),
            CalendarUnit::Month => 1.month(),
            CalendarUnit::Quarter => 3.months(),
            CalendarUnit::Year => 1.year(),
        }
    }

    fn floor(self, at: DateTime) -> DateTime {
        let day = |year: i16, month: i8, day: i8| Date::new(year, month, day).map_or(at.date(), |date| date);
        let (year, month) = (at.year(), at.month());
        let midnight = |date: Date| date.to_datetime(Time::midnight());
        match self {
            CalendarUnit::Minute => at.date().at(at.hour(), at.minute(), 0, 0),
            CalendarUnit::Hour => at.date().at(at.hour(), 0, 0, 0),
            CalendarUnit::Day => midnight(at.date()),
            CalendarUnit::Week => {
                let since_monday = i64::from(at.weekday().to_monday_zero_offset());
                midnight(at.date().checked_sub(since_monday.days()).unwrap_or(at.date()))
            }
            CalendarUnit::Month => midnight(day(year, month, 1)),
            CalendarUnit::Quarter => midnight(day(year, (month - 1) / 3 * 3 + 1, 1)),
            CalendarUnit::Year => midnight(day(year, 1, 1)),
        }
    }
}

fn civil(millis: i64) -> Option<DateTime> {
    Some(Offset::UTC.to_datetime(jiff::Timestamp::from_millisecond(millis).ok()?))
}

fn millis(at: DateTime) -> Option<i64> {
    Offset::UTC.to_timestamp(at).ok().map(jiff::Timestamp::as_millisecond)
}

/// A day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CivilDay(Date);

impl CivilDay {
    /// The day with that year, month and day of the month, if there is one.
    pub(crate) fn new(year: i64, month: i64, day: i64) -> Option<CivilDay> {
        Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok().map(CivilDay)
    }

    /// The day of a second since 1970.
    pub(crate) fn of_second(second: i64) -> CivilDay {
        CivilDay(civil(second.saturating_mul(1000)).unwrap_or_default().date())
    }

    /// The first second of the day, since 1970.
    pub(crate) fn second(self) -> i64 {
        self.number() * 86_400
    }

    /// Days since 1970.
    pub(crate) fn number(self) -> i64 {
        millis(self.0.to_datetime(Time::midnight())).unwrap_or_default() / 86_400_000
    }

    /// The day so many days later; held at the last one that there is.
    #[must_use]
    pub(crate) fn plus(self, days: i64) -> CivilDay {
        CivilDay(self.0.saturating_add(days.days()))
    }

    /// The year.
    pub(crate) fn year(self) -> i64 {
        self.0.year().into()
    }

    /// The day of the month, from 1.
    pub(crate) fn day(self) -> i64 {
        self.0.day().into()
    }

    /// The day of the week, from 1 for Sunday.
    pub(crate) fn of_week(self) -> i64 {
        self.0.weekday().to_sunday_one_offset().into()
    }

    /// The last day of its month.
    #[must_use]
    pub(crate) fn end_of_month(self) -> CivilDay {
        CivilDay(self.0.last_of_month())
    }
}

/// How an instant is written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum DatePattern {
    /// As `2031-05-01T10:00:00.000Z`.
    Iso,
    /// As milliseconds.
    EpochMillis,
    /// As seconds.
    EpochSecond,
    /// By a pattern's letters.
    Letters(Vec<PatternPiece>),
}

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PatternPiece {
    /// A letter of a part of the date, and how often it stands there.
    Part(char, usize),
    /// What is written as it is.
    Text(String),
}

impl DatePattern {
    /// The pattern with that text; none if it has letters that are not known here. Of several, the first writes.
    pub(crate) fn read(text: &str) -> Option<DatePattern> {
        Some(match text.split("||").next().unwrap_or_default() {
            "strict_date_optional_time"
            | "date_optional_time"
            | "strict_date_optional_time_nanos"
            | "date_time"
            | "strict_date_time" => DatePattern::Iso,
            "epoch_millis" => DatePattern::EpochMillis,
            "epoch_second" => DatePattern::EpochSecond,
            "date" | "strict_date" | "year_month_day" | "strict_year_month_day" => DatePattern::read("yyyy-MM-dd")?,
            "year_month" | "strict_year_month" => DatePattern::read("yyyy-MM")?,
            "year" | "strict_year" => DatePattern::read("yyyy")?,
            "basic_date" => DatePattern::read("yyyyMMdd")?,
            letters => DatePattern::Letters(pieces(letters)?),
        })
    }

    /// An instant, in milliseconds, as it is written.
    pub(crate) fn write(&self, at: i64) -> String {
        match self {
            DatePattern::Iso => Timestamp::from_millis(at).to_string(),
            DatePattern::EpochMillis => at.to_string(),
            DatePattern::EpochSecond => at.div_euclid(1000).to_string(),
            DatePattern::Letters(pieces) => {
                let Some(at) = civil(at) else { return at.to_string() };
                pieces.iter().map(|piece| piece.write(at)).collect()
            }
        }
    }
}

impl PatternPiece {
    fn write(&self, at: DateTime) -> String {
        match self {
            PatternPiece::Text(text) => text.clone(),
            PatternPiece::Part(letter, width) => {
                let number = match letter {
                    'y' | 'u' if *width == 2 => i64::from(at.year() % 100),
                    'y' | 'u' => i64::from(at.year()),
                    'M' => i64::from(at.month()),
                    'd' => i64::from(at.day()),
                    'H' => i64::from(at.hour()),
                    'm' => i64::from(at.minute()),
                    's' => i64::from(at.second()),
                    _ => {
                        let digits = format!("{:09}", at.subsec_nanosecond());
                        return digits[..*width.min(&9)].to_owned();
                    }
                };
                format!("{number:0width$}")
            }
        }
    }
}

fn pieces(text: &str) -> Option<Vec<PatternPiece>> {
    let mut pieces = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            'y' | 'u' | 'M' | 'd' | 'H' | 'm' | 's' | 'S' => {
                let mut width = 1;
                while chars.next_if_eq(&c).is_some() {
                    width += 1;
                }
                // Three letters and more of a month are its name.
                if (c == 'M' && width > 2) || width > 9 {
                    return None;
                }
                pieces.push(PatternPiece::Part(c, width));
            }
            '\'' => {
                let mut quoted = String::new();
                loop {
                    match (chars.next()?, chars.peek()) {
                        ('\'', Some('\'')) => {
                            chars.next();
                            quoted.push('\'');
                        }
                        ('\'', _) => break,
                        (c, _) => quoted.push(c),
                    }
                }
                pieces.push(PatternPiece::Text(if quoted.is_empty() { "'".to_owned() } else { quoted }));
            }
            c if c.is_alphabetic() || "[]{}#".contains(c) => return None,
            c => pieces.push(PatternPiece::Text(c.to_string())),
        }
    }
    (!pieces.is_empty()).then_some(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().expect("an instant").as_millis()
    }

    fn shown(millis: i64) -> String {
        Timestamp::from_millis(millis).to_string()
    }

    #[test]
    fn spans_begin_and_end_as_the_calendar_has_them() {
        for (name, start, next) in [
            ("minute", "2031-05-15T10:17:00.000Z", "2031-05-15T10:18:00.000Z"),
            ("hour", "2031-05-15T10:00:00.000Z", "2031-05-15T11:00:00.000Z"),
            ("day", "2031-05-15T00:00:00.000Z", "2031-05-16T00:00:00.000Z"),
            ("week", "2031-05-12T00:00:00.000Z", "2031-05-19T00:00:00.000Z"),
            ("month", "2031-05-01T00:00:00.000Z", "2031-06-01T00:00:00.000Z"),
            ("quarter", "2031-04-01T00:00:00.000Z", "2031-07-01T00:00:00.000Z"),
            ("year", "2031-01-01T00:00:00.000Z", "2032-01-01T00:00:00.000Z"),
        ] {
            let interval = Interval::Calendar(CalendarUnit::named(name).expect("a unit"));
            let floor = interval.floor(at("2031-05-15T10:17:30.500Z"));
            assert_eq!((shown(floor), shown(interval.next(floor))), (start.to_owned(), next.to_owned()), "{name}");
        }
        assert_eq!(CalendarUnit::named("2d"), None);
        let ten = Interval::Fixed(10);
        assert_eq!((ten.floor(25), ten.floor(-1), ten.next(20)), (20, -10, 30));
    }

    #[test]
    fn instants_are_written_by_their_pattern() {
        let instant = at("2031-05-01T09:08:07.065Z");
        for (pattern, expected) in [
            ("yyyy-MM-dd", "2031-05-01"),
            ("yyyy/M/d H:m:s.SSS", "2031/5/1 9:8:7.065"),
            ("yyyy-MM-dd'T'HH:mm", "2031-05-01T09:08"),
            ("yy 'o''clock'", "31 o'clock"),
            ("strict_date_optional_time||epoch_millis", "2031-05-01T09:08:07.065Z"),
            ("epoch_second", "1935392887"),
            ("date", "2031-05-01"),
        ] {
            let pattern = DatePattern::read(pattern).unwrap_or_else(|| panic!("{pattern}"));
            assert_eq!(pattern.write(instant), expected, "{pattern:?}");
        }
        for unknown in ["MMM", "EEE", "foo", "", "yyyy-MM-dd'T", "[HH]"] {
            assert_eq!(DatePattern::read(unknown), None, "{unknown}");
        }
    }
}
