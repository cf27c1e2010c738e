//! [`Minimum`]: how many of several clauses must match.
//!
//! Source: Elasticsearch 9.x, `minimum_should_match`.

/// How many of the optional clauses must match: `2`, `-1`, `75%`, `-25%`, or by their number `3<90% 9<-3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Minimum {
    /// What holds up to the first step.
    otherwise: Option<Share>,
    /// Beyond so many clauses another share is wanted.
    steps: Vec<(i64, Share)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Share {
    Count(i64),
    Percent(i64),
}

impl Minimum {
    /// Reads it.
    ///
    /// # Errors
    /// With the part that is no number.
    pub(crate) fn read(text: &str) -> Result<Minimum, String> {
        let text = text.trim();
        if !text.contains('<') {
            return Ok(Minimum { otherwise: Some(Share::read(text)?), steps: Vec::new() });
        }
        let steps = text.split_whitespace().map(|step| {
            let (bound, share) = step.split_once('<').ok_or_else(|| step.to_owned())?;
            Ok((bound.parse().map_err(|_| bound.to_owned())?, Share::read(share)?))
        });
        Ok(Minimum { otherwise: None, steps: steps.collect::<Result<_, String>>()? })
    }

    /// How many of `count` clauses must match.
    pub(crate) fn of(&self, count: usize) -> usize {
        let count = count as i64;
        let step = self.steps.iter().take_while(|(bound, _)| count > *bound).last();
        let share = step.map(|(_, share)| *share).or(self.otherwise);
        // Up to the first step all of them are wanted.
        let wanted = share.map_or(count, |share| share.of(count));
        wanted.max(0) as usize
    }
}

impl Share {
    fn read(text: &str) -> Result<Share, String> {
        let wrong = |_| text.to_owned();
        Ok(match text.strip_suffix('%') {
            Some(percent) => Share::Percent(i64::from(percent.parse::<i32>().map_err(wrong)?)),
            None => Share::Count(i64::from(text.parse::<i32>().map_err(wrong)?)),
        })
    }

    /// A negative share is what may be missing.
    fn of(self, count: i64) -> i64 {
        let (share, is_rest) = match self {
            Share::Count(share) => (share, share < 0),
            Share::Percent(percent) => (count * percent / 100, percent < 0),
        };
        if is_rest { count + share } else { share }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_follow_the_table() {
        for (text, counts) in [
            ("1", [1, 1, 1, 1]),
            ("2", [2, 2, 2, 2]),
            ("-1", [0, 1, 2, 9]),
            ("75%", [0, 1, 2, 7]),
            ("-25%", [1, 2, 3, 8]),
            ("0", [0, 0, 0, 0]),
            ("-9", [0, 0, 0, 1]),
            ("2<50%", [1, 2, 1, 5]),
            ("1<-1 3<2", [1, 1, 2, 2]),
        ] {
            let minimum = Minimum::read(text).expect(text);
            assert_eq!([1, 2, 3, 10].map(|count| minimum.of(count)), counts, "{text}");
        }
        for wrong in ["", "x", "50 %", "2<", "<2", "a<1"] {
            assert!(Minimum::read(wrong).is_err(), "{wrong}");
        }
    }
}
