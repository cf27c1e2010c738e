//! [`Visibility`]: when a search sees what was written.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// When a search, a count, a sweep, a scroll and a list see what was written.
///
/// ```
/// use elastimock::elasticsearch::Visibility;
///
/// let visibility: Visibility = "refresh".parse()?;
/// assert_eq!(visibility, Visibility::Refresh);
/// assert_eq!(Visibility::default(), Visibility::Immediate);
/// # Ok::<(), elastimock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Visibility {
    /// At once, which keeps tests short.
    #[default]
    Immediate,
    /// After a refresh, as in Elasticsearch: one that somebody asks for, or the index's own after its
    /// `refresh_interval` on the mock's clock.
    Refresh,
}

impl Visibility {
    /// Both of them.
    pub const ALL: [Visibility; 2] = [Visibility::Immediate, Visibility::Refresh];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Visibility::Immediate => "immediate",
            Visibility::Refresh => "refresh",
        }
    }
}

impl fmt::Display for Visibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Visibility {
    type Err = Error;

    fn from_str(text: &str) -> Result<Visibility, Error> {
        Visibility::ALL.into_iter().find(|visibility| visibility.name() == text).ok_or_else(|| {
            let known = Visibility::ALL.map(Visibility::name).join(" or ");
            Error::invalid_input(format!("[{text}] is no visibility: write {known}"))
        })
    }
}
