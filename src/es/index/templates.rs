//! Templates: what a new index is made of, by its name.
//!
//! Composable ones are put together from components, and the one with the highest priority counts. Where none
//! matches, the older ones count, all that match, one over the other.
//!
//! Source: Elasticsearch 9.x, index template service and index creation service.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::mapping::Bounds;
use super::settings;
use crate::es::document::store::Design;
use crate::es::refusal::{IndexRefusal, Refusal};
use crate::wildcard::is_like;

/// A part of composable templates.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct Component {
    /// It, as it is shown.
    pub shown: Value,
    /// What it says of an index.
    pub design: Design,
}

/// A composable template.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct IndexTemplate {
    /// It, as it is shown.
    pub shown: Value,
    /// The names for which it counts.
    pub patterns: Vec<String>,
    /// Which of several counts.
    pub priority: i64,
    /// The components that it is put together from.
    pub composed_of: Vec<String>,
    /// What it says of an index itself.
    pub design: Design,
}

/// A template of the older kind.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct LegacyTemplate {
    /// The names for which it counts.
    pub patterns: Vec<String>,
    /// Which of several lies over the others.
    pub order: i64,
    /// A number for whoever keeps it.
    pub version: Option<i64>,
    /// What it says of an index.
    pub design: Design,
}

/// All templates, each kind by name.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct Templates {
    /// The components.
    pub components: BTreeMap<String, Component>,
    /// The composable ones.
    pub composable: BTreeMap<String, IndexTemplate>,
    /// The older ones.
    pub legacy: BTreeMap<String, LegacyTemplate>,
}

impl Templates {
    /// The composable template that counts for a name.
    pub(crate) fn for_index(&self, name: &str) -> Option<(&str, &IndexTemplate)> {
        let matching = self.composable.iter().filter(|(_, template)| matches(&template.patterns, name));
        matching.max_by_key(|(_, template)| template.priority).map(|(name, template)| (name.as_str(), template))
    }

    /// What a composable template and its components say together.
    ///
    /// # Errors
    /// Mappings that contradict each other.
    pub(crate) fn resolved(&self, template: &IndexTemplate) -> Result<Design, Refusal> {
        let components = template.composed_of.iter().filter_map(|name| self.components.get(name));
        let mut design = Design::default();
        for part in components.map(|component| &component.design).chain([&template.design]) {
            lay_over(&mut design, part)?;
        }
        Ok(design)
    }

    /// What a new index is made of: what its templates say, and `own` over that.
    ///
    /// # Errors
    /// Settings or mappings that contradict each other.
    pub(crate) fn completed(&self, name: &str, own: Design) -> Result<Design, Refusal> {
        let mut design = match self.for_index(name) {
            Some((_, template)) => self.resolved(template)?,
            None => {
                let mut matching: Vec<&LegacyTemplate> =
                    self.legacy.values().filter(|template| matches(&template.patterns, name)).collect();
                if matching.is_empty() {
                    return Ok(own);
                }
                matching.sort_by_key(|template| template.order);
                let mut design = Design::default();
                matching.into_iter().try_for_each(|template| lay_over(&mut design, &template.design))?;
                design
            }
        };
        lay_over(&mut design, &own)?;
        design.settings.retain(|_, value| !value.is_null());
        settings::check_whole(&design.settings).map_err(IndexRefusal::from)?;
        design.mapping.check().map_err(IndexRefusal::from)?;
        let aliases = std::mem::take(&mut design.aliases);
        // An alias may carry the name of the index.
        design.aliases = aliases.into_iter().map(|(alias, says)| (alias.replace("{index}", name), says)).collect();
        Ok(design)
    }

    /// The older templates that match a name that one of these patterns matches, with their patterns.
    pub(crate) fn legacy_like<'t>(&'t self, patterns: &'t [String]) -> impl Iterator<Item = (&'t str, &'t [String])> {
        self.legacy
            .iter()
            .filter(|(_, template)| overlap(&template.patterns, patterns))
            .map(|(name, template)| (name.as_str(), template.patterns.as_slice()))
    }

    /// The composable templates that match a name that one of these patterns matches, but for the one of that name.
    pub(crate) fn composable_like<'t>(
        &'t self,
        but: &'t str,
        patterns: &'t [String],
    ) -> impl Iterator<Item = (&'t str, &'t IndexTemplate)> {
        self.composable
            .iter()
            .filter(move |(name, template)| *name != but && overlap(&template.patterns, patterns))
            .map(|(name, template)| (name.as_str(), template))
    }
}

fn matches(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| is_like(pattern, name))
}

fn overlap(some: &[String], others: &[String]) -> bool {
    some.iter().any(|one| others.iter().any(|other| meet(one.as_bytes(), other.as_bytes())))
}

/// Whether there is a name that two patterns match.
fn meet(one: &[u8], other: &[u8]) -> bool {
    // `row[b]`: whether the rest of the first pattern meets the rest of the second from `b` on.
    let mut row = vec![false; other.len() + 1];
    row[other.len()] = true;
    for at in (0..other.len()).rev() {
        row[at] = other[at] == b'*' && row[at + 1];
    }
    for &letter in one.iter().rev() {
        let below = row.clone();
        row[other.len()] = letter == b'*' && below[other.len()];
        for at in (0..other.len()).rev() {
            row[at] = match (letter, other[at]) {
                (b'*', _) => below[at] || row[at + 1],
                (_, b'*') => row[at + 1] || below[at],
                (one, other) => one == other && below[at + 1],
            };
        }
    }
    row[0]
}

fn lay_over(design: &mut Design, over: &Design) -> Result<(), Refusal> {
    design.settings.extend(over.settings.clone());
    design.mapping.set_bounds(Bounds::of(&design.settings));
    design.mapping.lay_over(&over.mapping).map_err(IndexRefusal::from)?;
    let over: BTreeMap<String, Map<String, Value>> = over.aliases.clone();
    design.aliases.extend(over);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_meet_if_a_name_can_be_like_both() {
        for (one, other, expected) in [
            ("a*", "ab*", true),
            ("a*", "b*", false),
            ("*", "x", true),
            ("a*c", "ab*", true),
            ("a*c", "*d", false),
            ("abc", "abc", true),
            ("abc", "ab", false),
            ("*b*", "a*", true),
        ] {
            assert_eq!(meet(one.as_bytes(), other.as_bytes()), expected, "{one} {other}");
            assert_eq!(meet(other.as_bytes(), one.as_bytes()), expected, "{other} {one}");
        }
    }
}
