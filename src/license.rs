//! [`License`]: which license the mocked cluster says it has.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// The license that the mocked cluster says it has. Nothing in the mock depends on it: what a client
/// may do is for the client to decide.
///
/// ```
/// use elastimock::elasticsearch::License;
///
/// let license: License = "platinum".parse()?;
/// assert_eq!(license, License::Platinum);
/// assert_eq!(License::default(), License::Trial);
/// # Ok::<(), elastimock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub enum License {
    /// The free one.
    Basic,
    /// Above basic; no longer sold.
    Standard,
    /// Above standard; no longer sold.
    Gold,
    /// The one that access control by document wants.
    Platinum,
    /// Above platinum.
    Enterprise,
    /// Thirty days of everything. This one does not run out.
    #[default]
    Trial,
}

impl License {
    /// Every license, the least first; trial is like the greatest.
    pub const ALL: [License; 6] =
        [License::Basic, License::Standard, License::Gold, License::Platinum, License::Enterprise, License::Trial];

    /// Its name, as Elasticsearch writes it.
    pub fn name(self) -> &'static str {
        match self {
            License::Basic => "basic",
            License::Standard => "standard",
            License::Gold => "gold",
            License::Platinum => "platinum",
            License::Enterprise => "enterprise",
            License::Trial => "trial",
        }
    }
}

impl fmt::Display for License {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for License {
    type Err = Error;

    fn from_str(text: &str) -> Result<License, Error> {
        License::ALL.into_iter().find(|license| license.name() == text).ok_or_else(|| {
            let known = License::ALL.map(License::name).join(", ");
            Error::invalid_input(format!("[{text}] is no license: write one of {known}"))
        })
    }
}
