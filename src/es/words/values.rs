//! Values of settings and parameters that are not what they must be → what Elasticsearch says.
//!
//! Source: Elasticsearch 9.x, `Setting`, `TimeValue`, `ByteSizeValue`, `ActiveShardCount`.

use crate::es::error::{ApiError, Exception, bad_boolean, full, illegal_argument};
use crate::es::values::ValueRefusal;

/// What is said of the value of a setting.
pub(crate) fn bad_setting_value(name: &str, value: &str, why: ValueRefusal) -> Exception {
    let number = || Exception::new("number_format_exception", format!("For input string: \"{value}\""));
    match why {
        ValueRefusal::Boolean => bad_boolean(value),
        ValueRefusal::Number => {
            illegal_argument(format!("Failed to parse value [{value}] for setting [{name}]")).caused_by(number())
        }
        ValueRefusal::Below(least) => {
            illegal_argument(format!("Failed to parse value [{value}] for setting [{name}] must be >= {least}"))
        }
        ValueRefusal::Above(most) => {
            illegal_argument(format!("Failed to parse value [{value}] for setting [{name}] must be <= {most}"))
        }
        ValueRefusal::TimeBelow(least) => {
            illegal_argument(format!("failed to parse value [{value}] for setting [{name}], must be >= [{least}]"))
        }
        ValueRefusal::BytesUnit | ValueRefusal::BytesNumber => {
            let reason = match why {
                ValueRefusal::BytesUnit => format!(
                    "failed to parse setting [{name}] with value [{value}] as a size in bytes: unit is missing or \
                     unrecognized"
                ),
                _ => format!("failed to parse setting [{name}] with value [{value}]"),
            };
            illegal_argument(reason.clone()).caused_by(Exception::new("parse_exception", reason))
        }
        ValueRefusal::Name(class) => illegal_argument(format!("No enum constant {class}.{}", value.to_uppercase())),
        ValueRefusal::Word(_, none) => {
            let end = if none.before.ends_with('"') { "\": must be native or simple" } else { "" };
            illegal_argument(format!("{}{value}{end}", none.before))
        }
        ValueRefusal::AutoExpand => {
            illegal_argument(format!("failed to parse [{name}] from value: [{value}] at index -1"))
        }
        time => time_or_shards(name, value, time),
    }
}

/// What is said of times and of copies, by settings and by parameters alike.
fn time_or_shards(name: &str, value: &str, why: ValueRefusal) -> Exception {
    let setting = format!("failed to parse setting [{name}] with value [{value}] as a time value:");
    match why {
        ValueRefusal::TimeNegative => illegal_argument(format!("{setting} negative durations are not supported")),
        ValueRefusal::TimeFraction => {
            illegal_argument(format!("failed to parse [{value}], fractional time values are not supported"))
        }
        ValueRefusal::TimeNumber => {
            let count = value.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
            let cause = Exception::new("number_format_exception", format!("For input string: \"{count}\""));
            illegal_argument(format!("failed to parse [{value}]")).caused_by(cause)
        }
        ValueRefusal::ActiveShards => {
            let cause = Exception::new("number_format_exception", format!("For input string: \"{value}\""));
            illegal_argument(format!("cannot parse ActiveShardCount[{value}]")).caused_by(cause)
        }
        ValueRefusal::ActiveShardsNegative => illegal_argument("shard count cannot be a negative value"),
        _ => illegal_argument(format!("{setting} unit is missing or unrecognized")),
    }
}

impl ApiError {
    /// A parameter that is no time, or no number of copies.
    pub(crate) fn bad_parameter(name: &str, value: &str, why: ValueRefusal) -> ApiError {
        full(400, time_or_shards(name, value, why))
    }
}
