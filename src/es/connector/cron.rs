//! Cron expressions: what Elasticsearch's scheduler takes, what it refuses, and when one is due next.
//!
//! Six fields and perhaps a year, apart by blanks. The server reads upper case, so a position is one in the
//! capitals of a field.
//!
//! Source: Elasticsearch 9.x, its fork of Quartz's cron parser, oddities included: it ignores what
//! stands behind the year, takes `L` in any field, and trips over texts that end too early.

use std::collections::BTreeSet;

use crate::clock::Timestamp;
use crate::clock::calendar::CivilDay;

/// A field of an expression, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CronField {
    /// 0 to 59.
    Second,
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// 1 to 31.
    DayOfMonth,
    /// 1 to 12, or a name.
    Month,
    /// 1 to 7, or a name.
    DayOfWeek,
    /// Any year.
    Year,
}

/// Why the server refuses an expression, with the facts that its words need.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CronRefusal {
    /// Fewer than six fields; the length of the expression.
    TooShort(usize),
    /// Neither or both of the two kinds of day are said to be of no matter.
    BothDays,
    /// `?` for both kinds of day.
    NeitherDay(usize),
    /// `L` in a list of days of the month.
    LastInDaysOfMonth,
    /// `L` in a list of days of the week.
    LastInDaysOfWeek,
    /// `#` twice.
    SeveralNth,
    /// No number from 1 to 5 behind `#`.
    Nth(usize),
    /// No month has that name.
    Month(String, usize),
    /// No day has that name.
    Day(String, usize),
    /// Letters where there are no names.
    Letters(String, usize),
    /// Something behind `?`.
    BehindAny(char, usize),
    /// `?` in another field.
    AnyHere(usize),
    /// Nothing behind `/`.
    NoStep(usize),
    /// The text ends behind `*/`.
    End(usize),
    /// A step that is too large; the number that the server says is the bound.
    Step {
        /// The step.
        step: i32,
        /// The bound.
        bound: i32,
        /// Where it ends.
        at: usize,
    },
    /// More than 30 days before the last of a month.
    LastOffset(usize),
    /// A character that starts no value.
    Character(char, usize),
    /// A character behind a step.
    BehindStep(char, usize),
    /// `L`, `W` or `#` in a field that does not have it.
    Option(char, usize),
    /// A weekday near a day beyond the 31st.
    Weekday(usize),
    /// A number out of the range of its field.
    Range(CronField),
    /// Years that go backwards.
    Years,
    /// Java finds no number here.
    NoNumber(String),
    /// Java looks for a character behind the end.
    NoCharacter {
        /// Where it looks.
        at: usize,
        /// How many there are.
        length: usize,
    },
    /// Java cuts out more than there is.
    NoPiece {
        /// Where it begins to cut.
        from: usize,
        /// How many there are.
        length: usize,
    },
    /// Java looks for the last of no days.
    NoDays,
}

/// The last year that the server reckons with when a step has no end.
// DIFFERENCE: the server takes the year of its own start and adds 100.
const LAST_YEAR: i64 = 2131;

/// The value that stands for `*`.
const ALL: i64 = 99;
/// The value that stands for `?`.
const NONE: i64 = 98;

/// Checks an expression.
pub(crate) fn check(expression: &str) -> Result<(), CronRefusal> {
    CronSchedule::read(expression).map(|_| ())
}

/// When something is due, as a cron expression says it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CronSchedule {
    /// The values of each field, in the order of [`CronField`].
    values: [BTreeSet<i64>; 7],
    /// Counted from the last day of the month backwards.
    last_of_month: Option<i64>,
    /// The weekday that is nearest to the day of the month.
    nearest_weekday: bool,
    /// The last such day of the week in the month.
    last_of_week: bool,
    /// The n-th such day of the week in the month.
    nth: Option<i64>,
}

impl CronSchedule {
    /// Reads an expression.
    ///
    /// # Errors
    /// At what the server takes offence.
    pub(crate) fn read(expression: &str) -> Result<CronSchedule, CronRefusal> {
        let expression = expression.to_uppercase();
        let mut schedule = CronSchedule::default();
        let mut parts = [
            CronField::Second,
            CronField::Minute,
            CronField::Hour,
            CronField::DayOfMonth,
            CronField::Month,
            CronField::DayOfWeek,
            CronField::Year,
        ]
        .into_iter();
        let mut met = 0;
        for field in expression.split([' ', '\t']).filter(|field| !field.is_empty()) {
            let Some(part) = parts.next() else { break };
            // What Java trims: blanks and control characters, and no other spaces.
            check_field(field.trim_matches(|c| c <= ' '), part, &mut schedule)?;
            met += 1;
        }
        if met < 6 {
            return Err(CronRefusal::TooShort(expression.encode_utf16().count()));
        }
        if met == 6 {
            schedule.set(CronField::Year).extend(1970..=LAST_YEAR);
        }
        let leaves_open = |part: CronField| schedule.values[part as usize].contains(&NONE);
        if leaves_open(CronField::DayOfMonth) == leaves_open(CronField::DayOfWeek) {
            Err(CronRefusal::BothDays)
        } else {
            Ok(schedule)
        }
    }

    fn set(&mut self, part: CronField) -> &mut BTreeSet<i64> {
        &mut self.values[part as usize]
    }

    /// The first instant after another one at which it is due, in whole seconds; `None` if there is none.
    pub(crate) fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let second = after.as_nanos().div_euclid(1_000_000_000) as i64 + 1;
        let (today, now) = (CivilDay::of_second(second), second.rem_euclid(86_400));
        for year in self.values[CronField::Year as usize].range(today.year()..).copied() {
            for month in self.values[CronField::Month as usize].range(1..=12).copied() {
                let Some(begin) = CivilDay::new(year, month, 1).filter(|begin| begin.end_of_month() >= today) else {
                    continue;
                };
                for day in self.days(begin).into_iter().filter(|day| *day >= today) {
                    let from = if day == today { now } else { 0 };
                    if let Some(time) = self.time_from(from) {
                        return Some(Timestamp::from_nanos(i128::from(day.second() + time) * 1_000_000_000));
                    }
                }
            }
        }
        None
    }

    /// The days of the month that begins there at which it is due.
    fn days(&self, begin: CivilDay) -> Vec<CivilDay> {
        let end = begin.end_of_month();
        let every = || (0..=end.number() - begin.number()).map(move |by| begin.plus(by));
        let of_month = &self.values[CronField::DayOfMonth as usize];
        if self.values[CronField::DayOfWeek as usize].contains(&NONE) {
            if self.last_of_month.is_none() && !self.nearest_weekday {
                return every().filter(|day| of_month.contains(&day.day())).collect();
            }
            // Of several days the server looks at the first when it looks for a weekday.
            let number = match (self.last_of_month, of_month.first()) {
                (Some(offset), _) => end.day() - offset,
                (None, Some(first)) => *first,
                (None, None) => return Vec::new(),
            };
            let day = every().find(|day| day.day() == number);
            return day.map(|day| if self.nearest_weekday { nearest_weekday(day) } else { day }).into_iter().collect();
        }
        let of_week = &self.values[CronField::DayOfWeek as usize];
        let first = of_week.first().copied();
        let named = |day: &CivilDay| first == Some(day.of_week());
        match (self.last_of_week, self.nth) {
            (true, _) => every().rfind(named).into_iter().collect(),
            (false, Some(nth)) => every().filter(named).nth(nth as usize - 1).into_iter().collect(),
            (false, None) => every().filter(|day| of_week.contains(&day.of_week())).collect(),
        }
    }

    /// The first second of a day from that one on at which it is due.
    fn time_from(&self, from: i64) -> Option<i64> {
        let [seconds, minutes, hours, ..] = &self.values;
        for hour in hours.range(from / 3600..24) {
            for minute in minutes.range(0..60) {
                let begin = hour * 3600 + minute * 60;
                if let Some(second) = seconds.range(0..60).find(|second| begin + **second >= from) {
                    return Some(begin + second);
                }
            }
        }
        None
    }
}

/// The day from Monday to Friday that is nearest, in the same month.
fn nearest_weekday(day: CivilDay) -> CivilDay {
    match day.of_week() {
        7 if day.day() == 1 => day.plus(2),
        7 => day.plus(-1),
        1 if day == day.end_of_month() => day.plus(-2),
        1 => day.plus(1),
        _ => day,
    }
}

fn check_field(field: &str, part: CronField, schedule: &mut CronSchedule) -> Result<(), CronRefusal> {
    let is_list = field.contains('L') && field.chars().count() > 1 && field.contains(',');
    match part {
        CronField::DayOfMonth if is_list => return Err(CronRefusal::LastInDaysOfMonth),
        CronField::DayOfWeek if is_list => return Err(CronRefusal::LastInDaysOfWeek),
        CronField::DayOfWeek if field.matches('#').count() > 1 => return Err(CronRefusal::SeveralNth),
        _ => {}
    }
    for value in field.split(',').filter(|value| !value.is_empty()) {
        let text: Vec<char> = value.chars().collect();
        Value { text: &text, part, schedule }.check()?;
    }
    Ok(())
}

/// One value of a field.
struct Value<'a> {
    text: &'a [char],
    part: CronField,
    schedule: &'a mut CronSchedule,
}

impl Value<'_> {
    fn check(&mut self) -> Result<(), CronRefusal> {
        match self.text[0] {
            'A'..='Z' if !self.is_last() => self.named(),
            '?' => self.no_matter(),
            '*' | '/' => self.every(),
            'L' => self.last(),
            '0'..='9' => self.numbered(),
            other => Err(CronRefusal::Character(other, 0)),
        }
    }

    /// `L`, `LW`, or `L-3` and `L-3W`.
    fn is_last(&self) -> bool {
        match self.text {
            ['L'] | ['L', 'W'] => true,
            ['L', '-', rest @ ..] => {
                let digits = rest.iter().take_while(|c| c.is_ascii_digit()).count();
                matches!(&rest[digits..], [] | ['W'])
            }
            _ => false,
        }
    }

    fn piece(&self, from: usize) -> Result<String, CronRefusal> {
        let piece = self.text.get(from..from + 3).ok_or(CronRefusal::NoPiece { from, length: self.text.len() })?;
        Ok(piece.iter().collect())
    }

    fn at(&self, at: usize) -> Result<char, CronRefusal> {
        self.text.get(at).copied().ok_or(CronRefusal::NoCharacter { at, length: self.text.len() })
    }

    fn digit(&self, at: usize) -> Result<i64, CronRefusal> {
        let character = self.at(at)?;
        character.to_digit(10).map(i64::from).ok_or_else(|| CronRefusal::NoNumber(character.to_string()))
    }

    /// The number whose first digit is `first` and whose others stand at `at`, and where it ends.
    fn number(&self, first: i64, at: usize) -> Result<(i64, usize), CronRefusal> {
        self.at(at)?;
        let digits: String = self.text[at..].iter().take_while(|c| c.is_ascii_digit()).collect();
        let text = format!("{first}{digits}");
        let number: i32 = text.parse().map_err(|_| CronRefusal::NoNumber(text))?;
        Ok((number.into(), at + digits.len()))
    }

    fn nth(&mut self, at: usize) -> Result<(), CronRefusal> {
        let text: String = self.text[at..].iter().collect();
        match text.parse::<i32>() {
            Ok(nth @ 1..=5) => {
                self.schedule.nth = Some(nth.into());
                Ok(())
            }
            _ => Err(CronRefusal::Nth(at)),
        }
    }

    /// A month or a day by its name, alone or as the start of a range.
    fn named(&mut self) -> Result<(), CronRefusal> {
        let name = |this: &Self, from: usize| -> Result<i64, CronRefusal> {
            const MONTHS: [&str; 12] =
                ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
            const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
            let piece = this.piece(from)?;
            let number = |names: &[&str]| names.iter().position(|name| *name == piece).map(|at| at as i64 + 1);
            match this.part {
                CronField::Month => number(&MONTHS).ok_or_else(|| CronRefusal::Month(piece.clone(), from)),
                CronField::DayOfWeek => number(&DAYS).ok_or_else(|| CronRefusal::Day(piece.clone(), from)),
                _ => Err(CronRefusal::Letters(piece.clone(), from)),
            }
        };
        let start = name(self, 0)?;
        match self.text.get(3) {
            Some('-') => {
                let end = name(self, 4)?;
                self.add(start, end, 1)
            }
            Some('#') if self.part == CronField::DayOfWeek => {
                self.nth(4)?;
                self.add(start, -1, 0)
            }
            other => {
                // Of a month nobody asks what stands behind its name.
                self.schedule.last_of_week |= self.part == CronField::DayOfWeek && other == Some(&'L');
                self.add(start, -1, 0)
            }
        }
    }

    fn no_matter(&mut self) -> Result<(), CronRefusal> {
        if self.text.len() > 2 {
            return Err(CronRefusal::BehindAny(self.text[1], 1));
        }
        match self.part {
            CronField::DayOfMonth => {}
            CronField::DayOfWeek if self.schedule.last_of_month.is_some() => {}
            CronField::DayOfWeek => {
                let days = self.schedule.set(CronField::DayOfMonth);
                if days.is_empty() {
                    return Err(CronRefusal::NoDays);
                }
                if days.contains(&NONE) && !days.contains(&ALL) {
                    return Err(CronRefusal::NeitherDay(1));
                }
            }
            _ => return Err(CronRefusal::AnyHere(1)),
        }
        self.add(NONE, -1, 0)
    }

    fn every(&mut self) -> Result<(), CronRefusal> {
        let slash = match self.text {
            ['*'] => return self.add(ALL, -1, 0),
            ['/'] => return Err(CronRefusal::NoStep(0)),
            ['*', ..] => 1,
            _ => 0,
        };
        if self.text[slash] != '/' {
            return self.add(ALL, -1, 1);
        }
        let from = slash + 1;
        if from >= self.text.len() {
            return Err(CronRefusal::End(from));
        }
        let text: String = self.text[from..].iter().collect();
        let step: i32 = text.parse().map_err(|_| CronRefusal::NoNumber(text))?;
        let at = from + if step > 10 { 2 } else { 1 };
        let (most, bound) = match self.part {
            CronField::Second | CronField::Minute => (59, 60),
            CronField::Hour => (23, 24),
            CronField::DayOfMonth => (31, 31),
            CronField::DayOfWeek => (7, 7),
            CronField::Month => (12, 12),
            CronField::Year => (i32::MAX, 0),
        };
        if step > most {
            return Err(CronRefusal::Step { step, bound, at });
        }
        self.add(ALL, -1, step.into())
    }

    fn last(&mut self) -> Result<(), CronRefusal> {
        match self.part {
            CronField::DayOfMonth => {
                self.schedule.last_of_month = Some(0);
                if self.text.get(1) == Some(&'-') {
                    let (offset, _) = self.number(0, 2)?;
                    if offset > 30 {
                        return Err(CronRefusal::LastOffset(2));
                    }
                    self.schedule.last_of_month = Some(offset);
                }
                self.schedule.nearest_weekday |= self.text.last() == Some(&'W');
                Ok(())
            }
            CronField::DayOfWeek => self.add(7, 7, 0),
            _ => Ok(()),
        }
    }

    fn numbered(&mut self) -> Result<(), CronRefusal> {
        let first = self.digit(0)?;
        let (value, at) = match self.text.get(1) {
            None => return self.add(first, -1, -1),
            Some('0'..='9') => self.number(first, 1)?,
            Some(_) => (first, 1),
        };
        match self.text.get(at) {
            None => self.add(value, -1, -1),
            Some('L') => match self.part {
                CronField::DayOfWeek if (1..=7).contains(&value) => {
                    self.schedule.last_of_week = true;
                    self.keep([value])
                }
                CronField::DayOfWeek => Err(CronRefusal::Range(CronField::DayOfWeek)),
                _ => Err(CronRefusal::Option('L', at)),
            },
            Some('W') => match self.part {
                CronField::DayOfMonth if value > 31 => Err(CronRefusal::Weekday(at)),
                CronField::DayOfMonth => {
                    self.schedule.nearest_weekday = true;
                    self.keep([value])
                }
                _ => Err(CronRefusal::Option('W', at)),
            },
            Some('#') => match self.part {
                CronField::DayOfWeek => {
                    self.nth(at + 1)?;
                    self.keep([value])
                }
                _ => Err(CronRefusal::Option('#', at)),
            },
            Some('-') => self.range(value, at + 1),
            Some('/') => {
                let step = self.digit(at + 1)?;
                match self.text.get(at + 2) {
                    None => self.add(value, -1, step),
                    Some('0'..='9') => {
                        let (step, _) = self.number(step, at + 2)?;
                        self.add(value, -1, step)
                    }
                    Some(other) => Err(CronRefusal::BehindStep(*other, at + 2)),
                }
            }
            Some(_) => self.add(value, -1, 0),
        }
    }

    /// A range whose end stands at `at`, and perhaps a step behind it.
    fn range(&mut self, value: i64, at: usize) -> Result<(), CronRefusal> {
        let (mut end, mut at) = (self.digit(at)?, at + 1);
        if matches!(self.text.get(at), Some('0'..='9')) {
            (end, at) = self.number(end, at)?;
        }
        if self.text.get(at) != Some(&'/') {
            return self.add(value, end, 1);
        }
        let mut step = self.digit(at + 1)?;
        if matches!(self.text.get(at + 2), Some('0'..='9')) {
            (step, _) = self.number(step, at + 2)?;
        }
        self.add(value, end, step)
    }

    /// Adds values to the field's set: the one, or all from it to `end` by `step`.
    fn add(&mut self, value: i64, end: i64, step: i64) -> Result<(), CronRefusal> {
        let special =
            value == ALL || (value == NONE && matches!(self.part, CronField::DayOfMonth | CronField::DayOfWeek));
        let in_range = match self.part {
            CronField::Second | CronField::Minute => (0..=59).contains(&value) && end <= 59,
            CronField::Hour => (0..=23).contains(&value) && end <= 23,
            CronField::DayOfMonth => (1..=31).contains(&value) && end <= 31,
            CronField::Month => (1..=12).contains(&value) && end <= 12,
            CronField::DayOfWeek => (1..=7).contains(&value) && end <= 7,
            CronField::Year => true,
        };
        if !special && !in_range {
            return Err(CronRefusal::Range(self.part));
        }
        if matches!(step, 0 | -1) && value != ALL {
            return self.keep([value]);
        }
        let (first, last, turn) = match self.part {
            CronField::Second | CronField::Minute => (0, 59, 60),
            CronField::Hour => (0, 23, 24),
            CronField::DayOfMonth => (1, 31, 31),
            CronField::Month => (1, 12, 12),
            CronField::DayOfWeek => (1, 7, 7),
            CronField::Year => (1970, LAST_YEAR, 0),
        };
        let start = if value == ALL { first } else { value };
        let stop = if end == -1 { last } else { end };
        if value == ALL && step <= 0 {
            // Only `*` alone leaves a mark that it was all of them.
            self.keep([ALL])?;
        }
        if stop >= start {
            return self.keep((start..=stop).step_by(step.max(1) as usize));
        }
        if self.part == CronField::Year {
            return Err(CronRefusal::Years);
        }
        // Over the end of the hour, the day, the week, and on from its beginning.
        let around = (start..=stop + turn).step_by(step.max(1) as usize);
        self.keep(around.map(|value| if first == 1 && value % turn == 0 { turn } else { value % turn }))
    }

    fn keep(&mut self, values: impl IntoIterator<Item = i64>) -> Result<(), CronRefusal> {
        self.schedule.set(self.part).extend(values);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_scheduler_takes() {
        for expression in [
            "0 0 0 * * ?",
            "0 0 0 ? * mon",
            "0 0/5 14,18 * * ?",
            "0 15 10 L * ?",
            "0 15 10 L-3W * ?",
            "0 15 10 LW * ?",
            "0 15 10 15W * ?",
            "0 15 10 ? * 6#3",
            "0 15 10 ? * FRI#3",
            "0 15 10 ? * 6L",
            "0 15 10 ? * FRIL",
            "0 15 10 ? JAN-mar MON-FRI",
            "0 0 22-2 ? nov-feb *",
            "0\u{1} \u{b}0 0 * * ?",
            "0\t30 6 * * ? 2030-2040/2",
            "0 0 0 1 1 ? 2031 and what not",
            "*/5 */10 /3 */2 * ?",
            "L 0 0 * * ?",
            "5x 0 0 * * ?",
            // The server takes 99 for its own mark of `*`.
            "99 0 99 * * ?",
        ] {
            assert_eq!(check(expression), Ok(()), "{expression}");
        }
    }

    #[test]
    fn at_what_it_takes_offence() {
        for (expression, offence) in [
            ("", CronRefusal::TooShort(0)),
            ("0 0 0 * *", CronRefusal::TooShort(9)),
            ("61 0 0 * * ?", CronRefusal::Range(CronField::Second)),
            ("98 0 0 * * ?", CronRefusal::Range(CronField::Second)),
            ("0 60 0 * * ?", CronRefusal::Range(CronField::Minute)),
            ("0 0 24 * * ?", CronRefusal::Range(CronField::Hour)),
            ("0 0 0 0 * ?", CronRefusal::Range(CronField::DayOfMonth)),
            ("0 0 0 1 13 ?", CronRefusal::Range(CronField::Month)),
            ("0 0 0 ? * 8", CronRefusal::Range(CronField::DayOfWeek)),
            ("0 0 0 ? * 0", CronRefusal::Range(CronField::DayOfWeek)),
            ("0 0 0 ? * 9L", CronRefusal::Range(CronField::DayOfWeek)),
            ("0 0 0 * * *", CronRefusal::BothDays),
            ("0 0 0 ? * ?", CronRefusal::NeitherDay(1)),
            ("0 0 0 L,3 * ?", CronRefusal::LastInDaysOfMonth),
            ("0 0 0 ? * 6L,3", CronRefusal::LastInDaysOfWeek),
            ("0 0 0 ? * 1#2,2#3", CronRefusal::SeveralNth),
            ("0 0 0 ? * 6#9", CronRefusal::Nth(2)),
            ("0 0 0 ? * FRI#", CronRefusal::Nth(4)),
            ("0 0 0 1 FOO ?", CronRefusal::Month("FOO".into(), 0)),
            ("0 0 0 1 JAN-FOO ?", CronRefusal::Month("FOO".into(), 4)),
            ("0 0 0 ? * FOO", CronRefusal::Day("FOO".into(), 0)),
            ("MON 0 0 * * ?", CronRefusal::Letters("MON".into(), 0)),
            ("0 0 0 ?12 * ?", CronRefusal::BehindAny('1', 1)),
            ("? 0 0 * * ?", CronRefusal::AnyHere(1)),
            ("/ 0 0 * * ?", CronRefusal::NoStep(0)),
            ("*/ 0 0 * * ?", CronRefusal::End(2)),
            ("*/70 0 0 * * ?", CronRefusal::Step { step: 70, bound: 60, at: 4 }),
            ("0 0 */24 * * ?", CronRefusal::Step { step: 24, bound: 24, at: 4 }),
            ("0 0 0 L-31 * ?", CronRefusal::LastOffset(2)),
            ("\u{a0}0 0 0 * * ?", CronRefusal::Character('\u{a0}', 0)),
            ("& 0 0 * * ?", CronRefusal::Character('&', 0)),
            ("0/5x 0 0 * * ?", CronRefusal::BehindStep('X', 3)),
            ("5L 0 0 * * ?", CronRefusal::Option('L', 1)),
            ("5W 0 0 * * ?", CronRefusal::Option('W', 1)),
            ("5#2 0 0 * * ?", CronRefusal::Option('#', 1)),
            ("0 0 0 32W * ?", CronRefusal::Weekday(2)),
            ("0 0 0 1 1 ? 2040-2030", CronRefusal::Years),
            ("*/x 0 0 * * ?", CronRefusal::NoNumber("X".into())),
            ("99999999999 0 0 * * ?", CronRefusal::NoNumber("99999999999".into())),
            ("1-x 0 0 * * ?", CronRefusal::NoNumber("X".into())),
            ("1- 0 0 * * ?", CronRefusal::NoCharacter { at: 2, length: 2 }),
            ("0 0 0 L- * ?", CronRefusal::NoCharacter { at: 2, length: 2 }),
            ("0 0 0 1 JA ?", CronRefusal::NoPiece { from: 0, length: 2 }),
            ("0 0 0 , * ?", CronRefusal::NoDays),
        ] {
            assert_eq!(check(expression), Err(offence), "{expression}");
        }
    }

    #[test]
    fn when_it_is_due_next() {
        // 2031-05-01 is a Thursday.
        for (expression, after, due) in [
            ("0 0 0 * * ?", "2031-05-01T10:00:00Z", "2031-05-02T00:00:00Z"),
            ("0 0 0 * * ?", "2031-05-01T00:00:00Z", "2031-05-02T00:00:00Z"),
            ("0 0 0 * * ?", "2031-04-30T23:59:59.999Z", "2031-05-01T00:00:00Z"),
            ("0 0/5 * * * ?", "2031-05-01T10:02:00Z", "2031-05-01T10:05:00Z"),
            ("0 0/5 14,18 * * ?", "2031-05-01T14:55:00Z", "2031-05-01T18:00:00Z"),
            ("*/10 * * * * ?", "2031-05-01T10:00:50.500Z", "2031-05-01T10:01:00Z"),
            ("5/20 59 23 * * ?", "2031-05-01T23:59:45Z", "2031-05-02T23:59:05Z"),
            ("0 10-12/2 * * * ?", "2031-05-01T10:10:00Z", "2031-05-01T10:12:00Z"),
            // Over the end of a field and on from its beginning.
            ("0 0 22-2 * * ?", "2031-05-01T23:30:00Z", "2031-05-02T00:00:00Z"),
            ("0 0 22-2 * * ?", "2031-05-01T02:30:00Z", "2031-05-01T22:00:00Z"),
            ("0 0 0 1 nov-feb ?", "2031-03-01T00:00:00Z", "2031-11-01T00:00:00Z"),
            ("0 0 0 1 nov-feb ?", "2031-12-02T00:00:00Z", "2032-01-01T00:00:00Z"),
            ("0 0 0 ? * FRI-MON", "2031-05-05T00:00:00Z", "2031-05-09T00:00:00Z"),
            ("0 0 0 30-2 * ?", "2031-05-02T00:00:00Z", "2031-05-30T00:00:00Z"),
            // Days of the month.
            ("0 0 0 31 * ?", "2031-05-31T00:00:00Z", "2031-07-31T00:00:00Z"),
            ("0 0 0 29 2 ?", "2031-05-01T00:00:00Z", "2032-02-29T00:00:00Z"),
            ("0 0 0 29 2 ?", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"),
            ("0 15 10 L * ?", "2031-05-31T10:15:00Z", "2031-06-30T10:15:00Z"),
            ("0 15 10 L 2 ?", "2031-05-31T10:15:00Z", "2032-02-29T10:15:00Z"),
            ("0 15 10 L-3 * ?", "2031-05-01T00:00:00Z", "2031-05-28T10:15:00Z"),
            ("0 15 10 L-30 * ?", "2031-05-02T00:00:00Z", "2031-07-01T10:15:00Z"),
            // Weekdays: the 31st of May 2031 is a Saturday, the 1st of June a Sunday.
            ("0 15 10 LW * ?", "2031-05-01T00:00:00Z", "2031-05-30T10:15:00Z"),
            ("0 15 10 LW * ?", "2031-08-01T00:00:00Z", "2031-08-29T10:15:00Z"),
            ("0 15 10 L-1W * ?", "2031-06-01T00:00:00Z", "2031-06-30T10:15:00Z"),
            ("0 15 10 1W * ?", "2031-05-02T00:00:00Z", "2031-06-02T10:15:00Z"),
            ("0 15 10 1W * ?", "2031-10-31T00:00:00Z", "2031-11-03T10:15:00Z"),
            ("0 15 10 31W * ?", "2031-05-01T00:00:00Z", "2031-05-30T10:15:00Z"),
            ("0 15 10 31W * ?", "2031-08-01T00:00:00Z", "2031-08-29T10:15:00Z"),
            ("0 15 10 15W,20 * ?", "2031-05-15T10:15:00Z", "2031-06-16T10:15:00Z"),
            // Days of the week: 1 is Sunday.
            ("0 15 10 ? * MON", "2031-05-01T00:00:00Z", "2031-05-05T10:15:00Z"),
            ("0 15 10 ? * 2,6", "2031-05-01T00:00:00Z", "2031-05-02T10:15:00Z"),
            ("0 15 10 ? * 6L", "2031-05-01T00:00:00Z", "2031-05-30T10:15:00Z"),
            ("0 15 10 ? * FRIL", "2031-05-30T10:15:00Z", "2031-06-27T10:15:00Z"),
            ("0 15 10 ? * L", "2031-05-01T00:00:00Z", "2031-05-03T10:15:00Z"),
            ("0 15 10 ? * 6#3", "2031-05-01T00:00:00Z", "2031-05-16T10:15:00Z"),
            ("0 15 10 ? * FRI#5", "2031-05-31T00:00:00Z", "2031-08-29T10:15:00Z"),
            ("0 15 10 ? JAN-mar MON-FRI", "2031-05-01T00:00:00Z", "2032-01-01T10:15:00Z"),
            // Years.
            ("0 0 0 1 1 ? 2031", "2030-06-01T00:00:00Z", "2031-01-01T00:00:00Z"),
            ("0 30 6 * * ? 2030-2040/2", "2031-05-01T00:00:00Z", "2032-01-01T06:30:00Z"),
            ("0 0 0 1 1 ? 2031", "2031-05-01T00:00:00Z", ""),
            ("0 0 0 30 2 ?", "2031-05-01T00:00:00Z", ""),
            // The server knows no such second.
            ("L 0 0 * * ?", "2031-05-01T00:00:00Z", ""),
            ("99 0 99 * * ?", "2031-05-01T00:00:00Z", "2031-05-01T00:00:01Z"),
        ] {
            let schedule = CronSchedule::read(expression).unwrap_or_else(|offence| panic!("{expression}: {offence:?}"));
            let instant = |text: &str| text.parse::<Timestamp>().ok();
            let after = instant(after).expect("an instant");
            assert_eq!(schedule.next_after(after), instant(due), "{expression} after {after}");
        }
    }
}
