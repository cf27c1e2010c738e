//! Kinds of values that stand in texts: those of settings and of parameters.
//!
//! One place for both, so that a time is the same time everywhere. The words of a refusal are `rest::error`'s.
//!
//! Source: Elasticsearch 9.x, `TimeValue`, `ByteSizeValue`, `Booleans`, `ActiveShardCount`, and the parsers of
//! settings.

/// What a text must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ValueKind {
    /// Anything.
    Text,
    /// Texts, separated by commas or in a list.
    List,
    /// `true` or `false`.
    Boolean,
    /// A whole number of 32 bits from the one to the other.
    Int(i32, i32),
    /// A whole number of 64 bits from this one on.
    Long(i64),
    /// A number, with or without a fraction.
    Number,
    /// A length of time, and the least in milliseconds that it may be, with its name.
    Time(i64, &'static str),
    /// A number of bytes.
    Bytes,
    /// One name of an enumeration of Java in any case, and the class that has it.
    Name(&'static [&'static str], &'static str),
    /// One of these words; `none` says what the server says of another.
    Word(&'static [&'static str], NoWord),
    /// `all` or how many copies of a shard.
    ActiveShards,
    /// `false`, or how many copies at least and at most.
    AutoExpand,
}

/// What the server says of a word that is none of those it knows: before it, and of the list itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct NoWord {
    /// `unknown value for [index.codec] must be one of`
    pub before: &'static str,
}

/// Why a text is not what it must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ValueRefusal {
    /// Neither true nor false.
    Boolean,
    /// No number.
    Number,
    /// Too small.
    Below(i64),
    /// Too large.
    Above(i64),
    /// A time without a unit, or of one that there is not.
    TimeUnit,
    /// A time whose number is none.
    TimeNumber,
    /// A time with a fraction.
    TimeFraction,
    /// A time before now.
    TimeNegative,
    /// A time that is too short: the least there may be.
    TimeBelow(&'static str),
    /// Bytes without a unit, or of one that there is not.
    BytesUnit,
    /// Bytes whose number is none.
    BytesNumber,
    /// No name of that class.
    Name(&'static str),
    /// None of these words.
    Word(&'static [&'static str], NoWord),
    /// Neither `all` nor a number.
    ActiveShards,
    /// A number of copies below zero.
    ActiveShardsNegative,
    /// No range of copies.
    AutoExpand,
}

impl ValueKind {
    /// Looks whether a text is what it must be.
    ///
    /// # Errors
    /// Why it is not.
    pub(crate) fn check(self, text: &str) -> Result<(), ValueRefusal> {
        match self {
            ValueKind::Text | ValueKind::List => Ok(()),
            ValueKind::Boolean if matches!(text, "true" | "false") => Ok(()),
            ValueKind::Boolean => Err(ValueRefusal::Boolean),
            ValueKind::Int(least, most) => number(text, least.into(), most.into()),
            ValueKind::Long(least) => number(text, least, i64::MAX),
            ValueKind::Number => text.parse::<f64>().map(|_| ()).map_err(|_| ValueRefusal::Number),
            ValueKind::Time(least, named) => match time_millis(text)? {
                millis if millis < least => Err(ValueRefusal::TimeBelow(named)),
                _ => Ok(()),
            },
            ValueKind::Bytes => bytes(text).map(|_| ()),
            ValueKind::Name(names, class) => {
                let is_known = names.iter().any(|name| name.eq_ignore_ascii_case(text));
                if is_known { Ok(()) } else { Err(ValueRefusal::Name(class)) }
            }
            ValueKind::Word(words, none) => {
                if words.contains(&text) {
                    Ok(())
                } else {
                    Err(ValueRefusal::Word(words, none))
                }
            }
            ValueKind::ActiveShards => active_shards(text),
            ValueKind::AutoExpand => match (text, text.split_once('-')) {
                ("false", _) => Ok(()),
                (_, Some((least, most)))
                    if least.parse::<u32>().is_ok() && (most == "all" || most.parse::<u32>().is_ok()) =>
                {
                    Ok(())
                }
                _ => Err(ValueRefusal::AutoExpand),
            },
        }
    }
}

fn number(text: &str, least: i64, most: i64) -> Result<(), ValueRefusal> {
    // A number that is too long for the machine is still a number, and out of bounds.
    match text.parse::<i128>() {
        Err(_) => Err(ValueRefusal::Number),
        Ok(number) if number < least.into() => Err(ValueRefusal::Below(least)),
        Ok(number) if number > most.into() => Err(ValueRefusal::Above(most)),
        Ok(_) => Ok(()),
    }
}

/// A length of time in milliseconds; -1 stands for none or for ever, which a setting may say.
///
/// # Errors
/// A text that is no time.
pub(crate) fn time_millis(text: &str) -> Result<i64, ValueRefusal> {
    let lower = text.trim().to_ascii_lowercase();
    let units: [(&str, i64, i64); 7] = [
        ("nanos", 1, 1_000_000),
        ("micros", 1, 1_000),
        ("ms", 1, 1),
        ("s", 1_000, 1),
        ("m", 60_000, 1),
        ("h", 3_600_000, 1),
        ("d", 86_400_000, 1),
    ];
    let found = units.iter().find_map(|unit| lower.strip_suffix(unit.0).map(|count| (count.trim(), unit)));
    match found {
        // A large M is no minute, which the server takes care of.
        Some((count, (name, times, part))) if *name != "m" || text.trim().ends_with('m') => {
            match count.parse::<i64>() {
                Ok(count) if count < -1 => Err(ValueRefusal::TimeNegative),
                Ok(count) => Ok(count.saturating_mul(*times) / part),
                Err(_) if count.parse::<f64>().is_ok() => Err(ValueRefusal::TimeFraction),
                Err(_) => Err(ValueRefusal::TimeNumber),
            }
        }
        _ if lower.strip_prefix('-').is_some_and(|digits| digits.trim_start_matches('0') == "1") => Ok(-1),
        _ if !lower.is_empty() && lower.bytes().all(|byte| byte == b'0') => Ok(0),
        _ => Err(ValueRefusal::TimeUnit),
    }
}

/// A number of bytes; -1 stands for none.
///
/// # Errors
/// A text that is no number of bytes.
pub(crate) fn bytes(text: &str) -> Result<i64, ValueRefusal> {
    let lower = text.trim().to_ascii_lowercase();
    if matches!(lower.as_str(), "-1" | "0") {
        return lower.parse().map_err(|_| ValueRefusal::BytesUnit);
    }
    let units = [("k", 10), ("m", 20), ("g", 30), ("t", 40), ("p", 50)];
    let bare = lower.strip_suffix('b').unwrap_or(&lower);
    let unit = units.iter().find_map(|(name, power)| bare.strip_suffix(name).map(|count| (count, *power)));
    let (count, power) = match unit {
        Some(found) => found,
        None if lower.ends_with('b') => (bare, 0),
        None => return Err(ValueRefusal::BytesUnit),
    };
    let count: f64 = count.trim().parse().map_err(|_| ValueRefusal::BytesNumber)?;
    Ok((count * f64::from(power).exp2()) as i64)
}

fn active_shards(text: &str) -> Result<(), ValueRefusal> {
    match text.parse::<i32>() {
        _ if text == "all" => Ok(()),
        Ok(count) if count < 0 => Err(ValueRefusal::ActiveShardsNegative),
        Ok(_) => Ok(()),
        Err(_) => Err(ValueRefusal::ActiveShards),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_elasticsearch_reads_them() {
        for (text, expected) in [
            ("1s", Ok(1000)),
            ("250ms", Ok(250)),
            ("2m", Ok(120_000)),
            ("1d", Ok(86_400_000)),
            ("7nanos", Ok(0)),
            ("-1", Ok(-1)),
            ("0", Ok(0)),
            ("5M", Err(ValueRefusal::TimeUnit)),
            ("1w", Err(ValueRefusal::TimeUnit)),
            ("fast", Err(ValueRefusal::TimeUnit)),
            ("10", Err(ValueRefusal::TimeUnit)),
            ("", Err(ValueRefusal::TimeUnit)),
            ("xms", Err(ValueRefusal::TimeNumber)),
            ("1.5s", Err(ValueRefusal::TimeFraction)),
            ("-2s", Err(ValueRefusal::TimeNegative)),
        ] {
            assert_eq!(time_millis(text), expected, "{text}");
        }
    }

    #[test]
    fn bytes_are_read_as_elasticsearch_reads_them() {
        for (text, expected) in [
            ("1kb", Ok(1024)),
            ("1k", Ok(1024)),
            ("2mb", Ok(2 << 20)),
            ("55b", Ok(55)),
            ("-1", Ok(-1)),
            ("12", Err(ValueRefusal::BytesUnit)),
            ("much", Err(ValueRefusal::BytesUnit)),
            ("xmb", Err(ValueRefusal::BytesNumber)),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }

    #[test]
    fn numbers_have_bounds_and_copies_a_form() {
        assert_eq!(ValueKind::Int(1, 1024).check("1025"), Err(ValueRefusal::Above(1024)));
        assert_eq!(ValueKind::Int(1, 1024).check("0"), Err(ValueRefusal::Below(1)));
        assert_eq!(ValueKind::Int(1, 1024).check("99999999999999999999"), Err(ValueRefusal::Above(1024)));
        assert_eq!(ValueKind::Int(1, 1024).check("two"), Err(ValueRefusal::Number));
        assert_eq!(ValueKind::ActiveShards.check("all"), Ok(()));
        assert_eq!(ValueKind::ActiveShards.check("x"), Err(ValueRefusal::ActiveShards));
        assert_eq!(ValueKind::ActiveShards.check("-1"), Err(ValueRefusal::ActiveShardsNegative));
        assert_eq!(ValueKind::AutoExpand.check("0-all"), Ok(()));
        assert_eq!(ValueKind::AutoExpand.check("some"), Err(ValueRefusal::AutoExpand));
    }
}
