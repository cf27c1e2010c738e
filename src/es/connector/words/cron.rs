//! What the server says of a cron expression.
//!
//! Source: Elasticsearch 9.x, its cron parser: whatever goes wrong is told as Java prints it, within
//! two sentences of the parser's own.

use crate::es::connector::cron::{CronField, CronRefusal};
use crate::es::error::{Exception, illegal_argument};

/// A text that is no cron expression.
pub(crate) fn no_cron(text: &str, offence: &CronRefusal) -> Exception {
    let detail = format!("illegal cron expression format [{}]", printed(offence));
    illegal_argument(format!("invalid cron expression [{text}]")).caused_by(illegal_argument(detail))
}

/// The exception that Java throws first, as it prints it.
fn printed(offence: &CronRefusal) -> String {
    let java = |name: &str, words: String| format!("java.lang.{name}: {words}");
    match offence {
        CronRefusal::NoNumber(text) => java("NumberFormatException", format!("For input string: \"{text}\"")),
        CronRefusal::NoCharacter { at, length } => {
            java("StringIndexOutOfBoundsException", format!("Index {at} out of bounds for length {length}"))
        }
        CronRefusal::NoPiece { from, length } => {
            java("StringIndexOutOfBoundsException", format!("begin {from}, end {}, length {length}", from + 3))
        }
        CronRefusal::NoDays => "java.util.NoSuchElementException".to_owned(),
        offence => java("IllegalArgumentException", words(offence)),
    }
}

fn words(offence: &CronRefusal) -> String {
    match offence {
        CronRefusal::TooShort(length) => format!("unexpected end of expression at pos [{length}]."),
        CronRefusal::BothDays => {
            "support for specifying both a day-of-week AND a day-of-month parameter is not implemented.".to_owned()
        }
        CronRefusal::NeitherDay(at) => {
            format!("'?' can only be specified for Day-of-Month -OR- Day-of-Week. at pos [{at}]")
        }
        CronRefusal::LastInDaysOfMonth => {
            "support for specifying 'L' and 'LW' with other days of the month is not implemented".to_owned()
        }
        CronRefusal::LastInDaysOfWeek => {
            "support for specifying 'L' with other days of the week is not implemented".to_owned()
        }
        CronRefusal::SeveralNth => "support for specifying multiple \"nth\" days is not implemented.".to_owned(),
        CronRefusal::Nth(at) => format!("a numeric value between 1 and 5 must follow the '#' option at pos [{at}]"),
        CronRefusal::Month(name, at) => format!("invalid Month value [{name}] at pos [{at}]"),
        CronRefusal::Day(name, at) => format!("invalid Day-of-Week value [{name}] at pos [{at}]"),
        CronRefusal::Letters(letters, at) => format!("illegal characters [{letters}] at pos [{at}] '"),
        CronRefusal::BehindAny(character, at) => format!("illegal character [{character}] after '?' at pos [{at}]"),
        CronRefusal::AnyHere(at) => {
            format!("'?' can only be specified for Day-of-Month or Day-of-Week. at pos [{at}]")
        }
        CronRefusal::NoStep(at) => format!("'/' must be followed by an integer. at pos [{at}]"),
        CronRefusal::End(at) => format!("Unexpected end of string. at pos [{at}]"),
        CronRefusal::Step { step, bound, at } => {
            // Two of the server's sentences end in a blank.
            let end = if matches!(bound, 31 | 7) { " " } else { "" };
            format!("increment [{step}] > {bound} at pos [{at}]{end}")
        }
        CronRefusal::LastOffset(at) => format!("offset from last day must be <= 30 at pos [{at}]"),
        CronRefusal::Character(character, at) => format!("Unexpected character [{character}] at pos [{at}] "),
        CronRefusal::BehindStep(character, at) => format!("Unexpected character [{character}] after '/' at pos [{at}]"),
        CronRefusal::Option(option, at) => format!("'{option}' option is not valid here. at pos [{at}]"),
        CronRefusal::Weekday(at) => format!(
            "the 'W' option does not make sense with values larger than 31 (max number of days in a month) at pos \
             [{at}]"
        ),
        CronRefusal::Range(part) => range(*part).to_owned(),
        CronRefusal::Years => "Start year must be less than stop year".to_owned(),
        CronRefusal::NoNumber(_)
        | CronRefusal::NoCharacter { .. }
        | CronRefusal::NoPiece { .. }
        | CronRefusal::NoDays => String::new(),
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
