//! The format of a `.console` file, as `fixtures/scenarios/README.md` tells it, read strictly: a line that
//! is no part of it is a mistake, so that nothing mistyped passes for a comment or for a body.

use std::time::Duration;

use serde_json::Value;

use elastimock::Timestamp;

use crate::support::T0;

/// What a `.console` file says.
pub struct Scenario {
    pub cluster: String,
    pub clock: String,
    pub steps: Vec<Step>,
}

pub enum Step {
    Advance(Duration),
    Call(Call),
}

/// A request and what its answer must be.
pub struct Call {
    pub line: usize,
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub expectations: Vec<Expectation>,
}

/// One `# expect…` line.
pub struct Expectation {
    pub line: usize,
    pub text: String,
    pub demand: Demand,
}

/// What an answer must be.
pub enum Demand {
    Status(u16),
    Whole(u16, Value),
    Error { status: u16, kind: String, reason: String },
    Transition { from: String, to: String },
    At(String, Value),
    Starts(String, String),
    Ends(String, String),
    Contains(String, String),
    Absent(String),
    Keys(String, Vec<String>),
    Header(String, String),
    NoHeader(String),
}

/// The words that begin an expectation.
const WORDS: [&str; 11] = [
    "expect",
    "expect-error",
    "expect-transition",
    "expect-at",
    "expect-starts",
    "expect-ends",
    "expect-contains",
    "expect-absent",
    "expect-keys",
    "expect-header",
    "expect-no-header",
];

/// Which lines may come next.
#[derive(PartialEq)]
enum Place {
    /// Between requests: comments, directives, a request.
    Between,
    /// Directly below a request line.
    Headers,
    /// In a request's body.
    Body,
    /// Among a request's expectations, up to the next blank line.
    Expectations,
}

/// Reads a scenario.
///
/// # Errors
/// The first mistake, as `LINE: what is wrong`.
pub fn parse(text: &str) -> Result<Scenario, String> {
    let mut cluster = None;
    let mut clock = None;
    let mut steps = Vec::new();
    let mut place = Place::Between;
    if !text.starts_with("# ") {
        return Err("1: the first line is a comment that says what the scenario shows".to_owned());
    }
    for (at, line) in text.lines().enumerate() {
        let at = at + 1;
        let wrong = |what: &str| format!("{at}: {what}: {line}");
        if line.is_empty() {
            place = Place::Between;
            continue;
        }
        let is_expectation = line.starts_with("# expect");
        if !is_expectation && let Some(word) = mistyped(line) {
            return Err(wrong(&format!("is this an expectation? It is written `# {word} …`")));
        }
        if place == Place::Between {
            if line.starts_with("# ") && !is_expectation {
            } else if let Some(directive) = line.strip_prefix('@') {
                let is_first = steps.is_empty();
                match directive.split_once(' ') {
                    Some(("cluster", name)) if is_first && cluster.is_none() => cluster = Some(name.to_owned()),
                    Some(("clock", instant)) if is_first && clock.is_none() => clock = Some(instant.to_owned()),
                    Some(("cluster" | "clock", _)) => return Err(wrong("once, and before the first request")),
                    Some(("advance", by)) => steps.push(Step::Advance(duration(by).map_err(|error| wrong(&error))?)),
                    _ => return Err(wrong("no such directive")),
                }
            } else {
                steps.push(Step::Call(request(at, line).ok_or_else(|| wrong("no request, comment or directive"))?));
                place = Place::Headers;
            }
            continue;
        }
        let Some(Step::Call(call)) = steps.last_mut() else { return Err(wrong("nothing is asked yet")) };
        if is_expectation {
            let demand = demand(&line[2..]).map_err(|error| wrong(&error))?;
            call.expectations.push(Expectation { line: at, text: line.to_owned(), demand });
            place = Place::Expectations;
        } else if place == Place::Expectations || line.starts_with(['#', '@']) {
            return Err(wrong("below a request stand its expectations and no other line; a blank line ends them"));
        } else if place == Place::Headers
            && let Some((name, value)) = header(line)
        {
            let value = value.strip_prefix(' ').ok_or_else(|| wrong("a blank stands after the colon of a header"))?;
            call.headers.push((name.to_owned(), value.to_owned()));
        } else {
            if place == Place::Body {
                call.body.push('\n');
            }
            call.body.push_str(line);
            place = Place::Body;
        }
    }
    for step in &steps {
        let Step::Call(call) = step else { continue };
        let says_status = call.expectations.iter().any(|expectation| {
            matches!(
                expectation.demand,
                Demand::Status(_) | Demand::Whole(..) | Demand::Error { .. } | Demand::Transition { .. }
            )
        });
        if !says_status {
            return Err(format!("{}: no expectation says which status the answer has", call.line));
        }
    }
    if !steps.iter().any(|step| matches!(step, Step::Call(_))) {
        return Err("1: there is no request".to_owned());
    }
    let cluster = cluster.ok_or("1: no @cluster")?;
    Ok(Scenario { cluster, clock: clock.unwrap_or_else(|| T0.to_owned()), steps })
}

fn duration(text: &str) -> Result<Duration, String> {
    let zero = Timestamp::default();
    let later = Timestamp::parse_with_maths(&format!("now+{text}"), zero).map_err(|error| error.to_string())?;
    Ok(later.since(zero))
}

fn request(line: usize, text: &str) -> Option<Call> {
    let (method, target) = text.split_once(' ')?;
    let is_request = method.bytes().all(|byte| byte.is_ascii_uppercase()) && target.starts_with('/');
    is_request.then(|| Call {
        line,
        method: method.to_owned(),
        target: target.to_owned(),
        headers: Vec::new(),
        body: String::new(),
        expectations: Vec::new(),
    })
}

/// The name of a header and what follows its colon.
fn header(line: &str) -> Option<(&str, &str)> {
    line.split_once(':')
        .filter(|(name, _)| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}

/// The expectation that a line's first word comes close to.
fn mistyped(line: &str) -> Option<&'static str> {
    let text = line.trim_start_matches(['#', ' ', '\t', '@']);
    let word = text.split([' ', '\t']).next().unwrap_or_default();
    if word.ends_with(':') && !line.starts_with('#') {
        return None; // the header `Expect: …`
    }
    let word = word.trim_end_matches(':').to_lowercase().replace('_', "-");
    let words = WORDS.iter().filter(|known| distance(&word, known) <= known.len() / 3);
    let nearest = words.min_by_key(|known| distance(&word, known)).copied();
    nearest.or_else(|| (word.starts_with("expect") || word.starts_with("exepct")).then_some("expect"))
}

/// How many letters differ between two words, two that changed places counted as one.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for i in 1..=one.len() {
        let mut row = vec![i];
        for j in 1..=other.len() {
            let changed = rows[i - 1][j - 1] + usize::from(one[i - 1] != other[j - 1]);
            let mut least = changed.min(row[j - 1] + 1).min(rows[i - 1][j] + 1);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

fn demand(text: &str) -> Result<Demand, String> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
    let status = || first.parse::<u16>().map_err(|_| format!("`{first}` is no status"));
    let json = || serde_json::from_str::<Value>(second).map_err(|error| format!("no JSON: {error}"));
    let pointer = || match first.starts_with('/') {
        true => Ok(first.to_owned()),
        false => Err(format!("`{first}` is no JSON pointer: one begins with `/`")),
    };
    let some = |text: &str| match text.is_empty() {
        true => Err("something is missing at its end".to_owned()),
        false => Ok(text.to_owned()),
    };
    let alone = || if second.is_empty() { Ok(()) } else { Err(format!("`{second}` is too much")) };
    Ok(match word {
        "expect" if rest == first => Demand::Status(status()?),
        "expect" => Demand::Whole(status()?, json()?),
        "expect-error" => {
            let (kind, reason) = second.split_once(' ').ok_or("a type and a reason are missing")?;
            Demand::Error { status: status()?, kind: some(kind)?, reason: some(reason)? }
        }
        "expect-transition" => Demand::Transition { from: some(first)?, to: some(second)? },
        "expect-at" => Demand::At(pointer()?, json()?),
        "expect-starts" => Demand::Starts(pointer()?, some(second)?),
        "expect-ends" => Demand::Ends(pointer()?, some(second)?),
        "expect-contains" => Demand::Contains(pointer()?, some(second)?),
        "expect-absent" => {
            alone()?;
            Demand::Absent(pointer()?)
        }
        "expect-keys" => Demand::Keys(pointer()?, some(second)?.split(',').map(str::to_owned).collect()),
        "expect-header" => Demand::Header(some(first)?, second.to_owned()),
        "expect-no-header" => {
            alone()?;
            Demand::NoHeader(some(first)?)
        }
        _ => return Err(format!("there is no expectation `{word}`")),
    })
}

/// Lines in the place of an expectation that must not pass, each with a piece of what is said of it.
const WRONG: [(&str, &str); 24] = [
    ("# exepct 200", "is this an expectation? It is written `# expect …`"),
    ("# exepct-at /id \"a\"", "`# expect-at …`"),
    ("# epxect-absent /id", "`# expect-absent …`"),
    ("# expct 200", "`# expect …`"),
    ("#expect 200", "`# expect …`"),
    ("#  expect-at /id 1", "`# expect-at …`"),
    (" # expect 200", "`# expect …`"),
    ("# Expect 200", "`# expect …`"),
    ("# EXPECT-AT /id 1", "`# expect-at …`"),
    ("# expect_at /id 1", "there is no expectation `expect_at`"),
    ("# expects 200", "there is no expectation `expects`"),
    ("# expect: 200", "there is no expectation `expect:`"),
    ("# expect-abesnt /id", "there is no expectation `expect-abesnt`"),
    ("expect 200", "`# expect …`"),
    ("expect-at /id 1", "`# expect-at …`"),
    ("@expect 200", "`# expect …`"),
    ("# and nothing else", "below a request stand its expectations"),
    ("# 200", "below a request stand its expectations"),
    ("# expect 2oo", "`2oo` is no status"),
    ("# expect-absent id", "`id` is no JSON pointer"),
    ("# expect-absent /id \"a\"", "is too much"),
    ("# expect-contains /error/reason ", "something is missing"),
    ("# expect-at /id a", "no JSON"),
    ("# expect 200 ", "no JSON"),
];

/// The other mistakes: whole scenarios, each with a piece of what is said of it.
const WRONG_WHOLE: [(&str, &str); 12] = [
    ("@cluster empty\nGET /\n# expect 200\n", "1: the first line is a comment"),
    ("# a\nGET /\n# expect 200\n", "no @cluster"),
    ("# a\n@cluster empty\n", "there is no request"),
    ("# a\n@cluster empty\nGET /\n", "3: no expectation says which status"),
    ("# a\n@cluster empty\nGET /\n# expect-absent /id\n", "3: no expectation says which status"),
    ("# a\n@cluster empty\nGET /\n\n# expect 200\n", "5: no request, comment or directive"),
    ("# a\n@cluster empty\n\n# exepct-at /id 1\nGET /\n# expect 200\n", "4: is this an expectation?"),
    ("# a\n@cluster empty\nGET /\n# expect 200\nGET /\n# expect 200\n", "5: below a request stand its expectations"),
    ("# a\n@cluster empty\nGET /\n# expect 200\n\n@cluster empty\n", "6: once, and before the first request"),
    ("# a\n@clusetr empty\nGET /\n# expect 200\n", "2: no such directive"),
    ("# a\n@cluster empty\nget /\n# expect 200\n", "3: no request, comment or directive"),
    ("# a\n@cluster empty\nPUT /a\nContent-Type:text/plain\n# expect 200\n", "4: a blank stands after the colon"),
];

/// What is mistyped is refused, wherever it stands.
pub fn refuses_what_is_mistyped() {
    let told = |text: &str| parse(text).err().unwrap_or_else(|| "taken".to_owned());
    for (line, piece) in WRONG {
        for rest in ["", "# expect-at /id \"a\"\n"] {
            let text = format!("# What it shows.\n@cluster empty\nGET /\n# expect 200\n{line}\n{rest}");
            let told = told(&text);
            assert!(told.starts_with("5: ") && told.contains(piece), "{line}\n    {told}");
            let text = format!("# What it shows.\n@cluster empty\nPUT /a\n{{}}\n{line}\n# expect 200\n{rest}");
            let told = self::parse(&text).err().unwrap_or_else(|| "taken".to_owned());
            assert!(told.starts_with("5: ") && told.contains(piece), "below a body: {line}\n    {told}");
        }
    }
    for (text, piece) in WRONG_WHOLE {
        assert!(told(text).contains(piece), "{text}\n    {}", told(text));
    }
    let good = "# A comment that expects nothing.\n@cluster empty\n\n# Explained here, and expected below.\nPUT /a\nExpect: 100-continue\n{}\n# expect 200\n";
    assert_eq!(told(good), "taken");
}
