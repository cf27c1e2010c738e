//! What the server says of a cron expression.
//!
//! Source: Elasticsearch 9.x, its cron parser: whatever goes wrong is told as Java prints it, within
//! two sentences of the parser's own.

use crate::es::connector::cron::{CronField, CronOffence};
use crate::es::error::{Exception, illegal_argument};

/// A text that is no cron expression.
pub(crate) fn no_cron(text: &str, offence: &CronOffence) -> Exception {
    let detail = format!("illegal cron expression format [{}]", printed(offence));
    illegal_argument(format!("invalid cron expression [{text}]")).caused_by(illegal_argument(detail))
}

/// The exception that Java throws first, as it prints it.
fn printed(offence: &CronOffence) -> String {
    let java = |name: &str, words: String| format!("java.lang.{name}: {words}");
    match offence {
        CronOffence::NoNumber(text) => java("NumberFormatException", format!("For input string: \"{text}\"")),
        CronOffence::NoCharacter { at, length } => {
            java("StringIndexOutOfBoundsException", format!("Index {at} out of bounds for length {length}"))
        }
        CronOffence::NoPiece { from, length } => {
            java("StringIndexOutOfBoundsException", format!("begin {from}, end {}, length {length}", from + 3))
        }
        CronOffence::NoDays => "java.util.NoSuchElementException".to_owned(),
        offence => java("IllegalArgumentException", words(offence)),
    }
}

fn words(offence: &CronOffence) -> String {
    match offence {
        CronOffence::TooShort(length) => format!("unexpected end of expression at pos [{length}]."),
        CronOffence::BothDays => {
            "support for specifying both a day-of-week AND a day-of-month parameter is not implemented.".to_owned()
        }
        CronOffence::NeitherDay(at) => {
            format!("'?' can only be specified for Day-of-Month -OR- Day-of-Week. at pos [{at}]")
        }
        CronOffence::LastInDaysOfMonth => {
            "support for specifying 'L' and 'LW' with other days of the month is not implemented".to_owned()
        }
        CronOffence::LastInDaysOfWeek => {
            "support for specifying 'L' with other days of the week is not implemented".to_owned()
        }
        CronOffence::SeveralNth => "support for specifying multiple \"nth\" days is not implemented.".to_owned(),
        CronOffence::Nth(at) => format!("a numeric value between 1 and 5 must follow the '#' option at pos [{at}]"),
        CronOffence::Month(name, at) => format!("invalid Month value [{name}] at pos [{at}]"),
        CronOffence::Day(name, at) => format!("invalid Day-of-Week value [{name}] at pos [{at}]"),
        CronOffence::Letters(letters, at) => format!("illegal characters [{letters}] at pos [{at}] '"),
        CronOffence::BehindAny(character, at) => format!("illegal character [{character}] after '?' at pos [{at}]"),
        CronOffence::AnyHere(at) => {
            format!("'?' can only be specified for Day-of-Month or Day-of-Week. at pos [{at}]")
        }
        CronOffence::NoStep(at) => format!("'/' must be followed by an integer. at pos [{at}]"),
        CronOffence::End(at) => format!("Unexpected end of string. at pos [{at}]"),
        CronOffence::Step { step, bound, at } => {
            // Two of the server's sentences end in a blank.
            let end = if matches!(bound, 31 | 7) { " " } else { "" };
            format!("increment [{step}] > {bound} at pos [{at}]{end}")
        }
        CronOffence::LastOffset(at) => format!("offset from last day must be <= 30 at pos [{at}]"),
        CronOffence::Character(character, at) => format!("Unexpected character [{character}] at pos [{at}] "),
        CronOffence::BehindStep(character, at) => format!("Unexpected character [{character}] after '/' at pos [{at}]"),
        CronOffence::Option(option, at) => format!("'{option}' option is not valid here. at pos [{at}]"),
        CronOffence::Weekday(at) => format!(
            "the 'W' option does not make sense with values larger than 31 (max number of days in a month) at pos \
             [{at}]"
        ),
        CronOffence::Range(part) => range(*part).to_owned(),
        CronOffence::Years => "Start year must be less than stop year".to_owned(),
        CronOffence::NoNumber(_)
        | CronOffence::NoCharacter { .. }
        | CronOffence::NoPiece { .. }
        | CronOffence::NoDays => String::new(),
    }
}

fn range(part: CronField) -> &'static str {
    match part {
        CronField::Second | CronField::Minute => "Minute and Second values must be between 0 and 59",
        CronField::Hour => "Hour values must be between 0 and 23",
        CronField::DayOfMonth => "Day of month values must be between 1 and 31",
        CronField::Month => "Month values must be between 1 and 12",
        CronField::DayOfWeek => "Day-of-Week values must be between 1 and 7",
        // The server bounds no years.
        CronField::Year => "",
    }
}
