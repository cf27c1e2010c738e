//! Formats of dates: whether one can be read.
//!
//! Source: Elasticsearch 9.x, its named date formats, and the letters of Java's patterns.

/// The named formats, without the `strict_` that most of them may have before them.
const NAMED: &[&str] = &[
    "basic_date",
    "basic_date_time",
    "basic_date_time_no_millis",
    "basic_ordinal_date",
    "basic_ordinal_date_time",
    "basic_ordinal_date_time_no_millis",
    "basic_t_time",
    "basic_t_time_no_millis",
    "basic_time",
    "basic_time_no_millis",
    "basic_week_date",
    "basic_week_date_time",
    "basic_week_date_time_no_millis",
    "date",
    "date_hour",
    "date_hour_minute",
    "date_hour_minute_second",
    "date_hour_minute_second_fraction",
    "date_hour_minute_second_millis",
    "date_optional_time",
    "date_optional_time_nanos",
    "date_time",
    "date_time_no_millis",
    "epoch_millis",
    "epoch_second",
    "hour",
    "hour_minute",
    "hour_minute_second",
    "hour_minute_second_fraction",
    "hour_minute_second_millis",
    "iso8601",
    "ordinal_date",
    "ordinal_date_time",
    "ordinal_date_time_no_millis",
    "t_time",
    "t_time_no_millis",
    "time",
    "time_no_millis",
    "week_date",
    "week_date_time",
    "week_date_time_no_millis",
    "weekyear",
    "weekyear_week",
    "weekyear_week_day",
    "year",
    "year_month",
    "year_month_day",
];

/// The letters that mean something in a pattern.
const LETTERS: &str = "ABDEFGHKLMNOQSVWXYZacdehgkmnpqsuvwxyz";

/// Looks whether a format can be read; several stand beside each other with `||` between them.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check(format: &str) -> Result<(), String> {
    if format.is_empty() {
        return Err("No date pattern provided".to_owned());
    }
    for part in format.split("||") {
        // An 8 before the pattern is from the time when there were two ways of reading them.
        let part = part.strip_prefix('8').unwrap_or(part);
        if part.is_empty() {
            return Err(format!("Cannot have empty element in multi date format pattern: {format}"));
        }
        if !NAMED.contains(&part.strip_prefix("strict_").unwrap_or(part)) {
            pattern(part).map_err(|offence| format!("Invalid format: [{part}]: {offence}"))?;
        }
    }
    Ok(())
}

fn pattern(pattern: &str) -> Result<(), String> {
    let mut letters = pattern.chars().peekable();
    let mut depth = 0_usize;
    while let Some(letter) = letters.next() {
        match letter {
            '\'' if !letters.by_ref().any(|letter| letter == '\'') => {
                return Err(format!("Pattern ends with an incomplete string literal: {pattern}"));
            }
            '[' => depth += 1,
            ']' if depth == 0 => return Err("Pattern invalid as it contains ] without previous [".to_owned()),
            ']' => depth -= 1,
            '{' | '}' | '#' => return Err(format!("Pattern includes reserved character: '{letter}'")),
            letter if letter.is_ascii_alphabetic() && !LETTERS.contains(letter) => {
                return Err(format!("Unknown pattern letter: {letter}"));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_names_or_patterns() {
        for (format, expected) in [
            ("strict_date_optional_time||epoch_millis", None),
            ("yyyy-MM-dd HH:mm:ss", None),
            ("yyyy-MM-dd'T'HH:mm", None),
            ("date_time", None),
            ("yyyy-MM-ddTHH", Some("Invalid format: [yyyy-MM-ddTHH]: Unknown pattern letter: T")),
            ("foo", Some("Invalid format: [foo]: Unknown pattern letter: f")),
            ("", Some("No date pattern provided")),
        ] {
            assert_eq!(check(format).err().as_deref(), expected, "{format}");
        }
    }
}
