//! Method and path → what is to be done: one of our rows, or why there is none.
//!
//! The tree holds our rows and, where they are given, the routes of every operation that Elastic
//! publishes: so a 405 names the methods that the real server would name, and a call that
//! Elasticsearch has and this mock has not is told apart from one that nobody has.
//!
//! Source: Elasticsearch 9.x, path trie: literal segments are compared undecoded, trailing slashes do
//! not count, and four passes let a placeholder stand in more and more places.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::call::PathParameter;
use super::endpoint::Endpoint;
use crate::bytes_at::BytesAt;
use crate::es::error::ApiError;
use crate::http::Method;
use crate::limits::PLAIN_SEGMENTS_MAX;
use crate::profile::Profile;

/// What a method and a path lead to.
#[derive(Debug, PartialEq)]
pub(crate) enum RouteTarget {
    /// A row of the table, by its index.
    Row(usize),
    /// An operation of Elasticsearch that this mock has not, by its name.
    Unsupported(&'static str),
    /// A route that the server knows and has nobody for.
    Bare,
}

/// What the router says of a request.
pub(crate) enum RouteFound<'a, 'p> {
    /// The route, and the placeholders of its path.
    Route(&'a RouteTarget, Vec<PathParameter<'p>>),
    /// The path is known, the method is not: the methods that are, in Elasticsearch's order.
    WrongMethod(Vec<Method>),
    /// No such path.
    Unknown,
}

/// A line of `fixtures/spec/operations.txt`.
#[derive(Clone, Copy)]
struct SpecLine {
    operation: &'static str,
    method: &'static str,
    path: &'static str,
    /// The one profile that has it; none if all have.
    profile: Option<&'static str>,
}

fn lines(published: &'static str) -> impl Iterator<Item = SpecLine> {
    published.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut words = line.split(' ');
        Some(SpecLine { operation: words.next()?, method: words.next()?, path: words.next()?, profile: words.next() })
    })
}

/// The lines that name a profile, which is their last word. They are few, and digits are rare.
fn lines_of_one(published: &'static str) -> Vec<SpecLine> {
    let digits = Profile::ALL.map(|profile| char::from(profile.name().as_bytes()[0]));
    let mut found = Vec::new();
    for (at, _) in digits.iter().flat_map(|digit| published.match_indices(*digit)) {
        let (before, rest) = published.split_at(at + 1);
        if rest.is_empty() || rest.starts_with('\n') {
            let line = &before[before.rfind('\n').map_or(0, |end| end + 1)..];
            found.extend(lines(line).filter(|line| line.profile.is_some()));
        }
    }
    found
}

/// Whether a profile has an operation at an address. What is not published is ours, and always there.
pub(crate) fn is_in(published: &'static str, operation: &str, method: &Method, path: &str, profile: Profile) -> bool {
    is_among(lines(published), operation, method, path, profile)
}

fn is_among(
    mut lines: impl Iterator<Item = SpecLine>,
    operation: &str,
    method: &Method,
    path: &str,
    profile: Profile,
) -> bool {
    lines
        .find(|line| line.operation == operation && line.method == method.as_str() && line.path == path)
        .is_none_or(|line| profile.has(line.profile))
}

/// The rows of a table by their paths, and a tree of all paths for whatever these do not answer.
pub(crate) struct Router {
    /// By the number of their segments, those without placeholders last; each list is made when a path has so many.
    plain: [OnceLock<Vec<PlainRow>>; PLAIN_SEGMENTS_MAX + 1],
    /// The rows of the table, one for each path.
    rows: Vec<RowPath>,
    published: &'static str,
    /// The published lines that one profile alone has.
    of_one: Vec<SpecLine>,
    with_rivals: &'static [&'static str],
    profile: Profile,
    /// Made when a path is looked for in it: most are found without.
    tree: OnceLock<RouteNode>,
}

/// A row of ours at one of its paths.
#[derive(Clone, Copy)]
struct RowPath {
    operation: &'static str,
    method: &'static Method,
    path: &'static str,
    at: usize,
}

/// A row of ours as a list of segments.
struct PlainRow {
    method: Method,
    segments: Vec<Segment>,
    /// What its last segment looks like, if that is a literal.
    end: Option<u64>,
    placeholders: usize,
    route: RouteTarget,
}

impl PlainRow {
    fn new(row: &RowPath) -> PlainRow {
        let segments: Vec<Segment> = segments(row.path).into_iter().map(Segment::of).collect();
        let placeholders = segments.iter().filter(|it| matches!(it, Segment::Placeholder(_))).count();
        let end = match segments.last() {
            Some(Segment::Literal(literal)) => Some(look_of(literal)),
            _ => None,
        };
        PlainRow { method: row.method.clone(), segments, end, placeholders, route: RouteTarget::Row(row.at) }
    }
}

/// What a segment looks like at a glance: its length and its first letters.
fn look_of(segment: &str) -> u64 {
    segment.bytes().take(7).fold(segment.len() as u64, |look, byte| look << 8 | u64::from(byte))
}

enum Segment {
    Literal(&'static str),
    Placeholder(&'static str),
}

impl Segment {
    fn of(text: &'static str) -> Segment {
        let name = text.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
        name.map_or(Segment::Literal(text), Segment::Placeholder)
    }
}

/// Whether a path is one of a plain row; looked at from its end, where most rows differ.
fn fits(wanted: &[Segment], given: &[&str]) -> bool {
    let mut at = given.len();
    while at > 0 {
        at -= 1;
        let fits = match wanted[at] {
            Segment::Literal(literal) => literal == given[at],
            Segment::Placeholder(_) => {
                let given = given[at];
                !given.is_empty() && !given.starts_with('_') && !given.contains('%')
            }
        };
        if !fits {
            return false;
        }
    }
    true
}

#[derive(Default)]
struct RouteNode {
    /// Sorted by segment.
    literals: Vec<(&'static str, RouteNode)>,
    wildcard: Option<Box<RouteNode>>,
    routes: Vec<RouteLeaf>,
}

struct RouteLeaf {
    method: Method,
    names: Vec<&'static str>,
    route: RouteTarget,
}

/// Where a placeholder may stand for a segment that no literal matches.
#[derive(Clone, Copy, PartialEq)]
enum Pass {
    Nowhere,
    First,
    Last,
    Anywhere,
}

const PASSES: [Pass; 4] = [Pass::Nowhere, Pass::First, Pass::Last, Pass::Anywhere];

impl Router {
    /// A router over the rows of a table, and over `published`: lines of `operation METHOD path`, and the
    /// profile if only one has it. A row of ours that is published is there for the profiles that have it. `with_rivals` are
    /// paths of rows where a literal that begins with no underscore may stand in place of a placeholder: the tree alone
    /// tells them apart.
    pub(crate) fn new<S>(
        rows: &'static [Endpoint<S>],
        published: &'static str,
        with_rivals: &'static [&'static str],
        profile: Profile,
    ) -> Router {
        let (plain, tree) = (Default::default(), OnceLock::new());
        let mut paths = Vec::with_capacity(rows.len() * 2);
        for (row, at) in rows.iter().zip(0..) {
            let Endpoint { operation, method, .. } = row;
            paths.extend(row.paths.iter().map(|path| RowPath { operation, method, path, at }));
        }
        Router { plain, rows: paths, published, of_one: lines_of_one(published), with_rivals, profile, tree }
    }

    /// The rows that the profile has, of those that are wanted.
    fn rows(&self, is_wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = &RowPath> {
        let is_there =
            |row: &RowPath| is_among(self.of_one.iter().copied(), row.operation, row.method, row.path, self.profile);
        self.rows.iter().filter(move |row| is_wanted(row.path) && is_there(row))
    }

    /// The rows whose paths have that many segments.
    fn plain(&self, count: usize) -> &[PlainRow] {
        self.plain[count].get_or_init(|| {
            let is_wanted = |path: &str| count_of_segments(path) == count && !self.with_rivals.contains(&path);
            let mut rows: Vec<PlainRow> = self.rows(is_wanted).map(PlainRow::new).collect();
            // Whatever has placeholders goes first.
            rows.sort_by_key(|row| row.placeholders == 0);
            rows
        })
    }

    fn tree(&self) -> &RouteNode {
        self.tree.get_or_init(|| {
            let mut root = RouteNode::default();
            for row in self.rows(|_| true) {
                root.insert(row.method.clone(), row.path, RouteTarget::Row(row.at));
            }
            for line in lines(self.published).filter(|line| self.profile.has(line.profile)) {
                root.insert(Method::new(line.method), line.path, RouteTarget::Unsupported(line.operation));
            }
            for (method, path) in self.profile.bare_routes().iter().filter(|_| !self.published.is_empty()) {
                root.insert(Method::new(method), path, RouteTarget::Bare);
            }
            #[cfg(test)]
            for plain in (0..=PLAIN_SEGMENTS_MAX).flat_map(|count| self.plain(count)) {
                assert!(root.has_only_marked_rivals(&plain.segments));
            }
            root
        })
    }

    /// The row that a plain path leads to, without the four passes: all its literals match, and nothing
    /// stands for a placeholder that could be a literal or has an escape. Such a path leads nowhere
    /// else; a test holds the two ways to the same answer.
    fn find_plain<'p>(&self, method: &Method, path: &'p str) -> Option<RouteFound<'_, 'p>> {
        let path = path.strip_prefix('/')?;
        let mut given = [""; PLAIN_SEGMENTS_MAX];
        let (mut count, mut start) = (0, 0);
        for slash in BytesAt::new(path.as_bytes(), [b'/']) {
            *given.get_mut(count)? = &path[start..slash];
            count += 1;
            start = slash + 1;
        }
        *given.get_mut(count)? = &path[start..];
        count += usize::from(!path.is_empty());
        let given = &given[..count];
        // Rows differ most in their number of segments, and then at their end.
        let end = given.last().map_or(0, |end| look_of(end));
        for plain in self.plain(count) {
            if plain.end.is_none_or(|known| known == end) && plain.method == *method && fits(&plain.segments, given) {
                let mut values = Vec::with_capacity(plain.placeholders);
                for (wanted, given) in plain.segments.iter().zip(given) {
                    if let Segment::Placeholder(name) = wanted {
                        values.push((*name, Cow::Borrowed(*given)));
                    }
                }
                return Some(RouteFound::Route(&plain.route, values));
            }
        }
        None
    }

    /// What `method` and the undecoded `path` lead to.
    ///
    /// # Errors
    /// When a placeholder's segment has a broken escape.
    pub(crate) fn find<'p>(&self, method: &Method, path: &'p str) -> Result<RouteFound<'_, 'p>, ApiError> {
        match self.find_plain(method, path) {
            Some(found) => Ok(found),
            None => self.find_in_tree(method, path),
        }
    }

    /// What `method` and the undecoded `path` lead to, found by the four passes through the tree.
    pub(super) fn find_in_tree<'p>(&self, method: &Method, path: &'p str) -> Result<RouteFound<'_, 'p>, ApiError> {
        let segments = segments(path);
        let mut allowed = Vec::new();
        let mut seen = false;
        for pass in PASSES {
            let mut values = Vec::new();
            let Some(node) = self.tree().walk(&segments, 0, pass, &mut values) else {
                continue;
            };
            if let Some(leaf) =
                node.routes.iter().find(|leaf| leaf.method == *method && leaf.route != RouteTarget::Bare)
            {
                let values = values.into_iter().map(|at| decode_segment(path, segments[at]));
                let values = values.collect::<Result<Vec<_>, _>>()?;
                return Ok(RouteFound::Route(&leaf.route, leaf.names.iter().copied().zip(values).collect()));
            }
            seen = true;
            allowed.extend(node.routes.iter().map(|leaf| leaf.method.clone()));
        }
        if !seen || allowed.contains(method) {
            return Ok(RouteFound::Unknown);
        }
        Ok(RouteFound::WrongMethod(Method::ALL.into_iter().filter(|known| allowed.contains(known)).collect()))
    }
}

impl RouteNode {
    /// Adds a route; the first one with its method and shape of path stays.
    fn insert(&mut self, method: Method, path: &'static str, route: RouteTarget) {
        let mut node = self;
        let mut names = Vec::new();
        for segment in path.trim_matches('/').split('/').filter(|segment| !segment.is_empty()) {
            match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) => {
                    names.push(name);
                    node = node.wildcard.get_or_insert_default();
                }
                None => {
                    let at = match node.literals.binary_search_by_key(&segment, |(known, _)| known) {
                        Ok(at) => at,
                        Err(at) => {
                            node.literals.insert(at, (segment, RouteNode::default()));
                            at
                        }
                    };
                    node = &mut node.literals[at].1;
                }
            }
        }
        if !node.routes.iter().any(|leaf| leaf.method == method) {
            node.routes.push(RouteLeaf { method, names, route });
        }
    }

    /// Whether every literal that could stand in place of one of the placeholders begins with an
    /// underscore, so that it is told from a value at a glance.
    #[cfg(test)]
    fn has_only_marked_rivals(&self, segments: &[Segment]) -> bool {
        let Some((first, rest)) = segments.split_first() else { return true };
        match first {
            Segment::Literal(literal) => match self.literals.iter().find(|(known, _)| known == literal) {
                Some((_, node)) => node.has_only_marked_rivals(rest),
                None => false,
            },
            Segment::Placeholder(_) => {
                self.literals.iter().all(|(literal, _)| literal.starts_with('_'))
                    && self.wildcard.as_deref().is_some_and(|node| node.has_only_marked_rivals(rest))
            }
        }
    }

    /// The node at the end of `segments[at..]`, and which segments stood in for placeholders.
    fn walk<'n>(&'n self, segments: &[&str], at: usize, pass: Pass, values: &mut Vec<usize>) -> Option<&'n RouteNode> {
        let Some(segment) = segments.get(at) else {
            return (!self.routes.is_empty()).then_some(self);
        };
        let literal = self.literals.binary_search_by_key(segment, |(known, _)| known).ok();
        let literal = literal.map(|literal| &self.literals[literal].1);
        if let Some(found) = literal.and_then(|node| node.walk(segments, at + 1, pass, values)) {
            return Some(found);
        }
        let is_last = at + 1 == segments.len();
        let may = match pass {
            Pass::Nowhere => false,
            // A literal whose subtree leads nowhere gives way in every other pass, but not the last
            // segment in the pass for the first.
            Pass::First => at == 0 || (literal.is_some() && !is_last),
            Pass::Last => is_last || literal.is_some(),
            Pass::Anywhere => true,
        };
        let wildcard = self.wildcard.as_deref().filter(|_| may)?;
        values.push(at);
        let found = wildcard.walk(segments, at + 1, pass, values);
        if found.is_none() {
            values.pop();
        }
        found
    }
}

/// The segments of a path: the first slash and all trailing ones do not count, empty ones between do.
fn segments(path: &str) -> Vec<&str> {
    let path = path.strip_prefix('/').unwrap_or(path).trim_end_matches('/');
    if path.is_empty() { Vec::new() } else { path.split('/').collect() }
}

/// How many [`segments`] the path of a row has.
fn count_of_segments(path: &str) -> usize {
    BytesAt::new(path.as_bytes(), [b'/']).count() - usize::from(path.ends_with('/'))
}

/// A segment with its escapes resolved. A `+` stays a plus sign.
fn decode_segment<'p>(path: &str, segment: &'p str) -> Result<Cow<'p, str>, ApiError> {
    match decode(segment, false) {
        Ok(text) => Ok(text),
        // The real server counts from the start of the whole path.
        Err(_) => Err(decode(path, false)
            .err()
            .map_or_else(|| ApiError::bad_path("broken escape".into()), ApiError::bad_path)),
    }
}

/// Resolves `%XX` escapes, and in a query also `+`; says in Elasticsearch's words what is wrong with
/// one. Bytes that are no UTF-8 become replacement characters, as in Java.
pub(super) fn decode(text: &str, plus_is_blank: bool) -> Result<Cow<'_, str>, String> {
    let bytes = text.as_bytes();
    if !bytes.iter().any(|byte| *byte == b'%' || (plus_is_blank && *byte == b'+')) {
        return Ok(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'+' if plus_is_blank => decoded.push(b' '),
            b'%' => {
                match bytes.get(at + 1) {
                    None => {
                        return Err(format!("unterminated escape sequence at end of string: {text}"));
                    }
                    Some(b'%') => {
                        decoded.push(b'%');
                        at += 2;
                        continue;
                    }
                    Some(_) => {}
                }
                let Some(low) = bytes.get(at + 2) else {
                    return Err(format!("partial escape sequence at end of string: {text}"));
                };
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (Some(high), Some(low)) = (digit(bytes[at + 1]), digit(*low)) else {
                    let sequence = String::from_utf8_lossy(&bytes[at..at + 3]);
                    return Err(format!("invalid escape sequence `{sequence}' at index {at} of: {text}"));
                };
                decoded.push((high * 16 + low) as u8);
                at += 2;
            }
            byte => decoded.push(byte),
        }
        at += 1;
    }
    Ok(Cow::Owned(
        String::from_utf8(decoded).unwrap_or_else(|wrong| String::from_utf8_lossy(wrong.as_bytes()).into_owned()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLISHED: &str = "\
# what Elastic publishes
cat.count POST /_cat/count 9
cat.indices GET /_cat/indices
index PUT /{index}/_doc/{id}
indices.create PUT /{index}
indices.get GET /{index}
search GET /_search
search POST /_search
search GET /{index}/_search
thing.get GET /_thing/{id}
thing.list GET /_thing
thing.part.put PUT /_thing/_part/{part}";

    fn find(profile: Profile, method: Method, path: &str) -> String {
        let rows: &'static [Endpoint<()>] = &[];
        match Router::new(rows, PUBLISHED, &[], profile).find(&method, path) {
            Ok(RouteFound::Route(RouteTarget::Bare, _)) => "a route that nobody may take".to_owned(),
            Ok(RouteFound::Route(RouteTarget::Unsupported(name), values)) => {
                values.iter().fold((*name).to_owned(), |text, (name, value)| format!("{text} {name}={value}"))
            }
            Ok(RouteFound::Route(RouteTarget::Row(at), _)) => at.to_string(),
            Ok(RouteFound::WrongMethod(methods)) => format!("405 {methods:?}"),
            Ok(RouteFound::Unknown) => "unknown".to_owned(),
            Err(_) => "bad path".to_owned(),
        }
    }

    #[test]
    fn paths_lead_where_elasticsearch_leads_them() {
        for (method, path, expected) in [
            (Method::Get, "/_search", "search"),
            (Method::Get, "/_search/", "search"),
            (Method::Get, "/_search//", "search"),
            (Method::Get, "//_search", "search index="),
            (Method::Get, "/idx/_search", "search index=idx"),
            (Method::Get, "/%5Fsearch", "indices.get index=_search"),
            (Method::Put, "/i/_doc/a%2Fb%20c+d", "index index=i id=a/b c+d"),
            (Method::Get, "/_thing/_part", "thing.get id=_part"),
            (Method::Put, "/_search", "405 [Get, Post]"),
            (Method::Post, "/idx", "405 [Get, Put]"),
            (Method::Get, "/_cat/nope", "unknown"),
            (Method::Get, "/a/b/c/d/e", "unknown"),
            (Method::Get, "/", "unknown"),
            (Method::Get, "/%zz/_search", "bad path"),
            (Method::Other("get".into()), "/_thing", "405 [Get]"),
        ] {
            assert_eq!(find(Profile::V9, method.clone(), path), expected, "{method} {path}");
        }
    }

    #[test]
    fn a_profile_has_its_own_addresses() {
        for (profile, method, path, expected) in [
            (Profile::V9, Method::Post, "/_cat/count", "cat.count"),
            (Profile::V8, Method::Post, "/_cat/count", "unknown"),
            (Profile::V8, Method::Get, "/_cat/nope", "405 [Post]"),
            (Profile::V8, Method::Post, "/_cat/nope", "unknown"),
            (Profile::V8, Method::Get, "/_foo/bar", "405 [Post]"),
            (Profile::V8, Method::Get, "/_thing/x", "thing.get id=x"),
            (Profile::V8, Method::Get, "/a/b/c/d/e", "unknown"),
        ] {
            assert_eq!(find(profile, method.clone(), path), expected, "{profile} {method} {path}");
        }
    }

    #[test]
    fn escapes_are_refused_in_elasticsearch_s_words() {
        for (text, expected) in [
            ("%zz", "invalid escape sequence `%zz' at index 0 of: %zz"),
            ("a%", "unterminated escape sequence at end of string: a%"),
            ("%a", "partial escape sequence at end of string: %a"),
        ] {
            assert_eq!(decode(text, true), Err(expected.to_owned()));
        }
        assert_eq!(decode("a+b%20%%", true).as_deref(), Ok("a b %"));
        assert_eq!(decode("a+b", false).as_deref(), Ok("a+b"));
    }
}
