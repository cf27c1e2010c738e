//! From JSON to [`Aggregation`]s, refusing what the server's builders refuse, where they refuse it.
//!
//! Source: Elasticsearch 9.x, aggregator factories and one builder after the other.

use serde_json::Value;

use super::query::query;
use super::reader::{BodyReader, is_value};
use super::source::time;
use crate::clock::calendar::{CalendarUnit, DatePattern, Interval};
use crate::es::document::source::hash_order;
use crate::es::error::{self, Exception};
use crate::es::search::run::aggregation::{
    Aggregation, BucketOrder, HistogramAsked, Metric, OrderedBy, Reckoning, TermsAsked, ValuesAsked,
};
use crate::es::search::words;
use crate::json::{Position, Token};
use crate::limits::QUERY_DEPTH_MAX;

/// The body of an aggregation of that name: the tokens between its braces.
type AggregationReader = fn(&mut BodyReader<'_>, &str) -> Result<Reckoning, Exception>;

/// The aggregations that are spoken here.
const SPOKEN: &[(&str, AggregationReader)] = &[
    ("avg", |reader, _| metric(reader, Metric::Avg)),
    ("cardinality", cardinality),
    ("date_histogram", date_histogram),
    ("filter", |reader, _| query_of(reader).map(Reckoning::Filter)),
    ("max", |reader, _| metric(reader, Metric::Max)),
    ("min", |reader, _| metric(reader, Metric::Min)),
    ("sum", |reader, _| metric(reader, Metric::Sum)),
    ("terms", terms),
    ("value_count", |reader, _| plain_values(reader, "value_count").map(Reckoning::ValueCount)),
];

/// The aggregations that Elasticsearch has and that are not spoken here.
// DIFFERENCE: Elasticsearch has them all.
const UNSPOKEN: &[&str] = &[
    "adjacency_matrix",
    "auto_date_histogram",
    "avg_bucket",
    "boxplot",
    "bucket_correlation",
    "bucket_count_ks_test",
    "bucket_script",
    "bucket_selector",
    "bucket_sort",
    "categorize_text",
    "change_point",
    "children",
    "composite",
    "cumulative_cardinality",
    "cumulative_sum",
    "date_range",
    "derivative",
    "diversified_sampler",
    "extended_stats",
    "extended_stats_bucket",
    "filters",
    "frequent_item_sets",
    "geo_bounds",
    "geo_centroid",
    "geo_distance",
    "geo_line",
    "geohash_grid",
    "geohex_grid",
    "geotile_grid",
    "global",
    "histogram",
    "inference",
    "ip_prefix",
    "ip_range",
    "matrix_stats",
    "max_bucket",
    "median_absolute_deviation",
    "min_bucket",
    "missing",
    "moving_fn",
    "moving_percentiles",
    "multi_terms",
    "nested",
    "normalize",
    "parent",
    "percentile_ranks",
    "percentiles",
    "percentiles_bucket",
    "random_sampler",
    "range",
    "rare_terms",
    "rate",
    "reverse_nested",
    "sampler",
    "scripted_metric",
    "serial_diff",
    "significant_terms",
    "significant_text",
    "stats",
    "stats_bucket",
    "string_stats",
    "sum_bucket",
    "t_test",
    "time_series",
    "top_hits",
    "top_metrics",
    "variable_width_histogram",
    "weighted_avg",
];

/// Reads aggregations by their names. The current token is the opening brace.
pub(crate) fn aggregations(reader: &mut BodyReader<'_>, depth: usize) -> Result<Vec<Aggregation>, Exception> {
    if depth >= QUERY_DEPTH_MAX {
        return Err(words::query_too_deep());
    }
    let mut found: Vec<Aggregation> = Vec::new();
    while let Some(name) = reader.name()? {
        if name.is_empty() || name.contains(['[', ']', '>']) {
            return Err(words::aggregation_name(reader.at(), &name));
        }
        let token = reader.value()?;
        if token != Token::StartObject {
            return Err(words::aggregation_no_object(reader.at(), &name, token.name()));
        }
        let aggregation = aggregation(reader, name, depth)?;
        if found.iter().any(|known| known.name == aggregation.name) {
            return Err(words::aggregation_twice(&aggregation.name));
        }
        found.push(aggregation);
    }
    Ok(found)
}

fn aggregation(reader: &mut BodyReader<'_>, name: String, depth: usize) -> Result<Aggregation, Exception> {
    let (mut asked, mut inner, mut meta): (Option<Reckoning>, Option<Vec<Aggregation>>, _) = (None, None, None);
    while let Some(member) = reader.name()? {
        let at = reader.at();
        let token = reader.value()?;
        if token != Token::StartObject {
            return Err(words::aggregation_member(reader.at(), &member, token.name(), &name));
        }
        match member.as_str() {
            "meta" => {
                let mut given = reader.whole()?;
                hash_order(&mut given);
                meta = Some(given);
            }
            "aggs" | "aggregations" if inner.is_some() => {
                return Err(words::aggregation_inner_twice(reader.at(), &name));
            }
            "aggs" | "aggregations" => inner = Some(aggregations(reader, depth + 1)?),
            kind => {
                if let Some(asked) = &asked {
                    return Err(words::aggregation_type_twice(reader.at(), &name, asked.name(), kind));
                }
                let Some((_, build)) = SPOKEN.iter().find(|(known, _)| *known == kind) else {
                    return Err(unspoken(at, kind));
                };
                asked = Some(build(reader, &name)?);
            }
        }
    }
    let asked = asked.ok_or_else(|| words::aggregation_without_type(reader.at(), &name))?;
    let inner = inner.unwrap_or_default();
    if !inner.is_empty() && !asked.has_buckets() {
        return Err(words::aggregation_no_inner(&name, asked.name()));
    }
    check_orders(&asked, &inner)?;
    Ok(Aggregation { name, meta, asked, inner })
}

fn unspoken(at: Position, kind: &str) -> Exception {
    if UNSPOKEN.contains(&kind) {
        let known: Vec<&str> = SPOKEN.iter().map(|(name, _)| *name).collect();
        let what = format!("the aggregation [{kind}]");
        return words::unsupported(what, &format!("it has {}", known.join(", ")));
    }
    let known = SPOKEN.iter().map(|(name, _)| *name).chain(UNSPOKEN.iter().copied());
    words::unknown_aggregation(at, kind, known)
}

/// An inner aggregation that buckets are put in order by has to be there and to have a number.
fn check_orders(asked: &Reckoning, inner: &[Aggregation]) -> Result<(), Exception> {
    let order = match asked {
        Reckoning::Terms(terms) => &terms.order,
        Reckoning::DateHistogram(histogram) => &histogram.order,
        _ => return Ok(()),
    };
    for order in order {
        let OrderedBy::Inner(name) = &order.by else { continue };
        match inner.iter().find(|inner| inner.name == *name) {
            Some(Aggregation { asked: Reckoning::Terms(_) | Reckoning::DateHistogram(_), .. }) | None => {
                return Err(words::aggregation_order(name));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn query_of(reader: &mut BodyReader<'_>) -> Result<crate::es::search::query::Query, Exception> {
    query(reader, true, 0)
}

/// What the members of an aggregation say of its values, and what else is among them.
struct AggregationMembers<'r, 'a> {
    reader: &'r mut BodyReader<'a>,
    kind: &'static str,
    known: &'static [&'static str],
    values: ValuesAsked,
}

/// Members that every aggregation of values has.
const OF_VALUES: [&str; 6] = ["field", "missing", "format", "value_type", "time_zone", "script"];

impl<'r, 'a> AggregationMembers<'r, 'a> {
    fn new(
        reader: &'r mut BodyReader<'a>,
        kind: &'static str,
        known: &'static [&'static str],
    ) -> AggregationMembers<'r, 'a> {
        AggregationMembers { reader, kind, known, values: ValuesAsked::default() }
    }

    /// The next member that is the kind's own, with its first token; none at the end.
    fn next(&mut self) -> Result<Option<(String, Token)>, Exception> {
        while let Some(name) = self.reader.name()? {
            let at = self.reader.at();
            let token = self.reader.value()?;
            if self.known.contains(&name.as_str()) {
                return Ok(Some((name, token)));
            }
            if !OF_VALUES.contains(&name.as_str()) {
                let known: Vec<&str> = OF_VALUES.iter().chain(self.known).copied().collect();
                return Err(words::unknown_parameter(at, self.kind, &name, &known));
            }
            self.of_values(&name, token)?;
        }
        if self.values.field.is_empty() {
            return Err(words::aggregation_no_field());
        }
        Ok(None)
    }

    fn of_values(&mut self, name: &str, token: Token) -> Result<(), Exception> {
        let wrong = |reader: &BodyReader<'_>| error::wrong_token(reader.at(), self.kind, name, token.name());
        if name == "script" {
            let what = format!("[script] in an aggregation [{}]", self.kind);
            return Err(words::unsupported(what, "name a `field`"));
        }
        if !is_value(token) {
            return Err(wrong(self.reader));
        }
        let text = self.reader.text()?;
        match name {
            "field" => self.values.field = text,
            "missing" => self.values.missing = Some(self.reader.whole()?),
            "format" => match DatePattern::read(&text) {
                Some(pattern) => self.values.format = Some(pattern),
                None => {
                    let what = format!("[format] with [{text}] in an aggregation [{}]", self.kind);
                    return Err(words::unsupported(what, "use a pattern of digits such as `yyyy-MM-dd`"));
                }
            },
            "time_zone" if ["Z", "UTC", "GMT", "+00:00", "-00:00", "Etc/UTC"].contains(&text.as_str()) => {}
            _ => {
                let what = format!("[{name}] with [{text}] in an aggregation [{}]", self.kind);
                return Err(words::unsupported(what, "leave it out: everything is reckoned in UTC"));
            }
        }
        Ok(())
    }

    /// A whole number that is not below the least.
    fn number(&self, name: &str, shown: &str, least: i64, within: &str) -> Result<i64, Exception> {
        let number = self.reader.int()?;
        if number >= least {
            return Ok(number);
        }
        let cause = words::aggregation_too_small(shown, number, least, within);
        Err(error::failed_field(self.reader.at(), self.kind, name, cause))
    }
}

/// An aggregation that has values and nothing of its own.
fn plain_values(reader: &mut BodyReader<'_>, kind: &'static str) -> Result<ValuesAsked, Exception> {
    let mut members = AggregationMembers::new(reader, kind, &[]);
    members.next()?;
    Ok(members.values)
}

fn metric(reader: &mut BodyReader<'_>, metric: Metric) -> Result<Reckoning, Exception> {
    plain_values(reader, metric.name()).map(|values| Reckoning::Metric(metric, values))
}

/// DIFFERENCE: values are counted one by one; Elasticsearch estimates above `precision_threshold`.
fn cardinality(reader: &mut BodyReader<'_>, name: &str) -> Result<Reckoning, Exception> {
    let mut members =
        AggregationMembers::new(reader, "cardinality", &["precision_threshold", "rehash", "execution_hint"]);
    while let Some((member, _)) = members.next()? {
        if member == "precision_threshold" {
            members.number(&member, "precisionThreshold", 0, name)?;
        }
    }
    Ok(Reckoning::Cardinality(members.values))
}

fn terms(reader: &mut BodyReader<'_>, name: &str) -> Result<Reckoning, Exception> {
    const KNOWN: &[&str] = &[
        "size",
        "shard_size",
        "min_doc_count",
        "shard_min_doc_count",
        "show_term_doc_count_error",
        "order",
        "include",
        "exclude",
        "collect_mode",
        "execution_hint",
    ];
    let mut members = AggregationMembers::new(reader, "terms", KNOWN);
    let mut asked = TermsAsked {
        values: ValuesAsked::default(),
        size: 10,
        least: 1,
        order: Vec::new(),
        include: None,
        exclude: Vec::new(),
        shows_error: false,
    };
    while let Some((member, token)) = members.next()? {
        match member.as_str() {
            "size" => asked.size = members.number(&member, "size", 1, name)? as usize,
            "shard_size" => drop(members.number(&member, "shardSize", 1, name)?),
            "min_doc_count" => {
                asked.least = members.number(&member, "minDocCount", 0, name)? as u64;
                if asked.least == 0 {
                    let what = "[min_doc_count] of 0 in an aggregation [terms]";
                    return Err(words::unsupported(what, "leave it out: terms without documents are not listed"));
                }
            }
            "shard_min_doc_count" => drop(members.number(&member, "shardMinDocCount", 0, name)?),
            "show_term_doc_count_error" => asked.shows_error = members.reader.boolean()?,
            "order" => asked.order = orders(members.reader, "terms", token)?,
            "include" => asked.include = Some(listed(&mut members, &member, token)?),
            "exclude" => asked.exclude = listed(&mut members, &member, token)?,
            // How it is done changes nothing of what comes out.
            _ if is_value(token) => {}
            _ => return Err(error::wrong_token(members.reader.at(), "terms", &member, token.name())),
        }
    }
    asked.values = members.values;
    Ok(Reckoning::Terms(asked))
}

/// The values of `include` or `exclude`.
fn listed(members: &mut AggregationMembers<'_, '_>, name: &str, token: Token) -> Result<Vec<Value>, Exception> {
    if token != Token::StartArray {
        let what = format!("[{name}] that is no list in an aggregation [terms]");
        return Err(words::unsupported(what, "list the values"));
    }
    match members.reader.whole()? {
        Value::Array(values) => Ok(values),
        _ => Ok(Vec::new()),
    }
}

/// By what buckets are put in order: an object, or a list of them.
fn orders(reader: &mut BodyReader<'_>, kind: &str, token: Token) -> Result<Vec<BucketOrder>, Exception> {
    let mut orders = Vec::new();
    match token {
        Token::StartObject => orders.push(order(reader)?),
        Token::StartArray => {
            while let Some(token) = reader.item()? {
                if token != Token::StartObject {
                    return Err(error::wrong_token(reader.at(), kind, "order", token.name()));
                }
                orders.push(order(reader)?);
            }
        }
        token => return Err(error::wrong_token(reader.at(), kind, "order", token.name())),
    }
    Ok(orders)
}

fn order(reader: &mut BodyReader<'_>) -> Result<BucketOrder, Exception> {
    let mut found = None;
    while let Some(name) = reader.name()? {
        let token = reader.value()?;
        if token != Token::String {
            return Err(words::aggregation_order_token(reader.at(), token.name()));
        }
        let descending = match reader.text()?.to_ascii_lowercase().as_str() {
            "asc" => false,
            "desc" => true,
            _ => return Err(words::aggregation_order_word(reader.at())),
        };
        let by = match name.as_str() {
            "_count" => OrderedBy::Count,
            "_key" => OrderedBy::Key,
            path if path.contains(['>', '[']) => {
                let what = format!("buckets in the order of [{path}]");
                return Err(words::unsupported(what, "name an inner aggregation that has one number"));
            }
            path => {
                let parts = [".value", ".doc_count", "._count"];
                let inner = parts.iter().find_map(|part| path.strip_suffix(part)).unwrap_or(path);
                OrderedBy::Inner(inner.to_owned())
            }
        };
        found = Some(BucketOrder { by, descending });
    }
    found.ok_or_else(|| words::aggregation_order_word(reader.at()))
}

fn date_histogram(reader: &mut BodyReader<'_>, name: &str) -> Result<Reckoning, Exception> {
    const KIND: &str = "date_histogram";
    const KNOWN: &[&str] = &[
        "interval",
        "calendar_interval",
        "fixed_interval",
        "offset",
        "keyed",
        "min_doc_count",
        "order",
        "extended_bounds",
        "hard_bounds",
    ];
    let mut members = AggregationMembers::new(reader, KIND, KNOWN);
    let mut interval = None;
    let (mut offset_ms, mut least, mut order, mut is_keyed) = (0, 0, Vec::new(), false);
    while let Some((member, token)) = members.next()? {
        let reader = &mut *members.reader;
        let failed = |reader: &BodyReader<'_>, cause| error::failed_field(reader.at(), KIND, &member, cause);
        match member.as_str() {
            "interval" => return Err(words::aggregation_interval_gone(reader.at())),
            "calendar_interval" | "fixed_interval" if interval.is_some() => {
                let other = if member == "fixed_interval" { "calendar_interval" } else { "fixed_interval" };
                return Err(failed(reader, words::two_intervals(&member, other)));
            }
            "calendar_interval" => {
                let text = reader.text()?;
                let unit = CalendarUnit::named(&text).ok_or_else(|| words::bad_calendar_interval(&text));
                interval = Some(Interval::Calendar(unit.map_err(|cause| failed(reader, cause))?));
            }
            "fixed_interval" => {
                let read = time("date_histogram.fixedInterval", &reader.text()?);
                let length = read.map_err(|cause| failed(reader, cause))?.time.as_millis() as i64;
                if length <= 0 {
                    return Err(failed(reader, words::zero_interval()));
                }
                interval = Some(Interval::Fixed(length));
            }
            "offset" => offset_ms = offset(reader, token)?,
            "keyed" => is_keyed = reader.boolean()?,
            "min_doc_count" => least = members.number(&member, "minDocCount", 0, name)? as u64,
            "order" => order = orders(reader, KIND, token)?,
            _ => {
                let what = format!("[{member}] in an aggregation [{KIND}]");
                return Err(words::unsupported(what, "put the bounds into the query"));
            }
        }
    }
    let interval = interval.ok_or_else(words::no_interval)?;
    let values = members.values;
    Ok(Reckoning::DateHistogram(HistogramAsked { values, interval, offset_ms, least, order, is_keyed }))
}

/// By how many milliseconds spans begin later: a number, or a length of time with a sign.
fn offset(reader: &BodyReader<'_>, token: Token) -> Result<i64, Exception> {
    let text = reader.text()?;
    if token == Token::Number {
        return text.parse().map_err(|_| words::no_number_format(&text));
    }
    let (sign, length) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(&text)),
    };
    Ok(sign * time("date_histogram.offset", length)?.time.as_millis() as i64)
}
