//! [`Coverage`]: how much of the Connector API the recorded calls have exercised, in four dimensions.
//!
//! 1. *Operation*: was it called?
//! 2. *State*: in which status was the sync job or connector that the call named? For a claim and for a
//!    new job the connector's counts besides, because there it matters.
//! 3. *Error branch*: which refusals were met? Those of bodies and parameters by what was wrong with them,
//!    others by status and type.
//! 4. *Body variant*: was each optional field sent, and left out?
//!
//! What there is to cover is found out and not written down: [`mod@universe`] tries every operation. It is
//! reckoned for the operations whose names begin with `connector.`; other calls are counted and shown,
//! and do not change the percentage.

mod scene;
mod universe;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value, json};

use super::offline::RecordedRun;
use super::strictness::Strictness;
use crate::es::table::TABLE;
use crate::limits::COVERAGE_SCENARIOS_MAX;
use crate::profile::Profile;
use crate::record::interaction::Interaction;
use crate::record::recording::Recording;
use crate::record::{JournalItem, SubjectBefore};
use scene::{CoverageItem, items};
use universe::{Probe, Universe, universe};

/// What of the contract was exercised.
///
/// ```
/// use elastimock::coverage::Coverage;
/// use elastimock::MockServer;
///
/// let server = MockServer::start_blocking()?;
/// // … let the client under test work against server.url() …
/// let coverage: Coverage = server.coverage();
/// assert_eq!(coverage.percent(), 0.0);
/// println!("{coverage}");
/// # Ok::<(), elastimock::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coverage {
    profile: Profile,
    operations: BTreeMap<String, Exercised>,
    /// Calls that were forgotten before they could be counted.
    evicted: u64,
}

/// What of one operation was exercised.
#[derive(Clone, Debug, Default, PartialEq)]
struct Exercised {
    calls: u64,
    statuses: BTreeMap<u16, u64>,
    items: BTreeMap<CoverageItem, u64>,
}

/// A request that nobody has made and that would cover more.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Scenario {
    /// The request, as it can be pasted into Kibana's console.
    pub request: String,
    /// What it would cover.
    pub covers: Vec<String>,
}

impl Coverage {
    /// What the calls of recordings have exercised. Recordings may be of one run or of many, in any order.
    pub fn of(recordings: &[Recording]) -> Coverage {
        Coverage::watched(recordings, &mut |_| {})
    }

    /// What the calls of recordings have exercised; tells after each call and event how many there were so far.
    pub(crate) fn watched(recordings: &[Recording], watch: &mut dyn FnMut(usize)) -> Coverage {
        let mut before = 0;
        let mut all = Coverage {
            profile: recordings.first().map(|recording| recording.header.profile).unwrap_or_default(),
            ..Coverage::default()
        };
        for recording in recordings {
            let one = std::slice::from_ref(recording);
            for call in RecordedRun::watched(one, Strictness::default(), &mut |at| watch(before + at)).calls {
                all.note(recording.header.profile, call.interaction, (&call.seen).into());
            }
            before += recording.interactions.len() + recording.events.len();
        }
        all
    }

    /// What the calls of a judged run have exercised.
    pub(crate) fn of_run(run: &RecordedRun<'_>) -> Coverage {
        let profile = run.profile;
        let calls = run.calls.iter().map(|call| (call.interaction.clone(), (&call.seen).into()));
        Coverage::of_calls(profile, calls)
    }

    /// What calls have exercised, by how what they were about stood before them.
    pub(crate) fn of_kept(profile: Profile, kept: &[JournalItem]) -> Coverage {
        let calls = kept.iter().filter_map(|kept| match kept {
            JournalItem::Call(_, _, standing, _) => Some((kept.interaction()?, *standing)),
            JournalItem::Event(_) => None,
        });
        Coverage::of_calls(profile, calls)
    }

    /// What calls have exercised, each with how what it was about stood before it.
    pub(crate) fn of_calls(
        profile: Profile,
        calls: impl IntoIterator<Item = (Interaction, SubjectBefore)>,
    ) -> Coverage {
        let mut all = Coverage { profile, ..Coverage::default() };
        calls.into_iter().for_each(|(interaction, standing)| all.note(profile, &interaction, standing));
        all
    }

    /// Adds what has been exercised elsewhere. The order does not matter.
    pub fn merge(&mut self, other: &Coverage) {
        self.evicted += other.evicted;
        for (name, theirs) in &other.operations {
            let ours = self.operations.entry(name.clone()).or_default();
            ours.calls += theirs.calls;
            theirs.statuses.iter().for_each(|(status, count)| *ours.statuses.entry(*status).or_default() += count);
            theirs.items.iter().for_each(|(item, count)| *ours.items.entry(item.clone()).or_default() += count);
        }
    }

    /// Says that calls were forgotten before they could be counted.
    pub(crate) fn with_evicted(self, evicted: u64) -> Coverage {
        Coverage { evicted, ..self }
    }

    fn note(&mut self, profile: Profile, interaction: &Interaction, standing: SubjectBefore) {
        let Interaction { request, response, .. } = interaction;
        let Some(name) = TABLE.operation_at(request.method(), request.path(), profile) else { return };
        let exercised = self.operations.entry(name.to_owned()).or_default();
        exercised.calls += 1;
        *exercised.statuses.entry(response.status()).or_default() += 1;
        for item in items(name, profile, request, response, standing) {
            *exercised.items.entry(item).or_default() += 1;
        }
    }

    /// How much of what there is was exercised, from 0 to 100, with one decimal, rounded down: 100 is all.
    pub fn percent(&self) -> f64 {
        let (covered, total) = self.counts();
        (covered * 1000).checked_div(total).unwrap_or_default() as f64 / 10.0
    }

    /// What was exercised, and what there is.
    pub(super) fn counts(&self) -> (u64, u64) {
        let universe = self.universe();
        let covered = universe.items.iter().map(|(name, items)| {
            self.operations
                .get(*name)
                .map_or(0, |done| items.iter().filter(|item| done.items.contains_key(item)).count())
        });
        let total: usize = universe.items.values().map(BTreeSet::len).sum();
        (covered.sum::<usize>() as u64, total as u64)
    }

    fn universe(&self) -> &'static Universe {
        universe(self.profile)
    }

    /// What of an operation was not exercised.
    fn missed(&self, name: &str) -> Vec<&'static CoverageItem> {
        let Some(items) = self.universe().items.get(name) else { return Vec::new() };
        let done = self.operations.get(name);
        items.iter().filter(|item| done.is_none_or(|done| !done.items.contains_key(*item))).collect()
    }

    /// The requests that would cover most of what was missed: first those that a correct client makes, among
    /// them the most telling, among equals the shortest.
    pub fn missed_cheapest(&self) -> Vec<Scenario> {
        let universe = self.universe();
        let mut open: BTreeMap<&str, BTreeSet<&CoverageItem>> =
            universe.items.keys().map(|name| (*name, self.missed(name).into_iter().collect())).collect();
        let mut scenarios = Vec::new();
        while scenarios.len() < COVERAGE_SCENARIOS_MAX {
            let gain = |probe: &Probe| -> usize {
                let Some(open) = open.get(probe.operation) else { return 0 };
                probe.items.iter().filter(|item| open.contains(item)).map(CoverageItem::weight).sum()
            };
            // What a correct client does comes first, then what covers most, then what is shortest.
            let best = universe.probes.iter().map(|probe| (gain(probe), probe)).filter(|(gain, _)| *gain > 0);
            let best = best.max_by_key(|(gain, probe)| {
                (probe.is_right, *gain, Reverse((probe.text.len(), probe.operation, &probe.text)))
            });
            let Some((_, probe)) = best else { break };
            let open = open.entry(probe.operation).or_default();
            let covers = probe.items.iter().filter(|item| open.remove(item)).map(CoverageItem::missed).collect();
            scenarios.push(Scenario { request: probe.text.clone(), covers });
        }
        scenarios
    }

    /// The coverage as the admin API and `--json` show it.
    pub fn to_value(&self) -> Value {
        let names: BTreeSet<&str> =
            self.universe().items.keys().copied().chain(self.operations.keys().map(String::as_str)).collect();
        let operations: Map<String, Value> =
            names.into_iter().map(|name| (name.to_owned(), self.shown(name))).collect();
        let (covered, total) = self.counts();
        let cheapest: Vec<String> = self.missed_cheapest().iter().map(ToString::to_string).collect();
        let mut value = json!({
            "operations": operations,
            "covered": covered,
            "total": total,
            "percent": self.percent(),
            "missed_cheapest": cheapest,
        });
        if self.evicted > 0 {
            value["evicted"] = self.evicted.into();
        }
        value
    }

    fn shown(&self, name: &str) -> Value {
        let nothing = Exercised::default();
        let done = self.operations.get(name).unwrap_or(&nothing);
        let counted = |wanted: fn(&CoverageItem) -> Option<String>| -> Map<String, Value> {
            done.items.iter().filter_map(|(item, count)| Some((wanted(item)?, (*count).into()))).collect()
        };
        let statuses: Map<String, Value> =
            done.statuses.iter().map(|(status, count)| (status.to_string(), (*count).into())).collect();
        let missed: Vec<String> = self.missed(name).into_iter().map(CoverageItem::missed).collect();
        json!({
            "calls": done.calls,
            "statuses": statuses,
            "states": counted(CoverageItem::state),
            "errors": counted(CoverageItem::error),
            "variants": counted(CoverageItem::variant),
            "missed": missed,
        })
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "# {}\n{}", self.covers.join(", "), self.request)
    }
}

/// The coverage for people: a line for each operation with what it misses, the total, and requests to
/// begin with.
impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let universe = self.universe();
        let width = universe.items.keys().map(|name| name.len()).max().unwrap_or_default();
        for (name, items) in &universe.items {
            let calls = self.operations.get(*name).map_or(0, |done| done.calls);
            let missed = self.missed(name);
            let covered = items.len() - missed.len();
            writeln!(f, "{name:width$}  {calls:>6} calls  {covered:>3} of {:>3}", items.len())?;
            if calls > 0 && !missed.is_empty() {
                let missed: Vec<String> = missed.into_iter().map(CoverageItem::missed).collect();
                writeln!(f, "    missed: {}", missed.join(", "))?;
            }
        }
        let others = self.operations.iter().filter(|(name, _)| !universe.items.contains_key(name.as_str()));
        for (name, done) in others {
            writeln!(f, "{name:width$}  {:>6} calls  not counted", done.calls)?;
        }
        if self.evicted > 0 {
            writeln!(f, "\n{} calls were forgotten by the journal and are not counted", self.evicted)?;
        }
        let (covered, total) = self.counts();
        writeln!(f, "\n{covered} of {total}: {} %", self.percent())?;
        let scenarios = self.missed_cheapest();
        if !scenarios.is_empty() {
            writeln!(f, "\nThe requests that would add most, for a server on the built-in fixtures:")?;
        }
        for scenario in scenarios {
            writeln!(f, "\n{scenario}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::es::sync_job::rules::SyncStatus;
    use crate::http::{Request, Response};
    use proptest::prelude::*;

    /// A call of any operation, on any job, answered in some way.
    fn call() -> impl Strategy<Value = (Interaction, SubjectBefore)> {
        let probes = &universe(Profile::V9).probes;
        let standing = prop::option::of(prop::sample::select(SyncStatus::ALL));
        (0..probes.len(), prop::sample::select(&[200, 201, 400, 404, 409, 503][..]), standing).prop_map(
            |(at, status, job)| {
                let text = probes[at].text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>();
                let (method, target) = text[0].split_once(' ').expect("a method and a target");
                let body = text.get(1).map_or(String::new(), |body| (*body).to_owned());
                let request = Request::new(crate::http::Method::new(method), target.to_owned()).json(body);
                let (at, operation, findings) = (Timestamp::default(), None, Vec::new());
                let response = Response::new(status);
                let interaction =
                    Interaction { seq: 1, at, operation, request, response, findings, took_us: 0, scope: None };
                (interaction, SubjectBefore { is_of_job: job.is_some(), job, connector: None })
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn whatever_the_order_the_sum_is_the_same_and_never_less_than_its_parts(
            calls in prop::collection::vec(call(), 0..20),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
            order in any::<prop::sample::Index>(),
        ) {
            let whole = Coverage::of_calls(Profile::V9, calls.clone());
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(calls.len() + 1)).chain([0, calls.len()]).collect();
            cuts.sort_unstable();
            let mut parts: Vec<Coverage> =
                cuts.windows(2).map(|cut| Coverage::of_calls(Profile::V9, calls[cut[0]..cut[1]].to_vec())).collect();
            let turned = order.index(parts.len());
            parts.rotate_left(turned);
            let mut sum = Coverage { profile: Profile::V9, ..Coverage::default() };
            for part in &parts {
                let before = sum.counts();
                sum.merge(part);
                prop_assert!(sum.counts().0 >= before.0.max(part.counts().0));
            }
            prop_assert_eq!(sum.to_value(), whole.to_value());
            prop_assert_eq!(sum, whole);
        }
    }

    #[test]
    fn everything_there_is_has_a_request_that_covers_it() {
        for profile in Profile::ALL {
            let universe = universe(profile);
            let mut strange = Vec::new();
            assert!(universe.items.len() > 20, "{profile}: {:?}", universe.items.keys());
            for (name, items) in &universe.items {
                assert!(items.contains(&CoverageItem::Called), "{name}");
                let probes = || universe.probes.iter().filter(|probe| probe.operation == *name);
                assert!(items.iter().all(|item| probes().any(|probe| probe.items.contains(item))), "{name}");
                if !probes().any(|probe| probe.is_right) {
                    strange.push(*name);
                }
            }
            assert!(strange.is_empty(), "a correct client could never call these: {strange:?}");
            let claim = &universe.items["connector.sync_job_claim"];
            for status in SyncStatus::ALL {
                assert!(claim.contains(&CoverageItem::Job(*status)), "{status}");
            }
        }
    }
}
