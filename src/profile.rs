//! [`Profile`]: which Elasticsearch is mimicked, and what that changes.
//!
//! A profile is data: version numbers, the list of known releases, which operations exist. Rules ask
//! it; nothing else compares version numbers.

use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use crate::error::Error;

/// The Elasticsearch whose behaviour is mimicked.
///
/// ```
/// use elastimock::elasticsearch::Profile;
///
/// let profile: Profile = "8".parse()?;
/// assert_eq!(profile.release().number, "8.19.1");
/// assert_eq!(Profile::default(), Profile::V9);
/// # Ok::<(), elastimock::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Profile {
    /// Elasticsearch 8.19.
    V8,
    /// Elasticsearch 9.x.
    #[default]
    V9,
}

/// What a release of Elasticsearch says of itself in `GET /`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Release {
    /// `version.number`.
    pub number: &'static str,
    /// `version.build_hash`, 40 hexadecimal digits.
    pub build_hash: &'static str,
    /// `version.build_date`.
    pub build_date: &'static str,
    /// `version.lucene_version`.
    pub lucene: &'static str,
    /// `version.minimum_wire_compatibility_version`.
    pub wire_minimum: &'static str,
    /// `version.minimum_index_compatibility_version`.
    pub index_minimum: &'static str,
}

impl Release {
    /// Whether it is that version or a later one.
    pub(crate) fn is_from(&self, major: u32, minor: u32) -> bool {
        let mut parts = self.number.split('.').map(|part| part.parse().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= (major, minor)
    }
}

// Source: `GET /` of public Elasticsearch nodes for 9.4.2 and 9.5.4.
// Inferred: the Lucene version of 8.19.1. Its build hash and date are made up, and look it.
const RELEASES_9: &[Release] = &[
    Release {
        number: "9.4.2",
        build_hash: "c402c2b36d90eae29c0182f86bd9050fd0b746cc",
        build_date: "2026-05-25T22:10:36.017759931Z",
        lucene: "10.4.0",
        wire_minimum: "8.19.0",
        index_minimum: "8.0.0",
    },
    Release {
        number: "9.5.4",
        build_hash: "9170df19cae1adb107b7b489b4d82dec66d7a337",
        build_date: "2026-09-09T22:42:53.976833287Z",
        lucene: "10.5.1",
        wire_minimum: "8.19.0",
        index_minimum: "8.0.0",
    },
];

const RELEASES_8: &[Release] = &[Release {
    number: "8.19.1",
    build_hash: "0000000000000000000000000000000000000819",
    build_date: "2025-08-06T00:00:00.000000000Z",
    lucene: "9.12.2",
    wire_minimum: "7.17.0",
    index_minimum: "7.0.0",
}];

/// What the mock does otherwise for a profile. A new Elasticsearch is a release, or a row of these.
struct Traits {
    name: &'static str,
    described: &'static str,
    major: u64,
    releases: &'static [Release],
    media_types: [&'static str; 2],
    bare_routes: &'static [(&'static str, &'static str)],
}

const TRAITS: [Traits; Profile::COUNT] = [
    Traits {
        name: "8",
        described: "Elasticsearch 8.19",
        major: 8,
        releases: RELEASES_8,
        media_types: [
            "application/vnd.elasticsearch+json;compatible-with=8",
            "application/vnd.elasticsearch+json; compatible-with=8",
        ],
        // Source: answers of public 8.x nodes to paths of two segments that nobody has. What was a document
        // type in version 7 still has a route there, which only a client of version 7 may take.
        bare_routes: &[("POST", "/{index}/{type}")],
    },
    Traits {
        name: "9",
        described: "Elasticsearch 9.x",
        major: 9,
        releases: RELEASES_9,
        media_types: [
            "application/vnd.elasticsearch+json;compatible-with=9",
            "application/vnd.elasticsearch+json; compatible-with=9",
        ],
        bare_routes: &[],
    },
];

impl Profile {
    /// Every profile, oldest first.
    pub const ALL: [Profile; Profile::COUNT] = [Profile::V8, Profile::V9];

    /// How many profiles there are.
    pub(crate) const COUNT: usize = 2;

    fn traits(self) -> &'static Traits {
        &TRAITS[self.position()]
    }

    /// Its place in [`Profile::ALL`].
    pub(crate) fn position(self) -> usize {
        self as usize
    }

    /// The major version, which is also the newest `compatible-with` that the profile accepts.
    pub fn major(self) -> u64 {
        self.traits().major
    }

    /// The newest known release.
    pub fn release(self) -> &'static Release {
        let known = self.releases();
        &known[known.len() - 1]
    }

    /// The known releases, oldest first.
    pub fn releases(self) -> &'static [Release] {
        self.traits().releases
    }

    /// The name on the command line: `8` or `9`.
    pub fn name(self) -> &'static str {
        self.traits().name
    }

    /// The media type of the profile's own clients, as it is answered and as some write it.
    pub(crate) fn media_types(self) -> [&'static str; 2] {
        self.traits().media_types
    }

    /// Methods and paths that the server knows and has nobody for: they show in `Allow`, and lead nowhere.
    pub(crate) fn bare_routes(self) -> &'static [(&'static str, &'static str)] {
        self.traits().bare_routes
    }

    /// Whether a line of `fixtures/spec/operations.txt` speaks of this profile. Its fourth word names the
    /// one profile that has the address; without it every profile has.
    pub(crate) fn has(self, mark: Option<&str>) -> bool {
        mark.is_none_or(|mark| mark == self.name())
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Profile {
    type Err = Error;

    fn from_str(text: &str) -> Result<Profile, Error> {
        Profile::ALL.into_iter().find(|profile| profile.name() == text).ok_or_else(|| {
            let known: Vec<String> = Profile::ALL
                .iter()
                .rev()
                .map(|profile| format!("{profile} ({})", profile.traits().described))
                .collect();
            Error::invalid_input(format!("[{text}] is no profile: write {}", known.join(" or ")))
        })
    }
}

impl Release {
    /// The release of a profile with that number; one that is not known is the newest known one under
    /// another number.
    ///
    /// # Errors
    /// [`Error::is_invalid_input`] if `number` is not of the form `N.N.N`, or of another major version.
    pub fn numbered(profile: Profile, number: &str) -> Result<&'static Release, Error> {
        static MADE: Mutex<Vec<&'static Release>> = Mutex::new(Vec::new());
        let parts: Vec<&str> = number.split('.').collect();
        let is_number = parts.len() == 3
            && parts.iter().all(|part| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()));
        if !is_number || parts[0] != profile.name() {
            return Err(Error::invalid_input(format!(
                "[{number}] is no version of Elasticsearch {profile}: write it like {}; `--profile` chooses the major version",
                profile.release().number
            )));
        }
        if let Some(known) = profile.releases().iter().find(|release| release.number == number) {
            return Ok(known);
        }
        // Leaked, since a release is a `&'static` everywhere, and once for each number, so that a process which asks
        // often does not grow.
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = made.iter().find(|release| release.number == number) {
            return Ok(known);
        }
        let release: &'static Release =
            Box::leak(Box::new(Release { number: Box::leak(number.into()), ..*profile.release() }));
        made.push(release);
        Ok(release)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_a_row_of_data_at_its_place() {
        for (at, profile) in Profile::ALL.into_iter().enumerate() {
            assert_eq!(profile.position(), at);
            assert_eq!(profile.name(), profile.major().to_string());
            assert!(profile.releases().iter().all(|release| release.number.starts_with(profile.name())));
            assert_eq!(profile.name().parse::<Profile>().ok(), Some(profile));
        }
    }
}
