//! Cron expressions: what Elasticsearch's scheduler takes, and at what it takes offence.
//!
//! Six fields and perhaps a year, apart by blanks. Only the form counts here: nobody in a mock waits
//! for the hour. The server reads upper case, so a position is one in the capitals of a field.
//!
//! Source: Elasticsearch 9.x, its fork of Quartz's cron parser, oddities included: it ignores what
//! stands behind the year, takes `L` in any field, and trips over texts that end too early.

/// A field of an expression, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
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

/// At what the server takes offence, with the facts that its words need.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Offence {
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
    Range(Part),
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
const YEAR_MAX: i64 = 2131;

/// The value that stands for `*`.
const ALL: i64 = 99;
/// The value that stands for `?`.
const NONE: i64 = 98;

/// Checks an expression.
pub(crate) fn check(expression: &str) -> Result<(), Offence> {
    let expression = expression.to_uppercase();
    let mut days = Days::default();
    let mut parts =
        [Part::Second, Part::Minute, Part::Hour, Part::DayOfMonth, Part::Month, Part::DayOfWeek, Part::Year]
            .into_iter();
    let mut met = 0;
    for field in expression.split([' ', '\t']).filter(|field| !field.is_empty()) {
        let Some(part) = parts.next() else { break };
        // What Java trims: blanks and control characters, and no other spaces.
        check_field(field.trim_matches(|c| c <= ' '), part, &mut days)?;
        met += 1;
    }
    if met < 6 {
        return Err(Offence::TooShort(expression.encode_utf16().count()));
    }
    if days.of_month.none == days.of_week.none { Err(Offence::BothDays) } else { Ok(()) }
}

/// What is known of the days when the later fields are read.
#[derive(Default)]
struct Days {
    of_month: Set,
    of_week: Set,
    last_of_month: bool,
}

/// What is in a field's set of values, as far as anybody asks.
#[derive(Default)]
struct Set {
    any: bool,
    none: bool,
    all: bool,
}

fn check_field(field: &str, part: Part, days: &mut Days) -> Result<(), Offence> {
    let is_list = field.contains('L') && field.chars().count() > 1 && field.contains(',');
    match part {
        Part::DayOfMonth if is_list => return Err(Offence::LastInDaysOfMonth),
        Part::DayOfWeek if is_list => return Err(Offence::LastInDaysOfWeek),
        Part::DayOfWeek if field.matches('#').count() > 1 => return Err(Offence::SeveralNth),
        _ => {}
    }
    for value in field.split(',').filter(|value| !value.is_empty()) {
        let text: Vec<char> = value.chars().collect();
        Value { text: &text, part, days }.check()?;
    }
    Ok(())
}

/// One value of a field.
struct Value<'a> {
    text: &'a [char],
    part: Part,
    days: &'a mut Days,
}

impl Value<'_> {
    fn check(&mut self) -> Result<(), Offence> {
        match self.text[0] {
            'A'..='Z' if !self.is_last() => self.named(),
            '?' => self.no_matter(),
            '*' | '/' => self.every(),
            'L' => self.last(),
            '0'..='9' => self.numbered(),
            other => Err(Offence::Character(other, 0)),
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

    fn piece(&self, from: usize) -> Result<String, Offence> {
        let piece = self.text.get(from..from + 3).ok_or(Offence::NoPiece { from, length: self.text.len() })?;
        Ok(piece.iter().collect())
    }

    fn at(&self, at: usize) -> Result<char, Offence> {
        self.text.get(at).copied().ok_or(Offence::NoCharacter { at, length: self.text.len() })
    }

    fn digit(&self, at: usize) -> Result<i64, Offence> {
        let character = self.at(at)?;
        character.to_digit(10).map(i64::from).ok_or_else(|| Offence::NoNumber(character.to_string()))
    }

    /// The number whose first digit is `first` and whose others stand at `at`, and where it ends.
    fn number(&self, first: i64, at: usize) -> Result<(i64, usize), Offence> {
        self.at(at)?;
        let digits: String = self.text[at..].iter().take_while(|c| c.is_ascii_digit()).collect();
        let text = format!("{first}{digits}");
        let number: i32 = text.parse().map_err(|_| Offence::NoNumber(text))?;
        Ok((number.into(), at + digits.len()))
    }

    fn nth(&self, at: usize) -> Result<(), Offence> {
        let text: String = self.text[at..].iter().collect();
        match text.parse::<i32>() {
            Ok(1..=5) => Ok(()),
            _ => Err(Offence::Nth(at)),
        }
    }

    /// A month or a day by its name, alone or as the start of a range.
    fn named(&mut self) -> Result<(), Offence> {
        let name = |this: &Self, from: usize| -> Result<i64, Offence> {
            const MONTHS: [&str; 12] =
                ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
            const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
            let piece = this.piece(from)?;
            let number = |names: &[&str]| names.iter().position(|name| *name == piece).map(|at| at as i64 + 1);
            match this.part {
                Part::Month => number(&MONTHS).ok_or_else(|| Offence::Month(piece.clone(), from)),
                Part::DayOfWeek => number(&DAYS).ok_or_else(|| Offence::Day(piece.clone(), from)),
                _ => Err(Offence::Letters(piece.clone(), from)),
            }
        };
        let start = name(self, 0)?;
        match self.text.get(3) {
            Some('-') => {
                let end = name(self, 4)?;
                self.add(start, end, 1)
            }
            Some('#') if self.part == Part::DayOfWeek => {
                self.nth(4)?;
                self.add(start, -1, 0)
            }
            _ => self.add(start, -1, 0),
        }
    }

    fn no_matter(&mut self) -> Result<(), Offence> {
        if self.text.len() > 2 {
            return Err(Offence::BehindAny(self.text[1], 1));
        }
        match self.part {
            Part::DayOfMonth => {}
            Part::DayOfWeek if self.days.last_of_month => {}
            Part::DayOfWeek => match self.days.of_month {
                Set { any: false, .. } => return Err(Offence::NoDays),
                Set { none: true, all: false, .. } => return Err(Offence::NeitherDay(1)),
                _ => {}
            },
            _ => return Err(Offence::AnyHere(1)),
        }
        self.add(NONE, -1, 0)
    }

    fn every(&mut self) -> Result<(), Offence> {
        let slash = match self.text {
            ['*'] => return self.add(ALL, -1, 0),
            ['/'] => return Err(Offence::NoStep(0)),
            ['*', ..] => 1,
            _ => 0,
        };
        if self.text[slash] != '/' {
            return self.add(ALL, -1, 1);
        }
        let from = slash + 1;
        if from >= self.text.len() {
            return Err(Offence::End(from));
        }
        let text: String = self.text[from..].iter().collect();
        let step: i32 = text.parse().map_err(|_| Offence::NoNumber(text))?;
        let at = from + if step > 10 { 2 } else { 1 };
        let (most, bound) = match self.part {
            Part::Second | Part::Minute => (59, 60),
            Part::Hour => (23, 24),
            Part::DayOfMonth => (31, 31),
            Part::DayOfWeek => (7, 7),
            Part::Month => (12, 12),
            Part::Year => (i32::MAX, 0),
        };
        if step > most {
            return Err(Offence::Step { step, bound, at });
        }
        self.add(ALL, -1, step.into())
    }

    fn last(&mut self) -> Result<(), Offence> {
        match self.part {
            Part::DayOfMonth => {
                self.days.last_of_month = true;
                if self.text.get(1) == Some(&'-') {
                    let (offset, _) = self.number(0, 2)?;
                    if offset > 30 {
                        return Err(Offence::LastOffset(2));
                    }
                }
                Ok(())
            }
            Part::DayOfWeek => self.add(7, 7, 0),
            _ => Ok(()),
        }
    }

    fn numbered(&mut self) -> Result<(), Offence> {
        let first = self.digit(0)?;
        let (value, at) = match self.text.get(1) {
            None => return self.add(first, -1, -1),
            Some('0'..='9') => self.number(first, 1)?,
            Some(_) => (first, 1),
        };
        match self.text.get(at) {
            None => self.add(value, -1, -1),
            Some('L') => match self.part {
                Part::DayOfWeek if (1..=7).contains(&value) => self.keep(value),
                Part::DayOfWeek => Err(Offence::Range(Part::DayOfWeek)),
                _ => Err(Offence::Option('L', at)),
            },
            Some('W') => match self.part {
                Part::DayOfMonth if value > 31 => Err(Offence::Weekday(at)),
                Part::DayOfMonth => self.keep(value),
                _ => Err(Offence::Option('W', at)),
            },
            Some('#') => match self.part {
                Part::DayOfWeek => {
                    self.nth(at + 1)?;
                    self.keep(value)
                }
                _ => Err(Offence::Option('#', at)),
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
                    Some(other) => Err(Offence::BehindStep(*other, at + 2)),
                }
            }
            Some(_) => self.add(value, -1, 0),
        }
    }

    /// A range whose end stands at `at`, and perhaps a step behind it.
    fn range(&mut self, value: i64, at: usize) -> Result<(), Offence> {
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
    fn add(&mut self, value: i64, end: i64, step: i64) -> Result<(), Offence> {
        let special = value == ALL || (value == NONE && matches!(self.part, Part::DayOfMonth | Part::DayOfWeek));
        let in_range = match self.part {
            Part::Second | Part::Minute => (0..=59).contains(&value) && end <= 59,
            Part::Hour => (0..=23).contains(&value) && end <= 23,
            Part::DayOfMonth => (1..=31).contains(&value) && end <= 31,
            Part::Month => (1..=12).contains(&value) && end <= 12,
            Part::DayOfWeek => (1..=7).contains(&value) && end <= 7,
            Part::Year => true,
        };
        if !special && !in_range {
            return Err(Offence::Range(self.part));
        }
        let is_one = matches!(step, 0 | -1) && value != ALL;
        if self.part == Part::Year && !is_one {
            let (start, stop) = (if value == ALL { 1970 } else { value }, if end == -1 { YEAR_MAX } else { end });
            if stop < start {
                return Err(Offence::Years);
            }
        }
        if value == ALL && step > 0 {
            // A step through all values leaves no mark of `*`.
            return self.keep(0);
        }
        self.keep(value)
    }

    fn keep(&mut self, value: i64) -> Result<(), Offence> {
        let set = match self.part {
            Part::DayOfMonth => &mut self.days.of_month,
            Part::DayOfWeek => &mut self.days.of_week,
            _ => return Ok(()),
        };
        set.any = true;
        set.none |= value == NONE;
        set.all |= value == ALL;
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
            ("", Offence::TooShort(0)),
            ("0 0 0 * *", Offence::TooShort(9)),
            ("61 0 0 * * ?", Offence::Range(Part::Second)),
            ("98 0 0 * * ?", Offence::Range(Part::Second)),
            ("0 60 0 * * ?", Offence::Range(Part::Minute)),
            ("0 0 24 * * ?", Offence::Range(Part::Hour)),
            ("0 0 0 0 * ?", Offence::Range(Part::DayOfMonth)),
            ("0 0 0 1 13 ?", Offence::Range(Part::Month)),
            ("0 0 0 ? * 8", Offence::Range(Part::DayOfWeek)),
            ("0 0 0 ? * 0", Offence::Range(Part::DayOfWeek)),
            ("0 0 0 ? * 9L", Offence::Range(Part::DayOfWeek)),
            ("0 0 0 * * *", Offence::BothDays),
            ("0 0 0 ? * ?", Offence::NeitherDay(1)),
            ("0 0 0 L,3 * ?", Offence::LastInDaysOfMonth),
            ("0 0 0 ? * 6L,3", Offence::LastInDaysOfWeek),
            ("0 0 0 ? * 1#2,2#3", Offence::SeveralNth),
            ("0 0 0 ? * 6#9", Offence::Nth(2)),
            ("0 0 0 ? * FRI#", Offence::Nth(4)),
            ("0 0 0 1 FOO ?", Offence::Month("FOO".into(), 0)),
            ("0 0 0 1 JAN-FOO ?", Offence::Month("FOO".into(), 4)),
            ("0 0 0 ? * FOO", Offence::Day("FOO".into(), 0)),
            ("MON 0 0 * * ?", Offence::Letters("MON".into(), 0)),
            ("0 0 0 ?12 * ?", Offence::BehindAny('1', 1)),
            ("? 0 0 * * ?", Offence::AnyHere(1)),
            ("/ 0 0 * * ?", Offence::NoStep(0)),
            ("*/ 0 0 * * ?", Offence::End(2)),
            ("*/70 0 0 * * ?", Offence::Step { step: 70, bound: 60, at: 4 }),
            ("0 0 */24 * * ?", Offence::Step { step: 24, bound: 24, at: 4 }),
            ("0 0 0 L-31 * ?", Offence::LastOffset(2)),
            ("\u{a0}0 0 0 * * ?", Offence::Character('\u{a0}', 0)),
            ("& 0 0 * * ?", Offence::Character('&', 0)),
            ("0/5x 0 0 * * ?", Offence::BehindStep('X', 3)),
            ("5L 0 0 * * ?", Offence::Option('L', 1)),
            ("5W 0 0 * * ?", Offence::Option('W', 1)),
            ("5#2 0 0 * * ?", Offence::Option('#', 1)),
            ("0 0 0 32W * ?", Offence::Weekday(2)),
            ("0 0 0 1 1 ? 2040-2030", Offence::Years),
            ("*/x 0 0 * * ?", Offence::NoNumber("X".into())),
            ("99999999999 0 0 * * ?", Offence::NoNumber("99999999999".into())),
            ("1-x 0 0 * * ?", Offence::NoNumber("X".into())),
            ("1- 0 0 * * ?", Offence::NoCharacter { at: 2, length: 2 }),
            ("0 0 0 L- * ?", Offence::NoCharacter { at: 2, length: 2 }),
            ("0 0 0 1 JA ?", Offence::NoPiece { from: 0, length: 2 }),
            ("0 0 0 , * ?", Offence::NoDays),
        ] {
            assert_eq!(check(expression), Err(offence), "{expression}");
        }
    }
}
